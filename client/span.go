package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
)

// span is a part of a shard.
type span struct {
	Shard
	from, to string // cursors of the first group in it, and of the first behind it
}

// spans finds what shards received between two times, by number; a zero time is the beginning, or the end as it is now. No ids are all
// shards.
func (c *Client) spans(ctx context.Context, ref sluice.LogstoreRef, ids []sluice.ShardID, start, stop time.Time) ([]span, error) {
	shards, err := patiently(ctx, c, func() ([]Shard, error) { return c.Shards(ctx, ref) })
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(shards, func(s Shard) bool { return s.ID == id }) {
			return nil, fmt.Errorf("%s has no shard %s", ref, id)
		}
	}
	var spans []span
	for _, s := range shards {
		if len(ids) > 0 && !slices.Contains(ids, s.ID) {
			continue
		}
		from, err := c.cursorAtOr(ctx, ref, s.ID, start, c.BeginCursor)
		if err != nil {
			return nil, err
		}
		to, err := c.cursorAtOr(ctx, ref, s.ID, stop, c.EndCursor)
		if err != nil {
			return nil, err
		}
		spans = append(spans, span{s, from, to})
	}
	return spans, nil
}

// cursorAtOr is the cursor of a time, or what otherwise says for the zero time.
func (c *Client) cursorAtOr(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, t time.Time,
	otherwise func(context.Context, sluice.LogstoreRef, sluice.ShardID) (string, error),
) (string, error) {
	return patiently(ctx, c, func() (string, error) {
		if t.IsZero() {
			return otherwise(ctx, ref, id)
		}
		return c.CursorAt(ctx, ref, id, t)
	})
}

// groupsBetween is how many log groups of a shard lie between three cursors: from start to at, and from start to end.
func groupsBetween(start, at, end string) (done, total int64) {
	from, err := sluice.ParseCursor(start)
	if err != nil {
		return 0, 0
	}
	to, err := sluice.ParseCursor(end)
	if err != nil {
		return 0, 0
	}
	total = max(int64(to-from), 0)
	here, err := sluice.ParseCursor(at)
	if err != nil {
		return 0, total
	}
	return min(max(int64(here-from), 0), total), total
}
