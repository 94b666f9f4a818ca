package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Bounds of what a reader may say that it has: so many files, and so many bytes of JSON that list them. Of a base with more, the smallest
// are sent again.
const (
	MaxClaims     = 100_000
	MaxClaimBytes = 256 * MaxClaims
	claimBytes    = 128 // of a file, without its name
)

// Draft is a backup in a directory while it is made. It has its name only when it is complete and on disk; until then it is
// PATH.partial, which the next draft of that name removes.
//
//	NewDraft ── TakeOver: files of the base, linked and added up ── Claims ──> the server sends the others ──> Fill ── Close
//
// The base is only read. What was taken over stays whatever becomes of the base. A Draft belongs to one goroutine.
type Draft struct {
	path, partial string
	lock          *os.File // the directory at partial, until Close
	named         bool     // it has its name, and partial is not its own any more
	base          string   // "" for none
	lasting       []File   // of the base's manifest, those that may be taken over
	taken         map[string]File
	link          func(from, to string) error // os.Link
}

// NewDraft begins a backup at path, where nothing may be, on a base: the directory of an earlier backup, or "" for none.
func NewDraft(path, base string) (*Draft, error) {
	if err := CheckNew(path); err != nil {
		return nil, err
	}
	d := &Draft{path: path, partial: partialOf(path), base: base, taken: map[string]File{}, link: os.Link}
	if base != "" {
		if err := d.readBase(); err != nil {
			return nil, fmt.Errorf("base %s: %w", base, err)
		}
	}
	var err error
	d.lock, err = begin(d.partial, func() (*os.File, error) { return makeDirectory(d.partial) })
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Draft) readBase() error {
	info, err := os.Stat(d.base)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("it is a file, and only a backup in a directory can share its files with another")
	}
	if partial, err := os.Stat(d.partial); err == nil && os.SameFile(info, partial) {
		return fmt.Errorf("it has the name that %s has while it is made: choose another name for one of them", d.path)
	}
	m, err := readManifest(d.base, nil)
	if err != nil {
		return err
	}
	listed := make(map[string]bool, len(m.Entries))
	for _, f := range m.Entries {
		if listed[f.Name] {
			return damaged("its manifest lists %.200q twice", f.Name)
		}
		listed[f.Name] = true
		if Lasting(f.Name) && f.Size >= 0 {
			d.lasting = append(d.lasting, f)
		}
	}
	slices.SortFunc(d.lasting, func(a, b File) int { return cmp.Compare(b.Size, a.Size) })
	d.lasting = claimable(d.lasting)
	return nil
}

// claimable returns as many files from the front as can be claimed.
func claimable(files []File) []File {
	room := MaxClaimBytes
	for n, f := range files {
		if room -= claimBytes + len(f.Name); n == MaxClaims || room < 0 {
			return files[:n]
		}
	}
	return files
}

// Taken is what a draft has of its base.
type Taken struct {
	Files  int
	Bytes  int64
	Copied int   // of the files, those that are copies, where the file system has no link from the base to here
	Spoilt int   // files of the base that are not there, not what its manifest says or not to be read; the server sends them
	Reason error // of the first that is spoilt
}

