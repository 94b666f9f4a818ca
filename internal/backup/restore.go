package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/internal/archive"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/vfs"
)

// A restore goes into an empty directory. The first that it makes there is this mark, and the last that it does is to remove it, when
// everything is on disk: a directory that has it is no server's.
const mark = "RESTORING"

// ErrUnfinished says that a restore into a directory was not finished.
var ErrUnfinished = errors.New("a restore into this directory was not finished: run it again, it begins anew")

// CheckDir returns an error wrapping [ErrUnfinished] if a restore into dir was not finished.
func CheckDir(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, mark)); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s: %w", dir, ErrUnfinished), err)
	}
	return nil
}

// Step is what a restore is at.
type Step string

// The steps of a restore.
const (
	Checking Step = "checking"
	Copying  Step = "copying"
)

// Progress is told of bytes that are done, of how many, as far as that is known.
type Progress func(step Step, done, all int64)

// Restore puts the backup at path, a file or a directory, into dir, which has to be empty but for the lock that the caller holds.
// Everything is checked before anything is put there, and again on its way. A restore that was not finished, for whatever reason, can be
// run again.
func Restore(ctx context.Context, path, dir string, progress Progress) (*archive.Manifest, error) {
	if err := empty(dir); err != nil {
		return nil, err
	}
	if _, err := extract(ctx, path, archive.Discard, Checking, progress); err != nil {
		return nil, err
	}
	marked := filepath.Join(dir, mark)
	if err := errors.Join(os.WriteFile(marked, nil, 0o600), vfs.OS{}.SyncDir(dir)); err != nil {
		return nil, err
	}
	m, err := extract(ctx, path, archive.Directory(dir), Copying, progress)
	if err != nil {
		return nil, err
	}
	if err := sqlite.Check(filepath.Join(dir, metaFile)); err != nil {
		return nil, err
	}
	if err := archive.Directory(dir).Sync(); err != nil {
		return nil, err
	}
	return m, errors.Join(os.Remove(marked), vfs.OS{}.SyncDir(dir))
}

// HasKey reports whether a backup has the key that opens the secrets in its metadata.
func HasKey(m *archive.Manifest) bool { return m.Has(keyFile) }

func extract(ctx context.Context, path string, to archive.Sink, step Step, progress Progress) (*archive.Manifest, error) {
	counted := &countingSink{Sink: to, ctx: ctx}
	counted.told = func() { progress(step, counted.done, counted.all) }
	return archive.Extract(path, counted, func(h archive.Header) { counted.all = h.Bytes })
}

// countingSink is a sink that counts bytes.
type countingSink struct {
	archive.Sink
	ctx       context.Context // ends it
	done, all int64
	told      func()
}

func (s *countingSink) Create(name string) (io.WriteCloser, error) {
	if err := s.ctx.Err(); err != nil {
		return nil, err
	}
	f, err := s.Sink.Create(name)
	if err != nil {
		return nil, err
	}
	return countingFile{f, s}, nil
}

type countingFile struct {
	io.WriteCloser
	sink *countingSink
}

func (f countingFile) Write(p []byte) (int, error) {
	n, err := f.WriteCloser.Write(p)
	f.sink.done += int64(n)
	f.sink.told()
	return n, err
}

// empty sees to it that dir has nothing in it but the lock. What an unfinished restore left is removed.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	unfinished := CheckDir(dir) != nil
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "LOCK", name == mark, name == "lost+found":
		case !unfinished:
			return fmt.Errorf("%s is not empty (there is %s), and a restore writes over nothing: name another directory", dir, name)
		default:
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}
