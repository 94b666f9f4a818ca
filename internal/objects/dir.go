package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sluicelog/sluice/internal/vfs"
)

// Dir is a [Store] in a directory. One process owns the directory: that of several PutNew one wins is seen to by a lock in
// memory. An object being written has a name that begins with a dot and that no object can have; what a crash left of such
// files is removed by [OpenDir].
type Dir struct {
	fs   vfs.FS
	root string
	temp atomic.Uint64 // numbers files being written

	names   sync.Mutex // guards changes of names: a check that a name is free and its taking are one step
	handles handles
}

// OpenDir makes the directory root if it is not there and returns the store in it. Close it to give back file handles.
func OpenDir(under vfs.FS, root string) (*Dir, error) {
	d := &Dir{fs: under, root: root}
	d.handles.open = func(name string) (vfs.File, error) { return under.Open(d.path(name)) }
	if err := under.MkdirAll(root); err != nil {
		return nil, fmt.Errorf("open object directory: %w", err)
	}
	if err := d.removeTemporaries("."); err != nil {
		return nil, fmt.Errorf("open object directory: %w", err)
	}
	return d, nil
}

// Close closes idle files. Reads that are under way end well.
func (d *Dir) Close() error {
	d.handles.forgetAll()
	return nil
}

func (d *Dir) path(name string) string { return path.Join(d.root, name) }

func (d *Dir) removeTemporaries(dir string) error {
	entries, err := d.fs.ReadDir(d.path(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			err = d.removeTemporaries(name)
		case strings.HasPrefix(e.Name(), "."):
			err = d.fs.Remove(d.path(name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Create implements [Store].
func (d *Dir) Create(ctx context.Context, name string) (Writer, error) {
	w, err := d.create(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("create object %.80q: %w", name, err)
	}
	return w, nil
}

func (d *Dir) create(ctx context.Context, name string) (*dirWriter, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.makeParents(path.Dir(name)); err != nil {
		return nil, err
	}
	temp := path.Join(path.Dir(name), "."+strconv.FormatUint(d.temp.Add(1), 10)+".part")
	f, err := d.fs.Create(d.path(temp))
	if err != nil {
		return nil, err
	}
	return &dirWriter{dir: d, file: f, name: name, temp: temp}, nil
}

// makeParents makes dir and makes the names of dir and all above it durable. Existing parents are synced again, because
// another goroutine may have made them and not have come to its sync yet.
func (d *Dir) makeParents(dir string) error {
	if err := d.fs.MkdirAll(d.path(dir)); err != nil {
		return err
	}
	for ; dir != "."; dir = path.Dir(dir) {
		if err := d.fs.SyncDir(d.path(path.Dir(dir))); err != nil {
			return err
		}
	}
	return nil
}

// Put implements [Store].
func (d *Dir) Put(ctx context.Context, name string, data []byte) error {
	return d.put(ctx, name, data, false)
}

// PutNew implements [Store].
func (d *Dir) PutNew(ctx context.Context, name string, data []byte) error {
	return d.put(ctx, name, data, true)
}

func (d *Dir) put(ctx context.Context, name string, data []byte, onlyNew bool) error {
	w, err := d.create(ctx, name)
	if err == nil {
		defer w.Abort()
		w.onlyNew = onlyNew
		if _, err = w.Write(data); err == nil {
			err = w.commit(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("put object %.80q: %w", name, err)
	}
	return nil
}

// Get implements [Store].
func (d *Dir) Get(ctx context.Context, name string, p []byte, off int64) error {
	if err := d.get(ctx, name, p, off); err != nil {
		return fmt.Errorf("get object %.80q, %d bytes at %d: %w", name, len(p), off, err)
	}
	return nil
}

func (d *Dir) get(ctx context.Context, name string, p []byte, off int64) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if off < 0 {
		return ErrRange
	}
	h, err := d.handles.get(name)
	if err != nil {
		return notFound(err)
	}
	defer h.release()
	n, err := h.file.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return ErrRange
	}
	return err
}

// Size implements [Store].
func (d *Dir) Size(ctx context.Context, name string) (int64, error) {
	n, err := d.size(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("size of object %.80q: %w", name, err)
	}
	return n, nil
}

func (d *Dir) size(ctx context.Context, name string) (int64, error) {
	if err := CheckName(name); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	h, err := d.handles.get(name)
	if err != nil {
		return 0, notFound(err)
	}
	defer h.release()
	return h.file.Size()
}

// Delete implements [Store].
func (d *Dir) Delete(ctx context.Context, name string) error {
	err := CheckName(name)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = d.remove(name)
	}
	if err != nil {
		return fmt.Errorf("delete object %.80q: %w", name, err)
	}
	return nil
}

func (d *Dir) remove(name string) error {
	d.names.Lock()
	defer d.names.Unlock()
	d.handles.forget(name)
	if err := d.fs.Remove(d.path(name)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return d.fs.SyncDir(d.path(path.Dir(name)))
}

// List implements [Store]. It walks only directories that can hold names with the prefix, but sorts all names found there.
func (d *Dir) List(ctx context.Context, prefix, after string, limit int) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list objects %.80q: %w", prefix, err)
	}
	var names []string
	start := path.Dir(prefix + "x") // the directory that the prefix names in full
	if err := d.walk(start, prefix, after, &names); err != nil {
		return nil, fmt.Errorf("list objects %.80q: %w", prefix, err)
	}
	slices.Sort(names)
	entries := make([]Entry, 0, min(limit, len(names)))
	for _, name := range names {
		if len(entries) == limit {
			break
		}
		size, err := d.Size(ctx, name)
		if errors.Is(err, ErrNotFound) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Name: name, Size: size})
	}
	return entries, nil
}

func (d *Dir) walk(dir, prefix, after string, names *[]string) error {
	entries, err := d.fs.ReadDir(d.path(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			if below := name + "/"; strings.HasPrefix(below, prefix) || strings.HasPrefix(prefix, below) {
				if err := d.walk(name, prefix, after, names); err != nil {
					return err
				}
			}
		case strings.HasPrefix(name, prefix) && name > after:
			*names = append(*names, name)
		}
	}
	return nil
}

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

// dirWriter is an object being written to a file of its own.
type dirWriter struct {
	dir        *Dir
	file       vfs.File
	name, temp string
	off        int64
	onlyNew    bool
	done       bool
}

func (w *dirWriter) Write(p []byte) (int, error) {
	n, err := w.file.WriteAt(p, w.off)
	w.off += int64(n)
	return n, err
}

func (w *dirWriter) Commit(ctx context.Context) error {
	if err := w.commit(ctx); err != nil {
		return fmt.Errorf("commit object %.80q: %w", w.name, err)
	}
	return nil
}

func (w *dirWriter) commit(ctx context.Context) error {
	if w.done {
		return errors.New("committed or aborted already")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	d := w.dir
	d.names.Lock()
	defer d.names.Unlock()
	if w.onlyNew {
		switch h, err := d.handles.get(w.name); {
		case err == nil:
			h.release()
			return ErrExists
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if err := d.fs.Rename(d.path(w.temp), d.path(w.name)); err != nil {
		return err
	}
	w.done = true
	d.handles.forget(w.name)
	return errors.Join(w.file.Close(), d.fs.SyncDir(d.path(path.Dir(w.name))))
}

// Abort removes the file. That it may stay is harmless: it is removed when the directory is opened again.
func (w *dirWriter) Abort() {
	if w.done {
		return
	}
	w.done = true
	_ = w.file.Close()
	_ = w.dir.fs.Remove(w.dir.path(w.temp))
}
