package splunksink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/post"
)

// batch is events, one behind the other.
type batch struct {
	sink   *Sink
	header sink.Header
	row    encode.Row
	prefix []byte // of sluice_id

	events []byte // until the first Send
	raw    int64
	logs   int
	text   []byte // an event that is a text, while it is encoded

	body    post.Bytes // compressed, from the first Send on
	waiting *ack       // for what was taken and not acknowledged in time
}

// ack names an acknowledgement that is awaited.
type ack struct {
	channel string
	id      int64
}

// Begin begins a batch.
func (s *Sink) Begin(h sink.Header) sink.Batch {
	return &batch{sink: s, header: h, row: s.config.Open(), prefix: fmt.Appendf(nil, "%s/%s/%d/", h.Project, h.Task, h.Shard)}
}

func (b *batch) Add(e *sink.Entry) error {
	events, err := b.event(b.events, e)
	if err != nil {
		return err
	}
	b.events = events
	b.raw = int64(len(events))
	b.logs++
	return nil
}

// event writes one event behind dst, or one line for the raw endpoint.
func (b *batch) event(dst []byte, e *sink.Entry) ([]byte, error) {
	c := &b.sink.config
	if c.Endpoint == "raw" {
		dst, err := b.row.Append(dst, e)
		return append(dst, '\n'), err
	}
	dst = append(dst, `{"time":`...)
	dst = strconv.AppendUint(dst, uint64(e.Time), 10)
	dst = appendFraction(dst, e.Nanos)
	dst = appendPair(dst, "host", b.host(e))
	source := c.Source
	if source == "" {
		source = "sluice:" + b.header.Project + "/" + b.header.Task
	}
	dst = appendPair(dst, "source", source)
	dst = appendPair(dst, "sourcetype", c.Sourcetype)
	dst = appendPair(dst, "index", c.Index)
	dst = append(dst, `,"event":`...)
	dst, err := b.appendEvent(dst, e)
	if err != nil {
		return nil, err
	}
	return b.appendFields(dst, e), nil
}

// appendFraction writes milliseconds, or more digits where they are needed.
func appendFraction(dst []byte, nanos uint32) []byte {
	switch {
	case nanos == 0:
		return dst
	case nanos%1_000_000 == 0:
		return fmt.Appendf(dst, ".%03d", nanos/1_000_000)
	}
	return fmt.Appendf(dst, ".%09d", nanos)
}

func (b *batch) host(e *sink.Entry) string {
	c := &b.sink.config
	if c.HostField != "" {
		for i := range e.Fields {
			if f := &e.Fields[i]; f.Key == c.HostField && f.Kind != sink.Absent && f.Value != "" {
				return f.Value
			}
		}
	}
	if c.Host != "" {
		return c.Host
	}
	return e.Source
}

// appendPair writes a text of the event's metadata, if there is one.
func appendPair(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(append(append(dst, `,"`...), key...), `":`...)
	return encode.AppendJSONString(dst, value)
}

func (b *batch) appendEvent(dst []byte, e *sink.Entry) ([]byte, error) {
	if b.sink.config.Format == encode.JSON {
		return b.row.Append(dst, e)
	}
	text, err := b.row.Append(b.text[:0], e)
	if err != nil {
		return nil, err
	}
	b.text = text
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, &sink.Refused{Count: 1, Reason: "the event would be blank, which Splunk does not take"}
	}
	return encode.AppendJSONString(dst, string(text)), nil
}

// appendFields writes the indexed fields and closes the event.
func (b *batch) appendFields(dst []byte, e *sink.Entry) []byte {
	dst = append(dst, `,"fields":{"sluice_id":"`...)
	id := encode.AppendJSONString(nil, string(b.prefix)+e.At.String())
	dst = append(dst, id[1:]...)
	dst = appendPair(dst, "topic", e.Topic)
	dst = appendPair(dst, "log_source", e.Source)
	for _, tag := range e.Tags {
		if tag.Key == "" {
			continue
		}
		dst = append(dst, ',')
		dst = append(encode.AppendJSONString(dst, "tag:"+tag.Key), ':')
		dst = encode.AppendJSONString(dst, tag.Value)
	}
	return append(dst, "}}"...)
}

