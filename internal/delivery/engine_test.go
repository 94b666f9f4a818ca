package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// numbers are the names of logs from first to last.
func numbers(first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, strconv.Itoa(i))
	}
	return all
}

func wantLogs(t *testing.T, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: logs differ (-want +got):\n%s", what, diff)
	}
}

// wantBalanced checks the counters of a task at rest.
func wantBalanced(t *testing.T, e *delivery.Engine, s *delivery.Status) {
	t.Helper()
	if e.Unbalanced() != 0 || s.Counters.Unbalanced() != 0 || s.Redriven.Unbalanced() != 0 {
		t.Errorf("the counters do not add up: %+v and %+v", s.Counters, s.Redriven)
	}
}

func TestDelivers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.write(3)
		b.online(e.Engine, spec("one"))
		b.write(2)
		s := b.settle(e.Engine, "one")
		wantLogs(t, "before and after the start", b.tape("one").logs(), numbers(1, 5))
		want := delivery.Counters{Read: 5, Delivered: 5, Bytes: 505, Batches: s.Counters.Batches}
		if diff := cmp.Diff(want, s.Counters); diff != "" {
			t.Errorf("counters (-want +got):\n%s", diff)
		}
		if s.State != delivery.Online || s.Lag != 0 || s.Success.IsZero() || s.Rate <= 0 {
			t.Errorf("got status %+v", s)
		}
		e.stop()
		if tape := b.tape("one"); tape.opened != tape.closed {
			t.Errorf("the sink was opened %d times and closed %d times", tape.opened, tape.closed)
		}
	})
}

// Limits end batches where they say, and a restart goes on behind the last.
func TestLimitsCutInsideGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.online(e.Engine, spec("cut", func(s *delivery.Spec) { s.Limits.Logs = 3 }))
		b.write(10)
		b.settle(e.Engine, "cut")
		e.stop()
		b.write(1)
		e = b.start(b.options("a"))
		b.settle(e.Engine, "cut")
		var sizes []int
		for _, s := range b.tape("cut").sent() {
			sizes = append(sizes, len(s.logs))
		}
		if !slices.Equal(sizes, []int{3, 3, 3, 1, 1}) {
			t.Errorf("got batches of %v", sizes)
		}
		wantLogs(t, "all", b.tape("cut").logs(), numbers(1, 11))
	})
}

func TestStartsWhereItSays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.write(1)
		time.Sleep(time.Hour)
		middle := time.Now().UTC().Format(time.RFC3339)
		b.write(1)
		time.Sleep(time.Hour)
		last := time.Now().UTC().Format(time.RFC3339)
		b.write(1)
		source := func(start, end string) func(*delivery.Spec) {
			return func(s *delivery.Spec) { s.Source.Start, s.Source.End = start, end }
		}
		b.online(e.Engine, spec("now", source("", "")))
		b.online(e.Engine, spec("time", source(middle, "")))
		b.online(e.Engine, spec("all", source("beginning", "")))
		b.online(e.Engine, spec("fill", source(middle, last)))
		b.write(1)
		for task, want := range map[string][]string{"now": numbers(4, 4), "time": numbers(2, 4), "all": numbers(1, 4), "fill": numbers(2, 2)} {
			time.Sleep(5 * time.Second)
			wantLogs(t, task, b.tape(task).logs(), want)
		}
		if s := b.status(e.Engine, "fill"); s.State != delivery.Offline {
			t.Errorf("a task that reached its end is %s", s.State)
		}
		_, err := e.Create(ctx, project, spec("future", source(time.Now().Add(time.Hour).Format(time.RFC3339), "")))
		b.must(err)
		if _, err := e.Start(ctx, project, "future", delivery.FromPoint); sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("start in the future: got error %v", err)
		}
	})
}

