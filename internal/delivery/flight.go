package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// flight is a batch that is being sent.
type flight struct {
	b    *batch
	done chan error // gets the one value that Send returned

	mu        sync.Mutex // guards the rest
	landed    bool
	abandoned bool // nobody waits: whoever sends releases the batch
}

// grace is how long a Send whose context has ended gets to come back.
const grace = 5 * time.Second

// send sends b in a goroutine of its own. The batch is the worker's again when done has a value.
func (w *worker) send(ctx context.Context, b *batch) *flight {
	f := &flight{b: b, done: make(chan error, 1)}
	w.job.enter()
	go func() {
		defer w.job.leave()
		ctx, cancel := context.WithTimeout(ctx, w.e.o.SendTimeout)
		defer cancel()
		err := w.job.hide(trySend(ctx, b))
		f.mu.Lock()
		f.landed = true
		abandoned := f.abandoned
		f.mu.Unlock()
		if abandoned {
			w.free(b)
		}
		f.done <- err
	}()
	return f
}

// hide returns err without the secrets of the destination: many repeat what they were sent.
func (j *job) hide(err error) error {
	var fault *panicked
	if errors.As(err, &fault) {
		return &panicked{j.masks.Text(fmt.Sprint(fault.value)), fault.stack}
	}
	return j.masks.Err(err)
}

func trySend(ctx context.Context, b *batch) (err error) {
	defer guard(&err)
	return b.Send(ctx, b.to)
}

// wait returns what Send returned. If ctx ends first and Send does not come back, the flight is left to itself.
func (f *flight) wait(ctx context.Context) (err error, back bool) {
	select {
	case err := <-f.done:
		return err, true
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-f.done:
		return err, true
	case <-timer.C:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.landed {
		return <-f.done, true // it is on its way into the channel
	}
	f.abandoned = true
	return context.Cause(ctx), false
}

// free gives back what a batch holds.
func (w *worker) free(b *batch) {
	if b != nil {
		b.Release()
		w.e.budget.end(b.hold)
	}
}
