package httpsink

import (
	"context"
	"errors"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// singles is a batch whose logs go out one by one, each under an id of its own that does not depend on the batch.
type singles struct {
	sink    *Sink
	header  sink.Header
	raw     int64
	memory  int64
	bodies  []*encode.Body
	at      []sink.Point
	arrived int // logs that the destination has
}

func (b *singles) Add(e *sink.Entry) error {
	f := b.sink.format()
	body := f.Begin(b.sink.env.Dir)
	if err := body.Add(e); err != nil {
		body.Release()
		return err
	}
	if _, err := body.Finish(); err != nil { // which gives the compressor back
		body.Release()
		return err
	}
	b.bodies = append(b.bodies, body)
	b.at = append(b.at, e.At)
	b.raw += body.Raw()
	b.memory += body.Memory()
	return nil
}

func (b *singles) Len() int       { return len(b.bodies) }
func (b *singles) Encoded() int64 { return b.raw }
func (b *singles) Memory() int64  { return b.memory + 256*int64(len(b.bodies)) + 1 }

// Send goes on behind the logs that an earlier try delivered, unless all were.
func (b *singles) Send(ctx context.Context, _ sink.Point) error {
	if b.arrived == len(b.bodies) {
		b.arrived = 0
	}
	for ; b.arrived < len(b.bodies); b.arrived++ {
		payload, err := b.bodies[b.arrived].Finish()
		if err != nil {
			return err
		}
		if err := b.sink.post(ctx, b.sink.header(b.id(b.arrived), 1), payload); err != nil {
			return b.about(err)
		}
	}
	return nil
}

// id is that of a batch of this log alone.
func (b *singles) id(i int) string {
	h := b.header
	h.From = b.at[i]
	return h.ID(sink.Point{Position: b.at[i].Position, Index: b.at[i].Index + 1})
}

// about says which log an error is about.
func (b *singles) about(err error) error {
	refused := (*sink.Refused)(nil)
	switch {
	case errors.As(err, &refused):
		return &sink.Refused{First: b.arrived, Count: 1, Reason: refused.Reason}
	case errors.Is(err, sink.ErrTooLarge): // a smaller batch would not help
		return &sink.Refused{First: b.arrived, Count: 1, Reason: err.Error()}
	}
	return err
}

func (b *singles) Release() {
	for _, body := range b.bodies {
		body.Release()
	}
	b.bodies, b.at = nil, nil
}
