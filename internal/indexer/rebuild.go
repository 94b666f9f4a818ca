package indexer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/segment"
)

/*
Making segments anew. A rebuild is for those that were built under another configuration than the present one, or for all; damaged
ones are made anew without being asked for. The shard logs have every log until retention takes it, and the runs of a segment say
which are its own:

	old segment ──runs──> shard logs ──a batch of BatchBytes each round, after what is new──> new segments ──in its place, in one step

So a rebuild takes a second for 64 MiB at most, and what is new waits for one batch. Until the step, queries see the old segment; what
a crash leaves of new ones is removed at start, and that one segment begun again. A segment whose logs the shard logs cannot give
any more, because they are damaged too, stays.
*/

// Rebuild is how the last rebuild of an index does.
type Rebuild struct {
	Started, Finished time.Time // Finished is zero while it runs
	Canceled          bool
	Done, Left        int64 // raw bytes of segments made anew, and of those that wait
	Failed            int   // segments that cannot be made anew
}

// StartRebuild begins to make the segments of a logstore anew: those of another index configuration than the present one, or all. What is
// told of it says that it started at the moment given, by which whoever started it knows it again. Errors: NotFound [project], [logstore], [index]; AlreadyExists [rebuild] while one runs.
func (x *Indexer) StartRebuild(ctx context.Context, ref sluice.LogstoreRef, all bool, started time.Time) error {
	if _, err := x.cat.Index(ctx, ref); err != nil {
		return err
	}
	r := meta.IndexRebuild{Project: ref.Project, Logstore: ref.Logstore, Started: started}
	if all {
		l, err := x.logstore(ctx, ref)
		if err != nil {
			return err
		}
		r.Last = x.lastName(l)
	}
	x.jobs.Lock()
	defer x.jobs.Unlock()
	err := x.store.Update(ctx, func(tx meta.Tx) error {
		old, err := tx.IndexRebuild(ref)
		if err == nil && old.Finished.IsZero() {
			return meta.Exists("rebuild", ref.Logstore)
		}
		if err != nil && !isNotFound(err, "rebuild") {
			return err
		}
		return tx.SetIndexRebuild(r)
	})
	return errors.Join(err, x.readRebuild(ctx, ref))
}

// readRebuild makes what is known of a rebuild what metadata says: after a change that failed, nobody knows. x.jobs is held.
func (x *Indexer) readRebuild(ctx context.Context, ref sluice.LogstoreRef) error {
	return x.store.View(ctx, func(tx meta.Tx) error {
		r, err := tx.IndexRebuild(ref)
		if err != nil && sluice.KindOf(err) != sluice.NotFound {
			return err
		}
		delete(x.rebuilds, ref)
		if err == nil && r.Finished.IsZero() {
			x.rebuilds[ref] = r.Last
		}
		return nil
	})
}

func isNotFound(err error, noun string) bool {
	var e *sluice.Error
	return errors.As(err, &e) && e.Kind == sluice.NotFound && e.Noun == noun
}

// lastName is the highest name of the segments of a logstore.
func (x *Indexer) lastName(l *logstore) (last string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range l.segments {
		last = max(last, s.name)
	}
	return last
}

// CancelRebuild ends a rebuild. What was made anew stays. Errors: NotFound [project], [logstore]; NotFound [rebuild] if none runs.
func (x *Indexer) CancelRebuild(ctx context.Context, ref sluice.LogstoreRef) error {
	x.jobs.Lock()
	defer x.jobs.Unlock()
	return x.endRebuild(ctx, ref, func(r *meta.IndexRebuild) { r.Canceled = true })
}

// endRebuild ends a rebuild that runs, in metadata, then in memory. x.jobs is held.
func (x *Indexer) endRebuild(ctx context.Context, ref sluice.LogstoreRef, how func(*meta.IndexRebuild)) error {
	err := x.store.Update(ctx, func(tx meta.Tx) error {
		r, err := tx.IndexRebuild(ref)
		if err == nil && !r.Finished.IsZero() {
			err = meta.Missing("rebuild", ref.Logstore)
		}
		if err != nil {
			return err
		}
		r.Finished = x.o.Now()
		how(&r)
		return tx.SetIndexRebuild(r)
	})
	return errors.Join(err, x.readRebuild(ctx, ref))
}

