package runner

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// act calls fn with the rights to files of the account and a group. Those of Linux are each thread's own; the thread that has had them ends with it.
func (a *account) act(gid uint32, fn func() error) error {
	if a.self {
		return fn()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		groups := append([]uint32{gid}, a.Groups...)
		// Straight to the kernel: the functions of the library change all threads.
		if _, _, errno := unix.RawSyscall(sysSetgroups, uintptr(len(groups)), uintptr(unsafe.Pointer(&groups[0])), 0); errno != 0 {
			done <- errno
			return
		}
		if err := errFirst(unix.Setfsgid(int(gid)), unix.Setfsuid(int(a.UID))); err != nil {
			done <- err
			return
		}
		if uid, err := unix.SetfsuidRetUid(-1); err != nil || uid != int(a.UID) { // the only way to learn that it failed
			done <- fmt.Errorf("become user %d: %w", a.UID, unix.EPERM)
			return
		}
		done <- fn()
	}()
	return <-done
}

// give is done already: whoever writes a file owns it. root may give it to any group.
func (a *account) give(f *os.File, gid uint32) error {
	return f.Chown(-1, int(gid))
}

func syncNames(d *os.File) error { return d.Sync() }
