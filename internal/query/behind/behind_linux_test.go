package behind_test

import (
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/query/behind"
)

// niceness is that of the calling thread, which the goroutine has to be locked to.
func niceness(t *testing.T) int {
	t.Helper()
	n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	return 20 - n
}

// TestPriority: what runs behind is nicer than the process, and nobody else is, then or later.
func TestPriority(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := niceness(t)
	inside := 0
	for range 20 {
		behind.Run(func() { inside = niceness(t) })
		if want := min(before+10, 19); inside != want {
			t.Fatalf("behind, a thread has niceness %d, want %d", inside, want)
		}
	}
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			if got := niceness(t); got != before {
				t.Errorf("afterwards, a goroutine runs on a thread of niceness %d, want %d", got, before)
			}
		})
	}
	all.Wait()
	if got := niceness(t); got != before {
		t.Errorf("the caller's thread has niceness %d, had %d", got, before)
	}
}

// TestNotTheFirst: the first thread of the process, by whose priority the system knows it, is never behind.
func TestNotTheFirst(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	want := niceness(t)
	for range 50 {
		var all, here sync.WaitGroup
		const atOnce = 8
		here.Add(atOnce)
		for range atOnce {
			all.Go(func() {
				behind.Run(func() {
					here.Done()
					here.Wait()
				})
			})
		}
		all.Wait()
		if n, err := unix.Getpriority(unix.PRIO_PROCESS, os.Getpid()); err != nil || 20-n != want {
			t.Fatalf("the process has niceness %d, want %d: %v", 20-n, want, err)
		}
	}
}