// Rebuild tells of the last rebuild of a logstore. Errors: NotFound [project], [logstore], [rebuild].
func (x *Indexer) Rebuild(ctx context.Context, ref sluice.LogstoreRef) (Rebuild, error) {
	var stored meta.IndexRebuild
	err := x.store.View(ctx, func(tx meta.Tx) (err error) {
		stored, err = tx.IndexRebuild(ref)
		return err
	})
	if err != nil {
		return Rebuild{}, err
	}
	r := Rebuild{Started: stored.Started, Finished: stored.Finished, Canceled: stored.Canceled, Done: stored.Done, Failed: stored.Left}
	if !r.Finished.IsZero() {
		return r, nil
	}
	l, err := x.logstore(ctx, ref)
	if err != nil {
		return r, err
	}
	config, err := x.config(ctx, ref)
	if err != nil {
		return r, err
	}
	stale, failed := x.stale(l, config, stored.Last, true)
	for _, s := range stale {
		if s.Segment != nil {
			r.Left += s.Info().Bytes
		}
	}
	r.Failed = failed
	return r, nil
}

// stale returns the segments that are to be made anew: those that are damaged, and if rebuilding those of another configuration and
// those up to last. Segments that cannot be made anew are only counted.
func (x *Indexer) stale(l *logstore, config *Config, last string, rebuilding bool) (stale []*Segment, failed int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range l.segments {
		old := rebuilding && (s.Config != config.ID || s.name <= last)
		switch {
		case !old && !s.isDamaged():
		case x.failed[s.name]:
			failed++
		default:
			stale = append(stale, s)
		}
	}
	slices.SortFunc(stale, func(a, b *Segment) int { return strings.Compare(a.name, b.name) })
	return stale, failed
}

// work is a segment that is being made anew.
type work struct {
	ref    sluice.LogstoreRef
	of     *logstore
	old    *Segment
	config uint64
	left   []meta.Run // to be read
	parts  []*built   // made of what was read
}

// loadRebuilds finds the rebuilds that an earlier process began.
func (x *Indexer) loadRebuilds(ctx context.Context) error {
	return x.store.View(ctx, func(tx meta.Tx) error {
		all, err := tx.IndexRebuilds()
		for _, r := range all {
			if r.Finished.IsZero() {
				x.rebuilds[sluice.LogstoreRef{Project: r.Project, Logstore: r.Logstore}] = r.Last
			}
		}
		return err
	})
}

// rebuildSome makes one batch of logs into a new segment, or finds that there is nothing to do.
func (x *Indexer) rebuildSome(ctx context.Context) error {
	x.working.Lock()
	defer x.working.Unlock()
	w, config, err := x.nextWork(ctx)
	if w == nil || err != nil {
		return err
	}
	err = x.part(ctx, w, config)
	switch {
	case errors.Is(err, errNotAll):
		x.o.Logger.Error("segment stays as it is: its logs cannot be read in full from the shard log", "segment", w.old.name,
			"project", w.ref.Project, "logstore", w.ref.Logstore)
		x.fail(w)
		return nil
	case err != nil:
		x.abandon()
		return err
	case len(w.left) > 0:
		return nil
	}
	x.work = nil
	return x.finish(ctx, w)
}

// nextWork returns the work under way if it is still wanted, or begins another. x.working is held.
func (x *Indexer) nextWork(ctx context.Context) (*work, *Config, error) {
	if w := x.work; w != nil {
		config, err := x.config(ctx, w.ref)
		if err == nil && x.wanted(w, config) {
			return w, config, nil
		}
		x.abandon()
	}
	for i := range x.refs {
		ref := x.refs[(x.next+i)%len(x.refs)]
		w, config, err := x.begin(ctx, ref)
		if err != nil && sluice.KindOf(err) != sluice.NotFound {
			return nil, nil, fmt.Errorf("%s: %w", ref, err)
		}
		if w != nil {
			x.work, x.next = w, (x.next+i+1)%len(x.refs)
			return w, config, nil
		}
	}
	return nil, nil, nil
}

