package delivery

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// post writes letters, and tries for as long as ctx lasts.
func (w *worker) post(ctx context.Context, letters []letter, batch string) error {
	if len(letters) == 0 {
		return nil
	}
	for i := range letters {
		letters[i].batch = batch
	}
	for try := 0; ; try++ {
		err := w.e.writeLetters(ctx, w.job, letters)
		if err == nil {
			return nil
		}
		if err := w.note(ctx, fmt.Errorf("dead letters cannot be written: %w", err)); err != nil {
			return err
		}
		if err := sleep(ctx, w.e.backoff(try)); err != nil {
			return err
		}
	}
}

// maxPosted bounds the bytes of letters that are in memory.
const maxPosted = 1 << 20

// condemn makes dead letters of some logs of b, which was announced: count of them from the first on, all if count is 0. Those before were
// delivered. The point moves behind the last of them; what b holds behind it stays announced.
func (w *worker) condemn(ctx context.Context, b *batch, first, count int, reason string) error {
	if count <= 0 || first+count > b.Len() {
		count = b.Len() - first
	}
	if first < 0 || count <= 0 {
		return fmt.Errorf("the sink refused logs %d to %d of a batch of %d", first, first+count, b.Len())
	}
	walk := &condemned{w: w, b: b, first: first, last: first + count, reason: reason, at: b.header.From}
	if err := walk.run(ctx); err != nil {
		return err
	}
	if err := walk.flush(ctx); err != nil {
		return err
	}
	w.job.log.Warn("logs were refused for good and are in the dead letters", "shard", w.shard, "logs", walk.condemned, "reason", reason)
	p, c := w.row, w.counters
	c.InFlight -= walk.tally.Read
	c.Delivered += int64(first)
	c.Filtered += walk.tally.Filtered
	c.Sampled += walk.tally.Sampled
	c.DeadLettered += walk.tally.DeadLettered + walk.condemned
	c.Expired += int64(count) - walk.condemned // retention was faster than the dead letters
	if first > 0 {
		c.Bytes += b.Encoded() * int64(first) / int64(b.Len())
		c.Batches++
	}
	p.Position, p.Index = walk.at.Position, walk.at.Index
	p.Error, p.Failing = "", time.Time{}
	if walk.at == b.to {
		// What retention took before it was formed the last time, and since: behind the last log that is refused.
		c.Expired += c.InFlight + int64(b.Len()-walk.last)
		c.InFlight = 0
		p.IntentPosition, p.IntentIndex = 0, 0
	}
	return w.commit(ctx, p, c)
}

// condemned walks over the logs of a batch again, for the text of those that are refused: batches do not keep it. Log groups that
// retention took since are passed over: the batch's marks say what was in them.
type condemned struct {
	w           *worker
	b           *batch
	first, last int // logs of the batch
	reason      string

	at        sink.Point // how far it is
	kept      int        // logs of the batch before that
	refused   int        // letters of the batch before that
	tally     Counters   // of the logs before that, as the batch counted them
	condemned int64      // letters made here
	letters   []letter
	bytes     int
}

// run goes up to behind the last log that is refused; if that is the last of the batch, up to the batch's end.
func (k *condemned) run(ctx context.Context) error {
	defer k.w.forget()
	for k.at.Compare(k.b.to) < 0 {
		run, err := k.w.e.source.from(k.w.log, k.at.Position)
		if next, damaged := damageEnd(err); damaged {
			k.at = sink.Point{Position: next}
			continue
		}
		if err != nil {
			return err
		}
		if len(run) == 0 {
			break // retention took the rest
		}
		for _, g := range run {
			if done, err := k.group(ctx, g); done || err != nil {
				return err
			}
		}
	}
	k.finish()
	return nil
}

// finish takes the batch's own word for what is not there any more.
func (k *condemned) finish() {
	for ; k.refused < len(k.b.letters); k.refused++ {
		k.add(k.b.letters[k.refused])
	}
	k.at, k.tally = k.b.to, k.b.tally
}

// group goes over one group. Done: this was the last.
func (k *condemned) group(ctx context.Context, g *group) (done bool, err error) {
	m, there := slices.BinarySearchFunc(k.b.marks, g.position, func(m mark, p sluice.Position) int { return cmp.Compare(m.position, p) })
	if !there {
		k.finish()
		return true, nil
	}
	k.start(&k.b.marks[m])
	if g.position != k.at.Position {
		k.at = sink.Point{Position: g.position}
	}
	for i := k.at.Index; i < len(g.Records) && k.at.Compare(k.b.to) < 0; i++ {
		if err := k.log(g, i); err != nil {
			return true, err
		}
		k.at.Index = i + 1
		if k.at.Index == len(g.Records) {
			k.at = sink.Point{Position: g.position + 1}
		}
		if k.bytes >= maxPosted {
			if err := k.flush(ctx); err != nil {
				return true, err
			}
		}
		if k.kept == k.last && k.last < k.b.Len() {
			return true, nil
		}
	}
	return false, nil
}

// start goes to where a group is in the batch.
func (k *condemned) start(m *mark) {
	for ; k.refused < m.letters; k.refused++ {
		k.add(k.b.letters[k.refused])
	}
	k.kept = m.kept
	k.tally = Counters{Read: m.read, Filtered: m.filtered, Sampled: m.sampled, DeadLettered: m.dead}
}

// log goes over one log, as worker.addLog did.
func (k *condemned) log(g *group, i int) error {
	it, verdict, err := k.w.look(g, i)
	if err != nil {
		k.tally.Read++
		k.tally.DeadLettered++
		return nil
	}
	switch {
	case verdict == notOurs:
		return nil
	case verdict == pipeline.Filtered:
		k.tally.Filtered++
	case verdict == pipeline.Sampled:
		k.tally.Sampled++
	case k.refused < len(k.b.letters) && k.b.letters[k.refused].at == it.origin && k.b.letters[k.refused].shard == it.shard:
		k.add(k.b.letters[k.refused])
		k.refused++
		k.tally.DeadLettered++
	default:
		if k.kept >= k.first && k.kept < k.last {
			k.add(k.w.letter(it, k.reason))
			k.condemned++
		}
		k.kept++
	}
	k.tally.Read++
	return nil
}

func (k *condemned) add(l letter) {
	k.letters = append(k.letters, l)
	k.bytes += len(l.log)
}

func (k *condemned) flush(ctx context.Context) error {
	err := k.w.post(ctx, k.letters, k.b.header.ID(k.b.to))
	k.letters, k.bytes = nil, 0
	return err
}
