// Package consumer shares the shards of a logstore out among the consumers of a group, by the protocol that the client
// libraries assume (reference sls-api 5.12).
//
//	heartbeat(held) ──> who is alive ──> who owns what ──> what to hold now
//
// A heartbeat lists what a consumer still works on, not what it wants; the answer is what it should work on. A shard changes
// hands in three steps, so that two consumers never work on it at once:
//
//	held by a ──balance──> revoked: not in a's answers any more ──a stops listing it──> released ──> held by b
//	    └──────────────────────── a is silent for the group's timeout ──────────────────────┘
//
// Who is in a group and owns what is kept in memory only: after a restart the first heartbeats tell it again. Checkpoints are
// metadata.
//
// Invariants:
//   - A shard has at most one owner, and a new one only after the old one said that it let go, or was silent for the timeout.
//   - Nothing moves unless the numbers of two consumers differ by more than one, or a consumer or a shard comes or goes.
//   - In a group with order, no shard is handed out before all shards it was split or merged from are consumed.
package consumer

import (
	"context"
	"regexp"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// Limits (reference sls-api 7; what it does not say is there to keep memory bounded).
const (
	maxGroups       = 30 // of a logstore
	maxConsumers    = 1000
	maxConsumerName = 512
	maxTimeout      = 24 * time.Hour
)

var groupName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Groups are the consumer groups of one node. It is safe for concurrent use.
type Groups struct {
	store   meta.Store
	cat     *catalog.Catalog
	now     func() time.Time
	started time.Time

	mu    sync.Mutex // guards what follows; a group's own lock may be tried, not waited for, under it
	live  map[groupKey]*group
	swept time.Time
}

type groupKey struct {
	ref  sluice.LogstoreRef
	name string
}

// New makes the consumer groups of the logstores in cat, which has to stand on store.
func New(store meta.Store, cat *catalog.Catalog, now func() time.Time) *Groups {
	return &Groups{store: store, cat: cat, now: now, started: now(), live: map[groupKey]*group{}}
}

// Create makes a group. Its times are set here.
func (g *Groups) Create(ctx context.Context, group meta.ConsumerGroup) error {
	if !groupName.MatchString(group.Name) {
		return invalid("json", "consumer group name %.128q is invalid: it is 1 to 128 letters, digits, - and _", group.Name)
	}
	if err := checkGroup(group); err != nil {
		return err
	}
	group.Created = g.now()
	group.Modified = group.Created
	ref := sluice.LogstoreRef{Project: group.Project, Logstore: group.Logstore}
	return g.store.Update(ctx, func(tx meta.Tx) error {
		all, err := tx.ConsumerGroups(ref)
		if err != nil {
			return err
		}
		if err := tx.CreateConsumerGroup(group); err != nil {
			return err
		}
		if len(all) >= maxGroups {
			return sluice.Errorf(sluice.Throttled, "consumergroup", "logstore %s has %d consumer groups, that is the quota",
				ref.Logstore, len(all))
		}
		return nil
	})
}

func checkGroup(group meta.ConsumerGroup) error {
	if group.Timeout < time.Second || group.Timeout > maxTimeout {
		return invalid("json", "timeout must be within range [1, %d]", int(maxTimeout.Seconds()))
	}
	return nil
}

// Update applies change to a group. Names and times are not change's to set.
func (g *Groups) Update(ctx context.Context, ref sluice.LogstoreRef, name string, change func(*meta.ConsumerGroup)) error {
	return g.store.Update(ctx, func(tx meta.Tx) error {
		old, err := readGroup(tx, ref, name)
		if err != nil {
			return err
		}
		group := old
		change(&group)
		group.Project, group.Logstore, group.Name = old.Project, old.Logstore, old.Name
		group.Created, group.Modified = old.Created, g.now()
		if err := checkGroup(group); err != nil {
			return err
		}
		return tx.UpdateConsumerGroup(group)
	})
}

// readGroup tells a missing group from a missing logstore, whatever the store's order of checks.
func readGroup(tx meta.Tx, ref sluice.LogstoreRef, name string) (meta.ConsumerGroup, error) {
	if _, err := tx.Logstore(ref); err != nil {
		return meta.ConsumerGroup{}, err
	}
	return tx.ConsumerGroup(ref, name)
}

// Delete removes a group with its consumers and checkpoints.
func (g *Groups) Delete(ctx context.Context, ref sluice.LogstoreRef, name string) error {
	err := g.store.Update(ctx, func(tx meta.Tx) error {
		if _, err := readGroup(tx, ref, name); err != nil {
			return err
		}
		return tx.DeleteConsumerGroup(ref, name)
	})
	if err != nil {
		return err
	}
	key := groupKey{ref, name}
	if state := g.find(key); state != nil {
		state.mu.Lock()
		defer state.mu.Unlock()
		g.forget(key, state)
	}
	return nil
}

// List returns the groups of a logstore, by name.
func (g *Groups) List(ctx context.Context, ref sluice.LogstoreRef) ([]meta.ConsumerGroup, error) {
	groups := []meta.ConsumerGroup{}
	err := g.store.View(ctx, func(tx meta.Tx) error {
		if _, err := tx.Logstore(ref); err != nil {
			return err
		}
		all, err := tx.ConsumerGroups(ref)
		groups = append(groups, all...)
		return err
	})
	return groups, err
}

func invalid(noun, format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, noun, format, args...)
}
