package duck

/*
#include <sys/resource.h>
#include <unistd.h>

static __thread char met;

// meet says whether the calling thread calls for the first time, and is one behind: nicer than the process.
static int meet(void) {
	if (met)
		return 0;
	met = 1;
	return getpriority(PRIO_PROCESS, 0) > getpriority(PRIO_PROCESS, getpid());
}
*/
import "C"

import "runtime"

// keepPriority is to be called first by whatever the engine calls of ours. The engine's threads are behind (see package behind), and while
// one of them runs Go, Go may make a thread of it for something else, which would inherit its priority for good. Go does not where a
// goroutine has locked the thread, so this does, once for all calls of a thread: nobody else ever runs there.
func keepPriority() {
	if C.meet() != 0 {
		runtime.LockOSThread()
	}
}
