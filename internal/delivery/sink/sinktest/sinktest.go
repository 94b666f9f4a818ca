// Package sinktest holds the promises of [sink.Sink] as tests that every destination passes.
//
//	Run ──Add, Send──> sink ──> destination ──Received──> Run compares
//	  └────────────Inject(fault)───────┘
//
// A package of a sink writes a [Harness]: how to open the sink before a destination (the real component where one runs here, else a double that
// is written from the destination's documentation and not from the sink), how to read back what arrived, and how to make it fail.
package sinktest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Harness says how to test one kind of sink.
type Harness struct {
	// Open makes an empty destination and a sink that writes to it, and closes both by t.Cleanup. Every test has its own.
	Open func(t *testing.T) Destination

	// Want is what the destination holds of a log, for formats that cannot hold every byte. Nil is [Plain].
	Want func(e *sink.Entry) []sink.Field
	// Unsorted: the fields of a log come back in any order.
	Unsorted bool

	// Repeats says what it leaves at the destination to send a batch twice.
	Repeats Repeats

	// Faults are those that Inject can make, each with what Send tells the engine while it lasts.
	Faults map[Fault]Class

	// Unanswered: the destination never says what it has, so that Send's yes promises nothing. The suite asks that small batches arrive where nothing
	// is lost on the way, and that whatever arrives is exact. That a full batch arrives, and what is sent during a fault, it does not ask: it says what
	// was lost. Faults are Lost alone.
	Unanswered bool

	// Refusable makes a log that Add refuses; nil where every log can go.
	Refusable func() *sink.Entry

	// MaxValue is the size of the largest value that is tried [1 MB].
	MaxValue int

	// CheckSends: Check leaves batches behind, so that a test must not count on an empty destination after it.
	CheckSends bool
	// Secrets are texts of the sink's configuration that no error may show.
	Secrets []string
}

// Destination is a destination and the sink that writes to it.
type Destination interface {
	// Sink returns the sink, always the same one.
	Sink() sink.Sink
	// Received returns what has arrived, in the order of arrival, as soon as it is n logs or more. When ctx is done it returns what there is.
	Received(ctx context.Context, n int) ([]Delivery, error)
	// Inject makes the destination fail in one of the ways of Harness.Faults from now on, Heal ends that.
	Inject(f Fault)
	Heal()
}

// Delivery is what arrived together: a request, an object, or one record where the destination knows no batches.
type Delivery struct {
	ID   string // the batch's; "" where the destination cannot hold one
	Logs [][]sink.Field
}

// Repeats says what the destination does with a batch that is sent again.
type Repeats uint8

// The kinds of destination.
const (
	Twice  Repeats = iota // holds it twice, and cannot tell
	SameID                // holds it twice under one id, so that readers can tell
	Once                  // holds it once: the second replaces the first or is recognized
)

// Fault is a way to fail.
type Fault string

// The faults. A destination has those that exist there.
const (
	Refuse       Fault = "refuse"       // connections are refused or reset at once
	Cut          Fault = "cut"          // connections end in the middle of what is sent
	Stall        Fault = "stall"        // everything is taken and nothing is answered
	Unauthorized Fault = "unauthorized" // the credentials are not, or no longer, good
	Forbidden    Fault = "forbidden"    // they are good, and not enough
	Missing      Fault = "missing"      // the bucket, topic, logstore or path does not exist
	Busy         Fault = "busy"         // asks to come back later
	Broken       Fault = "broken"       // answers with an error of its own
	TooLarge     Fault = "tooLarge"     // takes no batch of this size
	Invalid      Fault = "invalid"      // takes none of these logs, for good
	Lost         Fault = "lost"         // everything is lost on the way, and nobody says so
	Silent       Fault = "silent"       // says that it took the batch and closes before the end of the answer
)

// Class is what an error tells the engine, see errors.go of package sink.
type Class string

// The classes.
const (
	Retry    Class = "retry"
	Later    Class = "later"
	Halt     Class = "halt"
	Refused  Class = "refused"
	Oversize Class = "too large"
	// Delivered: Send says yes.
	Delivered Class = "yes"
	// AnyClass: the fault shows in more than one way.
	AnyClass Class = "any"
)

// patience bounds what a test waits for. Nothing passes because of it: it ends tests that have failed.
const patience = time.Minute

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	if h.Want == nil {
		h.Want = Plain
	}
	if h.MaxValue == 0 {
		h.MaxValue = 1 << 20
	}
	for _, c := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"a batch arrives whole, in order and exact", testContent},
		{"large values arrive", testLarge},
		{"a full batch is taken", testFull},
		{"an empty batch is nothing", testEmpty},
		{"add keeps nothing of the entry", testReuse},
		{"add refuses without a trace", testRefusable},
		{"a batch sent twice is the same batch", testTwice},
		{"a batch formed again is the same batch", testFormedAgain},
		{"different batches have different ids", testIDs},
		{"shards do not mix", testShards},
		{"release frees a batch that was not sent", testRelease},
		{"check passes", testCheck},
		{"a context that is done ends send", testContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, h) })
	}
	for fault, class := range h.Faults {
		if h.Unanswered {
			t.Run("fault "+string(fault), func(t *testing.T) { testUnanswered(t, h, fault, class) })
			continue
		}
		t.Run("fault "+string(fault), func(t *testing.T) { testFault(t, h, fault, class) })
		if slices.Contains([]Fault{Cut, Stall, Silent}, fault) { // what was sent may still be on its way
			t.Run("given up at "+string(fault), func(t *testing.T) { testGivenUp(t, h, fault, class) })
		}
	}
}

// Plain is the text of the fields, without those that are [sink.Absent], and with U+FFFD for bytes that are not UTF-8.
func Plain(e *sink.Entry) []sink.Field {
	var out []sink.Field
	for _, f := range e.Fields {
		if f.Kind != sink.Absent {
			out = append(out, sink.Field{Key: strings.ToValidUTF8(f.Key, "\ufffd"), Value: strings.ToValidUTF8(f.Value, "\ufffd")})
		}
	}
	return out
}
