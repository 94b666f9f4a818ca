package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
)

// BeginCursor returns the cursor of the oldest log group that the shard still holds.
func (c *Client) BeginCursor(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID) (string, error) {
	return c.cursor(ctx, ref, id, "begin")
}

// EndCursor returns the cursor behind the newest log group, where the next one will be.
func (c *Client) EndCursor(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID) (string, error) {
	return c.cursor(ctx, ref, id, "end")
}

// CursorAt returns the cursor of the first log group that the server received at or after t, with the precision of a second.
func (c *Client) CursorAt(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, t time.Time) (string, error) {
	return c.cursor(ctx, ref, id, strconv.FormatInt(t.Unix(), 10))
}

func (c *Client) cursor(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, from string) (string, error) {
	var out struct {
		Cursor string `json:"cursor"`
	}
	err := c.get(ctx, ref.Project, shardPath(ref, id), url.Values{"type": {"cursor"}, "from": {from}}, &out)
	return out.Cursor, err
}

// CursorTime returns when the server received the log group at cursor, with the precision of a second; at the end of the
// shard it is the server's clock.
func (c *Client) CursorTime(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, cursor string) (time.Time, error) {
	var out struct {
		Time int64 `json:"cursor_time"`
	}
	query := url.Values{"type": {"cursor_time"}, "cursor": {cursor}}
	if err := c.get(ctx, ref.Project, shardPath(ref, id), query, &out); err != nil {
		return time.Time{}, err
	}
	return unixTime(out.Time), nil
}
