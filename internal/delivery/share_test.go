package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/meta"
)

// Two engines share the shards; when one falls silent the other takes over, and the one that wakes up finds that nothing is its own any
// more: it sends what it had announced, under the same id, and moves no point.
func TestFencing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 8)
		gates := map[string]*gate{"a": {}, "b": {}}
		engines := map[string]*engine{}
		for id, g := range gates {
			engines[id] = b.startGated(b.options(id), g)
		}
		a := engines["a"]
		b.online(a.Engine, spec("x"))
		time.Sleep(30 * time.Second)
		if n, m := engines["a"].Workers(), engines["b"].Workers(); n+m != 8 || n == 0 || m == 0 {
			t.Fatalf("the engines work on %d and %d of 8 shards", n, m)
		}
		for range 40 {
			b.write(3)
		}
		time.Sleep(500 * time.Millisecond)
		gates["a"].freeze()
		synctest.Wait()
		time.Sleep(time.Minute)
		s := b.settle(engines["b"].Engine, "x")
		for _, shard := range s.Shards {
			if shard.Owner != "b" {
				t.Errorf("shard %v is still %q's", shard.Shard, shard.Owner)
			}
		}
		points := b.points()
		gates["a"].thaw()
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		for key, p := range b.points() {
			if p.Position != points[key].Position || p.Index != points[key].Index {
				t.Errorf("the engine that slept moved the point of shard %v", p.Shard)
			}
		}
		time.Sleep(time.Minute)
		if n, m := engines["a"].Workers(), engines["b"].Workers(); n+m != 8 || n == 0 || m == 0 {
			t.Errorf("after all the engines work on %d and %d of 8 shards", n, m)
		}
		if got := len(firsts(b.tape("x").logs())); got != 120 {
			t.Errorf("%d of 120 logs arrived", got)
		}
		wantSameIDs(t, b.tape("x").sent())
	})
}

func (b *bed) points() map[string]meta.DeliveryPoint {
	b.t.Helper()
	all := map[string]meta.DeliveryPoint{}
	b.must(b.meta.View(ctx, func(tx meta.Tx) error {
		points, err := tx.AllDeliveryPoints()
		for _, p := range points {
			all[fmt.Sprint(p.Task, p.Stream, p.Shard)] = p
		}
		return err
	}))
	return all
}

// Two hundred tasks on one logstore read each shard once, and their progress is stored together.
func TestTasksShareReading(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 2)
		e := b.start(b.options("a"))
		const tasks = 200
		for i := range tasks {
			b.online(e.Engine, spec(fmt.Sprint("t", i)))
		}
		time.Sleep(time.Minute)
		reads, commits := e.SourceReads(), e.Commits()
		const rounds = 10
		for range rounds {
			for range 4 {
				b.write(5)
			}
			time.Sleep(3 * time.Second)
		}
		for i := range tasks {
			b.settle(e.Engine, fmt.Sprint("t", i))
			if got := len(b.tape(fmt.Sprint("t", i)).logs()); got != b.written {
				t.Fatalf("task %d got %d of %d logs", i, got, b.written)
			}
		}
		if n := e.SourceReads() - reads; n > 2*rounds*4+2*tasks/10 {
			t.Errorf("%d reads of 2 shards for %d rounds of 4 groups", n, rounds)
		} else {
			t.Logf("%d reads", n)
		}
		if n := e.Commits() - commits; n > 2*2*rounds*tasks/4 {
			t.Errorf("%d commits for %d batches", n, 2*rounds*tasks)
		} else {
			t.Logf("%d commits", n)
		}
	})
}

