// Package vfs is the file system as the storage code sees it: small enough to be replaced by a memory that forgets what was
// not synced, and by one that fails on demand, so that crashes can be tested by the thousand.
//
//	OS        the real one
//	Mem       a memory that tells synced bytes from others; Crash gives what a power cut could have left
//	faultfs   any FS, failing the n-th operation
//
// Rules that storage code keeps, and that Mem enforces by losing what breaks them: a file's bytes are durable after its
// Sync; a name (created, renamed, removed) is durable after SyncDir of its directory.
package vfs

import (
	"io"
	"io/fs"
)

// FS is a file system. Names are slash-separated paths as the operating system takes them. All methods may be called at once
// from many goroutines.
type FS interface {
	// Create makes a file for reading and writing; it fails with fs.ErrExist if the name is taken.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenRW opens an existing file for reading and writing.
	OpenRW(name string) (File, error)
	// Rename gives a file a new name, replacing what had it. Durable after SyncDir.
	Rename(from, to string) error
	// Remove deletes a file or an empty directory. Durable after SyncDir.
	Remove(name string) error
	// MkdirAll makes a directory and its parents.
	MkdirAll(dir string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(dir string) ([]fs.DirEntry, error)
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
	// Free returns the bytes that an unprivileged writer can still put under dir.
	Free(dir string) (uint64, error)
}

// File is an open file. ReadAt and WriteAt may be called at once on ranges that do not overlap.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
	// Allocate makes the file at least n bytes long with disk space behind every byte, so that later writes inside it
	// cannot fail for want of space. New bytes read as zero.
	Allocate(n int64) error
	// Truncate cuts the file to n bytes.
	Truncate(n int64) error
	// Sync makes the bytes written so far durable. After an error nothing is known of them, and the file must not be
	// synced again: the kernel may have dropped the dirty pages.
	Sync() error
}