func (b *batch) Len() int       { return b.logs }
func (b *batch) Encoded() int64 { return b.raw }
func (b *batch) Memory() int64 {
	return int64(cap(b.events)) + int64(cap(b.body)) + int64(cap(b.text)) + 1024
}

func (b *batch) Release() { b.events, b.body, b.text = nil, nil, nil }

// Send posts the batch and waits for its acknowledgement where that is configured. A batch whose acknowledgement came after the last try
// had given up is not sent again.
func (b *batch) Send(ctx context.Context, to sink.Point) error {
	if b.logs == 0 {
		return nil
	}
	if b.waiting != nil {
		if done, err := b.sink.acknowledged(ctx, *b.waiting); done && err == nil {
			b.waiting = nil
			return nil
		}
		b.waiting = nil
	}
	if err := b.compress(); err != nil {
		return err
	}
	h := b.sink.header(b.header.ID(to))
	if b.sink.config.Compression == encode.Gzip {
		h.Set("Content-Encoding", "gzip")
	}
	channel := *b.sink.channel.Load()
	answer, err := b.sink.post(ctx, b.sink.target, channel, h, b.body)
	if err != nil {
		return err
	}
	if err := b.sink.verdict(answer); err != nil {
		return err
	}
	if !b.sink.acks.Load() {
		return nil
	}
	id := read(answer).AckID
	if id == nil {
		b.sink.withoutAcks()
		return nil
	}
	b.waiting = &ack{channel, *id}
	return b.await(ctx)
}

var gzips = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// compress makes the body from the events, once.
func (b *batch) compress() error {
	if b.body != nil {
		return nil
	}
	if b.sink.config.Compression != encode.Gzip {
		b.body, b.events = b.events, nil
		return nil
	}
	var out bytes.Buffer
	z := gzips.Get().(*gzip.Writer)
	defer gzips.Put(z)
	z.Reset(&out)
	if _, err := z.Write(b.events); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	b.body, b.events = out.Bytes(), nil
	return nil
}

// await asks until the batch is acknowledged or the time is over.
func (b *batch) await(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, time.Duration(b.sink.config.AckSeconds)*time.Second)
	defer cancel()
	tick := time.NewTicker(b.sink.pause)
	defer tick.Stop()
	for {
		done, err := b.sink.acknowledged(bounded, *b.waiting)
		if done {
			b.waiting = nil
			return err
		}
		select {
		case <-tick.C:
		case <-bounded.Done():
			return fmt.Errorf("splunk has taken the batch and did not acknowledge it in time: %w", errors.Join(bounded.Err(), err))
		}
	}
}

// acknowledged asks once. It is done when there is nothing more to ask for: with an acknowledgement, or since there are none.
func (s *Sink) acknowledged(ctx context.Context, a ack) (done bool, err error) {
	question := post.Bytes(fmt.Appendf(nil, `{"acks":[%d]}`, a.id))
	h := http.Header{"Content-Type": {"application/json"}}
	answer, err := s.post(ctx, s.base+"/ack", a.channel, h, question)
	if err != nil {
		return false, err
	}
	r := read(answer)
	if r.Code != nil && *r.Code == codeAckDisabled {
		s.withoutAcks()
		return true, nil
	}
	if r.Acks == nil {
		return false, s.verdict(answer)
	}
	return r.Acks[strconv.FormatInt(a.id, 10)], nil
}

// withoutAcks goes on without acknowledgements.
func (s *Sink) withoutAcks() {
	if s.acks.Swap(false) && s.env.Logger != nil {
		s.env.Logger.Warn("the Splunk token does not use acknowledgements; delivering without", "url", s.base)
	}
}
