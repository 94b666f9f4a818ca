package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// An engine dies at its n-th change of metadata, or its n-th dead letter, before or after it is on disk, for every n that a delivery has;
// another one goes on. Nothing is lost, and what is there twice came under the same id.
func TestCrashAtEveryStep(t *testing.T) {
	for _, what := range []string{"commit", "letter"} {
		for _, after := range []bool{false, true} {
			for n := 1; ; n++ {
				died := false
				t.Run(fmt.Sprintf("%s %d, after: %v", what, n, after), func(t *testing.T) {
					bubble(t, func(t *testing.T) { died = crashAt(t, what, n, after) })
				})
				if !died {
					if n < 2 || what == "commit" && n < 10 {
						t.Errorf("only %d steps of %s", n, what)
					}
					break
				}
			}
		}
	}
}

// crashAt returns whether there was an n-th step.
func crashAt(t *testing.T, what string, n int, after bool) (died bool) {
	b := newBed(t, 1)
	g := &gate{}
	step := func() (error, error) {
		if n--; n != 0 {
			return nil, nil
		}
		died, g.dead = true, true
		if after {
			return nil, errDead
		}
		return errDead, nil
	}
	b.tape("x").set(func(_ context.Context, batch *tapeBatch) error {
		if i := slices.Index(batch.logs, "5"); i >= 0 {
			batch.take(i)
			return &sink.Refused{First: i, Count: 1, Reason: "five"}
		}
		batch.take(len(batch.logs))
		return nil
	})
	s := spec("x")
	s.Limits.Logs = 4
	b.online(b.make(b.options("user")), s)
	b.write(6)
	b.write(7)
	if what == "commit" {
		g.commit = step
	} else {
		g.letter = step
	}
	e := b.startGated(b.options("a"), g)
	time.Sleep(time.Minute)
	e.stop()
	e = b.start(b.options("a"))
	st := b.settle(e.Engine, "x")
	wantBalanced(t, e.Engine, st)
	wantLogs(t, "arrived", firsts(b.tape("x").logs()), append(numbers(1, 4), numbers(6, 13)...))
	wantSameIDs(t, b.tape("x").sent())
	ids := map[string]bool{}
	for _, l := range b.letters() {
		ids[l.fields["id"]] = true
		if l.log.Fields["n"] != "5" {
			t.Errorf("log %s is a dead letter", l.log.Fields["n"])
		}
	}
	if len(ids) != 1 || st.Counters.DeadLettered != 1 || st.Counters.Delivered != 12 {
		t.Errorf("%d dead letters, counters %+v", len(ids), st.Counters)
	}
	return died
}
