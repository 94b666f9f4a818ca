// Package behind runs work that comes after everything else of the process when there are not enough processors. Statements take every
// processor they find for as long as they last, which is no reason for writers to wait for their answers.
//
//	goroutine ──Run──> a thread of its own, nicer than the others ──> fn ──> the thread ends
//	   └── waits ───────────────────────────────────────────────────────┘
//
// The system divides the processors between threads, so this needs more places in Go's scheduler (GOMAXPROCS) than there are
// processors: a thread that is behind keeps its place while it waits, and without another one goroutines would wait with it. The program
// sees to that, see [Places].
package behind

import "runtime"

// Run runs fn on a thread of low priority, and waits for it. Threads that are made there by C code have the low priority too. What fn
// panics with, Run panics with.
func Run(fn func()) {
	done := make(chan any)
	go func() {
		runtime.LockOSThread() // and never unlocked, which ends the thread with its goroutine
		lowerPriority()
		defer func() { done <- recover() }()
		fn()
	}()
	if reason := <-done; reason != nil {
		panic(reason)
	}
}

// Places is how many places Go's scheduler should have for a number of processors: one more for each that a thread behind may hold.
func Places(processors int) int { return 2 * processors }
