package sinktest

import (
	"testing"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// testUnanswered sends a batch that is lost. Send tells what class says, for it cannot know; what is sent before and after arrives.
func testUnanswered(t *testing.T, h Harness, f Fault, class Class) {
	d := h.Open(t)
	before, lost, after := entries(0, 0, 10), entries(0, 10, 20), entries(0, 30, 10)
	send(t, d.Sink(), 0, before)
	h.compare(t, flat(received(t, d, len(before))), before)

	d.Inject(f)
	b := batch(t, d.Sink(), 0, lost)
	defer b.Release()
	err := trySend(t, b, lost)
	h.hides(t, err)
	if got := classOf(err); err == nil && class != Delivered || err != nil && got != class {
		t.Errorf("the engine is told %v, want %q", err, class)
	}
	if got := flat(received(t, d, len(before))); len(got) != len(before) {
		t.Errorf("%d logs arrived, although all were to be lost", len(got)-len(before))
	}
	d.Heal()

	send(t, d.Sink(), 0, after)
	h.compare(t, flat(received(t, d, len(before)+len(after))), append(before, after...))
	t.Logf("not promised by this destination: %d logs are lost, and Send said %q", len(lost), class)
}

// compareSome fails the test unless what arrived is exact, and some did.
func (h *Harness) compareSome(t *testing.T, got [][]sink.Field, want []*sink.Entry) {
	t.Helper()
	byName := map[string]*sink.Entry{}
	for _, e := range want {
		byName[e.Fields[0].Value] = e
	}
	for _, fields := range got {
		e := byName[nameOf(fields)]
		if e == nil {
			t.Fatalf("what arrived was not sent, or came twice: %s", show(fields))
		}
		h.compare(t, [][]sink.Field{fields}, []*sink.Entry{e})
		delete(byName, e.Fields[0].Value)
	}
	if len(got) == 0 {
		t.Error("nothing arrived")
	}
	if len(byName) > 0 {
		t.Logf("not promised by this destination: %d of %d logs of a full batch are lost, and Send said yes", len(byName), len(want))
	}
}
