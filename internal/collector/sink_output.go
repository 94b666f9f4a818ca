package collector

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// SinkKind makes outputs of a destination that delivery knows, from its package's Open, whose Config has Validate on its pointer.
func SinkKind[C any, P interface {
	*C
	Validate() error
}](open func(C, sink.Env) (sink.Sink, error), env sink.Env) OutputKind {
	return func(_ string, raw json.RawMessage) (Destination, error) {
		c := P(new(C))
		if err := Strictly(raw, c); err != nil {
			return nil, err
		}
		if err := c.Validate(); err != nil {
			return nil, err
		}
		s, err := open(*c, env)
		if err != nil {
			return nil, err
		}
		return NewSinkDestination(s), nil
	}
}

// SinkDestination has a sink of delivery take events. A delivery is one batch of the sink, or several if it has more than fit: their borders are the same
// at each try, and so are their names, as far as the sink names what it sends.
type SinkDestination struct {
	sink sink.Sink

	mu   sync.Mutex // guards sent
	sent map[string]progress
}

// progress is how many events of a delivery are where they belong, so that another try of this process leaves them out.
type progress struct {
	first int64
	count int
}

// NewSinkDestination makes a destination of a sink, which it closes.
func NewSinkDestination(s sink.Sink) *SinkDestination {
	return &SinkDestination{sink: s, sent: map[string]progress{}}
}

// Check implements [Destination].
func (d *SinkDestination) Check(ctx context.Context) error { return d.sink.Check(ctx) }

// Mark implements [Destination]: sinks cannot be asked.
func (d *SinkDestination) Mark(context.Context, string) (json.RawMessage, error) { return nil, nil }

// Close implements [Destination].
func (d *SinkDestination) Close() error { return d.sink.Close() }

// Send implements [Destination].
func (d *SinkDestination) Send(ctx context.Context, del *Delivery) (refused []Refusal, err error) {
	most := 0
	for at := d.progress(del); at < len(del.Events); {
		b, took, turned := d.form(del, at, most)
		count, more, err := d.send(ctx, b, del, at, took)
		b.Release()
		switch {
		case errors.Is(err, sink.ErrTooLarge) && len(took) > 1:
			most = len(took) / 2
			continue
		case errors.Is(err, sink.ErrTooLarge) && len(took) == 1:
			more, count, err = []Refusal{{took[0], err.Error()}}, at+1, nil
		}
		if err != nil {
			return nil, explained(err)
		}
		for _, r := range turned {
			if r.Index < count {
				refused = append(refused, r)
			}
		}
		refused = append(refused, more...)
		at, most = count, 0
		if len(refused) == 0 { // or another try would not know which were refused
			d.remember(del, at)
		}
	}
	d.forget(del)
	return refused, nil
}

// form makes a batch of events from at on. took are the indexes of those in it; it ends in front of the first that does not fit.
func (d *SinkDestination) form(del *Delivery, at, most int) (b sink.Batch, took []int, refused []Refusal) {
	b = d.sink.Begin(sink.Header{
		Project: del.Input, Task: del.Service + "-" + del.Part, From: point(del, at), Arrived: time.UnixMilli(del.Cycle),
	})
	l := d.sink.Limits()
	var fields []sink.Field
	for i := at; i < len(del.Events); i++ {
		if n := b.Len(); n > 0 && (l.Logs > 0 && n >= l.Logs || l.Bytes > 0 && b.Encoded() >= l.Bytes || most > 0 && n >= most) {
			break
		}
		e := &del.Events[i]
		fields = e.appendFields(fields[:0])
		err := b.Add(&sink.Entry{
			At: point(del, i), Time: e.Time, Nanos: e.Nanos, Topic: e.Topic, Source: e.Source, Tags: e.Tags, Fields: fields,
		})
		if errors.Is(err, sink.ErrTooLarge) && b.Len() > 0 {
			break
		}
		if err != nil {
			refused = append(refused, Refusal{i, reasonOf(err)})
			continue
		}
		took = append(took, i)
	}
	return b, took, refused
}

// send sends a batch, and returns the index behind the last event that is done with.
func (d *SinkDestination) send(ctx context.Context, b sink.Batch, del *Delivery, at int, took []int) (next int, refused []Refusal, err error) {
	if len(took) == 0 {
		return len(del.Events), nil, nil // all that is left was refused
	}
	next = took[len(took)-1] + 1
	err = b.Send(ctx, point(del, next))
	var r *sink.Refused
	if !errors.As(err, &r) {
		return next, nil, err
	}
	last := len(took)
	if r.Count > 0 {
		last = min(last, r.First+r.Count)
	}
	if r.First >= last {
		return at, nil, err
	}
	for _, i := range took[r.First:last] {
		refused = append(refused, Refusal{i, r.Reason})
	}
	return took[last-1] + 1, refused, nil
}

func point(del *Delivery, i int) sink.Point {
	return sink.Point{Position: sluice.Position(del.First + int64(i))}
}

func reasonOf(err error) string {
	var r *sink.Refused
	if errors.As(err, &r) {
		return r.Reason
	}
	return err.Error()
}

// explained is the error of a sink in the words of collectors.
func explained(err error) error {
	var later *sink.Later
	if errors.As(err, &later) {
		return &Throttled{After: later.After, Err: err}
	}
	return err
}

func (d *SinkDestination) progress(del *Delivery) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.sent[del.Stream()]; p.first == del.First {
		return p.count
	}
	return 0
}

func (d *SinkDestination) remember(del *Delivery, count int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent[del.Stream()] = progress{del.First, count}
}

func (d *SinkDestination) forget(del *Delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sent, del.Stream())
}