// begin finds a segment of a logstore that is to be made anew, and ends a rebuild that has none left.
func (x *Indexer) begin(ctx context.Context, ref sluice.LogstoreRef) (*work, *Config, error) {
	l, err := x.logstore(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	config, err := x.config(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	x.jobs.Lock()
	defer x.jobs.Unlock()
	last, running := x.rebuilds[ref]
	stale, failed := x.stale(l, config, last, running)
	if len(stale) == 0 {
		if !running {
			return nil, nil, nil
		}
		return nil, nil, x.endRebuild(ctx, ref, func(r *meta.IndexRebuild) { r.Left = failed })
	}
	return &work{ref: ref, of: l, old: stale[0], config: config.ID, left: slices.Clone(stale[0].Runs)}, config, nil
}

// wanted reports whether the segment is still there and is to be made anew as it was begun.
func (x *Indexer) wanted(w *work, config *Config) bool {
	if config.ID != w.config {
		return false
	}
	x.jobs.Lock()
	_, running := x.rebuilds[w.ref]
	x.jobs.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stores[w.ref] == w.of && slices.Contains(w.of.segments, w.old) && (running || w.old.isDamaged())
}

// fail gives up a segment that cannot be made anew, until the next start.
func (x *Indexer) fail(w *work) {
	x.mu.Lock()
	x.failed[w.old.name] = true
	x.mu.Unlock()
	x.abandon()
}

// abandon gives up the work under way.
func (x *Indexer) abandon() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, b := range x.work.parts {
		x.doom(b.row.Name)
	}
	x.work = nil
}

// errNotAll says that the shard logs do not have all of a segment's logs.
var errNotAll = errors.New("the shard log is damaged")

// part reads the next batch of a segment's logs and makes a segment of it.
func (x *Indexer) part(ctx context.Context, w *work, config *Config) error {
	view, err := x.cat.Logstore(ctx, w.ref)
	if err != nil {
		return err
	}
	now, later := wave(w.left)
	f, err := newFeedOf(view.Shards, now)
	if err != nil {
		return err
	}
	defer f.close()
	b := &batch{segment: x.builder(config.options()), room: x.o.BatchBytes}
	if _, err = b.fill(f); err != nil {
		return err
	}
	x.built = true
	if f.damaged {
		return errNotAll
	}
	w.left = append(f.rest(), later...)
	if b.segment.Rows() == 0 {
		return nil
	}
	row, made, err := x.write(ctx, w.ref, config, f.runs, func(name string) (segment.Info, error) {
		return b.segment.Write(ctx, x.objects, name)
	})
	if err != nil {
		return err
	}
	w.parts = append(w.parts, &built{row, made})
	return nil
}

// wave splits runs into the first of each shard and the others.
func wave(runs []meta.Run) (now, later []meta.Run) {
	seen := map[sluice.ShardID]bool{}
	for _, r := range runs {
		if seen[r.Shard] {
			later = append(later, r)
			continue
		}
		seen[r.Shard] = true
		now = append(now, r)
	}
	return now, later
}

// newFeedOf reads runs, at most one of each shard, as far as the shards still have them.
func newFeedOf(shards []catalog.Shard, runs []meta.Run) (*feed, error) {
	bounds := map[sluice.ShardID]meta.Run{}
	for _, r := range runs {
		bounds[r.Shard] = r
	}
	return openFeed(slices.DeleteFunc(slices.Clone(shards), func(s catalog.Shard) bool {
		_, ok := bounds[s.ID]
		return !ok
	}), func(s *catalog.Shard) (from, to sluice.Position) { return bounds[s.ID].From, bounds[s.ID].To })
}

// finish puts what was made in the place of the old segment.
func (x *Indexer) finish(ctx context.Context, w *work) error {
	return x.apply(ctx, w.ref, w.of, &change{add: w.parts, remove: []*Segment{w.old}, also: func(tx meta.Tx) error {
		r, err := tx.IndexRebuild(w.ref)
		if isNotFound(err, "rebuild") || err == nil && !r.Finished.IsZero() || w.old.Segment == nil {
			return nil // it was damaged, or the rebuild was canceled just now
		}
		if err != nil {
			return err
		}
		r.Done += w.old.Info().Bytes
		return tx.SetIndexRebuild(r)
	}})
}
