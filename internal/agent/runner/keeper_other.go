//go:build unix && !linux

package runner

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// adopt: there is nothing like it here. What leaves the process group of its command is not found.
func adopt() {}

func allocate(*os.File, int64) error { return nil }

func confine(_ *syscall.SysProcAttr, o *order) func() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: uint64(o.Processes), Max: uint64(o.Processes)})
	return func() {}
}

// child is the command and its process group.
type child struct {
	pid    int
	exited chan struct{}
	status int64 // written before exited is closed
}

func follow(process *os.Process, _ *order) *child {
	c := &child{pid: process.Pid, exited: make(chan struct{})}
	go func() {
		defer close(c.exited)
		state, err := process.Wait()
		if err != nil {
			return
		}
		if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			const base = 128
			c.status = base + int64(ws.Signal())
			return
		}
		c.status = int64(state.ExitCode())
	}()
	return c
}

func (c *child) code() int64 {
	<-c.exited
	return c.status
}

func (c *child) signal(_ bool, s syscall.Signal) { _ = unix.Kill(-c.pid, s) }

func (c *child) gone(bool) bool {
	select {
	case <-c.exited:
		return errors.Is(unix.Kill(-c.pid, 0), unix.ESRCH)
	default:
		return false
	}
}
