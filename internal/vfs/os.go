package vfs

import (
	"io/fs"
	"os"
)

// OS is the operating system's file system.
type OS struct{}

// Create implements [FS].
func (OS) Create(name string) (File, error) {
	return wrap(os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600))
}

// Open implements [FS].
func (OS) Open(name string) (File, error) { return wrap(os.Open(name)) }

// OpenRW implements [FS].
func (OS) OpenRW(name string) (File, error) { return wrap(os.OpenFile(name, os.O_RDWR, 0)) }

// Rename implements [FS].
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements [FS].
func (OS) Remove(name string) error { return os.Remove(name) }

// MkdirAll implements [FS].
func (OS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

// ReadDir implements [FS].
func (OS) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// SyncDir implements [FS].
func (OS) SyncDir(dir string) error { return syncDir(dir) }

// Free implements [FS].
func (OS) Free(dir string) (uint64, error) { return free(dir) }

type osFile struct{ *os.File }

func wrap(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
