package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// Streams of a task.
const (
	streamOwn     = ""        // the logs of its logstore
	streamRedrive = "redrive" // its dead letters, once more
)

// pointKey names a point.
type pointKey struct {
	task   taskKey
	stream string
	shard  sluice.ShardID
}

func keyOf(p meta.DeliveryPoint) pointKey {
	return pointKey{taskKey{p.Project, p.Task}, p.Stream, p.Shard}
}

func pointOf(p meta.DeliveryPoint) sink.Point {
	return sink.Point{Position: p.Position, Index: p.Index}
}

func intentOf(p meta.DeliveryPoint) sink.Point {
	return sink.Point{Position: p.IntentPosition, Index: p.IntentIndex}
}

// worker delivers the logs of one shard for one task. Its fields belong to the goroutine of run, but for the channels.
//
//	next   is formed while
//	out    is in the air; when it landed, the point moves and next is announced in one commit
type worker struct {
	e     *Engine
	job   *job
	key   pointKey
	shard sluice.ShardID
	log   *shard.Log
	pipe  *pipeline.Pipeline
	entry sink.Entry

	of       sluice.LogID       // the log that it reads, as the manager may look at it: row is the worker's own
	row      meta.DeliveryPoint // as it is stored
	counters Counters           // as stored in row
	retries  int64              // not stored yet
	noted    time.Time          // when an error was last stored

	next     *batch
	out      *flight
	most     int       // logs in a batch, after one was too large; 0: no limit
	pause    time.Time // nothing is read before that, so that logs that trickle in are read together
	over     bool      // the end of the stream was seen
	stumbles int       // in a row

	cancel context.CancelFunc
	pokes  chan struct{} // something changed outside
	sealed chan struct{} // closed when the shard takes no more logs
}

// errPaused ends a worker whose task was paused by it.
var errPaused = errors.New("the task is paused")

// linger is how long a worker waits at most for more logs when one has arrived.
const linger = 100 * time.Millisecond

// run works until there is nothing left to do, ctx ends, or the point has another owner.
func (w *worker) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		w.drop()
		if w.out != nil {
			if _, back := w.out.wait(ctx); back {
				w.free(w.out.b)
			}
		}
	}()
	if err := w.finishAnnounced(ctx); err != nil {
		return err
	}
	for {
		ready, wake, err := w.prepare(ctx)
		switch {
		case ctx.Err() != nil:
			return w.landLast(ctx)
		case errors.Is(err, shard.ErrUnknownLog):
			return err
		case err != nil:
			err = w.stumble(ctx, err)
		case w.out == nil && ready:
			err = w.launch(ctx)
		case w.out == nil && w.next == nil && w.done():
			return w.finish(ctx)
		default:
			err = w.idle(ctx, wake)
		}
		if err != nil {
			return err
		}
	}
}

// wake is what a worker waits for when it cannot go on.
type wake struct {
	appended <-chan struct{}
	at       time.Time // zero: no time
}

// prepare forms the next batch as far as it goes. Ready: it is to be sent now.
func (w *worker) prepare(ctx context.Context) (ready bool, wk wake, err error) {
	now := w.e.o.Now()
	if w.next != nil && w.next.full || w.over && w.next == nil {
		return w.next != nil, wake{}, nil
	}
	if now.Before(w.pause) {
		return false, wake{at: w.pause}, nil
	}
	release, err := w.slot(ctx)
	if err != nil {
		return false, wake{}, err
	}
	defer release()
	if w.next == nil {
		if w.next, err = w.open(w.readFrom(), sink.Point{}); err != nil {
			return false, wake{}, err
		}
	}
	if w.next != nil {
		atEnd, err := w.fill(ctx, w.next)
		if err != nil {
			return false, wake{}, err
		}
		if !atEnd {
			return true, wake{}, nil
		}
		if now := w.e.o.Now(); !now.Before(w.next.due(w.job.limits)) || w.next.cut.Load() || w.isSealed() {
			return true, wake{}, nil
		}
		wk.at = w.next.due(w.job.limits)
	}
	if end := w.job.end; w.next == nil && w.row.Stream == streamOwn && !end.IsZero() {
		wk.at = end
	}
	wk.appended, err = w.log.Appended(w.readEnd())
	if wk.appended == nil && err == nil { // something arrived just now
		wk.at = now
	}
	return false, wk, err
}