// Every answer that a sink may give, for a while.
func TestAnswers(t *testing.T) {
	plain := errors.New("no route to host")
	for _, test := range []struct {
		name   string
		answer func(try int, b *tapeBatch) error
		want   []string // logs of ten that arrive, each at least once
		dead   int64
		paused bool
	}{
		{"errors that heal", func(try int, b *tapeBatch) error {
			if try <= 7 {
				return plain
			}
			return nil
		}, numbers(1, 10), 0, false},
		{"a pause asked for", func(try int, b *tapeBatch) error {
			if try == 1 {
				return &sink.Later{After: 30 * time.Second, Err: plain}
			}
			return nil
		}, numbers(1, 10), 0, false},
		{"halted for good", func(int, *tapeBatch) error { return &sink.Halt{Reason: "the key is wrong"} }, nil, 0, true},
		{"halted for a moment", func(try int, b *tapeBatch) error {
			if try <= 3 {
				return &sink.Halt{Reason: "the key is wrong"}
			}
			return nil
		}, numbers(1, 10), 0, false},
		{"too large", func(_ int, b *tapeBatch) error {
			if len(b.logs) > 2 {
				return fmt.Errorf("413: %w", sink.ErrTooLarge)
			}
			return nil
		}, numbers(1, 10), 0, false},
		{"too large even alone", func(_ int, b *tapeBatch) error {
			if slices.Contains(b.logs, "4") {
				return sink.ErrTooLarge
			}
			return nil
		}, append(numbers(1, 3), numbers(5, 10)...), 1, false},
		{"one refused", func(_ int, b *tapeBatch) error {
			if i := slices.Index(b.logs, "7"); i >= 0 {
				b.take(i)
				return &sink.Refused{First: i, Count: 1, Reason: "bad field"}
			}
			return nil
		}, append(numbers(1, 6), numbers(8, 10)...), 1, false},
		{"the rest refused", func(_ int, b *tapeBatch) error {
			if i := slices.Index(b.logs, "7"); i >= 0 {
				b.take(i)
				return &sink.Refused{First: i, Reason: "bad field"}
			}
			return nil
		}, numbers(1, 6), 4, false},
		{"refused where there is nothing", func(try int, b *tapeBatch) error {
			if try <= 2 {
				return &sink.Refused{First: 99, Count: 1}
			}
			return nil
		}, numbers(1, 10), 0, false},
		{"panic", func(try int, b *tapeBatch) error {
			if try <= 2 {
				panic("nil map")
			}
			return nil
		}, numbers(1, 10), 0, false},
		{"arrived, and the answer lost", func(try int, b *tapeBatch) error {
			if try <= 2 {
				b.take(len(b.logs))
				return plain
			}
			return nil
		}, numbers(1, 10), 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBed(t, 1)
				o := b.options("a")
				var disabled atomic.Value
				o.Disabled = func(project, task, reason string) { disabled.Store(project + " " + task + ": " + reason) }
				e := b.start(o)
				try := 0
				b.tape("x").set(func(_ context.Context, batch *tapeBatch) error {
					try++
					err := test.answer(try, batch)
					if err == nil {
						batch.take(len(batch.logs))
					}
					return err
				})
				b.online(e.Engine, spec("other"))
				b.online(e.Engine, spec("x"))
				b.write(4)
				b.write(6)
				if test.paused {
					time.Sleep(5 * time.Minute)
					s := b.status(e.Engine, "x")
					if s.State != delivery.Paused || s.Reason != "the key is wrong" || s.Backlog != 2 {
						t.Errorf("got state %s, reason %q, backlog %d", s.State, s.Reason, s.Backlog)
					}
					if got := disabled.Load(); got != catalogtest.Ref.Project+" x: the key is wrong" {
						t.Errorf("it is told that %v is disabled", got)
					}
					return
				}
				s := b.settle(e.Engine, "x")
				if s.Counters.DeadLettered != test.dead || s.Counters.Read != 10 {
					t.Errorf("got counters %+v, want %d dead letters of 10 logs", s.Counters, test.dead)
				}
				wantBalanced(t, e.Engine, s)
				wantLogs(t, "what arrived", firsts(b.tape("x").logs()), test.want)
				wantSameIDs(t, b.tape("x").sent())
				wantLogs(t, "another task", b.tape("other").logs(), numbers(1, 10))
				if s.Error != "" || !s.Failing.IsZero() {
					t.Errorf("after success the error is still there: %q", s.Error)
				}
			})
		})
	}
}

// firsts drops what came before.
func firsts(all []string) (out []string) {
	seen := map[string]bool{}
	for _, s := range all {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// wantSameIDs checks that logs that arrived twice came in a batch of the same id.
func wantSameIDs(t *testing.T, all []sent) {
	t.Helper()
	batch := map[string]string{}
	for _, s := range all {
		for _, n := range s.logs {
			if id, twice := batch[n]; twice && id != s.id {
				t.Errorf("log %s arrived in batch %s and in batch %s", n, id, s.id)
			}
			batch[n] = s.id
		}
	}
}
