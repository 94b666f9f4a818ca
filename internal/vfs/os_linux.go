package vfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

func (f osFile) Allocate(n int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, n)
	if errors.Is(err, unix.EOPNOTSUPP) {
		// No reservation on this file system: a full disk then shows at write time, which costs the batch and no more.
		return f.Truncate(n)
	}
	return err
}

// Sync asks for the data and what is needed to read it back, not for times: fdatasync.
func (f osFile) Sync() error { return unix.Fdatasync(int(f.Fd())) }
