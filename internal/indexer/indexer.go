// Package indexer turns shard logs into segments, so that queries need not read every log.
//
//	shard logs ──follow──> rows ─┬─every second─────> small segment ──merge──┐
//	                             └─when they fill it──────────────────> group of rows ──copy──> large segment ──expire──> gone
//
//	segments and progress change in one metadata transaction
//
// Invariants:
//   - Every log group before a shard's progress is in exactly one segment, unless retention has taken it; none behind it is in any.
//   - What a Snapshot shows is one moment: its segments, and the positions from which the shard logs have the rest.
//   - A shard is indexed up to damage in its log and no further: an answer without the damaged logs must not look complete.
//   - Memory: one segment is built or merged at a time, of all logstores, from 64 MiB of raw logs at most; with what is kept about each
//     value, 192 MiB and one log group. Of logs like those of web servers it is 100 MB. An idle indexer keeps none of it.
//   - Objects are removed only when no snapshot can need them any more; what a crash leaves is removed at start.
package indexer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
)

// Options of an indexer. The zero value of a field means the default in brackets.
type Options struct {
	Every      time.Duration // [1s] between two looks for new logs; searches find what is not indexed yet all the same
	BatchBytes int64         // [64 MiB] raw bytes that become one segment at most
	CacheBytes int64         // [256 MiB] of segments that queries have read
	Grace      time.Duration // [1m] how long merged segments stay for queries that still read them
	Now        func() time.Time
	Logger     *slog.Logger // [discard]
}

