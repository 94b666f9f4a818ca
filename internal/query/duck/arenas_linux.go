package duck

/*
#include <malloc.h>
#include <unistd.h>

// Before anything else of the process runs: an arena that was made stays, and so does the number of them that glibc once counted by.
__attribute__((constructor)) static void few_arenas(void) {
#ifdef M_ARENA_MAX // of glibc
	mallopt(M_ARENA_MAX, 2 * sysconf(_SC_NPROCESSORS_ONLN));
#endif
}
*/
import "C"

// The C library gives each thread an arena of memory of its own, up to 8 for each processor, and what one statement freed in one, the next
// does not find in another. The engine has a thread for each processor, and one more for each statement that runs: 2 are enough.