// readFrom is where the next batch begins.
func (w *worker) readFrom() sink.Point {
	if w.out != nil {
		return w.out.b.to
	}
	return pointOf(w.row)
}

// readEnd is how far the log was read.
func (w *worker) readEnd() sluice.Position {
	if w.next != nil {
		return w.next.to.Position
	}
	return w.readFrom().Position
}

// open begins a batch with its share of memory.
func (w *worker) open(from, until sink.Point) (*batch, error) {
	b, err := w.begin(from, until)
	if b != nil && err == nil {
		b.hold = w.e.budget.begin(func() { b.cut.Store(true); signal(w.pokes) })
	}
	return b, err
}

// drop gives up the batch that is being formed: it is formed again.
func (w *worker) drop() {
	w.free(w.next)
	w.next, w.over = nil, false
}

// idle waits until there may be something to do.
func (w *worker) idle(ctx context.Context, wk wake) error {
	var timer <-chan time.Time
	if !wk.at.IsZero() {
		t := time.NewTimer(max(0, wk.at.Sub(w.e.o.Now())))
		defer t.Stop()
		timer = t.C
	}
	var landed <-chan error
	if w.out != nil {
		landed = w.out.done
	}
	sealed := w.sealed
	if w.isSealed() {
		sealed = nil
	}
	select {
	case <-wk.appended:
		w.pause = w.e.o.Now().Add(min(linger, w.job.limits.Age/10))
	case <-timer:
	case err := <-landed:
		return w.land(ctx, err)
	case <-w.pokes:
	case <-sealed:
	case <-ctx.Done():
	}
	return nil
}

// launch sends the next batch, or moves the point over it if there is nothing to send.
func (w *worker) launch(ctx context.Context) error {
	b := w.next
	w.next, w.stumbles = nil, 0
	w.e.budget.sealed(b.hold)
	if b.Len() == 0 {
		return w.acknowledge(ctx, b)
	}
	p, c := w.row, w.counters
	announce(&p, &c, b)
	if err := w.commit(ctx, p, c); err != nil {
		w.free(b)
		return err
	}
	w.out = w.send(ctx, b)
	return nil
}

// announce writes into a point that b may be sent from now on.
func announce(p *meta.DeliveryPoint, c *Counters, b *batch) {
	p.IntentPosition, p.IntentIndex = b.to.Position, b.to.Index
	c.Read += b.tally.Read
	c.InFlight = b.tally.Read
}

// land goes on when the batch in the air has come down.
func (w *worker) land(ctx context.Context, err error) error {
	b := w.out.b
	w.out = nil
	if err == nil {
		return w.acknowledge(ctx, b)
	}
	w.drop() // what lies behind waits, and takes no memory
	if err := w.insist(ctx, b, err); err != nil {
		return err
	}
	return w.finishAnnounced(ctx)
}

// landLast ends the work when ctx has ended: a batch that has arrived by then is counted.
func (w *worker) landLast(ctx context.Context) error {
	if w.out != nil {
		err, back := w.out.wait(ctx)
		b := w.out.b
		w.out = nil
		switch {
		case !back:
		case err == nil:
			if err := w.acknowledge(ctx, b); err != nil {
				return err
			}
		default:
			w.free(b)
		}
	}
	return context.Cause(ctx)
}

// acknowledge moves the point behind b, whose logs are all dealt with but for its letters, which are written first. If the next batch
// is ready it is announced in the same commit, and sent.
func (w *worker) acknowledge(ctx context.Context, b *batch) error {
	if err := w.post(ctx, b.letters, b.header.ID(b.to)); err != nil {
		w.free(b)
		return err
	}
	p, c := w.row, w.counters
	w.settle(&p, &c, b)
	then := w.next
	if then != nil && then.full && then.Len() > 0 && ctx.Err() == nil {
		w.next = nil
		w.e.budget.sealed(then.hold)
		announce(&p, &c, then)
	} else {
		then = nil
	}
	delivered, encoded, id, arrived := b.Len(), b.Encoded(), b.header.ID(b.to), b.header.Arrived
	w.free(b)
	if err := w.commit(ctx, p, c); err != nil {
		w.free(then)
		return err
	}
	w.job.delivered(int64(delivered), encoded, w.e.o.Now())
	if then != nil {
		w.out = w.send(ctx, then)
	}
	if w.e.o.Delivered != nil && delivered > 0 {
		w.e.o.Delivered(Delivered{
			Project: w.key.task.project, Task: w.key.task.name, Annotations: w.job.spec.Annotations, Shard: w.shard,
			ID: id, Logs: delivered, Arrived: arrived, At: w.e.o.Now(),
		})
	}
	if w.most > 0 {
		w.most += w.most/4 + 1
	}
	return nil
}

