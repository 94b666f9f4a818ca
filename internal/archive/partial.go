package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// partialOf is what a backup at path is called until it is complete and on disk.
func partialOf(path string) string { return path + ".partial" }

// begin makes the partial of a backup in the place of one that an earlier try left, with open, and locks it: a second process that would
// make the same backup finds it locked until it is closed or the first has ended, however that ends. Where a file system has no locks there
// is none.
func begin(partial string, open func() (*os.File, error)) (*os.File, error) {
	parent, err := os.Open(filepath.Dir(partial))
	if err != nil {
		return nil, err
	}
	defer parent.Close() // and with it the lock
	_ = unix.Flock(int(parent.Fd()), unix.LOCK_EX)
	if err := removeLeft(partial); err != nil {
		return nil, err
	}
	f, err := open()
	if err != nil {
		return nil, err
	}
	_ = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	return f, nil
}

// removeLeft removes a partial that nobody is making any more.
func removeLeft(partial string) error {
	f, err := os.Open(partial)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%s is being written by another process: wait until it is done, or choose another name", partial)
	}
	return os.RemoveAll(partial)
}

// makeDirectory makes and opens a directory.
func makeDirectory(path string) (*os.File, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	return os.Open(path)
}

func makeFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}
