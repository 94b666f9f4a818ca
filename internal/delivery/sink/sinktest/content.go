package sinktest

import (
	"errors"
	"testing"
	"unsafe"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

func testContent(t *testing.T, h Harness) {
	d := h.Open(t)
	logs := entries(0, 0, 100)
	send(t, d.Sink(), 0, logs)
	h.compare(t, flat(received(t, d, len(logs))), logs)

	more := entries(0, 100, 50)
	send(t, d.Sink(), 0, more)
	h.compare(t, flat(received(t, d, len(logs)+len(more))), append(logs, more...))
}

func testLarge(t *testing.T, h Harness) {
	d := h.Open(t)
	logs := []*sink.Entry{large(0, 100), large(1, h.MaxValue), large(2, h.MaxValue/2), large(3, 0)}
	for _, e := range logs { // one each: together they may be more than a batch holds
		send(t, d.Sink(), 0, []*sink.Entry{e})
	}
	h.compare(t, flat(received(t, d, len(logs))), logs)
}

// testFull fills a batch to the first of the sink's limits the way the engine does, so that it is over by the last log.
func testFull(t *testing.T, h Harness) {
	maxLogs, maxBytes := 3000, int64(6<<20) // what a test has time for
	if testing.Short() {
		maxLogs = 300
	}
	d := h.Open(t)
	limits := d.Sink().Limits()
	if limits.Logs < 0 || limits.Bytes < 0 || limits.Age < 0 {
		t.Fatalf("limits %+v are below 0", limits)
	}
	var logs []*sink.Entry
	b := d.Sink().Begin(header(0, entry(0, 0)))
	defer b.Release()
	full := func() bool {
		return b.Len() >= maxLogs || b.Encoded() >= maxBytes ||
			limits.Logs > 0 && b.Len() >= limits.Logs || limits.Bytes > 0 && b.Encoded() >= limits.Bytes
	}
	for last := int64(0); !full(); last = b.Encoded() {
		e := large(len(logs), min(h.MaxValue, 2000))
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
		logs = append(logs, e)
		if b.Encoded() <= last || b.Memory() <= 0 {
			t.Fatalf("with %d logs the batch is %d bytes after %d, and holds %d", b.Len(), b.Encoded(), last, b.Memory())
		}
	}
	if err := trySend(t, b, logs); err != nil {
		t.Fatalf("send %d logs, %d bytes: %v", b.Len(), b.Encoded(), err)
	}
	if h.Unanswered {
		h.compareSome(t, flat(received(t, d, len(logs))), logs)
		return
	}
	h.compare(t, flat(received(t, d, len(logs))), logs)
}

func testEmpty(t *testing.T, h Harness) {
	d := h.Open(t)
	e := entry(0, 0)
	b := d.Sink().Begin(header(0, e))
	defer b.Release()
	if b.Len() != 0 {
		t.Errorf("a new batch has %d logs", b.Len())
	}
	if err := trySend(t, b, []*sink.Entry{e}); err != nil {
		t.Errorf("send without logs: %v", err)
	}
	if got := received(t, d, 0); len(flat(got)) != 0 {
		t.Errorf("a batch without logs left %v", got)
	}
}

// testReuse overwrites the memory behind an entry as soon as Add returns, as the engine does.
func testReuse(t *testing.T, h Harness) {
	d := h.Open(t)
	logs := entries(0, 0, 20)
	b := d.Sink().Begin(header(0, logs[0]))
	defer b.Release()
	for _, e := range logs {
		lent, wipe := lend(e)
		if err := b.Add(lent); err != nil {
			t.Fatal(err)
		}
		wipe()
	}
	if err := trySend(t, b, logs); err != nil {
		t.Fatal(err)
	}
	h.compare(t, flat(received(t, d, len(logs))), logs)
}

// lend copies e into memory that wipe overwrites.
func lend(e *sink.Entry) (lent *sink.Entry, wipe func()) {
	memory := make([]byte, 0, 1<<12)
	text := func(s string) string {
		if s == "" {
			return ""
		}
		memory = append(memory, s...)
		at := len(memory) - len(s)
		return unsafe.String(&memory[at], len(s))
	}
	c := *e
	c.Topic, c.Source = text(e.Topic), text(e.Source)
	c.Tags = nil
	for _, tag := range e.Tags {
		c.Tags = append(c.Tags, sluice.Field{Key: text(tag.Key), Value: text(tag.Value)})
	}
	c.Fields = nil
	for _, f := range e.Fields {
		c.Fields = append(c.Fields, sink.Field{Key: text(f.Key), Value: text(f.Value), Kind: f.Kind})
	}
	return &c, func() {
		for i := range memory {
			memory[i] = '#'
		}
		clear(c.Fields)
		clear(c.Tags)
	}
}

func testRefusable(t *testing.T, h Harness) {
	if h.Refusable == nil {
		t.Skip("every log can go to this destination")
	}
	d := h.Open(t)
	logs := entries(0, 0, 6)
	b := d.Sink().Begin(header(0, logs[0]))
	defer b.Release()
	refuse := func() {
		t.Helper()
		size := b.Encoded()
		err := b.Add(h.Refusable())
		if refused := (*sink.Refused)(nil); !errors.As(err, &refused) || refused.Reason == "" {
			t.Errorf("add: got %v, want a refusal with its reason", err)
		}
		if b.Encoded() != size {
			t.Errorf("refusing changed the size from %d to %d", size, b.Encoded())
		}
	}
	refuse()
	for i, e := range logs {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
		refuse()
		if b.Len() != i+1 {
			t.Errorf("the batch has %d logs, want %d", b.Len(), i+1)
		}
	}
	if err := trySend(t, b, logs); err != nil {
		t.Fatal(err)
	}
	h.compare(t, flat(received(t, d, len(logs))), logs)
}
