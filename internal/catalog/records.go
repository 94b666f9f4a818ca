package catalog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/shard"
)

// EachRecord gives fn the records of a shard log, as [EachGroup] gives groups. The record is fn's.
func EachRecord(ctx context.Context, log *shard.Log, from time.Time, fn func(*sluice.Record)) error {
	return EachGroup(ctx, log, from, func(g *sluice.LogGroup) {
		for k := range g.Records {
			fn(&g.Records[k])
		}
	})
}

// EachGroup gives fn the log groups of a shard log from a time of receipt on, for parts of the server that read their own logs again; damaged
// places are passed over. The group is fn's. Errors: those of the log, and of ctx.
func EachGroup(ctx context.Context, log *shard.Log, from time.Time, fn func(*sluice.LogGroup)) error {
	at, err := log.Seek(from)
	if err != nil {
		return err
	}
	const groups, bytes = 256, 1 << 20
	var raw []byte
	for _, end := log.Bounds(); at < end && ctx.Err() == nil; {
		batch, err := log.Read(at, end, groups, bytes)
		var damaged *shard.CorruptError
		if errors.As(err, &damaged) {
			at = damaged.Next
			continue
		}
		if err != nil {
			return err
		}
		for i := range batch.Groups {
			g := &batch.Groups[i]
			raw = slices.Grow(raw[:0], g.Raw)[:g.Raw]
			if err := lz4block.Decompress(raw, g.Data); err != nil {
				continue
			}
			if decoded, err := logpb.Decode(raw); err == nil {
				fn(decoded)
			}
		}
		at = max(batch.Next, at+1)
		batch.Release()
	}
	return ctx.Err()
}
