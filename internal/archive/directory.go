package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Directory is a Sink that makes files below a directory, for nobody but their owner. Files are on disk after Sync.
type Directory string

// Create implements [Sink]. A file that is there is never written over.
func (d Directory) Create(name string) (io.WriteCloser, error) {
	path := filepath.Join(string(d), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// Sync puts everything that was written to the directory's file system on disk, at once: a sync for each of a million small files takes
// longer than all else.
func (d Directory) Sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", d, err)
	}
	return nil
}

// CheckNew returns an error if something is at path.
func CheckNew(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already, and backups write over nothing: choose another name", path), err)
	}
	return nil
}

// Save reads an archive from a stream into a new directory or a new file at path, which has its name only when it is complete and on
// disk. It returns what [Read] does. What is there already is not touched.
func Save(r io.Reader, path string, asFile bool, header func(Header)) (*Manifest, error) {
	if asFile {
		return saveFile(r, path, header)
	}
	d, err := NewDraft(path, "")
	if err != nil {
		return nil, err
	}
	m, err := d.Fill(r, header)
	return m, errors.Join(err, d.Close())
}

func saveFile(r io.Reader, path string, header func(Header)) (*Manifest, error) {
	if err := CheckNew(path); err != nil {
		return nil, err
	}
	partial := partialOf(path)
	f, err := begin(partial, func() (*os.File, error) { return makeFile(partial) })
	if err != nil {
		return nil, err
	}
	defer f.Close() // unlocks it, when it has its name or is gone
	m, err := fillFile(r, f, header)
	if err == nil {
		err = os.Rename(partial, path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(partial))
	}
	return m, Directory(filepath.Dir(path)).Sync()
}

func fillFile(r io.Reader, f *os.File, header func(Header)) (*Manifest, error) {
	m, err := Read(io.TeeReader(r, f), Discard, header)
	if err == nil {
		_, err = io.Copy(f, r) // what a reader of the archive has no need to read: zeros behind its end
	}
	return m, errors.Join(err, f.Sync())
}

// Verify reads every byte of the archive at path, a file or a directory, and compares it with the manifest.
func Verify(path string, header func(Header)) (*Manifest, error) {
	return Extract(path, Discard, header)
}

// Extract gives the files of the archive at path, a file or a directory, to sink, and returns what [Read] does.
func Extract(path string, sink Sink, header func(Header)) (*Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return Read(f, sink, header)
	}
	return extractDirectory(path, sink, header)
}

func extractDirectory(path string, sink Sink, header func(Header)) (*Manifest, error) {
	m, err := readManifest(path, header)
	if err != nil {
		return nil, err
	}
	in := &reader{sink: sink, files: map[string]File{}}
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		below, err := filepath.Rel(path, file)
		name := filepath.ToSlash(below)
		if err != nil || name == manifestName {
			return err
		}
		if err := CheckName(name); err != nil {
			return err
		}
		if !entry.Type().IsRegular() {
			return damaged("%s is no plain file", name)
		}
		in.files[name], err = in.copyFile(name, file)
		return err
	})
	if err != nil {
		return nil, err
	}
	return m, m.compare(in.files)
}

// readManifest reads the manifest of a backup in a directory. header is told of it, if it is not nil, with what the directory holds: what
// was sent may have been less.
func readManifest(dir string, header func(Header)) (*Manifest, error) {
	raw, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, damaged("%s has no %s, so it is no backup, or was not finished", dir, manifestName)
	}
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(raw)
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, damaged("its manifest cannot be read: %v", err)
	}
	if header != nil {
		h.Files, h.Bytes = len(m.Entries), m.Size()
		header(h)
	}
	return &m, nil
}

func (in *reader) copyFile(name, path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	return in.file(name, f)
}
