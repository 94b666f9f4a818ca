// Package behind runs work that comes after everything else of the process when there are not enough processors. Statements take every
// processor they find for as long as they last, which is no reason for writers to wait for their answers.
//
//	goroutine ──Run──> a thread kept for that, nicer than the others ──> fn ──> the thread waits for more
//	   └── waits ────────────────────────────────────────────────────────┘
//
// The system divides the processors between threads, so this needs more places in Go's scheduler (GOMAXPROCS) than there are
// processors: a thread that is behind keeps its place while it waits, and without another one goroutines would wait with it. The program
// sees to that, see [Places].
package behind

import (
	"runtime"
	"sync"
)

// A thread never ends: a Go thread that does may make another one in its place, which would inherit its priority and run anything.
type thread struct {
	work chan func()
	done chan any // what the work panicked with, nil if it did not
}

var (
	mu      sync.Mutex // guards idle
	idle    []*thread
	wanted  = make(chan struct{})
	started = make(chan *thread)
)

// Threads are started from here, not by who needs one: they belong to no caller, nor to the bubble of a test.
func init() {
	go func() {
		for range wanted {
			t := &thread{make(chan func()), make(chan any)}
			go t.run()
			started <- t
		}
	}()
}

// Run runs fn on a thread of low priority, and waits for it. Threads that are made there by C code have the low priority too. What fn
// panics with, Run panics with. There are as many threads as were needed at once.
func Run(fn func()) {
	t := take()
	t.work <- fn
	reason := <-t.done
	mu.Lock()
	idle = append(idle, t)
	mu.Unlock()
	if reason != nil {
		panic(reason)
	}
}

// take returns a thread that has nothing to do.
func take() *thread {
	mu.Lock()
	if last := len(idle) - 1; last >= 0 {
		t := idle[last]
		idle = idle[:last]
		mu.Unlock()
		return t
	}
	mu.Unlock()
	wanted <- struct{}{}
	return <-started
}

func (t *thread) run() {
	runtime.LockOSThread()
	if isMain() { // whose priority others take for that of the process; it is held until the work has another
		elsewhere := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(elsewhere)
			t.run()
		}()
		<-elsewhere
		runtime.UnlockOSThread()
		return
	}
	lowerPriority()
	t.serve()
}

// serve does the work of one Run after the other.
func (t *thread) serve() {
	ended := false // by fn, which took its goroutine with it, as a failed test does
	defer func() {
		if ended {
			t.done <- nil
			t.serve() // as the last act of a goroutine that may not end
		}
	}()
	for fn := range t.work {
		ended = true
		reason := try(fn)
		ended = false
		t.done <- reason
	}
}

// try runs fn and returns what it panicked with.
func try(fn func()) (reason any) {
	defer func() { reason = recover() }()
	fn()
	return nil
}

// Places is how many places Go's scheduler should have for a number of processors: one more for each that a thread behind may hold.
func Places(processors int) int { return 2 * processors }
