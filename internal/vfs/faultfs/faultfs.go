// Package faultfs makes a file system fail on demand: the n-th operation that changes anything, or one that a test picks.
package faultfs

import (
	"errors"
	"io/fs"
	"sync"

	"github.com/sluicelog/sluice/internal/vfs"
)

// ErrInjected is the failure.
var ErrInjected = errors.New("injected fault")

// Op names an operation that can fail.
type Op string

// The operations. Reads do not fail here: what a bad read looks like is the business of corruption tests.
const (
	Create   Op = "create"
	Write    Op = "write"
	Sync     Op = "sync"
	Rename   Op = "rename"
	Remove   Op = "remove"
	SyncDir  Op = "syncdir"
	Allocate Op = "allocate"
	Truncate Op = "truncate"
)

// Inject is asked before each operation, one at a time, with its running number from 1. A non-nil answer is returned in
// place of doing it, except that a failing write writes its first half.
type Inject func(n int, op Op, name string) error

// FS fails operations of another file system.
type FS struct {
	vfs.FS

	mu     sync.Mutex
	n      int
	inject Inject
}

// New returns an FS that fails nothing until Set says so.
func New(under vfs.FS) *FS { return &FS{FS: under} }

// FailNth fails the n-th operation once.
func FailNth(under vfs.FS, n int) *FS {
	f := New(under)
	f.Set(func(i int, _ Op, _ string) error {
		if i == n {
			return ErrInjected
		}
		return nil
	})
	return f
}

// Set changes what fails from now on.
func (f *FS) Set(inject Inject) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inject = inject
}

// Count returns how many operations there were.
func (f *FS) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

func (f *FS) fault(op Op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.inject == nil {
		return nil
	}
	if err := f.inject(f.n, op, name); err != nil {
		return &fs.PathError{Op: string(op), Path: name, Err: err}
	}
	return nil
}

// Create implements vfs.FS.
func (f *FS) Create(name string) (vfs.File, error) {
	if err := f.fault(Create, name); err != nil {
		return nil, err
	}
	return f.wrap(name)(f.FS.Create(name))
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) { return f.wrap(name)(f.FS.Open(name)) }

// OpenRW implements vfs.FS.
func (f *FS) OpenRW(name string) (vfs.File, error) { return f.wrap(name)(f.FS.OpenRW(name)) }

// Rename implements vfs.FS.
func (f *FS) Rename(from, to string) error {
	if err := f.fault(Rename, from); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	if err := f.fault(Remove, name); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(dir string) error {
	if err := f.fault(SyncDir, dir); err != nil {
		return err
	}
	return f.FS.SyncDir(dir)
}

func (f *FS) wrap(name string) func(vfs.File, error) (vfs.File, error) {
	return func(under vfs.File, err error) (vfs.File, error) {
		if err != nil {
			return nil, err
		}
		return &file{File: under, fs: f, name: name}, nil
	}
}

type file struct {
	vfs.File
	fs   *FS
	name string
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.fault(Write, f.name); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *file) Sync() error {
	if err := f.fs.fault(Sync, f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *file) Allocate(n int64) error {
	if err := f.fs.fault(Allocate, f.name); err != nil {
		return err
	}
	return f.File.Allocate(n)
}

func (f *file) Truncate(n int64) error {
	if err := f.fs.fault(Truncate, f.name); err != nil {
		return err
	}
	return f.File.Truncate(n)
}
