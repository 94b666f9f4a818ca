package behind_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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

// TestOnlyItsOwnThreads: no thread but those that something ran on is nice, and the first of the process, by which the system knows it,
// is none of them.
func TestOnlyItsOwnThreads(t *testing.T) {
	const atOnce = 8
	for range 20 {
		var all, here sync.WaitGroup
		here.Add(atOnce)
		for range atOnce {
			all.Go(func() {
				behind.Run(func() { // all at once
					here.Done()
					here.Wait()
				})
			})
		}
		all.Wait()
	}
	if got, err := unix.Getpriority(unix.PRIO_PROCESS, os.Getpid()); err != nil || 20-got != niceness(t) {
		t.Errorf("the process has niceness %d: %v", 20-got, err)
	}
	behind.Run(func() {
		if got := nice(t); got != atOnce {
			t.Errorf("%d threads are nice, want %d", got, atOnce)
		}
	})
}

// nice counts the threads of this process that are as nice as the calling one.
func nice(t *testing.T) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil || len(all) == 0 {
		t.Skipf("threads are not told here: %v", err)
	}
	own := niceness(t)
	for _, name := range all {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // it ended
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		var is int
		if _, err := fmt.Sscan(strings.Fields(rest)[16], &is); err != nil { // field 19 of proc_pid_stat(5)
			t.Fatal(err)
		}
		if is >= own {
			n++
		}
	}
	return n
}
