package catalog

import (
	"context"
	"slices"
	"sync"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Shards returns all shards of a logstore, by id.
func (c *Catalog) Shards(ctx context.Context, ref sluice.LogstoreRef) ([]meta.Shard, error) {
	l, err := c.Logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	shards := make([]meta.Shard, len(l.Shards))
	for i, s := range l.Shards {
		shards[i] = s.Shard
	}
	return shards, nil
}

// plan says which shards are to be replaced by which ranges.
type plan struct {
	parents []*Shard
	ranges  []keyRange
}

// Split replaces a read-write shard by two that meet at the key at, or, with a nil at, by count equal ones (0 means 2). It
// returns the parent, read-only now, and the children (reference sls-api 5.4).
func (c *Catalog) Split(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, at *sluice.HashKey, count int) (
	[]meta.Shard, error,
) {
	parents, children, err := c.replace(ctx, ref, func(l *Logstore) (plan, error) {
		parent, err := l.writableShard(id)
		if err != nil {
			return plan{}, err
		}
		r := keyRange{parent.Begin, parent.End}
		if at != nil {
			if count != 0 && count != 2 {
				return plan{}, invalid("parameter", "a split at a key makes 2 shards, not %d", count)
			}
			if ranges := r.cut(*at); ranges != nil {
				return plan{[]*Shard{parent}, ranges}, nil
			}
			return plan{}, invalid("parameter", "invalid mid hash")
		}
		if count == 0 {
			count = 2
		}
		if count < 2 || count > maxCreateShards {
			return plan{}, invalid("parameter", "shardCount must be within range [2, %d]", maxCreateShards)
		}
		if ranges := r.divide(count); ranges != nil {
			return plan{[]*Shard{parent}, ranges}, nil
		}
		return plan{}, invalid("parameter", "shard %v is too narrow for %d shards", id, count)
	})
	return slices.Concat(parents, children), err
}

// Merge replaces a read-write shard and the one on its right by one. It returns the child and then the parents, read-only now
// (reference sls-api 5.4).
func (c *Catalog) Merge(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID) ([]meta.Shard, error) {
	parents, children, err := c.replace(ctx, ref, func(l *Logstore) (plan, error) {
		left, err := l.writableShard(id)
		if err != nil {
			return plan{}, err
		}
		if left.End == sluice.MaxHashKey {
			return plan{}, invalid("parameter", "can not merge the last shard")
		}
		right := l.Owner(left.End)
		return plan{[]*Shard{left, right}, []keyRange{{left.Begin, right.End}}}, nil
	})
	return slices.Concat(children, parents), err
}

func (l *Logstore) writableShard(id sluice.ShardID) (*Shard, error) {
	s, ok := l.Shard(id)
	switch {
	case !ok:
		return nil, invalid("parameter", "invalid shard id %v", id)
	case s.ReadOnly:
		return nil, invalid("parameter", "shard %v is readonly", id)
	}
	return s, nil
}

// replace carries out what choose plans. The parents' logs are sealed first, which waits for appends in flight; if the
// transaction then fails they are unsealed.
func (c *Catalog) replace(ctx context.Context, ref sluice.LogstoreRef, choose func(*Logstore) (plan, error)) (
	parents, children []meta.Shard, err error,
) {
	if err := c.mayChange(ref.Project); err != nil {
		return nil, nil, err
	}
	release, err := c.reshard.acquire(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	l, err := c.Logstore(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	p, err := choose(l)
	if err != nil {
		return nil, nil, err
	}
	if n := len(l.Shards) + len(p.ranges); n > c.o.MaxShardsPerLogstore { // the lock is held: nobody else makes any
		return nil, nil, overQuota("logstore %s has %d shards of all states, %d more are over the quota of %d: delete read-only ones",
			ref.Logstore, len(l.Shards), len(p.ranges), c.o.MaxShardsPerLogstore)
	}
	for _, s := range p.parents {
		s.Stored.Seal()
	}
	ctx = context.WithoutCancel(ctx) // a client that goes away must not leave sealed logs that nothing replaced
	if parents, children, err = c.commit(ctx, l, p); err != nil {
		c.unseal(ctx, p.parents)
		return nil, nil, err
	}
	_, err = c.Logstore(ctx, ref) // opens the children's logs
	c.resharded.ring()
	return parents, children, err
}

// Resharded returns a channel that is closed after the next split or merge, of whatever logstore.
func (c *Catalog) Resharded() <-chan struct{} { return c.resharded.next() }

// bell tells all that wait at once.
type bell struct {
	mu      sync.Mutex    // guards waiting
	waiting chan struct{} // closed by the next ring; nil if nobody waits
}

func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting = make(chan struct{})
	}
	return b.waiting
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting != nil {
		close(b.waiting)
		b.waiting = nil
	}
}

// unseal takes back the seals of a plan that failed, but only where metadata says that the shard is still read-write: a commit
// that fails may have reached the disk. Where it cannot be read, writers wait for the next split or the next start.
func (c *Catalog) unseal(ctx context.Context, parents []*Shard) {
	for _, s := range parents {
		err := c.store.View(ctx, func(tx meta.Tx) error {
			now, err := sameShard(tx, s)
			if err == nil && !now.ReadOnly {
				s.Stored.Unseal()
			}
			return err
		})
		if err != nil && sluice.KindOf(err) != sluice.NotFound {
			c.log.Error("shard stays closed for writing, its metadata cannot be read", "project", s.Project,
				"logstore", s.Logstore, "shard", s.ID, "error", err)
		}
	}
}

// commit closes the parents and makes the children in one transaction.
func (c *Catalog) commit(ctx context.Context, l *Logstore, p plan) (parents, children []meta.Shard, err error) {
	now := c.o.Now()
	base := sluice.Position(now.UnixNano())
	for _, s := range l.Shards {
		_, end := s.Stored.Bounds()
		base = max(base, end+1)
	}
	err = c.store.Update(ctx, func(tx meta.Tx) error {
		if err := c.checkShardRoom(tx, l.Project, len(p.ranges)-len(p.parents)); err != nil {
			return err
		}
		parents = nil
		var ids []sluice.ShardID
		for _, old := range p.parents {
			s, err := sameShard(tx, old)
			if err != nil {
				return err
			}
			s.ReadOnly, s.Closed = true, now
			if err := tx.UpdateShard(s); err != nil {
				return err
			}
			parents, ids = append(parents, s), append(ids, s.ID)
		}
		stored, err := tx.Logstore(l.Ref())
		if err != nil {
			return err
		}
		first := stored.NextShard
		stored.NextShard += sluice.ShardID(len(p.ranges))
		if err := tx.UpdateLogstore(stored); err != nil {
			return err
		}
		children, err = createShards(tx, stored, first, p.ranges, ids, now, base)
		return err
	})
	return parents, children, err
}

// sameShard reads old again. A logstore that was deleted and made again since has shards of the same numbers, but not of the
// same logs.
func sameShard(tx meta.Tx, old *Shard) (meta.Shard, error) {
	s, err := tx.Shard(sluice.LogstoreRef{Project: old.Project, Logstore: old.Logstore}, old.ID)
	if err == nil && s.Log != old.Log {
		err = meta.Missing("shard", old.ID.String())
	}
	return s, err
}

// DeleteShard removes a read-only shard and its data.
func (c *Catalog) DeleteShard(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID) error {
	if err := c.mayChange(ref.Project); err != nil {
		return err
	}
	l, err := c.Logstore(ctx, ref)
	if err != nil {
		return err
	}
	s, ok := l.Shard(id)
	if !ok {
		return invalid("parameter", "invalid shard id %v", id)
	}
	if !s.ReadOnly {
		return invalid("parameter", "shard %v is readwrite, only readonly shards can be deleted", id)
	}
	return c.removeShard(ctx, s)
}

// removeShard removes a read-only shard from metadata and disk.
func (c *Catalog) removeShard(ctx context.Context, s *Shard) error {
	err := c.store.Update(ctx, func(tx meta.Tx) error {
		now, err := sameShard(tx, s)
		if err != nil {
			return err
		}
		return tx.DeleteShard(sluice.LogstoreRef{Project: now.Project, Logstore: now.Logstore}, now.ID)
	})
	if err != nil {
		return err
	}
	c.dropLogs([]meta.Shard{s.Shard})
	return nil
}
