package amend

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/meta"
)

// Store has the amendments of all logstores. It is safe for concurrent use.
type Store struct {
	meta  meta.Store
	cat   *catalog.Catalog
	index *indexer.Indexer // nil: none

	version atomic.Uint64 // of the last view made

	mu     sync.Mutex // guards states
	states map[sluice.LogstoreRef]*state
}

// New returns the amendments that m has, for the logstores of cat, which x indexes; it may be nil.
func New(m meta.Store, cat *catalog.Catalog, x *indexer.Indexer) *Store {
	return &Store{meta: m, cat: cat, index: x, states: map[sluice.LogstoreRef]*state{}}
}

// state is what is known of one logstore.
type state struct {
	created time.Time // of the logstore: another one may come under its name

	mu     sync.Mutex // held while it is read or changed, longer than anybody holds Store.mu
	view   atomic.Pointer[View]
	loaded atomic.Bool
	last   int64      // number of the last amendment
	all    []int64    // numbers of all
	recent []recorded // the last ones, as long as they are small: they are written together when they are many
}

// recorded is an amendment in metadata.
type recorded struct {
	number int64
	change *Change
}

// Small amendments are written as one when there are so many, so that reading them all at a start stays cheap whatever their number was.
const (
	manySmall  = 32
	smallBytes = 64 << 10
)

// View returns what became of the logs of l until now: nil if nothing ever did. Errors: what became of them cannot be read.
func (s *Store) View(ctx context.Context, l *catalog.Logstore) (*View, error) {
	if s == nil || !l.Modifiable {
		return nil, nil
	}
	st := s.state(l)
	if st.loaded.Load() {
		return st.view.Load(), nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := s.load(ctx, st, l); err != nil {
		return nil, err
	}
	return st.view.Load(), nil
}

// Count is how many logs of all logstores that were asked since the start are deleted or updated, and how many of these are updated.
func (s *Store) Count() (changed, updated int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.states {
		c, u := st.view.Load().Count()
		changed, updated = changed+c, updated+u
	}
	return changed, updated
}

// state returns that of l, without what was known of another logstore of its name.
func (s *Store) state(l *catalog.Logstore) *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.states[l.Ref()]
	if st == nil || !st.created.Equal(l.Created) {
		st = &state{created: l.Created}
		s.states[l.Ref()] = st
	}
	return st
}

// load reads metadata, if it was not read yet. st.mu is held.
func (s *Store) load(ctx context.Context, st *state, l *catalog.Logstore) error {
	if st.loaded.Load() {
		return nil
	}
	var stored []meta.Amendment
	err := s.meta.View(ctx, func(tx meta.Tx) error {
		now, err := tx.Logstore(l.Ref())
		if err != nil {
			return err
		}
		if !now.Created.Equal(st.created) {
			return sluice.Errorf(sluice.NotFound, "logstore", "the logstore %s was deleted", l.Ref())
		}
		stored, err = tx.Amendments(l.Ref())
		return err
	})
	if err != nil {
		return err
	}
	st.last, st.all, st.recent = 0, nil, nil
	var changes []*Change
	for _, a := range stored {
		c, err := decode(a.Body)
		if err != nil {
			return fmt.Errorf("amendment %d of logstore %s: %w; no query of it can be answered: restore the metadata from a backup", a.Number, l.Ref(), err)
		}
		changes = append(changes, c)
		st.wrote(a.Number, c, len(a.Body))
	}
	st.view.Store(nil)
	if len(changes) > 0 {
		st.view.Store((*View)(nil).with(s.version.Add(1), changes...))
	}
	st.loaded.Store(true)
	return nil
}

// wrote notes an amendment that is in metadata.
func (st *state) wrote(number int64, c *Change, bytes int) {
	st.last = number
	st.all = append(st.all, number)
	if bytes > smallBytes {
		st.recent = nil
		return
	}
	st.recent = append(st.recent, recorded{number, c})
}

// begins says from where on the logs of l are still there: in a shard log, or in a segment that retention has not emptied yet.
func (s *Store) begins(ctx context.Context, l *catalog.Logstore) (map[sluice.ShardID]sluice.Position, error) {
	begins := make(map[sluice.ShardID]sluice.Position, len(l.Shards))
	for i := range l.Shards {
		begins[l.Shards[i].ID], _ = l.Shards[i].Stored.Bounds()
	}
	if s.index == nil {
		return begins, nil
	}
	snap, err := s.index.Snapshot(ctx, l.Ref())
	if err != nil {
		return nil, err
	}
	for _, segment := range snap.Segments {
		for _, r := range segment.Runs {
			if begin, ok := begins[r.Shard]; !ok || r.From < begin {
				begins[r.Shard] = r.From
			}
		}
	}
	return begins, nil
}

