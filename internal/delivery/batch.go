package delivery

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// batch is a batch being formed, or formed. The logs in [header.From, to) were looked at, and those that were kept are in it.
type batch struct {
	sink.Batch
	header  sink.Header
	to      sink.Point
	until   sink.Point // where it has to end, when it was announced before; zero: at the first limit
	tally   Counters   // of the logs looked at: Read, Filtered, Sampled, DeadLettered, and groups that are gone
	letters []letter   // of logs that the sink refused at Add
	written int        // bytes of the letters
	marks   []mark     // where its log groups are in it
	hold    *holding
	cut     atomic.Bool // it is to go out as it is: memory is short
	full    bool
}

// mark is the place of a log group in a batch: how many logs were looked at before it, and what came of them.
type mark struct {
	position                      sluice.Position
	kept, letters                 int
	read, filtered, sampled, dead int64
}

const markBytes = 64

// Bounds of a batch beside those of its sink.
const (
	maxScanned      = 1 << 16 // logs looked at without one that is kept: then the point moves
	maxBatchLetters = 1 << 20 // bytes
	memoryEvery     = 64      // logs between two looks at the memory
)

// announced says whether the batch was named before, so that it has to be formed exactly so.
func (b *batch) announced() bool { return b.until != sink.Point{} }

// due is when the batch goes out at the latest.
func (b *batch) due(l sink.Limits) time.Time { return b.header.Arrived.Add(l.Age) }

// item is a log on its way into a batch.
type item struct {
	group   *sluice.LogGroup
	index   int
	shard   sluice.ShardID // where the log was first
	origin  sink.Point
	at      sink.Point // where it is in the shard that is read
	attempt int        // how often it was a dead letter before
}

// begin begins a batch at the first log group that is at hand from a point on. Nil: there is none. until is zero, or where it has to end.
func (w *worker) begin(from, until sink.Point) (b *batch, err error) {
	defer func() {
		if err != nil {
			b = nil
		}
	}()
	defer guard(&err)
	gone := int64(0)
	run, err := w.e.source.from(w.log, from.Position)
	for err != nil {
		next, damaged := damageEnd(err)
		if !damaged {
			return nil, err
		}
		w.job.log.Error("logs that are damaged on disk are not delivered", "shard", w.shard, "error", err)
		gone += int64(next - from.Position)
		from = sink.Point{Position: next}
		run, err = w.e.source.from(w.log, next)
	}
	expired := w.expiredFrom(from, run)
	if len(run) == 0 && until == (sink.Point{}) && gone+expired == 0 {
		return nil, nil
	}
	h := sink.Header{Project: w.job.key.project, Task: w.job.key.name, Shard: w.shard, From: from, Arrived: w.e.o.Now()}
	b = &batch{until: until, tally: Counters{DamagedGroups: gone}}
	if len(run) > 0 {
		h.Arrived = run[0].received
	}
	if expired > 0 {
		h.From = sink.Point{Position: from.Position + sluice.Position(expired)}
		if !b.announced() {
			b.tally.ExpiredGroups = expired
		}
	}
	if b.announced() && h.From.Compare(until) > 0 {
		h.From = until // nothing of it is left
	}
	b.header, b.to = h, h.From
	b.Batch = w.job.sink.Begin(h)
	return b, nil
}

// expiredFrom is how many log groups retention took from a point on. run is what was found there.
func (w *worker) expiredFrom(from sink.Point, run []*group) int64 {
	first, _ := w.log.Bounds()
	if len(run) > 0 {
		first = run[0].position
	}
	return max(0, int64(first-from.Position))
}

// fill adds logs to b until it is full or the log has no more. It keeps none of what it has read.
func (w *worker) fill(ctx context.Context, b *batch) (atEnd bool, err error) {
	defer w.forget()
	defer guard(&err)
	for !b.full {
		if b.announced() && b.to.Compare(b.until) >= 0 {
			b.full = true
			break
		}
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		run, err := w.e.source.from(w.log, b.to.Position)
		if next, damaged := damageEnd(err); damaged {
			w.job.log.Error("logs that are damaged on disk are not delivered", "shard", w.shard, "error", err)
			b.tally.DamagedGroups += int64(next - b.to.Position)
			b.to = sink.Point{Position: next}
			continue
		}
		if err != nil {
			return false, err
		}
		if len(run) == 0 {
			w.e.budget.set(b.hold, b.memory())
			n := w.expiredFrom(b.to, nil)
			if n == 0 {
				return true, nil
			}
			b.to = sink.Point{Position: b.to.Position + sluice.Position(n)}
			if !b.announced() {
				b.tally.ExpiredGroups += n
			}
			continue
		}
		for _, g := range run {
			if err := w.addGroup(b, g); err != nil {
				return false, err
			}
			if b.full {
				break
			}
		}
		w.e.budget.set(b.hold, b.memory())
	}
	return false, nil
}

// forget lets go of the log group that was looked at last.
func (w *worker) forget() {
	w.pipe.Forget()
	fields := w.entry.Fields[:cap(w.entry.Fields)]
	clear(fields)
	w.entry = sink.Entry{Fields: fields[:0]}
}

func (b *batch) memory() int64 { return b.Memory() + int64(b.written) + markBytes*int64(cap(b.marks)) }

