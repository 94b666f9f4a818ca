package delivery_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// A dead letter tells what it is and why, and has the log as it was, whatever is in it.
func TestDeadLetters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.tape("x").set(func(context.Context, *tapeBatch) error { return &sink.Refused{Reason: "not wanted here"} })
		b.online(e.Engine, spec("x", func(s *delivery.Spec) { s.Fields = []string{"n"} }))
		group := &sluice.LogGroup{Topic: "to<pic", Source: "s", Tags: []sluice.Field{{Key: "tag", Value: "v"}}, Records: []sluice.Record{
			{Time: 1000, Nanos: 5, Fields: []sluice.Field{{Key: "n", Value: "1"}, {Key: "left out", Value: "日志"}, {Key: "n", Value: "2"}}},
			{Time: 1001, Fields: []sluice.Field{{Key: "n", Value: "\xff"}}},
		}}
		_, at, err := b.door.Append(ctx, ref, group)
		b.must(err)
		b.settle(e.Engine, "x")
		letters := b.letters()
		if len(letters) != 2 {
			t.Fatalf("got %d letters", len(letters))
		}
		got := letters[0].fields
		if got["reason"] != "not wanted here" || got["logstore"] != "access" || got["shard"] != "0" || got["attempt"] != "1" ||
			got["at"] != (sink.Point{Position: at}).String() || len(got["id"]) != 32 || len(got["batch"]) != 32 {
			t.Errorf("got letter %v", got)
		}
		const want = `{"time":1000,"nanos":5,"topic":"to<pic","source":"s","tags":{"tag":"v"},"fields":{"n":"1","left out":"日志","n":"2"}}`
		if got["log"] != want {
			t.Errorf("got log  %s\nwant log %s", got["log"], want)
		}
		if letters[1].fields["id"] == got["id"] {
			t.Error("two letters of one id")
		}
		index, err := b.cat.Index(ctx, sluice.LogstoreRef{Project: project, Logstore: delivery.DeadLetters})
		if err != nil || len(index.Config) == 0 {
			t.Errorf("the dead letters have no index: %v", err)
		}
		s := b.status(e.Engine, "x")
		if s.Counters.DeadLettered != 2 {
			t.Errorf("got counters %+v", s.Counters)
		}

		b.tape("x").set(nil)
		_, err = e.Redrive(ctx, project, "x", time.Time{}, time.Time{})
		b.must(err)
		s = b.settle(e.Engine, "x")
		wantLogs(t, "redriven", b.tape("x").logs(), []string{"2", "\xff"})
		if s.Redriven.Delivered != 2 {
			t.Errorf("got counters %+v", s.Redriven)
		}
		wantBalanced(t, e.Engine, s)
	})
}

// What fails again is a dead letter again, once for each redrive, and a redrive ends.
func TestRedriveThatFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.tape("x").set(func(_ context.Context, batch *tapeBatch) error {
			if i := slices.Index(batch.logs, "3"); i >= 0 {
				batch.take(i)
				return &sink.Refused{First: i, Count: 1, Reason: "three"}
			}
			batch.take(len(batch.logs))
			return nil
		})
		b.online(e.Engine, spec("x"))
		b.online(e.Engine, spec("y"))
		b.write(5)
		b.settle(e.Engine, "x")
		for range 2 {
			_, err := e.Redrive(ctx, project, "x", time.Time{}, time.Time{})
			b.must(err)
			if _, err := e.Redrive(ctx, project, "x", time.Time{}, time.Time{}); sluice.KindOf(err) != sluice.Conflict {
				t.Errorf("a second redrive at the same time: got error %v", err)
			}
			b.settle(e.Engine, "x")
		}
		var attempts []string
		ids := map[string]bool{}
		for _, l := range b.letters() {
			attempts = append(attempts, l.fields["attempt"])
			ids[l.fields["id"]] = true
		}
		// The second redrive takes the letters of the first time and of the first redrive.
		if !slices.Equal(attempts, []string{"1", "2", "2", "3"}) || len(ids) != 1 {
			t.Errorf("got attempts %v under %d ids", attempts, len(ids))
		}
		wantBalanced(t, e.Engine, b.status(e.Engine, "x"))
		if _, err := e.Redrive(ctx, project, "none", time.Time{}, time.Time{}); sluice.KindOf(err) != sluice.NotFound {
			t.Errorf("redrive of a missing task: got error %v", err)
		}
	})
}

func TestRedriveByTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.tape("x").set(func(context.Context, *tapeBatch) error { return &sink.Refused{Reason: "no"} })
		b.online(e.Engine, spec("x"))
		var times []time.Time
		for range 3 {
			times = append(times, time.Now())
			b.write(1)
			time.Sleep(time.Hour)
		}
		b.tape("x").set(nil)
		_, err := e.Redrive(ctx, project, "x", times[1], times[2])
		b.must(err)
		b.settle(e.Engine, "x")
		wantLogs(t, "the middle hour", b.tape("x").logs(), numbers(2, 2))
	})
}

// retry.max with deadLetter gives a batch up, and goes on behind it.
func TestGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.tape("x").set(func(_ context.Context, batch *tapeBatch) error {
			if slices.Contains(batch.logs, "2") {
				return errors.New("500")
			}
			batch.take(len(batch.logs))
			return nil
		})
		b.online(e.Engine, spec("x", func(s *delivery.Spec) {
			s.Retry, s.Limits.Logs = delivery.Retry{Max: 3, OnExhausted: "deadLetter"}, 2
		}))
		b.write(6)
		s := b.settle(e.Engine, "x")
		wantLogs(t, "the others", b.tape("x").logs(), numbers(3, 6))
		if tries := b.tape("x").tries; tries != 1+3+2 || s.Counters.DeadLettered != 2 || s.Counters.Retries != 3 {
			t.Errorf("got %d tries and counters %+v", tries, s.Counters)
		}
	})
}

// Retention takes a batch between its answer and the dead letters: nothing is counted twice.
func TestRefusedAndExpired(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		e := b.start(b.options("a"))
		b.tape("x").set(func(_ context.Context, batch *tapeBatch) error {
			batch.take(3)
			b.must(b.view().Shards[0].Stored.Trim(time.Now().Add(time.Hour)))
			return &sink.Refused{First: 3, Count: 1, Reason: "four"}
		})
		b.online(e.Engine, spec("x"))
		b.write(5)
		b.write(5)
		time.Sleep(time.Minute)
		s := b.settle(e.Engine, "x")
		wantBalanced(t, e.Engine, s)
		if c := s.Counters; c.Delivered != 3 || c.Expired != 7 || c.Read != 10 {
			t.Errorf("got counters %+v", c)
		}
	})
}
