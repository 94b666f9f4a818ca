package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/test/child"
)

const (
	baseDomain   = "bench.test"
	accessKeyID  = "bench-root"
	accessSecret = "bench-root-secret"
)

// server is a sluiced under measurement, with its data.
type server struct {
	*child.Server
	dir string
	pid int // of another process that is looked at in its place; 0: the server's
}

// process is the process that is looked at.
func (s *server) process() int {
	if s.pid != 0 {
		return s.pid
	}
	return s.PID
}

// start starts a server on dir, or on a new directory below the benchmark's if dir is "".
func (b *bench) start(ctx context.Context, dir string, env ...string) (*server, error) {
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp(b.dir, "data-*"); err != nil {
			return nil, err
		}
	}
	log, err := os.OpenFile(filepath.Join(b.dir, "sluiced.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own descriptor
	s, err := child.Start(ctx, child.Options{
		Binary: b.binary, DataDir: dir, BaseDomain: baseDomain, AccessKeyID: accessKeyID, AccessSecret: accessSecret,
		Env: env, Output: log, ReadyWithin: 10 * time.Minute,
	})
	if err != nil {
		return nil, err
	}
	b.started = append(b.started, &server{Server: s, dir: dir})
	return b.started[len(b.started)-1], nil
}

// clean ends the servers that an error left running, and removes what they and those of earlier runs left on the disk.
func (b *bench) clean() error {
	var errs []error
	for _, s := range b.started {
		errs = append(errs, s.Kill())
	}
	b.started = nil
	left, err := filepath.Glob(filepath.Join(b.dir, "data-*"))
	for _, dir := range left {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(append(errs, err)...)
}

// stop stops the server and removes its data.
func (s *server) stop() error {
	if err := s.Stop(); err != nil {
		return err
	}
	return s.remove()
}

func (s *server) remove() error { return os.RemoveAll(s.dir) }

const tick = 10 * time.Millisecond // what the kernel counts in

// cpu returns the processor time the server has used: utime and stime of proc_pid_stat(5).
func (s *server) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process()))
	if err != nil {
		return 0, fmt.Errorf("read cpu time: %w", err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // behind the name of the program; utime is field 14 of the line
	fields := strings.Fields(rest)
	var ticks int64
	for _, i := range []int{11, 12} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read cpu time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// memory returns VmRSS or VmHWM (its peak) in megabytes.
func (s *server) memory(name string) (float64, error) {
	var kib float64
	if _, err := fmt.Sscanf(field(fmt.Sprintf("/proc/%d/status", s.process()), name), "%f kB", &kib); err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	return kib * 1024 / 1e6, nil
}

// resetPeak makes VmHWM the memory of now.
func (s *server) resetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", s.PID), []byte("5"), 0) // proc_pid_clear_refs(5)
}

// settle waits until the server does nothing any more, because what it puts off belongs to the cost of what it was asked for, and until
// the disk has what the kernel put off.
func (s *server) settle() (time.Duration, error) {
	const still = 5 // looks in a row without a tick
	last, err := s.cpu()
	for quiet := 0; quiet < still && err == nil; {
		time.Sleep(200 * time.Millisecond)
		var now time.Duration
		if now, err = s.cpu(); now > last {
			quiet = -1
		}
		quiet, last = quiet+1, now
	}
	unix.Sync()
	return last, err
}

// evict makes the kernel forget what it has in memory of the files below dir, which no process has mapped.
func evict(dir string) error {
	unix.Sync() // only pages that are on the disk can be dropped
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// measure returns the server's processor time and the wall time that do takes. Work put off until afterwards counts as processor time.
func (s *server) measure(do func() error) (cpu, wall time.Duration, err error) {
	before, err := s.settle()
	if err != nil {
		return 0, 0, err
	}
	started := time.Now()
	if err := do(); err != nil {
		return 0, 0, err
	}
	wall = time.Since(started)
	after, err := s.settle()
	return max(after-before, tick), wall, err
}
