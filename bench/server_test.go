package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// After evict, no page of the files is in memory; what "cold" means rests on it.
func TestEvict(t *testing.T) {
	dir := t.TempDir()
	if filesystem(dir) == "tmpfs" {
		t.Skip("what lives in memory cannot leave it")
	}
	name := filepath.Join(dir, "sub", "file")
	if err := os.Mkdir(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Repeat([]byte("x"), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if !cached(t, name) {
		t.Fatal("a file just written is not in memory")
	}
	if err := evict(dir); err != nil {
		t.Fatal(err)
	}
	if cached(t, name) {
		t.Error("the file is still in memory")
	}
}

// cached says whether the middle of a file is in memory: a read that must not wait for the disk.
func cached(t *testing.T, name string) bool {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = unix.Preadv2(int(f.Fd()), [][]byte{make([]byte, 4096)}, 512<<10, unix.RWF_NOWAIT)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false
	case errors.Is(err, unix.EOPNOTSUPP):
		t.Skip("this file system cannot tell what is in memory")
	case err != nil:
		t.Fatal(err)
	}
	return true
}
