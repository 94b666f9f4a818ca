package catalog

import (
	"context"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// Logstore is a view of one logstore as of some generation of the metadata. It does not change.
type Logstore struct {
	meta.Logstore
	Shards []Shard // all, by id

	writable []*Shard // into Shards, by begin of range
	turn     atomic.Uint32
}

// Shard is a shard with its open log.
type Shard struct {
	meta.Shard
	Stored  *shard.Log
	Traffic *Traffic // shared by all views of the shard
}

// Traffic counts what was written to a shard since the server started.
type Traffic struct {
	raw, writes atomic.Int64
}

// Add counts one write of so many raw bytes.
func (t *Traffic) Add(raw int) {
	t.raw.Add(int64(raw))
	t.writes.Add(1)
}

// Totals returns the raw bytes and the writes counted.
func (t *Traffic) Totals() (raw, writes int64) { return t.raw.Load(), t.writes.Load() }

func newLogstore(l meta.Logstore, shards []Shard) *Logstore {
	v := &Logstore{Logstore: l, Shards: shards}
	for i := range shards {
		if !shards[i].ReadOnly {
			v.writable = append(v.writable, &shards[i])
		}
	}
	slices.SortFunc(v.writable, func(a, b *Shard) int { return compareKeys(a.Begin, b.Begin) })
	v.turn.Store(rand.Uint32())
	return v
}

// Shard finds a shard by number.
func (l *Logstore) Shard(id sluice.ShardID) (*Shard, bool) {
	i := sort.Search(len(l.Shards), func(i int) bool { return l.Shards[i].ID >= id })
	if i == len(l.Shards) || l.Shards[i].ID != id {
		return nil, false
	}
	return &l.Shards[i], true
}

// Writable returns how many read-write shards there are.
func (l *Logstore) Writable() int { return len(l.writable) }

// Owner returns the read-write shard whose range holds k; nil only if there is no read-write shard.
func (l *Logstore) Owner(k sluice.HashKey) *Shard {
	after := sort.Search(len(l.writable), func(i int) bool { return compareKeys(l.writable[i].Begin, k) > 0 })
	if after == 0 {
		return nil
	}
	return l.writable[after-1]
}

// Next returns the read-write shards in turn; nil only if there is none.
func (l *Logstore) Next() *Shard {
	if len(l.writable) == 0 {
		return nil
	}
	return l.writable[l.turn.Add(1)%uint32(len(l.writable))]
}

// views keeps the newest view of each logstore that was asked for, and the generation it was made at.
type views struct {
	mu    sync.RWMutex
	byRef map[sluice.LogstoreRef]view
}

type view struct {
	generation uint64
	logstore   *Logstore
}

func (v *views) get(ref sluice.LogstoreRef) view {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.byRef[ref]
}

func (v *views) put(ref sluice.LogstoreRef, made view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byRef == nil {
		v.byRef = map[sluice.LogstoreRef]view{}
	}
	if old, ok := v.byRef[ref]; !ok || old.generation <= made.generation {
		v.byRef[ref] = made
	}
}

// sweep forgets the views that are older than generation: those of deleted logstores among them.
func (v *views) sweep(generation uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for ref, old := range v.byRef {
		if old.generation < generation {
			delete(v.byRef, ref)
		}
	}
}

// Logstore returns a view of ref that is no older than the call. It queries the metadata only when they changed since the
// last call.
func (c *Catalog) Logstore(ctx context.Context, ref sluice.LogstoreRef) (*Logstore, error) {
	generation := c.store.Generation()
	if v := c.views.get(ref); v.logstore != nil && v.generation >= generation {
		return v.logstore, nil
	}
	// The key holds the generation, so that nobody is handed the result of a query that began before it.
	key := strconv.FormatUint(generation, 10) + " " + ref.String()
	filled := c.fills.DoChan(key, func() (any, error) { return c.fill(context.WithoutCancel(ctx), ref) })
	select {
	case r := <-filled:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Logstore), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// fill makes a new view and keeps it.
func (c *Catalog) fill(ctx context.Context, ref sluice.LogstoreRef) (*Logstore, error) {
	for {
		generation := c.store.Generation()
		var l meta.Logstore
		var shards []meta.Shard
		err := c.store.View(ctx, func(tx meta.Tx) (err error) {
			if l, err = tx.Logstore(ref); err != nil {
				return err
			}
			shards, err = tx.Shards(ref)
			return err
		})
		if err != nil {
			return nil, err
		}
		attached, ok, err := c.attach(generation, shards)
		if err != nil {
			return nil, sluice.Errorf(sluice.Unavailable, "server", "the shards of %s cannot be opened: %w", ref, err)
		}
		if ok {
			v := newLogstore(l, attached)
			c.views.put(ref, view{generation, v})
			return v, nil
		}
	}
}

// attach adds the open log to each of the shards that a query at this generation returned. It opens those that are new, but
// only while the generation stands: otherwise a shard that is not open may be one that was just deleted, and opening its log
// would make it again. A deleter takes mu after its commit, so it finds every log that was opened here before.
// Not ok means that the metadata changed in the meantime.
func (c *Catalog) attach(generation uint64, shards []meta.Shard) (attached []Shard, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	attached = make([]Shard, len(shards))
	for i, s := range shards {
		h, isOpen := c.open[s.Log]
		if !isOpen {
			if c.store.Generation() != generation {
				return nil, false, nil
			}
			if h, err = c.openLog(s); err != nil {
				return nil, false, err
			}
		}
		attached[i] = Shard{Shard: s, Stored: h.log, Traffic: h.traffic}
	}
	return attached, true, nil
}

// Settled returns a view of ref made when no split or merge was under way: where a writer goes whose log was sealed.
func (c *Catalog) Settled(ctx context.Context, ref sluice.LogstoreRef) (*Logstore, error) {
	release, err := c.reshard.acquire(ctx, ref)
	if err != nil {
		return nil, err
	}
	release()
	return c.Logstore(ctx, ref)
}
