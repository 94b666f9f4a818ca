package sluicelog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
)

// Queue holds logs until they are stored. Its methods may be called from many goroutines.
type Queue struct {
	to  Sender
	ref sluice.LogstoreRef
	o   Options

	mu       sync.Mutex // guards what is below, down to closed
	logs     []sluice.Record
	bytes    int           // of logs
	inFlight int           // logs of the batch that the sender has
	oldest   time.Time     // when logs[0] came
	flushing bool          // send what there is, without waiting for more
	room     chan struct{} // closed and made anew when the sender takes logs
	idle     chan struct{} // closed and made anew when the sender has nothing left
	stats    Stats
	lastErr  error
	stuck    bool // a log was dropped after waiting, and there was no room since
	closed   bool

	wake     chan struct{} // capacity 1: there is something for the sender to look at
	troubled chan struct{} // capacity 1: there is something to report
	stop     context.CancelFunc
	stopped  chan struct{} // the sender and the reporter are gone
}

// Open starts a queue for a logstore. It sends nothing until there are logs, so it does not fail for a server that is away.
func Open(to Sender, ref sluice.LogstoreRef, o Options) (*Queue, error) {
	if ref.Project == "" || ref.Logstore == "" {
		return nil, errors.New("sluicelog: the project or the logstore is missing")
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithValue(context.Background(), sending{}, true))
	q := &Queue{
		to: to, ref: ref, o: o, stop: stop,
		room: make(chan struct{}), idle: make(chan struct{}),
		wake: make(chan struct{}, 1), troubled: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	go q.run(ctx)
	return q, nil
}

// sending is the key of a context that logs of the sending itself carry.
type sending struct{}

// Add queues a record. It waits while the queue is full, no longer than FullWait and ctx allow, and returns [ErrFull] or
// [ErrClosed] for a log that was dropped. Once it waited in vain, further logs are dropped at once until there is room again, so
// that a server that is away stops a program once and not for each log. The record must not be changed afterwards.
func (q *Queue) Add(ctx context.Context, r sluice.Record) error {
	size := sizeOf(&r)
	var expired <-chan time.Time
	for {
		room, err := q.tryAdd(r, size)
		if room == nil {
			return err
		}
		if expired == nil {
			if q.o.FullWait < 0 || q.isStuck() {
				return q.drop(ErrFull)
			}
			timer := time.NewTimer(q.o.FullWait)
			defer timer.Stop()
			expired = timer.C
		}
		select {
		case <-room:
		case <-expired:
			return q.drop(ErrFull)
		case <-ctx.Done():
			return q.drop(fmt.Errorf("%w: %w", ErrFull, ctx.Err()))
		}
	}
}

// tryAdd queues a record, or returns what is closed when there may be room. A record larger than the whole queue gets in alone.
func (q *Queue) tryAdd(r sluice.Record, size int) (<-chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		q.note(1, ErrClosed)
		return nil, ErrClosed
	}
	if n := len(q.logs); n > 0 && (n >= q.o.QueueSize || q.bytes+size > q.o.QueueBytes) {
		return q.room, nil
	}
	if len(q.logs) == 0 {
		q.oldest = time.Now()
	}
	q.logs = append(q.logs, r)
	q.bytes += size
	q.stats.Queued++
	if n := len(q.logs); n == 1 || n == q.o.BatchSize || q.bytes >= maxBatchBytes {
		signal(q.wake)
	}
	return nil, nil
}

// sizeOf is about what a record takes in memory.
func sizeOf(r *sluice.Record) int {
	n := 64
	for _, f := range r.Fields {
		n += 32 + len(f.Key) + len(f.Value)
	}
	return n
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is enough
	}
}

func (q *Queue) isStuck() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stuck
}

// drop counts a log that found no room.
func (q *Queue) drop(err error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stuck = true
	q.note(1, err)
	return err
}

// note counts dropped logs and has err reported. The caller holds mu.
func (q *Queue) note(dropped int64, err error) {
	q.stats.Dropped += dropped
	q.lastErr = err
	signal(q.troubled)
}

// Stats returns the counts so far. At any time Queued = Sent + Waiting + those of Dropped that were taken.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Waiting = len(q.logs) + q.inFlight
	return s
}

// Flush sends what is queued without waiting for more, and returns when the queue is empty or ctx ends. Logs that come meanwhile
// are sent too.
func (q *Queue) Flush(ctx context.Context) error {
	for {
		q.mu.Lock()
		waiting, idle := len(q.logs)+q.inFlight, q.idle
		q.flushing = q.flushing || waiting > 0
		q.mu.Unlock()
		if waiting == 0 {
			return nil
		}
		signal(q.wake)
		select {
		case <-idle:
		case <-q.stopped:
			return ErrClosed
		case <-ctx.Done():
			return fmt.Errorf("%d logs are not sent: %w", waiting, ctx.Err())
		}
	}
}

// Close sends what is queued for up to CloseWait and ends the queue; logs that come later are dropped. It returns an error if logs
// had to be given up. It may be called again.
func (q *Queue) Close() error {
	q.mu.Lock()
	already := q.closed
	q.closed = true
	close(q.room) // whoever waits for room is told of the end
	q.room = make(chan struct{})
	q.mu.Unlock()
	if already {
		<-q.stopped
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.o.CloseWait)
	defer cancel()
	err := q.Flush(ctx)
	q.stop()
	<-q.stopped
	if err == nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	lost := len(q.logs)
	q.logs, q.bytes = nil, 0
	q.stats.Dropped += int64(lost)
	if lost += q.inFlight; lost == 0 { // the last write came through after all
		return nil
	}
	q.stats.Dropped += int64(q.inFlight)
	q.inFlight = 0
	return fmt.Errorf("sluicelog: %d logs were not sent within %v: %w", lost, q.o.CloseWait, q.lastErr)
}
