package sluicelog

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// run sends batches and reports until ctx ends.
func (q *Queue) run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() { q.report(ctx) })
	for {
		batch := q.next(ctx)
		if batch == nil {
			break
		}
		q.send(ctx, batch)
	}
	both.Wait()
	close(q.stopped)
}

// next waits for a batch: full, or as old as PutWait, or flushed. It returns nil when ctx ends.
func (q *Queue) next(ctx context.Context) []sluice.Record {
	for ctx.Err() == nil {
		batch, wait := q.take()
		if batch != nil {
			return batch
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-q.wake:
		case <-due:
		case <-ctx.Done():
		}
	}
	return nil
}

// take removes a batch from the queue if one is due, and otherwise says how long until one will be; 0 is for ever.
func (q *Queue) take() (batch []sluice.Record, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.logs) == 0 {
		q.flushing = false
		close(q.idle)
		q.idle = make(chan struct{})
		return nil, 0
	}
	wait = time.Until(q.oldest.Add(q.o.PutWait))
	if len(q.logs) < q.o.BatchSize && q.bytes < maxBatchBytes && !q.flushing && wait > 0 {
		return nil, wait
	}
	n, size := 0, 0
	for n < min(len(q.logs), q.o.BatchSize) && (n == 0 || size < maxBatchBytes) {
		size += sizeOf(&q.logs[n])
		n++
	}
	batch = q.logs[:n:n]
	q.logs = q.logs[n:]
	q.bytes -= size
	q.inFlight = n
	q.stuck = false
	close(q.room)
	q.room = make(chan struct{})
	return batch, 0
}

// send stores a batch, however long that takes. A batch that the server refuses for what is in it is halved until the log that it
// refuses is alone, and that one is dropped.
func (q *Queue) send(ctx context.Context, batch []sluice.Record) {
	err := q.put(ctx, batch)
	switch {
	case err == nil:
		q.done(len(batch), true, nil)
	case ctx.Err() != nil: // Close counts what is in flight
	case len(batch) == 1:
		q.done(1, false, err)
	default:
		half := len(batch) / 2
		q.send(ctx, batch[:half])
		q.send(ctx, batch[half:])
	}
}

func (q *Queue) done(n int, stored bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight -= n
	if stored {
		q.stats.Sent += int64(n)
		return
	}
	q.note(int64(n), err)
}

// put sends one log group until it is stored, refused for good, or ctx ends.
func (q *Queue) put(ctx context.Context, batch []sluice.Record) error {
	group := &sluice.LogGroup{Topic: q.o.Topic, Source: q.o.Source, Tags: q.o.Tags, Records: batch}
	for delay := firstDelay; ; delay = min(2*delay, maxDelay) {
		err := q.to.PutLogs(ctx, q.ref, group, client.PutOptions{HashKey: q.o.HashKey})
		if err == nil || refused(err) || ctx.Err() != nil {
			return err
		}
		q.mu.Lock()
		q.stats.Retries++
		q.note(0, err)
		q.mu.Unlock()
		timer := time.NewTimer(delay/2 + rand.N(delay/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// ofTheLogs are the refusals of what is in the logs themselves.
var ofTheLogs = []string{"PostBodyInvalid", "PostBodyTooLarge", "ParameterInvalid", "InvalidParameter"}

// refused reports whether the server will never take these logs: what is wrong is in them. A key that is disabled, a logstore that is
// not there yet, a clock that is wrong and a server that is away are waited for.
func refused(err error) bool { return slices.Contains(ofTheLogs, client.Code(err)) }

// report tells OnReport of trouble, now and then, and at the end of what was dropped and not told of.
func (q *Queue) report(ctx context.Context) {
	var reported int64 // of the dropped
	tell := func(always bool) {
		q.mu.Lock()
		r := Report{Dropped: q.stats.Dropped - reported, Waiting: len(q.logs) + q.inFlight, Err: q.lastErr}
		reported = q.stats.Dropped
		q.mu.Unlock()
		if always || r.Dropped > 0 {
			q.o.OnReport(r)
		}
	}
	defer tell(false)
	for {
		select {
		case <-q.troubled:
			tell(true)
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(q.o.ReportEvery):
		case <-ctx.Done():
			return
		}
	}
}
