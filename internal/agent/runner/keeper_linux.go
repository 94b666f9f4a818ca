package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// adopt makes this process the parent of whatever its descendants leave behind.
func adopt() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

func allocate(f *os.File, n int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, n)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}

// confine sets what the command is limited by, and returns what to do when it is started.
func confine(sys *syscall.SysProcAttr, o *order) func() {
	sys.Pdeathsig = syscall.SIGKILL
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	if os.Geteuid() == 0 { // which itself is under no such limit
		n := uint64(o.Processes)
		_ = unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: n, Max: n})
	}
	if o.Cgroup != "" {
		if dir, err := os.Open(o.Cgroup); err == nil {
			sys.UseCgroupFD, sys.CgroupFD = true, int(dir.Fd())
			return func() { dir.Close() }
		}
	}
	return func() {}
}

// child is the command, and what descends from it.
type child struct {
	pid    int
	cgroup string
	exited chan struct{} // closed when the command has ended; it stays a zombie, whose number nobody else gets, until code is called

	reap   sync.Once
	status chan int64
	leave  chan struct{}
}

// follow follows a process that was started.
func follow(process *os.Process, o *order) *child {
	c := &child{pid: process.Pid, cgroup: o.Cgroup, exited: make(chan struct{}), status: make(chan int64, 1), leave: make(chan struct{})}
	_ = process.Release()
	if os.Geteuid() != 0 {
		n := uint64(o.Processes)
		_ = unix.Prlimit(c.pid, unix.RLIMIT_NPROC, &unix.Rlimit{Cur: n, Max: n}, nil)
	}
	go c.wait()
	return c
}

// wait reaps what ends: the command itself only when nobody needs its number any more.
func (c *child) wait() {
	known := false
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return // no children are left
		}
		pid := waitedPID(&info)
		if pid == c.pid && !known {
			known = true
			close(c.exited)
			<-c.leave
		}
		var ws unix.WaitStatus
		if _, err := unix.Wait4(pid, &ws, 0, nil); err == nil && pid == c.pid {
			c.status <- codeOf(ws)
		}
	}
}

// waitedPID is si_pid: the union that begins with it lies behind three numbers, aligned to words.
func waitedPID(info *unix.Siginfo) int {
	const at = 8 + unsafe.Sizeof(uintptr(0))
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), at)))
}

func codeOf(ws unix.WaitStatus) int64 {
	if ws.Signaled() {
		const base = 128
		return base + int64(ws.Signal())
	}
	return int64(ws.ExitStatus())
}

// code reaps the command, and returns its exit code. It is 128 and the number of the signal that ended it, if one did.
func (c *child) code() (code int64) {
	<-c.exited
	c.reap.Do(func() { close(c.leave) })
	code = <-c.status
	c.status <- code
	return code
}

// signal signals the process group of the command, or all that descends from it.
func (c *child) signal(tree bool, s syscall.Signal) {
	if tree && s == syscall.SIGKILL && c.cgroup != "" && os.WriteFile(filepath.Join(c.cgroup, "cgroup.kill"), []byte("1"), 0) == nil {
		return
	}
	_ = unix.Kill(-c.pid, s)
	if tree {
		for _, pid := range descendants(os.Getpid()) {
			_ = unix.Kill(pid, s)
		}
	}
}

// gone reports whether nothing is left that was to be killed.
func (c *child) gone(tree bool) bool {
	select {
	case <-c.exited:
	default:
		return false
	}
	return !tree || len(descendants(os.Getpid())) == 0
}

// descendants are the processes below one that have not ended.
func descendants(of int) []int {
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		f, err := statOf(pid)
		if err != nil || f[0] == "Z" || f[0] == "X" {
			continue
		}
		if parent, err := strconv.Atoi(f[1]); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	var all []int
	for next := children[of]; len(next) > 0; {
		all = append(all, next...)
		var below []int
		for _, pid := range next {
			below = append(below, children[pid]...)
		}
		next = below
	}
	return all
}

// statOf are the fields of /proc/PID/stat behind the name: state, parent, and on.
func statOf(pid int) ([]string, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(raw, ')') // the name may hold anything
	var fields []string
	for _, f := range bytes.Fields(raw[end+1:]) {
		fields = append(fields, string(f))
	}
	const least = 20
	if end < 0 || len(fields) < least {
		return nil, fmt.Errorf("/proc/%d/stat has another form", pid)
	}
	return fields, nil
}

// startOf is when a process was started, in ticks since the boot.
func startOf(pid int) (string, error) {
	f, err := statOf(pid)
	if err != nil {
		return "", err
	}
	return f[19], nil
}
