package query

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
)

// turns lets a number of statements run at once and has the others wait, each in the line of its project. Who is first in a line comes
// before who is behind, and a turn that is free goes from one line to the next, so that a project that asks a lot waits for itself:
//
//	project a: ■ ■ ■ ■ ■ ──┐
//	project b: ■ ──────────┼──one of each line in turn──> at most most run, half of them of one project
//	project c: ■ ■ ────────┘
//
// The half that one project cannot have is what another finds free while the first one's statements take all the time they may.
type turns struct {
	most    int // that run, 1 at least
	waiting int // that wait

	mu     sync.Mutex // guards the rest
	active int
	inLine int
	of     map[string]*line
	order  []*line // lines that somebody waits in; the first one is asked first
}

// line is a project: what runs of it, and who waits.
type line struct {
	project string
	active  int
	waiters []chan struct{} // closed when the turn has come
}

func newTurns(most, waiting int) *turns {
	return &turns{most: most, waiting: waiting, of: map[string]*line{}}
}

// half of a limit is what one project may have of it.
func half(n int) int { return (n + 1) / 2 }

// take waits until a statement of a project may run, so long at most. Call done when it has. Errors: that of ctx, and Unavailable [sql]
// where too many wait already or the time is over.
func (t *turns) take(ctx context.Context, project string, most time.Duration) (done func(), err error) {
	turn, err := t.join(project)
	if err != nil {
		return nil, err
	}
	done = sync.OnceFunc(func() { t.leave(project) })
	tired := time.NewTimer(most)
	defer tired.Stop()
	select {
	case <-turn:
		return done, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-tired.C:
		err = sluice.Errorf(sluice.Unavailable, "sql", "the statements before this one did not end in time; try again in a moment")
	}
	if !t.giveUp(project, turn) { // it came meanwhile
		done()
	}
	return nil, err
}

// join stands in line, and closes what it returns when the turn has come.
func (t *turns) join(project string) (turn chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of[project]
	if l == nil {
		l = &line{project: project}
	}
	if t.inLine >= t.waiting || len(l.waiters) >= half(t.waiting) {
		return nil, sluice.Errorf(sluice.Unavailable, "sql", "%d statements wait to be run; try again in a moment", t.inLine)
	}
	turn = make(chan struct{})
	if len(l.waiters) == 0 {
		t.order = append(t.order, l)
	}
	l.waiters = append(l.waiters, turn)
	t.inLine++
	t.of[project] = l
	t.next()
	return turn, nil
}

// next gives the turns that are free.
func (t *turns) next() {
	for i := 0; i < len(t.order) && t.active < t.most; {
		l := t.order[i]
		if l.active >= half(t.most) {
			i++
			continue
		}
		close(l.waiters[0])
		l.active++
		t.active++
		t.order = slices.Delete(t.order, i, i+1)
		t.unqueue(l, 0)
		if len(l.waiters) > 0 {
			t.order = append(t.order, l)
		}
	}
}

// unqueue takes a waiter out of a line.
func (t *turns) unqueue(l *line, i int) {
	l.waiters = slices.Delete(l.waiters, i, i+1)
	t.inLine--
}

// giveUp leaves the line, and reports whether the turn had not come.
func (t *turns) giveUp(project string, turn chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of[project]
	if l == nil {
		return false
	}
	i := slices.Index(l.waiters, turn)
	if i < 0 {
		return false
	}
	t.unqueue(l, i)
	t.forget(l)
	return true
}

// leave ends a turn.
func (t *turns) leave(project string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of[project]
	l.active--
	t.active--
	t.forget(l)
	t.next()
}

// forget forgets a line that nobody is in any more.
func (t *turns) forget(l *line) {
	if len(l.waiters) > 0 {
		return
	}
	if i := slices.Index(t.order, l); i >= 0 {
		t.order = slices.Delete(t.order, i, i+1)
	}
	if l.active == 0 {
		delete(t.of, l.project)
	}
}
