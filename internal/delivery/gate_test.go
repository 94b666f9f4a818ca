package delivery_test

import (
	"context"
	"errors"
	"sync"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/meta"
)

var (
	errDead   = errors.New("the process is dead")
	errFailed = errors.New("the disk does not answer")
)

// gate stands between one engine and the world. It fails what a test wants to fail, and makes the engine a process that died, or one that
// does not run for a while.
type gate struct {
	mu     sync.Mutex
	dead   bool
	frozen chan struct{}                // closed by thaw; nil: it runs
	commit func() (before, after error) // what happens to the next change of metadata
	letter func() (before, after error) // and to the next append
}

// pass waits while the engine is frozen, and fails when it is dead.
func (g *gate) pass() error {
	for {
		g.mu.Lock()
		frozen, dead := g.frozen, g.dead
		g.mu.Unlock()
		switch {
		case dead:
			return errDead
		case frozen == nil:
			return nil
		}
		<-frozen
	}
}

func (g *gate) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.dead = true
	if g.frozen != nil {
		close(g.frozen)
		g.frozen = nil
	}
}

func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.frozen == nil {
		g.frozen = make(chan struct{})
	}
}

func (g *gate) thaw() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.frozen != nil {
		close(g.frozen)
		g.frozen = nil
	}
}

// around does something that may fail before it is done, or after.
func (g *gate) around(fail *func() (before, after error), do func() error) error {
	if err := g.pass(); err != nil {
		return err
	}
	g.mu.Lock()
	var before, after error
	if *fail != nil {
		before, after = (*fail)()
	}
	g.mu.Unlock()
	if before != nil {
		return before
	}
	if err := do(); err != nil {
		return err
	}
	if after != nil {
		return after
	}
	return g.pass()
}

type gatedStore struct {
	meta.Store
	gate *gate
}

func (s gatedStore) Update(ctx context.Context, fn func(meta.Tx) error) error {
	return s.gate.around(&s.gate.commit, func() error { return s.Store.Update(ctx, fn) })
}

func (s gatedStore) View(ctx context.Context, fn func(meta.Tx) error) error {
	if err := s.gate.pass(); err != nil {
		return err
	}
	return s.Store.View(ctx, fn)
}

type gatedDoor struct {
	sluice.Appender
	gate *gate
}

func (d gatedDoor) Append(ctx context.Context, ref sluice.LogstoreRef, g *sluice.LogGroup) (id sluice.ShardID, p sluice.Position, err error) {
	err = d.gate.around(&d.gate.letter, func() (err error) {
		id, p, err = d.Appender.Append(ctx, ref, g)
		return err
	})
	return id, p, err
}

// startGated starts an engine behind a gate.
func (b *bed) startGated(o delivery.Options, g *gate) *engine {
	b.wrap = func(s meta.Store) meta.Store { return gatedStore{s, g} }
	b.append = func(a sluice.Appender) sluice.Appender { return gatedDoor{a, g} }
	o.Destinations = map[string]delivery.Destination{"tape": delivery.NewDestination(func(c tapeConfig, env sink.Env) (sink.Sink, error) {
		s, err := b.tapes.open(c, env)
		return gatedSink{s, g}, err
	})}
	e := b.start(o)
	b.wrap, b.append = nil, nil
	return e
}

// gatedSink is the sink of an engine that may be dead: then it sends nothing.
type gatedSink struct {
	sink.Sink
	gate *gate
}

func (s gatedSink) Begin(h sink.Header) sink.Batch { return gatedBatch{s.Sink.Begin(h), s.gate} }

type gatedBatch struct {
	sink.Batch
	gate *gate
}

func (b gatedBatch) Send(ctx context.Context, to sink.Point) error {
	if err := b.gate.pass(); err != nil {
		return err
	}
	if err := b.Batch.Send(ctx, to); err != nil {
		return err
	}
	return b.gate.pass()
}
