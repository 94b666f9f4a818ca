package kafkasink

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// batch is messages. Their bytes lie one behind the other in text until the first Send.
type batch struct {
	sink   *Sink
	header sink.Header
	shard  string
	row    encode.Row
	*memory
	lent bool // the client may still look at the memory: it gave up some of it, or has not answered
}

// place is where the parts of a message end in the batch's text: key, value, cursor.
type place struct {
	key, value, cursor int
	keyed              bool
	seconds, nanos     uint32
}

// overhead is what a message has around key and value, generously.
const overhead = 256

func (b *batch) Add(e *sink.Entry) error {
	p := place{seconds: e.Time, nanos: e.Nanos}
	text := b.text
	if name := b.sink.config.KeyField; name != "" {
		for i := range e.Fields {
			if f := &e.Fields[i]; f.Key == name && f.Kind != sink.Absent {
				text, p.keyed = append(text, f.Value...), true
				break
			}
		}
	}
	p.key = len(text)
	text, err := b.row.Append(text, e)
	if err != nil {
		return err
	}
	p.value = len(text)
	if size := p.value - len(b.text) + overhead; size > b.sink.config.MaxMessageBytes {
		return &sink.Refused{Count: 1, Reason: fmt.Sprintf("the message has %d bytes, and maxMessageBytes is %d", size, b.sink.config.MaxMessageBytes)}
	}
	text = append(append(text, b.shard...), '/')
	text = strconv.AppendInt(text, int64(e.At.Position), 10)
	text = strconv.AppendInt(append(text, '.'), int64(e.At.Index), 10)
	p.cursor = len(text)
	b.text = text
	b.places = append(b.places, p)
	return nil
}

func (b *batch) Len() int       { return len(b.places) }
func (b *batch) Encoded() int64 { return int64(len(b.text)) }

// recordMemory is about what a record holds beside its text.
const recordMemory = 400

func (b *batch) Memory() int64 {
	return int64(cap(b.text)) + recordMemory*int64(cap(b.places)) + 1024
}

func (b *batch) Release() {
	if !b.lent {
		b.sink.giveBack(b.memory)
	}
	b.memory = nil
}

func (b *batch) Send(ctx context.Context, to sink.Point) error {
	if len(b.places) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(b.order) == 0 {
		b.prepare(to)
	} else {
		b.records = slices.Clone(b.records) // the client may still hold those that it gave up
	}
	bounded, cancel := context.WithTimeout(ctx, time.Duration(b.sink.config.TimeoutSeconds)*time.Second)
	defer cancel()
	lent := b.lent
	b.lent = true
	b.produce(bounded)
	worst := b.worst()
	if worst == nil { // what was acknowledged, the client has let go of
		b.lent, b.order = lent, b.order[:0]
		return nil
	}
	b.again()
	if timeUp(worst) && ctx.Err() == nil {
		if why := b.sink.ask(ctx); why != nil { // a topic that is gone, say: the client waits for it to come back
			worst = fmt.Errorf("%w (%w)", why, worst)
		}
	}
	return b.sink.explain(worst)
}

// produce gives what is not acknowledged to the client and waits for the fate of each message.
func (b *batch) produce(ctx context.Context) {
	var fates sync.WaitGroup
	fates.Add(len(b.order))
	for _, i := range b.order {
		b.records[i].Context = ctx
		b.sink.client.Produce(ctx, &b.records[i], func(_ *kgo.Record, err error) {
			b.errs[i] = err
			fates.Done()
		})
	}
	fates.Wait()
}

// prepare makes the records.
func (b *batch) prepare(to sink.Point) {
	b.make(len(b.places))
	task, id := []byte(b.header.Task), []byte(b.header.ID(to))
	from := 0
	for i, p := range b.places {
		h := b.headers[3*i : 3*i+3 : 3*i+3]
		h[0] = kgo.RecordHeader{Key: "sluice-task", Value: task}
		h[1] = kgo.RecordHeader{Key: "sluice-batch", Value: id}
		h[2] = kgo.RecordHeader{Key: "sluice-cursor", Value: b.text[p.value:p.cursor:p.cursor]}
		r := &b.records[i]
		*r = kgo.Record{Value: b.text[p.key:p.value:p.value], Headers: h, Partition: unassigned}
		if p.keyed {
			r.Key = b.text[from:p.key:p.key]
		}
		if b.sink.config.Timestamp == "log" {
			r.Timestamp = time.Unix(int64(p.seconds), int64(p.nanos))
		}
		b.order[i] = int32(i)
		from = p.cursor
	}
}

// worst is the first error of the worst kind.
func (b *batch) worst() error {
	var worst error
	severity := 0
	for _, i := range b.order {
		if err := b.errs[i]; err != nil {
			if n := severityOf(err); n > severity {
				worst, severity = err, n
			}
		}
	}
	return worst
}

// again keeps, of each partition, the records from the first one on that failed. A record that never got a partition failed as a whole
// batch does, and all of them are kept.
func (b *batch) again() {
	failed := map[int32]bool{}
	kept := b.order[:0]
	for _, i := range b.order {
		r := &b.records[i]
		if b.errs[i] != nil {
			failed[r.Partition] = true
		}
		if failed[r.Partition] || failed[unassigned] {
			kept = append(kept, i)
		}
	}
	b.order = kept
}
