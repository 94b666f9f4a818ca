package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// Pauses between tries.
const (
	firstPause   = time.Second
	longestPause = time.Minute
	longestLater = time.Hour               // that a destination may ask for
	keepPause    = 1500 * time.Millisecond // a batch is kept in memory over pauses up to this
	haltTries    = 5                       // before a task is paused because its destination wants something done
	noteEvery    = 10 * time.Second        // an error that differs from the last is stored at most this often
)

// backoff is the pause after the n-th failed try, from 0: up to 1 s, 2 s, 4 s ... 60 s, at random, and not next to nothing.
func (e *Engine) backoff(n int) time.Duration {
	most := min(firstPause<<min(n, 10), longestPause)
	return most/10 + time.Duration(e.o.Rand()*float64(most-most/10))
}

// sleep waits for d, or until ctx ends; then it returns why.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finishAnnounced delivers what the last owner of the point announced.
func (w *worker) finishAnnounced(ctx context.Context) error {
	for intentOf(w.row) != (sink.Point{}) {
		if err := w.insist(ctx, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// insist delivers the batch that is announced in the point, come what may: it returns nil when the point has moved. b is that batch and
// last the error of its last Send; a nil b is formed again.
func (w *worker) insist(ctx context.Context, b *batch, last error) (err error) {
	defer func() { w.free(b) }()
	taken := int64(0) // what the batch took of memory when it was last whole
	for tries := 0; ; {
		if last != nil {
			if b != nil {
				taken = b.memory()
			}
			end, err := w.judge(ctx, b, last, tries)
			switch {
			case w.mustEnd(ctx, err):
				return err
			case err != nil:
				last = err // what was to be done could not be done: the batch is tried again as it is
			case end:
				return nil
			}
			pause := w.pauseAfter(last, tries)
			if b != nil && (!w.e.budget.failed(b.hold) || pause > keepPause) {
				w.free(b)
				b = nil
			}
			if err := w.note(ctx, last); err != nil {
				return err
			}
			if err := sleep(ctx, pause); err != nil {
				return err
			}
			tries++
			w.retries++
		}
		if b == nil {
			if b, err = w.again(ctx, taken); err != nil {
				if w.mustEnd(ctx, err) {
					return err
				}
				last = err
				continue
			}
		}
		if last = nil; b.Len() > 0 {
			var back bool
			if last, back = w.send(ctx, b).wait(ctx); !back {
				b = nil // whoever sends it releases it
				return last
			}
		}
		if last == nil {
			whole := b
			b = nil
			return w.acknowledge(ctx, whole)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// mustEnd says whether an error ends the worker: nobody can do anything about it here.
func (w *worker) mustEnd(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, errFenced) || errors.Is(err, errPaused) || errors.Is(err, shard.ErrUnknownLog))
}

// again forms the announced batch again, when there is memory for it.
func (w *worker) again(ctx context.Context, taken int64) (*batch, error) {
	held, err := w.e.budget.reserve(ctx, taken)
	if err != nil {
		return nil, err
	}
	release, err := w.slot(ctx)
	if err != nil {
		w.e.budget.end(held)
		return nil, err
	}
	defer release()
	b, err := w.begin(pointOf(w.row), intentOf(w.row))
	if err != nil {
		w.e.budget.end(held)
		return nil, err
	}
	b.hold = held
	if _, err := w.fill(ctx, b); err != nil {
		w.free(b)
		return nil, err
	}
	// Nothing is left of it in the log, or not all: it ends where it was to end all the same.
	b.to = b.until
	return b, nil
}

// judge does what an error of Send or of forming wants done at once. It returns true when the point moved or what is announced changed, so that
// this batch is over; an error ends the worker.
func (w *worker) judge(ctx context.Context, b *batch, last error, tries int) (end bool, err error) {
	var refused *sink.Refused
	var halt *sink.Halt
	var fault *panicked
	switch {
	case errors.As(last, &fault):
		w.job.log.Error("a sink panicked", "shard", w.shard, "panic", fault.value, "stack", string(fault.stack))
	case errors.Is(last, sink.ErrTooLarge):
		if b != nil && b.Len() == 1 {
			return true, w.condemn(ctx, b, 0, 1, last.Error())
		}
		return true, w.halve(ctx, b)
	case errors.As(last, &refused) && b != nil:
		return true, w.condemn(ctx, b, refused.First, refused.Count, refused.Reason)
	case errors.As(last, &halt):
		if tries+1 >= haltTries {
			return false, w.pauseTask(ctx, halt.Reason)
		}
		return false, nil
	}
	if r := w.job.spec.Retry; r.Max > 0 && tries >= r.Max && r.OnExhausted == deadLetter && b != nil {
		return true, w.condemn(ctx, b, 0, 0, fmt.Sprintf("given up after %d retries: %s", tries, errorText(last)))
	}
	return false, nil
}

// pauseAfter is how long to wait before the next try.
func (w *worker) pauseAfter(last error, tries int) time.Duration {
	var later *sink.Later
	if errors.As(last, &later) {
		asked := min(max(later.After, firstPause), longestLater)
		return asked + time.Duration(w.e.o.Rand()*float64(asked)/10)
	}
	if r := w.job.spec.Retry; r.Max > 0 && tries >= r.Max {
		return longestPause
	}
	return w.e.backoff(tries)
}

// note stores that tries fail, so that every engine can tell. Its error ends the worker.
func (w *worker) note(ctx context.Context, last error) error {
	now := w.e.o.Now()
	text := errorText(last)
	w.job.log.Debug("delivery failed, it is tried again", "shard", w.shard, "error", text)
	if !w.row.Failing.IsZero() && (w.row.Error == text || now.Sub(w.noted) < noteEvery) {
		return nil
	}
	p := w.row
	if p.Failing.IsZero() {
		p.Failing = now
		w.job.log.Warn("delivery fails, it is tried again", "shard", w.shard, "error", text)
	}
	p.Error, w.noted = text, now
	return w.commit(ctx, p, w.counters)
}

// maxError bounds what is stored of an error.
const maxError = 1024

func errorText(err error) string {
	text := err.Error()
	if len(text) > maxError {
		text = text[:maxError]
	}
	return text
}

// holdBack waits after logs could not be read or put into a batch.
func (w *worker) holdBack(ctx context.Context, err error) error {
	if err := w.note(ctx, err); err != nil {
		return err
	}
	w.stumbles++
	w.retries++
	return sleep(ctx, w.e.backoff(w.stumbles-1))
}

// halve announces a batch of half as many logs in place of one that is too large, of which nothing was delivered.
func (w *worker) halve(ctx context.Context, b *batch) error {
	p, c := w.row, w.counters
	n := int(c.InFlight)
	if b != nil {
		n = b.Len()
	}
	w.most = max(n/2, 1)
	c.Read -= c.InFlight
	c.InFlight = 0
	p.IntentPosition, p.IntentIndex = 0, 0
	return w.commit(ctx, p, c)
}

// pauseTask pauses the task because its destination wants something done.
func (w *worker) pauseTask(ctx context.Context, reason string) error {
	key := w.job.key
	_, err := w.e.change(ctx, key, func(m *meta.DeliveryTask) error {
		if State(m.State) != Online || m.Revision != w.job.revision {
			return errUnchanged
		}
		m.State, m.Reason = string(Paused), reason
		return nil
	})
	if err != nil && sluice.KindOf(err) != sluice.NotFound {
		return nil //nolint:nilerr // metadata does not answer: the next try will pause it
	}
	w.job.log.Error("delivery is paused until somebody acts", "reason", reason)
	if err == nil {
		w.e.disabled(key, reason)
	}
	return errPaused
}
