package amend

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

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

	mu     sync.Mutex // guards states and most
	states map[life]*state
	most   int // states, before those of logstores that are gone are looked for
}

// life is a logstore from when it is made until it is deleted: another one may come under its name.
type life struct {
	ref     sluice.LogstoreRef
	created int64 // nanoseconds since 1970
}

func lifeOf(l *catalog.Logstore) life { return life{l.Ref(), l.Created.UnixNano()} }

// fewStates are kept whatever became of their logstores.
const fewStates = 64

// New returns the amendments that m has, for the logstores of cat, which x indexes; it may be nil.
func New(m meta.Store, cat *catalog.Catalog, x *indexer.Indexer) *Store {
	return &Store{meta: m, cat: cat, index: x, states: map[life]*state{}, most: fewStates}
}

// state is what is known of one logstore.
type state struct {
	turn    chan struct{} // one token, of who reads it or changes it, longer than anybody holds Store.mu
	waiting atomic.Int64  // changes that have or want the token

	view   atomic.Pointer[View]
	loaded atomic.Bool
	last   int64      // number of the last amendment
	all    []int64    // numbers of all
	bytes  int64      // of all bodies
	recent []recorded // the last ones, as long as they are small: they are written together when they are many
}

// recorded is an amendment in metadata.
type recorded struct {
	number int64
	change *Change
	bytes  int64 // of its body
}

// Small amendments are written as one when there are so many, so that reading them all at a start stays cheap whatever their number was.
const (
	manySmall  = 32
	smallBytes = 64 << 10
)

// Large ones are written anew, as one, when they say twice as much as what is left of it, and staleBytes more: a log may be updated again and again.
const staleBytes = 4 << 20

// View returns what became of the logs of l until now: nil if nothing ever did. Errors: what became of them cannot be read.
func (s *Store) View(ctx context.Context, l *catalog.Logstore) (*View, error) {
	if s == nil || !l.Modifiable {
		return nil, nil
	}
	st := s.state(l)
	if st.loaded.Load() {
		return st.view.Load(), nil
	}
	if err := st.take(ctx); err != nil {
		return nil, err
	}
	defer st.leave()
	if err := s.load(ctx, st, l); err != nil {
		return nil, err
	}
	return st.view.Load(), nil
}

// take waits for the token of st, as long as ctx lets it. Without an error, leave has to follow.
func (st *state) take(ctx context.Context) error {
	select {
	case st.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (st *state) leave() { <-st.turn }

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

// state returns that of l. A logstore has one for its life, so that whoever comes with what the catalog said long ago takes nothing from others.
func (s *Store) state(l *catalog.Logstore) *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.states[lifeOf(l)]
	if st == nil {
		st = &state{turn: make(chan struct{}, 1)}
		s.states[lifeOf(l)] = st
	}
	return st
}

// sweep forgets the states of logstores that are gone, if there are so many states that it is worth while. Who still holds one of them finds that the
// logstore is gone before anything is written.
func (s *Store) sweep(tx meta.Tx) error {
	s.mu.Lock()
	lives := slices.Collect(maps.Keys(s.states))
	most := s.most
	s.mu.Unlock()
	if len(lives) <= most {
		return nil
	}
	var gone []life
	for _, f := range lives {
		l, err := tx.Logstore(f.ref)
		switch {
		case sluice.KindOf(err) == sluice.NotFound, err == nil && l.Created.UnixNano() != f.created:
			gone = append(gone, f)
		case err != nil:
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range gone {
		delete(s.states, f)
	}
	s.most = max(fewStates, 2*len(s.states))
	return nil
}

// load reads metadata, if it was not read yet. st has its token taken.
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
		if !now.Created.Equal(l.Created) {
			return deleted(l.Ref())
		}
		if stored, err = tx.Amendments(l.Ref()); err != nil {
			return err
		}
		return s.sweep(tx)
	})
	if err != nil {
		return err
	}
	st.last, st.all, st.bytes, st.recent = 0, nil, 0, nil
	var changes []*Change
	for _, a := range stored {
		c, err := decode(a.Body)
		if err != nil {
			return fmt.Errorf("amendment %d of logstore %s: %w; no query of it can be answered: restore the metadata from a backup", a.Number, l.Ref(), err)
		}
		changes = append(changes, c)
		st.wrote(a.Number, c, len(a.Body))
	}
	var view *View
	if len(changes) > 0 {
		view = (*View)(nil).with(s.version.Add(1), changes...)
	}
	st.view.Store(view) // at once: somebody may be about to take the view of before
	st.loaded.Store(true)
	return nil
}

