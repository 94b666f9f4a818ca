package consumer

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// sweepEvery is how often groups that nobody is in are forgotten.
const sweepEvery = time.Minute

// Heartbeat says that consumer is alive and still works on the shards in held, and returns the shards it should work on now,
// by number and never nil. The first heartbeat makes it a member. Errors: Invalid "consumer-body" from a consumer that was
// silent too long and lists a shard that is another's by now.
func (g *Groups) Heartbeat(ctx context.Context, ref sluice.LogstoreRef, name, consumer string, held []sluice.ShardID) (
	[]sluice.ShardID, error,
) {
	if consumer == "" || len(consumer) > maxConsumerName {
		return nil, invalid("parameter", "a consumer name must have 1 to %d bytes", maxConsumerName)
	}
	state, snap, err := g.enter(ctx, ref, name)
	if err != nil {
		return nil, err
	}
	defer state.mu.Unlock()
	now := g.now()
	return state.heartbeat(now, consumer, held, snap.shards(), snap.open(), g.settling(now, snap.group))
}

// settling reports whether consumers from before the server's start may still be out there with shards in their hands: until
// they had a timeout's time to say so, what they hold looks free and is not to be handed out.
func (g *Groups) settling(now time.Time, group meta.ConsumerGroup) bool {
	return group.Created.Before(g.started) && now.Sub(g.started) < group.Timeout
}

// enter returns the state of a group, locked, and what metadata says about it now.
func (g *Groups) enter(ctx context.Context, ref sluice.LogstoreRef, name string) (*group, *snapshot, error) {
	g.sweep()
	key := groupKey{ref, name}
	for {
		state := g.findOrAdd(key)
		state.mu.Lock()
		if state.gone { // deleted or swept between the two lines above
			state.mu.Unlock()
			continue
		}
		snap, err := g.snapshot(ctx, ref, name)
		if err != nil {
			if len(state.members) == 0 || sluice.KindOf(err) == sluice.NotFound {
				g.forget(key, state)
			}
			state.mu.Unlock()
			return nil, nil, err
		}
		if !state.created.Equal(snap.group.Created) { // another group of this name, or none before
			state.reset(snap.group.Created)
		}
		state.timeout = snap.group.Timeout
		return state, snap, nil
	}
}

// snapshot reads a group, its checkpoints and its logstore.
func (g *Groups) snapshot(ctx context.Context, ref sluice.LogstoreRef, name string) (*snapshot, error) {
	s := &snapshot{}
	err := g.store.View(ctx, func(tx meta.Tx) (err error) {
		if s.group, err = readGroup(tx, ref, name); err != nil {
			return err
		}
		all, err := tx.Checkpoints(ref, name)
		s.checkpoints = make(map[sluice.ShardID]meta.Checkpoint, len(all))
		for _, c := range all {
			s.checkpoints[c.Shard] = c
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.logstore, err = g.cat.Logstore(ctx, ref)
	return s, err
}

// snapshot is what metadata says about a group.
type snapshot struct {
	group       meta.ConsumerGroup
	checkpoints map[sluice.ShardID]meta.Checkpoint
	logstore    *catalog.Logstore
}

func (g *Groups) find(key groupKey) *group {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.live[key]
}

func (g *Groups) findOrAdd(key groupKey) *group {
	g.mu.Lock()
	defer g.mu.Unlock()
	state := g.live[key]
	if state == nil {
		state = &group{}
		g.live[key] = state
	}
	return state
}

// forget removes the state of a group. The caller holds its lock.
func (g *Groups) forget(key groupKey, state *group) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(key, state)
}

// drop is forget for a caller who holds both locks. Who found the state before sees that it is gone, and looks again.
func (g *Groups) drop(key groupKey, state *group) {
	state.gone = true
	if g.live[key] == state {
		delete(g.live, key)
	}
}

// sweep forgets the groups in which nobody is alive, those of deleted logstores among them.
func (g *Groups) sweep() {
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.swept) < sweepEvery {
		return
	}
	g.swept = now
	for key, state := range g.live {
		if !state.mu.TryLock() {
			continue // somebody is at it
		}
		if state.expire(now); len(state.members) == 0 {
			g.drop(key, state)
		}
		state.mu.Unlock()
	}
}
