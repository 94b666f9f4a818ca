package indexer

import (
	"context"
	"encoding/json"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/segment"
)

// logstore returns the state of a logstore, reading it from metadata the first time.
func (x *Indexer) logstore(ctx context.Context, ref sluice.LogstoreRef) (*logstore, error) {
	view, err := x.cat.Logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	known := func() *logstore {
		x.mu.Lock()
		defer x.mu.Unlock()
		l := x.stores[ref]
		if l != nil && !l.created.Equal(view.Created) {
			x.forget(ref, l)
			return nil
		}
		return l
	}
	if l := known(); l != nil {
		return l, nil
	}
	x.loads.Lock() // and not mu: queries of other logstores do not wait for the objects of this one
	defer x.loads.Unlock()
	if l := known(); l != nil {
		return l, nil
	}
	l, err := x.load(ctx, ref)
	if err != nil {
		return nil, err
	}
	l.created = view.Created
	x.mu.Lock()
	defer x.mu.Unlock()
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

// openers is how many segments are opened at once.
const openers = 16

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
	l.segments = make([]*Segment, len(segments))
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(openers)
	for i, m := range segments {
		g.Go(func() (err error) {
			l.segments[i], err = x.openOrBad(within, ref, m)
			return err
		})
	}
	return l, g.Wait()
}

// openOrBad opens a segment, or makes a bad one of it if its objects are damaged or missing. That they cannot be read now is an
// error: they may be there again in a moment.
func (x *Indexer) openOrBad(ctx context.Context, ref sluice.LogstoreRef, m meta.Segment) (*Segment, error) {
	s, err := x.open(ctx, m)
	if err == nil {
		return s, nil
	}
	var damage *segment.DamageError
	if !errors.As(err, &damage) {
		return nil, err
	}
	x.o.Logger.Error("segment cannot be opened, queries leave it out and say so", "segment", m.Name,
		"project", ref.Project, "logstore", ref.Logstore, "error", err)
	return &Segment{Runs: m.Runs, Bad: err, name: m.Name}, nil
}

func (x *Indexer) open(ctx context.Context, m meta.Segment) (*Segment, error) {
	var info stored
	if err := json.Unmarshal(m.Info, &info); err != nil {
		return nil, &segment.DamageError{Object: m.Name, Err: err}
	}
	s, err := segment.Open(ctx, x.objects, x.cache, info.Info)
	if err != nil {
		return nil, err
	}
	return &Segment{Segment: s, Config: info.Config, Runs: m.Runs, name: m.Name}, nil
}
