package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/when"
)

// place is a point in a shard as people name it: begin, end, a time, or a cursor.
type place struct {
	word   string // begin or end
	cursor string
	time   time.Time
}

func parsePlace(s string, now time.Time) (place, error) {
	if s == "begin" || s == "end" {
		return place{word: s}, nil
	}
	if _, err := sluice.ParseCursor(s); err == nil {
		return place{cursor: s}, nil
	}
	t, err := when.Parse(s, now)
	if err != nil {
		return place{}, fmt.Errorf("%q is not begin, end, a cursor or a time; times are like -15m, \"1 hour ago\", 2006-01-02T15:04:05Z", s)
	}
	return place{time: t}, nil
}

// in returns the cursor of p in a shard.
func (p place) in(ctx context.Context, c *client.Client, ref sluice.LogstoreRef, id sluice.ShardID) (string, error) {
	switch {
	case p.cursor != "":
		return p.cursor, nil
	case p.word == "begin":
		return c.BeginCursor(ctx, ref, id)
	case p.word == "end":
		return c.EndCursor(ctx, ref, id)
	}
	return c.CursorAt(ctx, ref, id, p.time)
}