// settle writes into a point that b is dealt with.
func (w *worker) settle(p *meta.DeliveryPoint, c *Counters, b *batch) {
	announced := intentOf(*p) != sink.Point{}
	if announced {
		c.Expired += c.InFlight - b.tally.Read // what retention took since it was announced
		if lost := c.InFlight - b.tally.Read; lost != 0 {
			w.job.log.Error("logs expired before they could be delivered", "shard", w.shard, "logs", lost)
		}
	} else {
		c.Read += b.tally.Read
	}
	c.InFlight = 0
	c.Filtered += b.tally.Filtered
	c.Sampled += b.tally.Sampled
	c.DeadLettered += b.tally.DeadLettered
	c.DamagedGroups += b.tally.DamagedGroups
	c.ExpiredGroups += b.tally.ExpiredGroups
	if b.tally.ExpiredGroups > 0 {
		w.job.log.Error("log groups expired before they could be delivered", "shard", w.shard, "groups", b.tally.ExpiredGroups)
	}
	if n := int64(b.Len()); n > 0 {
		c.Delivered += n
		c.Bytes += b.Encoded()
		c.Batches++
		p.Delivered = w.e.o.Now()
	}
	p.Position, p.Index, p.IntentPosition, p.IntentIndex = b.to.Position, b.to.Index, 0, 0
	p.Error, p.Failing = "", time.Time{}
}

// commit stores a point, and tries for as long as ctx lasts. After ctx has ended it tries once.
func (w *worker) commit(ctx context.Context, p meta.DeliveryPoint, c Counters) error {
	c.Retries += w.retries
	p.Counters = c.encode()
	if n := c.Unbalanced(); n != 0 {
		w.e.faults.unbalanced(n)
		w.job.log.Error("the counters of a delivery do not add up, please report it", "shard", w.shard, "logs", n)
	}
	for try := 0; ; try++ {
		stored, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		err := w.e.keeper.commit(stored, p)
		cancel()
		if err == nil {
			w.row, w.counters, w.retries = p, c, 0
			return nil
		}
		if errors.Is(err, errFenced) || ctx.Err() != nil {
			return err
		}
		w.job.log.Warn("progress of a delivery cannot be stored, it is tried again", "shard", w.shard, "error", err)
		if err := sleep(ctx, w.e.backoff(try)); err != nil {
			return err
		}
	}
}

// done says whether nothing is left to do, now and later, when everything that was read is dealt with.
func (w *worker) done() bool {
	at := pointOf(w.row)
	_, end := w.log.Bounds()
	switch {
	case w.over || w.row.End != 0 && at.Position >= w.row.End:
		return true
	case at.Position < end:
		return false
	}
	until := w.job.end
	return w.isSealed() || w.row.Stream == streamOwn && !until.IsZero() && !w.e.o.Now().Before(until)
}

func (w *worker) isSealed() bool {
	select {
	case <-w.sealed:
		return true
	default:
		return false
	}
}

func (w *worker) finish(ctx context.Context) error {
	p := w.row
	p.Finished = true
	return w.commit(ctx, p, w.counters)
}

// stumble waits a while after a batch could not be formed.
func (w *worker) stumble(ctx context.Context, err error) error {
	w.drop()
	if w.out != nil { // the one in the air first
		landed, back := w.out.wait(ctx)
		if !back {
			w.out = nil
			return landed
		}
		return w.land(ctx, landed)
	}
	return w.holdBack(ctx, err)
}
