package sinktest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

func testCheck(t *testing.T, h Harness) {
	d := h.Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := d.Sink().Check(ctx); err != nil {
		t.Fatalf("check: %v", err)
	}
	if got := flat(received(t, d, 0)); len(got) != 0 && !h.CheckSends {
		t.Errorf("check left %d logs at the destination", len(got))
	}
}

func testContext(t *testing.T, h Harness) {
	d := h.Open(t)
	logs := entries(0, 0, 10)
	b := batch(t, d.Sink(), 0, logs)
	defer b.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Send(ctx, behind(logs[9])); err == nil {
		t.Error("send said yes although its context was done")
	} else if class := classOf(err); class != Retry {
		t.Errorf("a context that is done is %q to the engine: %v", class, err)
	}
	if err := trySend(t, b, logs); err != nil {
		t.Fatalf("send again: %v", err)
	}
	h.compareAtLeast(t, d, logs)
}

// impatience ends calls that would wait for a destination that never answers. How long it takes decides nothing.
const impatience = 200 * time.Millisecond

// testFault sends one batch while the destination fails, checks what the engine is told, and sends it again when it is well.
func testFault(t *testing.T, h Harness, f Fault, class Class) {
	d := h.Open(t)
	before, logs := entries(0, 0, 10), entries(0, 10, 20)
	send(t, d.Sink(), 0, before)
	received(t, d, len(before)) // the fault must not fall on what is on its way

	d.Inject(f)
	b := batch(t, d.Sink(), 0, logs)
	defer b.Release()
	for range 2 {
		h.sendFailing(t, f, class, b, logs)
	}
	h.checkFailing(t, f, d.Sink())
	d.Heal()

	err := trySend(t, b, logs)
	for tries := 1; err != nil && tries < 5; tries++ { // a connection that broke may be noticed only now
		t.Logf("try %d after the fault: %v", tries, err)
		if class := classOf(err); class != Retry && class != Later {
			t.Fatalf("send after the fault: %v", err)
		}
		err = trySend(t, b, logs)
	}
	if err != nil {
		t.Fatalf("send after the fault: %v", err)
	}
	h.compareAtLeast(t, d, append(before, logs...))
}

// testGivenUp gives a batch up while its Send fails, and sends others when the destination is well. Whatever arrives of the first, late or in
// part, is what was in it, though the others may use its memory again.
func testGivenUp(t *testing.T, h Harness, f Fault, class Class) {
	d := h.Open(t)
	before, lost, logs := entries(0, 0, 10), entries(0, 10, 20), entries(0, 30, 20)
	send(t, d.Sink(), 0, before)
	received(t, d, len(before))

	d.Inject(f)
	b := batch(t, d.Sink(), 0, lost)
	h.sendFailing(t, f, class, b, lost)
	b.Release()
	d.Heal()

	half := len(logs) / 2
	for _, part := range [][]*sink.Entry{logs[:half], logs[half:]} {
		next := batch(t, d.Sink(), 0, part)
		err := trySend(t, next, part)
		for tries := 1; err != nil && tries < 5; tries++ {
			err = trySend(t, next, part)
		}
		next.Release()
		if err != nil {
			t.Fatalf("send after the fault: %v", err)
		}
	}
	h.compareButFor(t, d, append(before, logs...), lost)
}

// compareButFor is compareAtLeast for a destination that may also have got logs that were given up.
func (h *Harness) compareButFor(t *testing.T, d Destination, want, lost []*sink.Entry) {
	t.Helper()
	byName := map[string]*sink.Entry{}
	for _, e := range lost {
		byName[e.Fields[0].Value] = e
	}
	var got [][]sink.Field
	for n := len(want); len(got) < len(want); n++ {
		all := flat(received(t, d, n))
		got = nil
		for _, fields := range firsts(all) {
			if e := byName[nameOf(fields)]; e != nil {
				h.compare(t, [][]sink.Field{fields}, []*sink.Entry{e})
			} else {
				got = append(got, fields)
			}
		}
		if len(all) < n {
			break // there is no more
		}
	}
	h.compare(t, got, want)
}

func (h *Harness) sendFailing(t *testing.T, f Fault, class Class, b sink.Batch, logs []*sink.Entry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	if f == Stall {
		ctx, cancel = context.WithTimeout(t.Context(), impatience)
	}
	defer cancel()
	err := within(t, "send", func() error { return b.Send(ctx, behind(logs[len(logs)-1])) })
	if err == nil {
		t.Fatal("send said yes")
	}
	t.Logf("send: %v", err)
	h.hides(t, err)
	if got := classOf(err); got != class && class != AnyClass {
		t.Errorf("the engine is told %q, want %q: %v", got, class, err)
	}
	if b.Len() != len(logs) {
		t.Errorf("after an error the batch has %d logs, want %d", b.Len(), len(logs))
	}
}

// within calls fn, and fails the test if it does not come back.
func within(t *testing.T, what string, fn func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * patience):
		t.Fatalf("%s did not end with its context", what)
		return nil
	}
}

// checkFailing asks Check about faults that it must find.
func (h *Harness) checkFailing(t *testing.T, f Fault, s sink.Sink) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	if f == Stall {
		ctx, cancel = context.WithTimeout(t.Context(), impatience)
	}
	defer cancel()
	err := within(t, "check", func() error { return s.Check(ctx) })
	h.hides(t, err)
	if err == nil && slices.Contains([]Fault{Refuse, Stall, Unauthorized}, f) {
		t.Errorf("check passed")
	}
	t.Logf("check: %v", err)
}

// compareAtLeast expects every log once or, where the destination keeps repeats, more often, and the first of each in the order of want.
func (h *Harness) compareAtLeast(t *testing.T, d Destination, want []*sink.Entry) {
	t.Helper()
	got := firsts(flat(received(t, d, len(want))))
	for n := len(want) + 1; h.Repeats != Once && len(got) < len(want); n++ { // what arrived of the tries that failed counts, too
		all := flat(received(t, d, n))
		if len(all) < n {
			break // there is no more
		}
		got = firsts(all)
	}
	h.compare(t, got, want)
}

// firsts leaves out logs that were there before, and what Check sent.
func firsts(logs [][]sink.Field) [][]sink.Field {
	seen := map[string]bool{"": true}
	return slices.DeleteFunc(slices.Clone(logs), func(fields []sink.Field) bool {
		name := nameOf(fields)
		was := seen[name]
		seen[name] = true
		return was
	})
}
