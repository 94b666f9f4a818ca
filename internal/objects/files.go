package objects

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/internal/vfs"
)

// Filer is a [Store] whose objects can be had as files of the operating system, for readers that know nothing else. The promises
// of files are checked by objectstest.
type Filer interface {
	Store
	// FilesDir is the absolute path of a directory that all files are below; "" if there are none.
	FilesDir() string
	// File returns a file with the bytes of an object. It fails with ErrNoFile where the object is there but no file can be
	// had now, as for want of room: read the object by Get then.
	File(ctx context.Context, name string) (*File, error)
}

// ErrNoFile says that an object cannot be had as a file.
var ErrNoFile = errors.New("object cannot be had as a file")

// File is a file with the bytes of an object. Release it when nothing opens it any more.
type File struct {
	Path    string // absolute
	Version string // two files of one name with the same version have the same bytes, unless somebody wrote over them behind our back
	release func()
}

// Release lets the file go. It is called once.
func (f *File) Release() {
	if f.release != nil {
		f.release()
	}
}

// FilesDir implements [Filer].
func (d *Dir) FilesDir() string { return realDir(d.fs, d.root) }

// realDir is a directory as the operating system knows it.
func realDir(under vfs.FS, dir string) string {
	if _, real := under.(vfs.OS); !real {
		return ""
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	return dir
}

// File implements [Filer]. The file is the object itself; that of one deleted meanwhile may go before its release.
func (d *Dir) File(ctx context.Context, name string) (*File, error) {
	f, err := d.file(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("file of object %.80q: %w", name, err)
	}
	return f, nil
}

func (d *Dir) file(ctx context.Context, name string) (*File, error) {
	if _, err := d.size(ctx, name); err != nil {
		return nil, err
	}
	dir := d.FilesDir()
	if dir == "" {
		return nil, ErrNoFile
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil {
		return nil, notFound(err)
	}
	return &File{Path: path, Version: fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())}, nil
}