// addGroup adds what g holds behind b.to.
func (w *worker) addGroup(b *batch, g *group) error {
	first := 0
	switch {
	case g.position == b.to.Position:
		first = b.to.Index
	case !b.announced():
		b.tally.ExpiredGroups += int64(g.position - b.to.Position)
	}
	at := sink.Point{Position: g.position, Index: first}
	if b.announced() && at.Compare(b.until) >= 0 || !b.announced() && w.beyond(g) {
		b.full = true
		if b.announced() {
			b.to = b.until
		}
		return nil
	}
	t := &b.tally
	b.marks = append(b.marks, mark{g.position, b.Len(), len(b.letters), t.Read, t.Filtered, t.Sampled, t.DeadLettered})
	for i := first; i < len(g.Records); i++ {
		at.Index = i
		if b.announced() && at == b.until {
			break
		}
		if err := w.addLog(b, g, i); err != nil {
			if errors.Is(err, sink.ErrTooLarge) && b.Len() > 0 && !b.announced() {
				b.full = true
				return nil
			}
			return err
		}
		at.Index++
		b.to = at
		if w.reached(b) {
			b.full = true
			break
		}
	}
	if at.Index >= len(g.Records) {
		b.to = sink.Point{Position: g.position + 1}
	}
	return nil
}

// beyond says whether g is behind the end of the stream, and remembers it.
func (w *worker) beyond(g *group) bool {
	if w.row.End != 0 && g.position >= w.row.End || w.row.Stream == streamOwn && !w.job.end.IsZero() && !g.received.Before(w.job.end) {
		w.over = true
	}
	return w.over
}

// reached says whether a batch has reached a limit.
func (w *worker) reached(b *batch) bool {
	if b.announced() {
		return false
	}
	n := b.Len()
	if n == 0 {
		return b.tally.Read >= maxScanned || b.written >= maxBatchLetters
	}
	if b.tally.Read%memoryEvery == 0 {
		w.e.budget.set(b.hold, b.memory())
	}
	l := w.job.limits
	return l.Logs > 0 && n >= l.Logs || l.Bytes > 0 && b.Encoded() >= l.Bytes || w.most > 0 && n >= w.most ||
		b.written >= maxBatchLetters || b.cut.Load()
}

// addLog looks at one log, and puts it into b if it is to go out.
func (w *worker) addLog(b *batch, g *group, i int) error {
	it, verdict, err := w.look(g, i)
	if err != nil { // a dead letter that cannot be read: it stays one
		b.tally.Read++
		b.tally.DeadLettered++
		return nil
	}
	switch verdict {
	case notOurs:
		return nil
	case pipeline.Filtered:
		b.tally.Filtered++
	case pipeline.Sampled:
		b.tally.Sampled++
	case pipeline.Keep:
		if err := b.Add(&w.entry); err != nil {
			reason, never := refusal(err, b.Len())
			if !never {
				return fmt.Errorf("put log %v into a batch: %w", it.at, err)
			}
			l := w.letter(it, reason)
			b.letters = append(b.letters, l)
			b.written += len(l.log) + len(l.reason)
			b.tally.DeadLettered++
		}
	}
	b.tally.Read++
	return nil
}

// refusal says whether an error of Add means that the log can never go to this destination, and why. n is how many logs the batch holds.
func refusal(err error, n int) (reason string, never bool) {
	var refused *sink.Refused
	if errors.As(err, &refused) {
		return refused.Reason, true
	}
	return err.Error(), errors.Is(err, sink.ErrTooLarge) && n == 0
}

// slot takes one of the places for workers that read and form batches. Who waits does not hold decoded logs.
func (w *worker) slot(ctx context.Context) (release func(), err error) {
	select {
	case w.e.slots <- struct{}{}:
		return func() { <-w.e.slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// notOurs is the verdict on a dead letter of another task.
const notOurs pipeline.Verdict = 255

// look takes the log g.Records[i] through the pipeline. What comes out is in w.entry.
func (w *worker) look(g *group, i int) (item, pipeline.Verdict, error) {
	it := item{group: g.LogGroup, index: i, shard: w.shard, at: sink.Point{Position: g.position, Index: i}}
	it.origin = it.at
	if w.row.Stream == streamRedrive {
		if g.Topic != w.job.key.name {
			return it, notOurs, nil
		}
		l, inside, err := readLetter(&g.Records[i])
		if err != nil {
			w.job.log.Warn("a dead letter cannot be delivered again", "shard", w.shard, "at", it.at.String(), "error", err)
			return it, pipeline.Keep, err
		}
		it.group, it.index, it.shard, it.origin, it.attempt = inside, 0, l.shard, l.at, l.attempt
	}
	w.entry.At = it.origin
	return it, w.pipe.Apply(it.shard, it.origin, it.group, it.index, &w.entry), nil
}

// letter makes a dead letter of a log. Its batch is named when it is written.
func (w *worker) letter(it item, reason string) letter {
	return letter{shard: it.shard, at: it.origin, attempt: it.attempt + 1, reason: reason, log: writeLog(it.group, it.index)}
}

// guard turns a panic of a sink or a pipeline into an error: it is that task's alone.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = &panicked{r, debug.Stack()}
	}
}

type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string {
	return fmt.Sprintf("a fault in the program, please report it: %v", p.value)
}