func deleted(ref sluice.LogstoreRef) error {
	return sluice.Errorf(sluice.NotFound, "logstore", "the logstore %s was deleted", ref)
}

// wrote notes an amendment that is in metadata.
func (st *state) wrote(number int64, c *Change, bytes int) {
	st.last = number
	st.all = append(st.all, number)
	st.bytes += int64(bytes)
	if bytes > smallBytes {
		st.recent = nil
		return
	}
	st.recent = append(st.recent, recorded{number, c, int64(bytes)})
}

// begins says from where on the logs of a logstore are still there: in a shard log, or in a segment that retention has not emptied yet. It asks the
// catalog anew, since shards may have come while logs were searched: places in a shard that it does not know would be forgotten.
func (s *Store) begins(ctx context.Context, was *catalog.Logstore) (map[sluice.ShardID]sluice.Position, error) {
	l, err := s.cat.Logstore(ctx, was.Ref())
	if err != nil {
		return nil, err
	}
	if !l.Created.Equal(was.Created) {
		return nil, deleted(l.Ref())
	}
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

// maxWaiting changes of one logstore take turns; more are refused, so that a slow search does not hold up everybody who asks for something else.
const maxWaiting = 64

// Change changes logs of a logstore: find is given what became of them until now, while nobody else changes any, and says what is to
// become of them next. When Change returns, that is durable, and in every view taken from then on. Errors: NotFound [project], [logstore];
// Conflict [modification] for a logstore whose logs may not be changed; Throttled [amendments]; Unavailable [server] while many wait for
// their turn; those of find, after which nothing is changed.
func (s *Store) Change(ctx context.Context, ref sluice.LogstoreRef, find func(*catalog.Logstore, *View) (*Change, error)) error {
	l, err := s.modifiable(ctx, ref)
	if err != nil {
		return err
	}
	st := s.state(l)
	defer st.waiting.Add(-1)
	if st.waiting.Add(1) > maxWaiting {
		return sluice.Errorf(sluice.Unavailable, "server", "%d requests change logs of logstore %s, one after the other; try again in a moment", maxWaiting, ref.Logstore)
	}
	if err := st.take(ctx); err != nil {
		return err
	}
	defer st.leave()
	if err := s.load(ctx, st, l); err != nil {
		return err
	}
	was := lifeOf(l)
	if l, err = s.modifiable(ctx, ref); err != nil { // with the shards that came meanwhile
		return err
	}
	if lifeOf(l) != was {
		return deleted(ref)
	}
	before := st.view.Load()
	c, err := find(l, before)
	if err != nil || c.Len() == 0 {
		return err
	}
	return s.commit(ctx, st, l, before, c)
}

// modifiable finds a logstore whose logs may be changed.
func (s *Store) modifiable(ctx context.Context, ref sluice.LogstoreRef) (*catalog.Logstore, error) {
	l, err := s.cat.Logstore(ctx, ref)
	if err == nil {
		err = MayChange(l)
	}
	return l, err
}

// MayChange returns the error of Change for a logstore whose logs may not be changed: Conflict [modification].
func MayChange(l *catalog.Logstore) error {
	if l.Modifiable {
		return nil
	}
	return sluice.Errorf(sluice.Conflict, "modification",
		"the logs of logstore %s may not be modified; enable it first, with enableModify when the logstore is created or PUT /logstores/%s/modification", l.Name, l.Name)
}

// commit writes a change. st has its token taken.
func (s *Store) commit(ctx context.Context, st *state, l *catalog.Logstore, before *View, c *Change) error {
	after := before.with(s.version.Add(1), c)
	w := write{number: st.last + 1, change: c}
	begins, err := s.begins(ctx, l)
	if err != nil {
		return err
	}
	left := after.left(begins)
	if left < after.count && after.full() || left < after.count/2 || st.bytes > 2*after.bodyBytes()+staleBytes {
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

// bodyBytes is how large the body is of all that v has, at most.
func (v *View) bodyBytes() int64 { return 20*int64(v.count) + v.nowBytes }

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

// drop forgets the last n amendments: none, the recent ones or all.
func (st *state) drop(n int) {
	if n == 0 {
		return
	}
	for _, r := range st.recent {
		st.bytes -= r.bytes
	}
	st.all, st.recent = st.all[:len(st.all)-n], nil
	if len(st.all) == 0 {
		st.bytes = 0
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
		return deleted(l.Ref())
	}
	for _, number := range w.replaces {
		if err := tx.DeleteAmendment(l.Ref(), number); err != nil {
			return err
		}
	}
	return tx.SetAmendment(meta.Amendment{Project: l.Project, Logstore: l.Name, Number: w.number, Body: w.body})
}
