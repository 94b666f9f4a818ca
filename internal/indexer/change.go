package indexer

import (
	"context"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// change is a step of the index of a logstore: segments come, others go, shards get further. Metadata makes it one step, and
// snapshots see all of it or nothing.
type change struct {
	add      []*built
	remove   []*Segment
	progress []meta.Run             // what shards have been indexed of; To is where they are
	also     func(tx meta.Tx) error // further changes of metadata; may be nil
}

// built is a segment that was written and is in no index yet.
type built struct {
	row  meta.Segment
	open *Segment
}

// apply makes a change. If it fails, nobody knows whether metadata has it: the logstore is read anew, and bury finds out about the
// objects.
func (x *Indexer) apply(ctx context.Context, ref sluice.LogstoreRef, l *logstore, c *change) error {
	err := x.store.Update(ctx, func(tx meta.Tx) error { return c.write(tx, ref) })
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		if x.stores[ref] == l {
			delete(x.stores, ref)
		}
		for _, b := range c.add {
			x.unsure = append(x.unsure, b.row.Name)
		}
		for _, s := range c.remove {
			x.unsure = append(x.unsure, s.name)
		}
		return err
	}
	segments := slices.Clone(l.segments) // snapshots have the old one
	if len(c.remove) > 0 {
		segments = slices.DeleteFunc(segments, func(s *Segment) bool { return slices.Contains(c.remove, s) })
	}
	for _, b := range c.add {
		segments = append(segments, b.open)
	}
	l.segments = segments
	for _, r := range c.progress {
		l.progress[r.Shard] = r.To
	}
	for _, s := range c.remove {
		x.doom(s.name)
	}
	return nil
}

func (c *change) write(tx meta.Tx, ref sluice.LogstoreRef) error {
	for _, s := range c.remove {
		if err := tx.DeleteSegment(ref, s.name); err != nil {
			return err
		}
	}
	for _, b := range c.add {
		if err := tx.CreateSegment(b.row); err != nil {
			return err
		}
	}
	for _, r := range c.progress {
		p := meta.IndexProgress{Project: ref.Project, Logstore: ref.Logstore, Shard: r.Shard, Position: r.To}
		if err := tx.SetIndexProgress(p); err != nil {
			return err
		}
	}
	if c.also != nil {
		return c.also(tx)
	}
	return nil
}

// doom remembers to remove a segment's objects. x.mu is held.
func (x *Indexer) doom(name string) {
	x.doomed = append(x.doomed, doomed{name, x.o.Now().Add(x.o.Grace)})
}

// decide finds out which of the segments whose changes failed are in no index.
func (x *Indexer) decide(ctx context.Context) error {
	x.mu.Lock()
	unsure := x.unsure
	x.unsure = nil
	x.mu.Unlock()
	if len(unsure) == 0 {
		return nil
	}
	known, err := x.knownNames(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.unsure = append(x.unsure, unsure...)
		return err
	}
	for _, name := range unsure {
		if !known[name] {
			x.doom(name)
		}
	}
	return nil
}

// knownNames are the names of all segments in metadata.
func (x *Indexer) knownNames(ctx context.Context) (map[string]bool, error) {
	known := map[string]bool{}
	err := x.store.View(ctx, func(tx meta.Tx) error {
		all, err := tx.AllSegments()
		for _, s := range all {
			known[s.Name] = true
		}
		return err
	})
	return known, err
}
