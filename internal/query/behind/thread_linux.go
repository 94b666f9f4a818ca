package behind

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// less is how much nicer than the server its engine is: a tenth of the processor for it, and nine for the server, where both want it all.
const less = 10

// first is what the threads of the process are like when it starts. None of them can be asked later: any, also the first one, may be behind by then.
var first struct {
	nice       int
	processors unix.CPUSet
	known      bool
}

func init() {
	var ok bool
	first.nice, ok = niceness(0)
	first.known = unix.SchedGetaffinity(0, &first.processors) == nil && ok
}

// lowerPriority makes the calling thread nice: on Linux that belongs to a thread, and threads that it makes inherit it. Where it is
// forbidden the thread stays as it is.
func lowerPriority() {
	if nice, ok := niceness(0); ok {
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, min(nice+less, 19))
	}
}

// niceness is that of a thread; 0 is the calling one.
func niceness(thread int) (nice int, ok bool) {
	n, err := unix.Getpriority(unix.PRIO_PROCESS, thread)
	return 20 - n, err == nil // the system call gives what is never negative
}

// confine takes processors from all threads that are nicer than the process was, or gives them back. Where it is forbidden they stay as they are.
func confine(narrow bool) {
	if !first.known {
		return
	}
	all := first.processors
	if narrow {
		take(&all, spare(all.Count()))
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if nice, ok := niceness(id); ok && nice > first.nice {
			_ = unix.SchedSetaffinity(id, &all)
		}
	}
}

// take removes the first n processors of a set.
func take(set *unix.CPUSet, n int) {
	for cpu := 0; n > 0 && set.Count() > 1; cpu++ {
		if set.IsSet(cpu) {
			set.Clear(cpu)
			n--
		}
	}
}
