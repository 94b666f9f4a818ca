package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
)

// Shard is one shard of a logstore.
type Shard struct {
	ID       sluice.ShardID
	ReadOnly bool           // split or merged: it gives logs and takes none
	Begin    sluice.HashKey // it owns the keys from Begin
	End      sluice.HashKey // up to, without, End
	Created  time.Time
}

type shardWire struct {
	ID      sluice.ShardID `json:"shardID"`
	Status  string         `json:"status"`
	Begin   string         `json:"inclusiveBeginKey"`
	End     string         `json:"exclusiveEndKey"`
	Created int64          `json:"createTime"`
}

func shardsOf(wire []shardWire) ([]Shard, error) {
	shards := make([]Shard, 0, len(wire))
	for _, w := range wire {
		begin, err := sluice.ParseHashKey(w.Begin)
		if err != nil {
			return nil, err
		}
		end, err := sluice.ParseHashKey(w.End)
		if err != nil {
			return nil, err
		}
		shards = append(shards, Shard{
			ID: w.ID, ReadOnly: w.Status == "readonly", Begin: begin, End: end, Created: unixTime(w.Created),
		})
	}
	return shards, nil
}

// Shards lists the shards of a logstore by number: those that take logs, and split or merged ones whose logs have not
// expired.
func (c *Client) Shards(ctx context.Context, ref sluice.LogstoreRef) ([]Shard, error) {
	var wire []shardWire
	if err := c.get(ctx, ref.Project, logstorePath(ref)+"/shards", nil, &wire); err != nil {
		return nil, err
	}
	return shardsOf(wire)
}

// SplitOptions say where a shard is split.
type SplitOptions struct {
	Key   string // 1 to 32 hexadecimal digits inside the shard; "" is the middle
	Count int    // how many parts, when Key is ""; 0 leaves it to the server, which makes two
}

// SplitShard splits a shard and returns it, now read-only, with the new ones.
func (c *Client) SplitShard(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, o SplitOptions) ([]Shard, error) {
	query := url.Values{"action": {"split"}}
	if o.Key != "" {
		query.Set("key", o.Key)
	} else {
		query.Set("shardCount", strconv.Itoa(max(o.Count, 2)))
	}
	return c.changeShard(ctx, ref, id, query)
}

// MergeShard merges a shard with its neighbour on the right and returns the new shard with its parents.
func (c *Client) MergeShard(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID) ([]Shard, error) {
	return c.changeShard(ctx, ref, id, url.Values{"action": {"merge"}})
}

func (c *Client) changeShard(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, query url.Values) ([]Shard, error) {
	var wire []shardWire
	r := call{method: http.MethodPost, project: ref.Project, path: shardPath(ref, id), query: query}
	if err := c.send(ctx, r, &wire); err != nil {
		return nil, err
	}
	return shardsOf(wire)
}

// DeleteShard deletes a read-only shard and its logs before they expire.
func (c *Client) DeleteShard(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID) error {
	return c.send(ctx, call{method: http.MethodDelete, project: ref.Project, path: shardPath(ref, id)}, nil)
}

func logstorePath(ref sluice.LogstoreRef) string { return "/logstores/" + url.PathEscape(ref.Logstore) }

func shardPath(ref sluice.LogstoreRef, id sluice.ShardID) string {
	return logstorePath(ref) + "/shards/" + id.String()
}
