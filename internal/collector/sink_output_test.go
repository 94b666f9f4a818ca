package collector_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// picky is a sink that takes few logs at once, and not all.
type picky struct {
	got   []string // names of batches and their logs
	fails int      // sends that fail before one succeeds
}

func (s *picky) Check(context.Context) error { return nil }
func (s *picky) Close() error                { return nil }
func (s *picky) Limits() sink.Limits         { return sink.Limits{Logs: 4} }
func (s *picky) Begin(h sink.Header) sink.Batch {
	return &pickyBatch{sink: s, header: h}
}

type pickyBatch struct {
	sink   *picky
	header sink.Header
	logs   []string
}

func (b *pickyBatch) Add(e *sink.Entry) error {
	if e.Fields[0].Value == "add" {
		return &sink.Refused{Reason: "cannot be encoded"}
	}
	b.logs = append(b.logs, strings.Clone(e.Fields[0].Value))
	return nil
}

func (b *pickyBatch) Send(_ context.Context, to sink.Point) error {
	if b.sink.fails > 0 {
		b.sink.fails--
		return errors.New("away")
	}
	if len(b.logs) > 1 && slices.Contains(b.logs, "large") {
		return sink.ErrTooLarge
	}
	if i := slices.Index(b.logs, "send"); i >= 0 {
		b.sink.got = append(b.sink.got, b.logs[:i]...)
		return &sink.Refused{First: i, Count: 1, Reason: "not wanted"}
	}
	if slices.Contains(b.logs, "huge") {
		return sink.ErrTooLarge
	}
	b.sink.got = append(b.sink.got, b.logs...)
	if to.Position-b.header.From.Position < 1 {
		return errors.New("the batch has no length")
	}
	return nil
}

func (b *pickyBatch) Len() int       { return len(b.logs) }
func (b *pickyBatch) Encoded() int64 { return int64(len(b.logs)) }
func (b *pickyBatch) Memory() int64  { return 0 }
func (b *pickyBatch) Release()       {}

// A delivery goes out in as many batches as it takes; what is refused, whenever it is, is told by its place, and the rest arrives in order. After an error
// only what did not arrive is sent again.
func TestSinkDestination(t *testing.T) {
	f := func(logs, got, refused string, fails int) {
		t.Helper()
		s := &picky{}
		d := collector.NewSinkDestination(s)
		del := &collector.Delivery{Input: "in", Service: "s", Part: "p", First: 100}
		for text := range strings.FieldsSeq(logs) {
			del.Events = append(del.Events, collector.Event{Fields: []sink.Field{{Key: "k", Value: text}}})
		}
		s.fails = fails
		var list []collector.Refusal
		for {
			var err error
			if list, err = d.Send(context.Background(), del); err == nil {
				break
			}
			if fails--; fails < 0 {
				t.Fatal(err)
			}
			del.Again = true
		}
		var at []string
		for _, r := range list {
			at = append(at, fmt.Sprint(r.Index))
		}
		if text := strings.Join(s.got, " "); text != got {
			t.Errorf("%s: got %s, want %s", logs, text, got)
		}
		if text := strings.Join(at, " "); text != refused {
			t.Errorf("%s: refused %s, want %s", logs, text, refused)
		}
	}
	f("1 2 3 4 5 6 7 8 9", "1 2 3 4 5 6 7 8 9", "", 0)
	f("1 2 3 4 5 6 7 8 9", "1 2 3 4 5 6 7 8 9", "", 2)
	f("add 1 add 2 add", "1 2", "0 2 4", 0)
	f("add", "", "0", 0)
	f("1 2 send 3 4 5 send", "1 2 3 4 5", "2 6", 0)
	f("1 2 3 large 4", "1 2 3 large 4", "", 0)
	f("1 huge 2 huge", "1 2", "1 3", 0)
	f("huge large add send 1", "large 1", "0 2 3", 0)
}
