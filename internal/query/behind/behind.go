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
	go onThread(func() {
		lowerPriority()
		defer func() { done <- recover() }()
		fn()
	})
	if reason := <-done; reason != nil {
		panic(reason)
	}
}

// onThread runs fn on a thread that ends with it, and from which Go makes no other thread. It is not the first thread of the process,
// which does not end, and whose priority the system tells as that of the process.
func onThread(fn func()) {
	runtime.LockOSThread() // and never unlocked, which ends the thread with its goroutine
	if !isMain() {
		fn()
		return
	}
	elsewhere := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(elsewhere)
		fn()
	}()
	<-elsewhere // this thread is held until fn has another
	runtime.UnlockOSThread()
}

// Places is how many places Go's scheduler should have for a number of processors: one more for each that a thread behind may hold.
func Places(processors int) int { return 2 * processors }
