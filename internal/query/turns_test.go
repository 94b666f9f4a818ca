package query

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice"
)

// asked is a statement that stands in line, or has its turn, or err has why not.
type asked struct {
	err chan error
}

// queue drives turns from one goroutine: each step is over when all statements wait again.
type queue struct {
	turns *turns

	mu   sync.Mutex // guards the rest
	ran  []string   // in the order in which their turns came
	ends map[string]func()
}

func newQueue(most, waiting int) *queue {
	return &queue{turns: newTurns(most, waiting), ends: map[string]func(){}}
}

// ask has a statement named by its project and a number ask for its turn.
func (q *queue) ask(ctx context.Context, name string, most time.Duration) *asked {
	a := &asked{err: make(chan error, 1)}
	go func() {
		done, err := q.turns.take(ctx, name[:1], most)
		if err != nil {
			a.err <- err
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.ran = append(q.ran, name)
		q.ends[name] = done
	}()
	synctest.Wait()
	return a
}

func (q *queue) end(name string) {
	q.mu.Lock()
	done := q.ends[name]
	delete(q.ends, name)
	q.mu.Unlock()
	done()
	synctest.Wait()
}

func (q *queue) want(t *testing.T, ran string) {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	if got := strings.Join(q.ran, " "); got != ran {
		t.Errorf("turns came to %q, want %q", got, ran)
	}
}

func TestTurnsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(4, 100)
		for _, name := range []string{"a1", "a2", "a3", "a4", "b1", "b2", "b3", "c1"} {
			q.ask(t.Context(), name, time.Hour)
		}
		q.want(t, "a1 a2 b1 b2") // half for one project, however many it asks
		q.end("a1")
		q.want(t, "a1 a2 b1 b2 a3")
		q.end("b1") // a has its half; c has waited longest of those that may
		q.end("b2")
		q.end("c1")
		q.want(t, "a1 a2 b1 b2 a3 b3 c1")
		q.end("a2")
		q.want(t, "a1 a2 b1 b2 a3 b3 c1 a4")
		for name := range q.ends {
			q.end(name)
		}
		if len(q.turns.of) != 0 || q.turns.active != 0 || len(q.turns.order) != 0 {
			t.Errorf("something is left when all have ended: %+v", q.turns)
		}
	})
}

func TestTurnsThatDoNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 4)
		q.ask(t.Context(), "a1", time.Hour)
		ctx, leave := context.WithCancel(t.Context())
		left := q.ask(ctx, "a2", time.Hour)
		tired := q.ask(t.Context(), "a3", time.Minute)
		if err := <-q.ask(t.Context(), "a4", time.Hour).err; sluice.KindOf(err) != sluice.Unavailable {
			t.Errorf("a third in a line for two: %v", err)
		}
		q.ask(t.Context(), "b1", time.Hour)
		leave()
		if err := <-left.err; !errors.Is(err, context.Canceled) {
			t.Errorf("who leaves the line: %v", err)
		}
		time.Sleep(time.Minute)
		if err := <-tired.err; sluice.KindOf(err) != sluice.Unavailable {
			t.Errorf("who waited too long: %v", err)
		}
		q.end("a1")
		q.want(t, "a1 b1")
		q.end("b1")
		if q.turns.inLine != 0 || len(q.turns.of) != 0 {
			t.Errorf("something is left when all have ended: %+v", q.turns)
		}
	})
}

// Statements that come, run, leave and tire at random never exceed a limit, and all come to an end.
func TestTurnsAtRandom(t *testing.T) {
	for seed := range int64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewSource(seed))
			turns := newTurns(1+r.Intn(6), 1+r.Intn(20))
			running := map[string]int{}
			all := 0
			for range 100 {
				project, takes := fmt.Sprint(r.Intn(4)), time.Duration(1+r.Intn(50))*time.Millisecond
				leaves, tires := time.Duration(1+r.Intn(200))*time.Millisecond, time.Duration(1+r.Intn(200))*time.Millisecond
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), leaves)
					defer cancel()
					done, err := turns.take(ctx, project, tires)
					if err != nil {
						return
					}
					turns.mu.Lock() // guards what this test counts, too
					running[project]++
					all++
					if all > turns.most || running[project] > half(turns.most) {
						t.Errorf("seed %d: %d run, of one project %d, at most %d may", seed, all, running[project], turns.most)
					}
					turns.mu.Unlock()
					time.Sleep(takes)
					turns.mu.Lock()
					running[project]--
					all--
					turns.mu.Unlock()
					done()
				}()
				time.Sleep(time.Duration(r.Intn(10)) * time.Millisecond)
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if turns.active != 0 || turns.inLine != 0 || len(turns.of) != 0 || len(turns.order) != 0 {
				t.Errorf("seed %d: something is left when all have ended: %+v", seed, turns)
			}
		})
	}
}
