package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
)

// ConsumerGroup is a named set of consumers that share the shards of a logstore.
type ConsumerGroup struct {
	Name           string `json:"name"`
	TimeoutSeconds int    `json:"timeout"` // a consumer silent for longer is gone
	Order          bool   `json:"order"`   // after a split or merge, the parents are consumed first
}

// Checkpoint is how far a consumer group has come in one shard.
type Checkpoint struct {
	Shard    sluice.ShardID
	Cursor   string    // the next position to read; "" when nothing was consumed yet
	Updated  time.Time // zero with an empty Cursor
	Consumer string    // who saved it; "" when it was forced
}

// ConsumerGroups lists the consumer groups of a logstore.
func (c *Client) ConsumerGroups(ctx context.Context, ref sluice.LogstoreRef) ([]ConsumerGroup, error) {
	groups := []ConsumerGroup{}
	err := c.get(ctx, ref.Project, groupsPath(ref), nil, &groups)
	return groups, err
}

// CreateConsumerGroup makes a consumer group.
func (c *Client) CreateConsumerGroup(ctx context.Context, ref sluice.LogstoreRef, g ConsumerGroup) error {
	in := struct {
		Name    string `json:"consumerGroup"`
		Timeout int    `json:"timeout"`
		Order   bool   `json:"order"`
	}{g.Name, g.TimeoutSeconds, g.Order}
	return c.sendJSON(ctx, http.MethodPost, ref.Project, groupsPath(ref), nil, in, nil)
}

// ConsumerGroupChange is what to change of a consumer group; nil leaves a value as it is.
type ConsumerGroupChange struct {
	TimeoutSeconds *int  `json:"timeout,omitempty"`
	Order          *bool `json:"order,omitempty"`
}

// UpdateConsumerGroup changes a consumer group.
func (c *Client) UpdateConsumerGroup(ctx context.Context, ref sluice.LogstoreRef, name string, change ConsumerGroupChange) error {
	return c.sendJSON(ctx, http.MethodPut, ref.Project, groupPath(ref, name), nil, change, nil)
}

// DeleteConsumerGroup deletes a consumer group with its checkpoints.
func (c *Client) DeleteConsumerGroup(ctx context.Context, ref sluice.LogstoreRef, name string) error {
	return c.send(ctx, call{method: http.MethodDelete, project: ref.Project, path: groupPath(ref, name)}, nil)
}

// Heartbeat says that consumer is alive and still holds the shards in held, and returns the shards it should hold now. A
// shard that is no longer returned must be given up: finish it, save its checkpoint, and leave it out of the next heartbeat.
func (c *Client) Heartbeat(ctx context.Context, ref sluice.LogstoreRef, group, consumer string, held []sluice.ShardID) ([]sluice.ShardID, error) {
	if held == nil {
		held = []sluice.ShardID{}
	}
	assigned := []sluice.ShardID{}
	query := url.Values{"type": {"heartbeat"}, "consumer": {consumer}}
	err := c.sendJSON(ctx, http.MethodPost, ref.Project, groupPath(ref, group), query, held, &assigned)
	return assigned, err
}

// Checkpoints returns the checkpoint of every shard, by number.
func (c *Client) Checkpoints(ctx context.Context, ref sluice.LogstoreRef, group string) ([]Checkpoint, error) {
	var wire []struct {
		Shard    sluice.ShardID `json:"shard"`
		Cursor   string         `json:"checkpoint"`
		Updated  int64          `json:"updateTime"` // microseconds
		Consumer string         `json:"consumer"`
	}
	if err := c.get(ctx, ref.Project, groupPath(ref, group), nil, &wire); err != nil {
		return nil, err
	}
	checkpoints := make([]Checkpoint, 0, len(wire))
	for _, w := range wire {
		p := Checkpoint{Shard: w.Shard, Cursor: w.Cursor, Consumer: w.Consumer}
		if w.Updated != 0 {
			p.Updated = time.UnixMicro(w.Updated)
		}
		checkpoints = append(checkpoints, p)
	}
	return checkpoints, nil
}

// SetCheckpoint saves where consumer will read on. The server refuses it with ConsumerNotMatch when another consumer owns
// the shard by now.
func (c *Client) SetCheckpoint(ctx context.Context, ref sluice.LogstoreRef, group, consumer string, id sluice.ShardID, cursor string) error {
	return c.setCheckpoint(ctx, ref, group, consumer, id, cursor, false)
}

// ForceCheckpoint sets a checkpoint whoever owns the shard.
func (c *Client) ForceCheckpoint(ctx context.Context, ref sluice.LogstoreRef, group string, id sluice.ShardID, cursor string) error {
	return c.setCheckpoint(ctx, ref, group, "", id, cursor, true)
}

func (c *Client) setCheckpoint(ctx context.Context, ref sluice.LogstoreRef, group, consumer string, id sluice.ShardID, cursor string, force bool) error {
	query := url.Values{"type": {"checkpoint"}, "consumer": {consumer}, "forceSuccess": {strconv.FormatBool(force)}}
	in := struct {
		Shard  sluice.ShardID `json:"shard"`
		Cursor string         `json:"checkpoint"`
	}{id, cursor}
	return c.sendJSON(ctx, http.MethodPost, ref.Project, groupPath(ref, group), query, in, nil)
}

func groupsPath(ref sluice.LogstoreRef) string { return logstorePath(ref) + "/consumergroups" }

func groupPath(ref sluice.LogstoreRef, name string) string {
	return groupsPath(ref) + "/" + url.PathEscape(name)
}
