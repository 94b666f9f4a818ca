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
//   - A segment whose objects are damaged is made anew from the shard logs, which have every log until retention takes it. So are all
//     segments of an older index configuration, when that is asked for.
//   - Memory: one segment is built or merged at a time, of all logstores, from 64 MiB of raw logs at most; with what is kept about each
//     value, 192 MiB and one log group. Of logs like those of web servers it is 100 MB. An idle indexer keeps none of it.
//   - Objects are removed only when no snapshot can need them any more; what a crash leaves is removed at start.
package indexer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

	loads sync.Mutex // held while a logstore's state is read; taken before mu

	mu     sync.Mutex // guards stores and what is in them, doomed, unsure, failed
	stores map[sluice.LogstoreRef]*logstore
	doomed []doomed
	unsure []string        // segments whose changes failed
	failed map[string]bool // segments that cannot be made anew

	jobs     sync.Mutex                    // guards rebuilds; taken before mu, and held while metadata is told of a rebuild
	rebuilds map[sluice.LogstoreRef]string // those that run, with the last segment that is made anew whatever it was built under

	held atomic.Int64 // how many want no object removed

	working sync.Mutex // held for a turn; guards all below, and is taken before the other locks

	generation uint64                     // of the metadata that refs was read from
	refs       []sluice.LogstoreRef       // logstores with an index
	round      map[sluice.LogstoreRef]int // turns since a logstore's last look at expiry
	number     uint64                     // of the last segment named
	segment    *segment.Builder           // of the last segment built
	most       int64                      // raw bytes that it has held
	built      bool                       // something in this turn
	work       *work                      // segment being made anew
	next       int                        // of refs, the next to be looked at for segments to be made anew
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
	Bad    error    // why it cannot be opened; then Segment is nil
	Memo   sync.Map // what readers keep with the segment for as long as it is open, by keys of theirs
	name   string

	damaged atomic.Bool
}

// MarkDamaged says that damage was found in the segment. It is made anew.
func (s *Segment) MarkDamaged() { s.damaged.Store(true) }

func (s *Segment) isDamaged() bool { return s.Bad != nil || s.damaged.Load() }

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
		rebuilds: map[sluice.LogstoreRef]string{}, failed: map[string]bool{},
	}
	if err := errors.Join(x.removeOrphans(ctx), x.loadRebuilds(ctx)); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	return x, nil
}

// removeOrphans removes objects that no segment in metadata has, and finds the last number that was used in a name: by an object, or by a segment
// whose objects are not here, since the index has moved to an empty place.
func (x *Indexer) removeOrphans(ctx context.Context) error {
	known, err := x.knownNames(ctx)
	if err != nil {
		return err
	}
	for name := range known {
		x.named(name)
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
			x.named(name)
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

// named notes that a name was given.
func (x *Indexer) named(name string) {
	if n, err := strconv.ParseUint(strings.TrimPrefix(name, prefix), 16, 64); err == nil {
		x.number = max(x.number, n)
	}
}

// prefix of the names of segments.
const prefix = "segments/"

// nextName gives a name that no segment had. x.working is held.
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

// Status is how an index does.
type Status struct {
	Segments int
	Rows     int64
	Raw      int64 // bytes of the logs as they came
	Stored   int64 // bytes of the segments
	Bad      int   // segments that are damaged
}

// Status adds up the segments of all logstores that were indexed or asked since the start.
func (x *Indexer) Status() (s Status) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, l := range x.stores {
		for _, seg := range l.segments {
			s.Segments++
			if seg.isDamaged() {
				s.Bad++
			}
			if seg.Bad != nil {
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
	for turns := 1; ; turns++ {
		more, err := x.turn(ctx)
		if err == nil && (!more || turns%rebuildEvery == 0) {
			err = x.rebuildSome(ctx)
		}
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
// tests call it when they want, also beside Run.
func (x *Indexer) Round(ctx context.Context) error {
	for {
		more, err := x.turn(ctx)
		if err != nil {
			return err
		}
		if !more {
			return x.rebuildSome(ctx)
		}
	}
}

// rebuildEvery is after how many turns there is some work on segments to be made anew, while there is always something new.
const rebuildEvery = 64

// turn gives every logstore a turn: one new segment, and some merges. more says that in some logstore there is more to do at once: no
// flood of logs, and no backlog, keeps the other logstores waiting for longer than a turn of each.
func (x *Indexer) turn(ctx context.Context) (more bool, err error) {
	x.working.Lock()
	defer x.working.Unlock()
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
	var refs, dropped []sluice.LogstoreRef
	all := map[sluice.LogstoreRef]bool{}
	err := x.store.View(ctx, func(tx meta.Tx) (err error) {
		names, err := tx.AllLogstores()
		if err != nil {
			return err
		}
		for _, ref := range names {
			all[ref] = true
		}
		if refs, err = tx.IndexedLogstores(); err != nil {
			return err
		}
		indexed := map[sluice.LogstoreRef]bool{}
		for _, ref := range refs {
			indexed[ref] = true
		}
		segmented, err := tx.SegmentedLogstores()
		dropped = slices.DeleteFunc(segmented, func(ref sluice.LogstoreRef) bool { return indexed[ref] })
		return err
	})
	if err != nil {
		return err
	}
	for _, ref := range dropped {
		if err := x.dropIndex(ctx, ref); err != nil && sluice.KindOf(err) != sluice.NotFound {
			return err
		}
	}
	x.forgetRebuilds(all)
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

// dropIndex removes the segments of a logstore whose index was deleted. If it gets another, its logs are indexed from the first on.
func (x *Indexer) dropIndex(ctx context.Context, ref sluice.LogstoreRef) error {
	l, err := x.logstore(ctx, ref)
	if err != nil {
		return err
	}
	c := &change{remove: l.segments, also: func(tx meta.Tx) error {
		_, err := tx.Index(ref)
		if err == nil {
			return sluice.Errorf(sluice.NotFound, "index", "there is an index again")
		}
		if isNotFound(err, "index") {
			return nil
		}
		return err
	}}
	for id := range l.progress {
		c.progress = append(c.progress, meta.Run{Shard: id})
	}
	return x.apply(ctx, ref, l, c)
}

// forgetRebuilds forgets those of logstores that are gone.
func (x *Indexer) forgetRebuilds(all map[sluice.LogstoreRef]bool) {
	x.jobs.Lock()
	defer x.jobs.Unlock()
	for ref := range x.rebuilds {
		if !all[ref] {
			delete(x.rebuilds, ref)
		}
	}
}

// Hold keeps the objects of segments from being removed until letGo is called: those of all segments that are in metadata now, or later,
// can be copied meanwhile.
func (x *Indexer) Hold() (letGo func()) {
	x.held.Add(1)
	return sync.OnceFunc(func() { x.held.Add(-1) })
}

// bury removes the objects of segments that nobody can be reading any more.
func (x *Indexer) bury(ctx context.Context) error {
	if x.held.Load() > 0 {
		return nil
	}
	if err := x.decide(ctx); err != nil {
		return err
	}
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