// A destination that is dead, slow for ever or deaf to its context holds up nobody else, whatever memory there is.
func TestIsolation(t *testing.T) {
	for name, answer := range map[string]func(context.Context, *tapeBatch) error{
		"dead":  func(context.Context, *tapeBatch) error { return errors.New("connection refused") },
		"hangs": func(ctx context.Context, _ *tapeBatch) error { <-ctx.Done(); return context.Cause(ctx) },
		"deaf":  func(context.Context, *tapeBatch) error { time.Sleep(time.Hour); return errors.New("at last") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				b := newBed(t, 1)
				o := b.options("a")
				o.MemoryBytes = 20_000
				e := b.start(o)
				const bad = 10
				for i := range bad {
					task := fmt.Sprint("bad", i)
					b.tape(task).set(answer)
					b.online(e.Engine, spec(task))
				}
				b.online(e.Engine, spec("good"))
				for range 50 {
					b.write(20)
					time.Sleep(2 * time.Second)
					if lag := b.status(e.Engine, "good").Lag; lag > 3*time.Second {
						t.Fatalf("the good task lags by %v", lag)
					}
				}
				time.Sleep(2 * time.Second)
				if got := len(b.tape("good").logs()); got != b.written {
					t.Errorf("%d of %d logs arrived at the good one", got, b.written)
				}
				if m := e.Memory(); m > 3*o.MemoryBytes { // the least batches of eleven tasks are 20 kB
					t.Errorf("batches take %d bytes of %d", m, o.MemoryBytes)
				}
				s := b.status(e.Engine, "bad0")
				e.stop()
				time.Sleep(2 * time.Hour) // the deaf come back
				if m := e.Memory(); m != 0 {
					t.Errorf("after all batches take %d bytes", m)
				}
				if name != "deaf" && name != "hangs" && (s.State != delivery.Failing || s.Error == "") {
					t.Errorf("the bad one is %s, %q", s.State, s.Error)
				}
			})
		})
	}
}

// A destination is away for more than a day. Nothing is lost, the lag is right to a second all the time, and what retention takes in the
// end is counted.
func TestDayLongOutage(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		o := b.options("a")
		o.LeaseTime, o.Look = time.Hour, time.Minute
		o.Rand = func() float64 { return 0.9 } // no pause so short that a batch is kept over it
		e := b.start(o)
		b.online(e.Engine, spec("x"))
		b.tape("x").set(func(context.Context, *tapeBatch) error { return errors.New("no route to host") })
		first := time.Now()
		for range 30 {
			b.write(10)
			time.Sleep(time.Hour)
			s := b.status(e.Engine, "x")
			if want := time.Since(first); s.Lag < want-time.Second || s.Lag > want+time.Second {
				t.Fatalf("the lag is %v, want %v", s.Lag, want)
			}
			if s.State != delivery.Failing || s.Error != "no route to host" {
				t.Fatalf("the task is %s, %q", s.State, s.Error)
			}
		}
		if m := e.Memory(); m != 0 {
			t.Errorf("a batch that waits for its next try takes %d bytes", m)
		}
		b.tape("x").set(nil)
		s := b.settle(e.Engine, "x")
		wantLogs(t, "all", b.tape("x").logs(), numbers(1, 300))
		if s.Lag != 0 || s.Counters.Expired != 0 {
			t.Errorf("at the end: lag %v, counters %+v", s.Lag, s.Counters)
		}

		b.tape("x").set(func(context.Context, *tapeBatch) error { return errors.New("no route to host") })
		for range 3 {
			b.write(10)
			time.Sleep(time.Minute)
		}
		shard := &b.view().Shards[0]
		b.must(shard.Stored.Trim(time.Now()))
		b.write(1)
		b.tape("x").set(nil)
		s = b.settle(e.Engine, "x")
		if s.Counters.Expired != 10 || s.Counters.ExpiredGroups != 2 {
			t.Errorf("after retention: counters %+v", s.Counters)
		}
		wantBalanced(t, e.Engine, s)
		wantLogs(t, "behind", b.tape("x").logs()[300:], numbers(331, 331))
	})
}

// An engine without tasks that are online writes nothing to metadata.
func TestIdleEngineIsQuiet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		b := newBed(t, 1)
		changes := 0
		g := &gate{commit: func() (before, after error) { changes++; return nil, nil }}
		e := b.startGated(b.options("a"), g)
		_, err := e.Create(ctx, project, spec("x"))
		b.must(err)
		time.Sleep(time.Hour)
		e.stop()
		if changes != 1 {
			t.Errorf("%d changes of metadata, want that of Create alone", changes)
		}
	})
}
