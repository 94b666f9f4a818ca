//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	defaultState  = "/var/lib/sluice-agent"
	defaultPolicy = "/etc/sluice-agent/policy.yaml"
)

// lock makes this the only agent of a state directory.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("another sluice-agent has %s: is the service running?", path)
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}

// private has what is made until the result is called be for this user alone.
func private() (restore func()) {
	const others = 0o077
	before := unix.Umask(others)
	return func() { unix.Umask(before) }
}

// passable lets users pass through the directory to their scripts, without seeing what is in it; what is made from then on, commands' files among it, has
// the usual modes.
func passable(dir string) error {
	unix.Umask(0o022)
	return os.Chmod(dir, 0o711) //nolint:gosec // see above
}
