// Package filesink delivers batches as files to a directory of the server's machine: an NFS export, a disk that another program collects from.
//
//	payload ──> ROOT/DIR/.NAME.part ──fsync──> rename to ROOT/DIR/NAME ──fsync of the directories──> nil
//
// Only the operator says where that is: all files are below the root of [Under], and no name leads out of it. A batch that is sent again
// replaces its file; a crash can leave a file with a name that begins with a dot, which the next try replaces.
package filesink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/vfs"
)

// Config is what is written below the root. Its prefix is the directory.
type Config struct {
	object.Options
}

// Validate checks c; its errors name the field.
func (c *Config) Validate() error { return c.Options.Validate() }

// Under returns the Open of sinks whose files are below root, an absolute path, each project's in a directory of its name; "" switches them off.
func Under(files vfs.FS, root string) func(Config, sink.Env) (sink.Sink, error) {
	return func(c Config, env sink.Env) (sink.Sink, error) {
		if err := c.Validate(); err != nil {
			return nil, err
		}
		if root == "" {
			return nil, sluice.Errorf(sluice.Invalid, "sink", "type: files are switched off on this server; its operator can name the directory that they may be written to")
		}
		s := &Sink{fs: files, root: path.Join(root, env.Project), dir: c.Dir()}
		s.Writer = object.NewWriter(c.Options, s, env.Dir)
		return s, nil
	}
}

// Sink writes files below one directory.
type Sink struct {
	*object.Writer
	fs        vfs.FS
	root, dir string
}

var _ sink.Sink = (*Sink)(nil)

// Limits implements [sink.Sink].
func (s *Sink) Limits() sink.Limits { return object.Limits }

// Close implements [sink.Sink].
func (s *Sink) Close() error { return nil }

// checkName is the file that Check writes and removes.
const checkName = ".sluice-check"

// Check makes the directory, and writes and removes a file in it.
func (s *Sink) Check(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name := object.Join(s.dir, checkName)
	f, err := s.create(name)
	if err != nil {
		return explain(err)
	}
	_, err = f.WriteAt([]byte("x"), 0)
	return explain(errors.Join(err, f.Sync(), f.Close(), s.fs.Remove(s.path(name))))
}

// Put implements [object.Store].
func (s *Sink) Put(ctx context.Context, o object.Object) error {
	return explain(s.put(ctx, o))
}

func (s *Sink) put(ctx context.Context, o object.Object) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	temp := path.Join(path.Dir(o.Name), "."+path.Base(o.Name)+".part")
	f, err := s.create(temp)
	if err != nil {
		return err
	}
	if err := errors.Join(write(ctx, f, o.Payload.Reader()), f.Close()); err != nil {
		return errors.Join(err, s.fs.Remove(s.path(temp)))
	}
	if err := s.fs.Rename(s.path(temp), s.path(o.Name)); err != nil {
		return err
	}
	return s.syncDirs(path.Dir(o.Name))
}

func (s *Sink) path(name string) string { return path.Join(s.root, name) }

// create makes a file and the directories above it, in place of what a try that failed left.
func (s *Sink) create(name string) (vfs.File, error) {
	if err := s.fs.MkdirAll(s.path(path.Dir(name))); err != nil {
		return nil, err
	}
	f, err := s.fs.Create(s.path(name))
	if errors.Is(err, fs.ErrExist) {
		if err = s.fs.Remove(s.path(name)); err == nil {
			f, err = s.fs.Create(s.path(name))
		}
	}
	return f, err
}

// piece is how much is written at once.
const piece = 256 << 10

// write writes body to f and makes it durable.
func write(ctx context.Context, f vfs.File, body io.Reader) error {
	buf := make([]byte, piece)
	for at := int64(0); ; {
		n, err := io.ReadFull(body, buf)
		if n > 0 {
			if _, err := f.WriteAt(buf[:n], at); err != nil {
				return err
			}
			at += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return f.Sync()
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// syncDirs makes the names of dir, and of all above it up to the root, durable.
func (s *Sink) syncDirs(dir string) error {
	for {
		if err := s.fs.SyncDir(s.path(dir)); err != nil {
			return err
		}
		if dir == "." {
			return nil
		}
		dir = path.Dir(dir)
	}
}

// explain gives an error the meaning that the engine acts on. A full disk is something that time may heal.
func explain(err error) error {
	for errno, advice := range map[error]string{
		fs.ErrPermission: "the server may not write there: give its user the permission",
		syscall.EROFS:    "the file system is read-only: mount it for writing",
		syscall.ENOTDIR:  "a file is in the way of a directory: remove it, or choose another prefix",
		syscall.EISDIR:   "a directory is in the way of a file: remove it, or choose another prefix",
	} {
		if errors.Is(err, errno) {
			return &sink.Halt{Reason: fmt.Sprintf("%s (%v)", advice, err), Err: err}
		}
	}
	return err
}
