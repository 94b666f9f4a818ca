package duck_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/sluicelog/sluice/internal/query/duck"
)

// TestThreadsAreBehind: the threads that the engine makes for itself are nicer than the process.
func TestThreadsAreBehind(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := niceThreads(t) // those of other tests' engines, which may end meanwhile
	e := open(t, duck.Options{Threads: 4})
	if _, err := run(t.Context(), e, "select count(*)", million()); err != nil {
		t.Fatal(err)
	}
	made := niceThreads(t)
	maps.DeleteFunc(made, func(thread string, _ bool) bool { return before[thread] })
	if len(made) < 3 { // the fourth is the caller's
		t.Errorf("%d threads of the engine are nice, want 3", len(made))
	}
}

// TestPriorityStaysWithTheEngine: what the engine calls of ours on its threads gives their priority to no thread that Go makes meanwhile.
func TestPriorityStaysWithTheEngine(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const threads = 4
	e := open(t, duck.Options{Threads: threads})
	ask := func() {
		t.Helper()
		const calls = "select count(*) from log where n % 4 = 0 and xxhash64(to_utf8(cast(n as varchar))) is null"
		if _, err := run(t.Context(), e, calls, million()); err != nil {
			t.Fatal(err)
		}
	}
	ask() // now threads of the engine have met Go, which is all but a moment too late where it is the first time
	before := niceThreads(t)
	release := make(chan struct{})
	var held sync.WaitGroup
	stop := make(chan struct{})
	held.Go(func() { // has Go make threads all the time
		for most := 500; most > 0; most-- {
			select {
			case <-stop:
				return
			default:
			}
			held.Go(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				<-release
			})
			runtime.GC()
		}
	})
	ask()
	close(stop)
	after := niceThreads(t)
	close(release)
	held.Wait()
	if len(after) > len(before)+threads { // there were about 20
		t.Errorf("of %d threads that are nice, Go made %d for other things", len(after), len(after)-len(before))
	}
}

// niceThreads gives the threads of this process that are nicer than that of the test.
func niceThreads(t *testing.T) map[string]bool {
	t.Helper()
	threads := map[string]bool{}
	own := niceOf(t, "/proc/thread-self/stat")
	all, err := filepath.Glob("/proc/self/task/*/stat")
	if err != nil || len(all) == 0 {
		t.Skipf("threads are not told here: %v", err)
	}
	for _, name := range all {
		if niceOf(t, name) > own {
			threads[name] = true
		}
	}
	return threads
}

// niceOf reads field 19 of proc_pid_stat(5), or of a thread that has ended since, nothing.
func niceOf(t *testing.T, name string) (nice int) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	if _, err := fmt.Sscan(strings.Fields(rest)[16], &nice); err != nil {
		t.Fatal(err)
	}
	return nice
}
