package ledger

import (
	"context"
	"errors"

	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
)

// Verify has v look at all events of l. progress is told now and then how many of how many positions are behind; nil for nobody. Errors: of reading, other
// than damage, which is a problem that the report tells; and of ctx.
func Verify(ctx context.Context, l *Log, v *trail.Verifier, progress func(done, all int64)) (*trail.Report, error) {
	begin, end := l.Bounds()
	for at := begin; at < end; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(int64(at-begin), int64(end-begin))
		}
		groups, next, err := l.groups(at, 64)
		var damaged *shard.CorruptError
		if errors.As(err, &damaged) {
			v.Damaged(at, err)
			at = damaged.Next
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			if g.Position < end {
				v.Group(g.Position, g.LogGroup)
			}
		}
		at = max(next, at+1)
	}
	if progress != nil {
		progress(int64(end-begin), int64(end-begin))
	}
	return v.Finish(), nil
}
