package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/sluicelog/sluice"

	"github.com/sluicelog/sluice/internal/trail"
)

// sweepEvery is how often what is too old is looked for, in times of AnchorEvery.
const sweepEvery = 10

// sweep is what goes by time.
func (r *Recorder) sweep() {
	if !r.flush() {
		return
	}
	if r.unanchored() {
		r.anchor()
	}
	if r.sweeps++; r.sweeps%sweepEvery != 1 || r.o.Days < 0 {
		return
	}
	if err := r.expire(r.ctx); err != nil && r.ctx.Err() == nil {
		r.o.Logger.Warn("audit events that are too old stay", "error", err)
	}
}

// expire removes what is older than is kept. Before anything is removed an anchor says, for ever, that it may be missing: so events that
// are missing without that were not removed by the server.
func (r *Recorder) expire(ctx context.Context) error {
	oldest := r.o.Now().Add(-time.Duration(r.o.Days) * 24 * time.Hour)
	floor, err := r.before(ctx, oldest)
	if err != nil {
		return err
	}
	if floor.Seq > r.anchored.Floor.Seq {
		a := trail.Anchor{Head: r.head, Floor: floor, Time: r.o.Now().UTC().Truncate(time.Millisecond)}
		if err := r.sign(&a); err != nil {
			return err
		}
	}
	if r.anchored.Floor.Seq == 0 {
		return nil
	}
	begin, _ := r.log.Bounds()
	if err := r.log.stored.Trim(oldest); err != nil {
		return err
	}
	if now, _ := r.log.Bounds(); now > begin {
		r.Note(trail.HistoryExpired, map[string]any{"before": oldest.UTC().Format(time.RFC3339), "floor": r.anchored.Floor.Seq})
		signal(r.came)
	}
	return nil
}

// before returns the place behind the last event that was received before t, as far as events are held; the zero Head if there is none.
func (r *Recorder) before(ctx context.Context, t time.Time) (trail.Head, error) {
	at, err := r.log.Seek(t)
	if err != nil {
		return trail.Head{}, err
	}
	for begin, _ := r.log.Bounds(); at > begin && ctx.Err() == nil; {
		at--
		groups, _, err := r.log.groups(at, 1)
		if err != nil || len(groups) == 0 || len(groups[0].Records) == 0 {
			continue // damaged: the one before is as good
		}
		e, _, chain, err := trail.FromRecord(&groups[0].Records[len(groups[0].Records)-1])
		if err != nil {
			return trail.Head{}, sluice.Errorf(sluice.Internal, "audit", "position %d holds no audit event: %w", at, err)
		}
		return trail.Head{Seq: e.Seq, Chain: chain}, nil
	}
	return trail.Head{}, errors.Join(ctx.Err())
}
