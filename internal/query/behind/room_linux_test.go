package behind_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/query/behind"
)

// TestRoom: what goes on for long is kept from a processor while somebody is in a hurry, and nobody else is. It waits for what another goroutine does
// to the thread, and a channel cannot tell of that, so it asks again and again.
func TestRoom(t *testing.T) {
	all := processors(t, os.Getpid())
	if all < 2 {
		t.Skip("there is one processor")
	}
	r := behind.NewRoom(func() bool { return true })
	r.Run(func() {
		for began := time.Now(); processors(t, 0) == all; runtime.Gosched() {
			if time.Since(began) > time.Minute {
				t.Error("the thread may use all processors after a minute")
				return
			}
		}
	})
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if got := processors(t, 0); got != all {
		t.Errorf("afterwards a thread of the process may use %d processors of %d", got, all)
	}
	calm := behind.NewRoom(nil)
	calm.Run(func() {
		if got := processors(t, 0); got != all {
			t.Errorf("beside nobody, a thread may use %d processors of %d", got, all)
		}
	})
}

func processors(t *testing.T, thread int) int {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(thread, &set); err != nil {
		t.Fatal(err)
	}
	return set.Count()
}