// TakeOver gives the draft those files of its base that may be in the new backup, each by a link, and reads each to its end: one that is
// not what the manifest of the base says is left alone. told is told the bytes that are done, of how many. The error is that of ctx.
func (d *Draft) TakeOver(ctx context.Context, told func(done, all int64)) (t Taken, err error) {
	var done, all int64
	for _, f := range d.lasting {
		all += f.Size
	}
	for _, f := range d.lasting {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		copied, err := d.takeOver(f)
		if err != nil {
			t.Spoilt++
			t.Reason = cmp.Or(t.Reason, fmt.Errorf("%s: %w", f.Name, err))
			if err := os.Remove(d.file(f.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return t, err
			}
		}
		if copied {
			t.Copied++
		}
		done += f.Size
		told(done, all)
	}
	t.Files, t.Bytes = d.Shared()
	return t, nil
}

// takeOver takes one file. What it read is what the draft has, by whatever name the base goes later.
func (d *Draft) takeOver(f File) (copied bool, err error) {
	from, to := filepath.Join(d.base, filepath.FromSlash(f.Name)), d.file(f.Name)
	if err := f.plain(from); err != nil {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return false, err
	}
	in := &reader{sink: Discard}
	switch err := d.link(from, to); {
	case err == nil:
		if err := f.plain(to); err != nil { // the base may have changed since, and this cannot
			return false, err
		}
		from = to
	case noLink(err):
		in.sink, copied = Directory(d.partial), true
	default:
		return false, err
	}
	got, err := in.copyFile(f.Name, from)
	if err != nil {
		return false, err
	}
	if got != f {
		return false, errors.New("it has other bytes than were written")
	}
	d.taken[f.Name] = f
	return copied, nil
}

// plain returns an error unless a plain file of f's size is at path.
func (f *File) plain(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is no plain file")
	case info.Size() != f.Size:
		return fmt.Errorf("it has %d bytes, not %d", info.Size(), f.Size)
	}
	return nil
}

// noLink reports whether a link failed because there can be none: the base is on another file system, or on one without links, or belongs
// to somebody else, or the file has as many as it can have.
func noLink(err error) bool {
	var no unix.Errno
	return errors.As(err, &no) && slices.Contains([]unix.Errno{unix.EXDEV, unix.EPERM, unix.EOPNOTSUPP, unix.ENOSYS, unix.EMLINK}, no)
}

func (d *Draft) file(name string) string { return filepath.Join(d.partial, filepath.FromSlash(name)) }

// Claims lists the files that the draft has, by name.
func (d *Draft) Claims() []File {
	return slices.SortedFunc(maps.Values(d.taken), func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
}

// Shared tells how many files of the base the draft has, and their bytes.
func (d *Draft) Shared() (files int, bytes int64) {
	for _, f := range d.taken {
		bytes += f.Size
	}
	return len(d.taken), bytes
}

// Create implements [Sink]. A file that comes although the base had one of its name takes its place here, and there the other stays.
func (d *Draft) Create(name string) (io.WriteCloser, error) {
	if _, ok := d.taken[name]; ok {
		delete(d.taken, name)
		if err := os.Remove(d.file(name)); err != nil {
			return nil, err
		}
	}
	return Directory(d.partial).Create(name)
}

// Fill reads the rest of the backup from a stream and gives the draft its name. Files that were taken over and are in the backup no more
// are gone then. It returns what [Read] does.
func (d *Draft) Fill(r io.Reader, header func(Header)) (*Manifest, error) {
	m, err := read(r, d, d.taken, header)
	if err == nil {
		err = d.drop(m)
	}
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(m)
	if err == nil {
		err = os.WriteFile(d.file(manifestName), raw, 0o600)
	}
	if err == nil {
		err = Directory(d.partial).Sync()
	}
	if err == nil {
		err = os.Rename(d.partial, d.path)
	}
	if err != nil {
		return nil, err
	}
	d.named = true
	return m, Directory(filepath.Dir(d.path)).Sync()
}

// drop removes what was taken over and is not listed, with the directories that are empty then.
func (d *Draft) drop(m *Manifest) error {
	listed := make(map[string]bool, len(m.Entries))
	for _, f := range m.Entries {
		listed[f.Name] = true
	}
	for name := range d.taken {
		if listed[name] {
			continue
		}
		delete(d.taken, name)
		path := d.file(name)
		if err := os.Remove(path); err != nil {
			return err
		}
		for path = filepath.Dir(path); path != d.partial && os.Remove(path) == nil; { // fails on one that is not empty
			path = filepath.Dir(path)
		}
	}
	return nil
}

// Close removes the draft unless it has its name.
func (d *Draft) Close() (err error) {
	if !d.named {
		err = os.RemoveAll(d.partial)
	}
	return errors.Join(err, d.lock.Close())
}