// Change changes logs of a logstore: find is given what became of them until now, while nobody else changes any, and says what is to
// become of them next. When Change returns, that is durable, and in every view taken from then on. Errors: NotFound [project], [logstore];
// Conflict [modification] for a logstore whose logs may not be changed; Throttled [amendments]; those of find, after which nothing is changed.
func (s *Store) Change(ctx context.Context, ref sluice.LogstoreRef, find func(*catalog.Logstore, *View) (*Change, error)) error {
	l, err := s.cat.Logstore(ctx, ref)
	if err != nil {
		return err
	}
	if !l.Modifiable {
		return sluice.Errorf(sluice.Conflict, "modification",
			"the logs of logstore %s may not be modified; enable it first, with enableModify when the logstore is created or PUT /logstores/%s/modification", ref.Logstore, ref.Logstore)
	}
	st := s.state(l)
	st.mu.Lock()
	defer st.mu.Unlock()
	if err := s.load(ctx, st, l); err != nil {
		return err
	}
	before := st.view.Load()
	c, err := find(l, before)
	if err != nil || c.Len() == 0 {
		return err
	}
	return s.commit(ctx, st, l, before, c)
}

// commit writes a change. st.mu is held.
func (s *Store) commit(ctx context.Context, st *state, l *catalog.Logstore, before *View, c *Change) error {
	after := before.with(s.version.Add(1), c)
	w := write{number: st.last + 1, change: c}
	begins, err := s.begins(ctx, l)
	if err != nil {
		return err
	}
	if left := after.left(begins); left < after.count && after.full() || left < after.count/2 {
		w.change, w.replaces = after.from(begins), st.all
		after = (*View)(nil).with(s.version.Add(1), w.change)
	} else if len(st.recent) >= manySmall {
		w.change = st.together(c)
		for _, r := range st.recent {
			w.replaces = append(w.replaces, r.number)
		}
	}
	if after.full() {
		return sluice.Errorf(sluice.Throttled, "amendments",
			"logstore %s has too many logs that were deleted or updated: %d may be in all, and %d updated ones with %d MiB; what retention takes makes room",
			l.Ref(), MaxHidden, MaxNow, MaxNowBytes>>20)
	}
	w.body = encode(w.change)
	if err := s.meta.Update(ctx, func(tx meta.Tx) error { return w.to(tx, l) }); err != nil {
		st.loaded.Store(false) // nobody knows what metadata has
		return err
	}
	st.drop(len(w.replaces))
	st.wrote(w.number, w.change, len(w.body))
	st.view.Store(after)
	return nil
}

func (v *View) full() bool {
	return v.count > MaxHidden || len(v.now) > MaxNow || v.nowBytes > MaxNowBytes
}

// together is the recent changes and one more, as one.
func (st *state) together(c *Change) *Change {
	gone, now := map[Place]bool{}, map[Place]Row{}
	apply := func(c *Change) {
		for _, p := range c.Gone {
			gone[p] = true
			delete(now, p)
		}
		for _, r := range c.Now {
			now[r.Place] = r
		}
	}
	for _, r := range st.recent {
		apply(r.change)
	}
	apply(c)
	all := &Change{}
	for p := range gone {
		all.Gone = append(all.Gone, p)
	}
	for _, r := range now {
		all.Now = append(all.Now, r)
	}
	return all
}

// drop forgets the last n amendments.
func (st *state) drop(n int) {
	if n > 0 {
		st.all, st.recent = st.all[:len(st.all)-n], nil
	}
}

// write is one amendment on its way into metadata, in the place of others.
type write struct {
	number   int64
	change   *Change
	replaces []int64
	body     []byte
}

func (w *write) to(tx meta.Tx, l *catalog.Logstore) error {
	now, err := tx.Logstore(l.Ref())
	if err != nil {
		return err
	}
	if !now.Created.Equal(l.Created) {
		return sluice.Errorf(sluice.NotFound, "logstore", "the logstore %s was deleted", l.Ref())
	}
	for _, number := range w.replaces {
		if err := tx.DeleteAmendment(l.Ref(), number); err != nil {
			return err
		}
	}
	return tx.SetAmendment(meta.Amendment{Project: l.Project, Logstore: l.Name, Number: w.number, Body: w.body})
}
