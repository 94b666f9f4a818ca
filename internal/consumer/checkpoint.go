package consumer

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// maxCursor is far more than the 28 bytes of the longest cursor.
const maxCursor = 256

// SetCheckpoint saves how far a group has consumed a shard. Unless force is set or consumer is empty, consumer has to be in the
// group and own the shard; it owns one that it let go until somebody else is given it. Errors: Invalid "checkpoint"; NotFound
// "shard", "consumergroup", "consumer" (not in the group), "consumer-match" (the shard is not its own).
func (g *Groups) SetCheckpoint(ctx context.Context, ref sluice.LogstoreRef, name, consumer string, shard sluice.ShardID,
	cursor string, force bool,
) error {
	if _, err := base64.StdEncoding.DecodeString(strings.TrimSpace(cursor)); err != nil || len(cursor) > maxCursor {
		return invalid("checkpoint", "invalid shard checkpoint %.32q: it is not base64", cursor)
	}
	if len(consumer) > maxConsumerName {
		return invalid("parameter", "a consumer name must have 1 to %d bytes", maxConsumerName)
	}
	state, snap, err := g.enter(ctx, ref, name)
	if err != nil {
		return err
	}
	defer state.mu.Unlock()
	if _, ok := snap.logstore.Shard(shard); !ok {
		return sluice.Errorf(sluice.NotFound, "shard", "shard %v does not exist", shard)
	}
	now := g.now()
	if !force && consumer != "" {
		state.expire(now)
		if err := state.mayCheckpoint(consumer, shard, g.settling(now, snap.group)); err != nil {
			return err
		}
	}
	return g.store.Update(ctx, func(tx meta.Tx) error {
		return tx.SetCheckpoint(meta.Checkpoint{
			Project: ref.Project, Logstore: ref.Logstore, Group: name,
			Shard: shard, Cursor: cursor, Consumer: consumer, Updated: now,
		})
	})
}

// mayCheckpoint checks that consumer owns shard. While settling, one that has not come back yet is believed: libraries stop
// reading a shard when its checkpoint is refused.
func (g *group) mayCheckpoint(consumer string, shard sluice.ShardID, settling bool) error {
	if _, ok := g.members[consumer]; !ok {
		if settling && g.free(shard) {
			return nil
		}
		return sluice.Errorf(sluice.NotFound, "consumer", "consumer %s is not in the consumer group", consumer)
	}
	if g.owners[shard].consumer != consumer {
		return sluice.Errorf(sluice.NotFound, "consumer-match", "shard %v is not held by consumer %s", shard, consumer)
	}
	return nil
}

// Checkpoints returns the checkpoints of a group by shard, one for every shard of the logstore: with an empty cursor and the
// current owner where none was saved. With a shard it returns that one's, and an empty slice only if there is no such shard.
func (g *Groups) Checkpoints(ctx context.Context, ref sluice.LogstoreRef, name string, shard *sluice.ShardID) (
	[]meta.Checkpoint, error,
) {
	state, snap, err := g.enter(ctx, ref, name)
	if err != nil {
		return nil, err
	}
	defer state.mu.Unlock()
	state.expire(g.now())
	all := []meta.Checkpoint{}
	for _, id := range snap.shards() {
		if shard != nil && *shard != id {
			continue
		}
		c, ok := snap.checkpoints[id]
		if !ok {
			c = meta.Checkpoint{Project: ref.Project, Logstore: ref.Logstore, Group: name, Shard: id, Consumer: state.owners[id].consumer}
		}
		all = append(all, c)
	}
	return all, nil
}