func (o Options) withDefaults() Options {
	orDefault(&o.Every, time.Second)
	orDefault(&o.BatchBytes, 64<<20)
	orDefault(&o.CacheBytes, 256<<20)
	orDefault(&o.Grace, time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func orDefault[T int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Indexer follows the shard logs of all logstores that have an index. It is safe for concurrent use.
type Indexer struct {
	store   meta.Store
	cat     *catalog.Catalog
	objects objects.Store
	o       Options
	cache   *segment.Cache

	mu     sync.Mutex // guards stores and doomed
	stores map[sluice.LogstoreRef]*logstore
	doomed []doomed

	generation uint64                     // of the metadata that refs was read from; of Run alone
	refs       []sluice.LogstoreRef       // logstores with an index
	round      map[sluice.LogstoreRef]int // turns since a logstore's last look at expiry
	number     uint64                     // of the last segment named
	segment    *segment.Builder           // of the last segment built
	most       int64                      // raw bytes that it has held
	built      bool                       // something in this turn
}

// doomed is a segment that is in no snapshot any more, and when nobody can be reading it.
type doomed struct {
	name string
	at   time.Time
}

// logstore is the index of one logstore as it is now.
type logstore struct {
	created  time.Time // of the logstore: another one may come under its name
	segments []*Segment
	progress map[sluice.ShardID]sluice.Position
}

// Segment is an open segment, or one that cannot be opened.
type Segment struct {
	*segment.Segment
	Config uint64 // of the configuration it was built under
	Runs   []meta.Run
	Bad    error // why it cannot be opened; then Segment is nil
	name   string
	alone  bool // not to be merged: it is damaged; of Run alone
}

// Snapshot is the index of a logstore at one moment. Its slices do not change.
type Snapshot struct {
	Segments []*Segment
	Progress map[sluice.ShardID]sluice.Position // where to read on in a shard log; a shard that is not there: from its begin
}

// stored is what metadata keeps of a segment.
type stored struct {
	Config uint64
	Info   segment.Info
}

// New makes an indexer that keeps segments in objs, and removes what no metadata names.
func New(ctx context.Context, store meta.Store, cat *catalog.Catalog, objs objects.Store, o Options) (*Indexer, error) {
	o = o.withDefaults()
	x := &Indexer{
		store: store, cat: cat, objects: objs, o: o, cache: segment.NewCache(o.CacheBytes),
		stores: map[sluice.LogstoreRef]*logstore{}, round: map[sluice.LogstoreRef]int{},
	}
	if err := x.removeOrphans(ctx); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return x, nil
}

// removeOrphans removes objects that no segment in metadata has, and finds the last number that was used in a name.
func (x *Indexer) removeOrphans(ctx context.Context) error {
	var all []meta.Segment
	err := x.store.View(ctx, func(tx meta.Tx) (err error) {
		all, err = tx.AllSegments()
		return err
	})
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, s := range all {
		known[s.Name] = true
	}
	const page = 1000
	after := ""
	for {
		entries, err := x.objects.List(ctx, prefix, after, page)
		if err != nil {
			return err
		}
		for _, e := range entries {
			after = e.Name
			name, _, _ := strings.Cut(e.Name, ".")
			if n, err := strconv.ParseUint(strings.TrimPrefix(name, prefix), 16, 64); err == nil {
				x.number = max(x.number, n)
			}
			if !known[name] {
				if err := x.objects.Delete(ctx, e.Name); err != nil {
					x.o.Logger.Warn("an object that no segment has cannot be removed", "object", e.Name, "error", err)
				}
			}
		}
		if len(entries) < page {
			return nil
		}
	}
}

// prefix of the names of segments.
const prefix = "segments/"

// nextName gives a name that no segment had. Only Run calls it.
func (x *Indexer) nextName() string {
	x.number++
	return fmt.Sprintf("%s%016x", prefix, x.number)
}

// Snapshot returns the index of a logstore as it is now. A logstore that was never indexed has an empty one.
func (x *Indexer) Snapshot(ctx context.Context, ref sluice.LogstoreRef) (*Snapshot, error) {
	l, err := x.logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	progress := make(map[sluice.ShardID]sluice.Position, len(l.progress))
	for id, p := range l.progress {
		progress[id] = p
	}
	return &Snapshot{Segments: l.segments, Progress: progress}, nil
}

// logstore returns the state of a logstore, reading it from metadata the first time.
func (x *Indexer) logstore(ctx context.Context, ref sluice.LogstoreRef) (*logstore, error) {
	view, err := x.cat.Logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if l := x.stores[ref]; l != nil {
		if l.created.Equal(view.Created) {
			return l, nil
		}
		x.forget(ref, l)
	}
	l, err := x.load(ctx, ref)
	if err != nil {
		return nil, err
	}
	l.created = view.Created
	x.stores[ref] = l
	return l, nil
}

// forget gives up the index of a logstore that is gone. x.mu is held.
func (x *Indexer) forget(ref sluice.LogstoreRef, l *logstore) {
	for _, s := range l.segments {
		x.doom(s.name)
	}
	delete(x.stores, ref)
}

func (x *Indexer) load(ctx context.Context, ref sluice.LogstoreRef) (*logstore, error) {
	l := &logstore{progress: map[sluice.ShardID]sluice.Position{}}
	var segments []meta.Segment
	err := x.store.View(ctx, func(tx meta.Tx) error {
		progress, err := tx.IndexProgress(ref)
		if err != nil {
			return err
		}
		for _, p := range progress {
			l.progress[p.Shard] = p.Position
		}
		segments, err = tx.Segments(ref)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, m := range segments {
		s, err := x.open(ctx, m)
		if err != nil {
			x.o.Logger.Error("segment cannot be opened, queries leave it out and say so", "segment", m.Name,
				"project", ref.Project, "logstore", ref.Logstore, "error", err)
			s = &Segment{Runs: m.Runs, Bad: err, name: m.Name}
		}
		l.segments = append(l.segments, s)
	}
	return l, nil
}

func (x *Indexer) open(ctx context.Context, m meta.Segment) (*Segment, error) {
	var info stored
	if err := json.Unmarshal(m.Info, &info); err != nil {
		return nil, err
	}
	s, err := segment.Open(ctx, x.objects, x.cache, info.Info)
	if err != nil {
		return nil, err
	}
	return &Segment{Segment: s, Config: info.Config, Runs: m.Runs, name: m.Name}, nil
}

// Status is how an index does.
type Status struct {
	Segments int
	Rows     int64
	Raw      int64 // bytes of the logs as they came
	Stored   int64 // bytes of the segments
	Bad      int   // segments that cannot be opened
}

// Status adds up the segments of all logstores that were indexed or asked since the start.
func (x *Indexer) Status() (s Status) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, l := range x.stores {
		for _, seg := range l.segments {
			s.Segments++
			if seg.Bad != nil {
				s.Bad++
				continue
			}
			info := seg.Info()
			s.Rows += info.Rows
			s.Raw += info.Bytes
			s.Stored += info.Parquet + info.Index
		}
	}
	return s
}

// Run indexes until ctx ends.
func (x *Indexer) Run(ctx context.Context) error {
	tick := time.NewTicker(x.o.Every)
	defer tick.Stop()
	for {
		more, err := x.turn(ctx)
		if err != nil && ctx.Err() == nil {
			x.o.Logger.Warn("indexing failed, it goes on with the next round", "error", err)
		}
		if more && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Round indexes what is new in every logstore, merges what has become many, and removes what is old. Run does the same all the time;
// tests call it when they want.
func (x *Indexer) Round(ctx context.Context) error {
	for {
		if more, err := x.turn(ctx); err != nil || !more {
			return err
		}
	}
}

// turn gives every logstore a turn: one new segment, and some merges. more says that in some logstore there is more to do at once: no
// flood of logs, and no backlog, keeps the other logstores waiting for longer than a turn of each.
func (x *Indexer) turn(ctx context.Context) (more bool, err error) {
	if err := x.findLogstores(ctx); err != nil {
		return false, err
	}
	x.built = false
	var errs []error
	for _, ref := range x.refs {
		if ctx.Err() != nil {
			break
		}
		again, err := x.turnOf(ctx, ref)
		if err != nil && sluice.KindOf(err) != sluice.NotFound {
			errs = append(errs, fmt.Errorf("%s: %w", ref, err))
		}
		more = more || again
	}
	if !x.built {
		x.segment = nil // an idle server needs little memory
	}
	errs = append(errs, x.bury(ctx))
	return more, errors.Join(errs...)
}

func (x *Indexer) turnOf(ctx context.Context, ref sluice.LogstoreRef) (more bool, err error) {
	if more, err = x.indexNew(ctx, ref); err != nil {
		return false, err
	}
	again, err := x.mergeSome(ctx, ref)
	if err != nil {
		return false, err
	}
	if x.round[ref]++; x.round[ref]%expireEvery == 1 {
		return more || again, x.expire(ctx, ref)
	}
	return more || again, nil
}

// expireEvery is after how many turns a logstore is looked at for segments that retention has emptied.
const expireEvery = 60

// findLogstores lists the logstores with an index again if the metadata changed, and forgets those that are gone.
func (x *Indexer) findLogstores(ctx context.Context) error {
	generation := x.store.Generation()
	if generation == x.generation {
		return nil
	}
	var refs []sluice.LogstoreRef
	all := map[sluice.LogstoreRef]bool{}
	err := x.store.View(ctx, func(tx meta.Tx) error {
		shards, err := tx.AllShards()
		if err != nil {
			return err
		}
		for _, s := range shards {
			ref := sluice.LogstoreRef{Project: s.Project, Logstore: s.Logstore}
			if all[ref] {
				continue
			}
			all[ref] = true
			_, err := tx.Index(ref)
			switch {
			case err == nil:
				refs = append(refs, ref)
			case sluice.KindOf(err) != sluice.NotFound:
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for ref, l := range x.stores {
		if !all[ref] {
			x.forget(ref, l)
			delete(x.round, ref)
		}
	}
	x.refs, x.generation = refs, generation
	return nil
}

// doom remembers to remove a segment's objects. x.mu is held.
func (x *Indexer) doom(name string) {
	x.doomed = append(x.doomed, doomed{name, x.o.Now().Add(x.o.Grace)})
}

// bury removes the objects of segments that nobody can be reading any more.
func (x *Indexer) bury(ctx context.Context) error {
	now := x.o.Now()
	x.mu.Lock()
	var due []string
	x.doomed = slices.DeleteFunc(x.doomed, func(d doomed) bool {
		if now.Before(d.at) {
			return false
		}
		due = append(due, d.name)
		return true
	})
	x.mu.Unlock()
	var errs []error
	for _, name := range due {
		info := segment.Info{Name: name}
		errs = append(errs, x.objects.Delete(ctx, info.ParquetObject()), x.objects.Delete(ctx, info.IndexObject()))
	}
	return errors.Join(errs...)
}
