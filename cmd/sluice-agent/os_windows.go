package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

var (
	defaultState  = filepath.Join(os.Getenv("ProgramData"), "sluice-agent")
	defaultPolicy = filepath.Join(os.Getenv("ProgramData"), "sluice-agent", "policy.yaml")
)

// lock makes this the only agent of a state directory.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{}); err != nil {
		f.Close()
		return nil, fmt.Errorf("another sluice-agent has %s: is the service running?", path)
	}
	return func() { f.Close() }, nil
}

// private: files have the access rights of their directory here.
func private() (restore func()) { return func() {} }

// passable: files have the access rights of their directory here.
func passable(string) error { return nil }
