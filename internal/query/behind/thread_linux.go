package behind

import (
	"os"

	"golang.org/x/sys/unix"
)

// less is how much nicer than the server its engine is: a tenth of the processor for it, and nine for the server, where both want it all.
const less = 10

// lowerPriority makes the calling thread nice: on Linux that belongs to a thread, and threads that it makes inherit it. Where it is
// forbidden the thread stays as it is.
func lowerPriority() {
	nice, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return
	}
	nice = 20 - nice // the system call gives what is never negative
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, min(nice+less, 19))
}

// isMain says whether the calling thread is the first of the process.
func isMain() bool { return unix.Gettid() == os.Getpid() }
