package assistant

import (
	"context"
	"errors"
	"sync"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// change is part of a transaction. It reads, and then writes or returns an error: one that returned a refusal has written nothing. It may run
// more than once: a commit whose answer was lost is tried again. after runs once it is committed, in the order of changes; it must not wait.
type change func(tx meta.Tx) (after func(), err error)

// committer makes one transaction of the changes that come while the last one is being written: a thousand agents that report at once cost a
// few syncs. It is safe for concurrent use.
type committer struct {
	store  meta.Store
	failed func() // called when the store failed: what was committed may be more than was answered

	mu     sync.Mutex // guards what is below
	queue  []*pending
	busy   bool
	closed bool
	idle   sync.WaitGroup
}

type pending struct {
	fn    change
	after func()
	err   error
	done  chan struct{}
}

// maxChanges is how many changes one transaction holds: others wait for the store meanwhile.
const maxChanges = 256

var errClosed = sluice.Errorf(sluice.Unavailable, "server", "the server is shutting down")

func newCommitter(store meta.Store, failed func()) *committer {
	return &committer{store: store, failed: failed}
}

// do commits a change and returns when it is durable and its after has run.
func (c *committer) do(fn change) error {
	p := &pending{fn: fn, done: make(chan struct{})}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return errClosed
	}
	c.queue = append(c.queue, p)
	if !c.busy {
		c.busy = true
		c.idle.Add(1)
		go c.run()
	}
	c.mu.Unlock()
	<-p.done
	return p.err
}

// close waits for what was begun; later changes fail.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.idle.Wait()
}

// run commits until nothing is left.
func (c *committer) run() {
	defer c.idle.Done()
	for {
		c.mu.Lock()
		batch := c.queue[:min(len(c.queue), maxChanges)]
		c.queue = c.queue[len(batch):]
		c.busy = len(batch) > 0
		c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		c.commit(batch)
	}
}

// commit commits a batch, or, if that fails, each change of it alone, so that one cannot spoil the others.
func (c *committer) commit(batch []*pending) {
	err := c.try(batch)
	failed := err != nil
	for i := range batch {
		if failed {
			if err = c.try(batch[i : i+1]); err != nil {
				batch[i].err = err
			}
		}
	}
	for _, p := range batch {
		if p.err == nil && p.after != nil {
			p.after()
		}
	}
	if failed {
		c.failed()
	}
	for _, p := range batch {
		close(p.done)
	}
}

// try runs changes in one transaction. The errors of single changes are theirs; an error of the store is all of theirs.
func (c *committer) try(batch []*pending) error {
	return c.store.Update(context.Background(), func(tx meta.Tx) error {
		shared := newMemo(tx)
		for _, p := range batch {
			if p.after, p.err = p.fn(shared); p.err != nil && !refusal(p.err) {
				return p.err
			}
		}
		return shared.end()
	})
}

// refusal reports whether an error is the answer to one caller, and says nothing about the store.
func refusal(err error) bool {
	var known *sluice.Error
	if errors.As(err, &known) {
		return known.Kind != sluice.Internal && known.Kind != sluice.Unavailable
	}
	var refused *agentproto.Refused
	return errors.As(err, &refused)
}
