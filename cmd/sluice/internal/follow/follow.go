// Package follow reads the lines that are added to files, as "tail -F" does: through rotation, truncation and files that come
// later.
//
// It looks when asked, by [Files.Read], and keeps nothing but an open file and an offset for each path.
package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Limits of one Read of one file.
const (
	maxRead = 1 << 20   // bytes
	maxLine = 256 << 10 // bytes; a longer line is cut
)

// Lines are what was added to a file.
type Lines struct {
	Path  string
	Lines [][]byte // without line breaks
}

// Files follows the files that match some patterns. It is not safe for concurrent use.
type Files struct {
	patterns []string
	backlog  int64 // bytes to begin with of a file found at first
	started  bool
	open     map[string]*file
	skipped  map[string]error // files that cannot be read, and why
}

type file struct {
	*os.File
	info   fs.FileInfo
	offset int64
	cut    bool // the first line is the rest of one
}

// New follows the files that match patterns (see [filepath.Match]), beginning with the last backlog bytes of each.
func New(backlog int64, patterns ...string) *Files {
	return &Files{patterns: patterns, backlog: backlog, open: map[string]*file{}, skipped: map[string]error{}}
}

// Paths returns the files that are followed, sorted.
func (f *Files) Paths() []string { return sortedKeys(f.open) }

// Skipped returns the files that match and cannot be read, sorted.
func (f *Files) Skipped() []string { return sortedKeys(f.skipped) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Read returns whole lines that were added since the last Read, at most a megabyte a file. Files that cannot be read are
// skipped until they can.
func (f *Files) Read() ([]Lines, error) {
	paths, err := f.match()
	if err != nil {
		return nil, err
	}
	var all []Lines
	for _, path := range paths {
		lines, err := f.readFile(path)
		if err != nil {
			f.forget(path)
			f.skipped[path] = err
			continue
		}
		delete(f.skipped, path)
		if len(lines) > 0 {
			all = append(all, Lines{Path: path, Lines: lines})
		}
	}
	f.started = true
	return all, nil
}

func (f *Files) match() ([]string, error) {
	var paths []string
	for _, pattern := range f.patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		paths = append(paths, found...)
	}
	for path := range f.open { // a file that was moved away may have a last line to read
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

func (f *Files) readFile(path string) ([][]byte, error) {
	was := f.open[path]
	info, err := os.Stat(path)
	switch {
	case err != nil && was == nil:
		return nil, err
	case err != nil || (was != nil && !os.SameFile(info, was.info)): // moved away: read it to the end, then look again
		lines, readErr := was.read()
		if readErr == nil && len(lines) == 0 {
			f.forget(path)
		}
		return lines, readErr
	case was == nil:
		if !info.Mode().IsRegular() {
			return nil, errors.New("not a regular file")
		}
		if was, err = f.start(path, info); err != nil {
			return nil, err
		}
	case info.Size() < was.offset: // truncated
		was.offset = 0
	}
	return was.read()
}

func (f *Files) start(path string, info fs.FileInfo) (*file, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	n := &file{File: opened, info: info}
	if !f.started && info.Size() > f.backlog { // a file that comes later is read from its beginning
		n.offset, n.cut = info.Size()-f.backlog, true
	}
	f.open[path] = n
	return n, nil
}

func (f *Files) forget(path string) {
	if was := f.open[path]; was != nil {
		was.Close()
		delete(f.open, path)
	}
}

// Close closes the files.
func (f *Files) Close() {
	for path := range f.open {
		f.forget(path)
	}
}

// read returns whole lines from the offset on. What follows the last line break stays for the next time.
func (f *file) read() ([][]byte, error) {
	buf := make([]byte, maxRead)
	n, err := f.ReadAt(buf, f.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	buf = buf[:n]
	end := bytes.LastIndexByte(buf, '\n') + 1
	if end == 0 && n == maxRead {
		end = n // one huge line: in pieces rather than never
	}
	f.offset += int64(end)
	var lines [][]byte
	for line := range bytes.Lines(buf[:end]) {
		if f.cut {
			f.cut = false
			continue
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			lines = append(lines, line[:min(len(line), maxLine)])
		}
	}
	return lines, nil
}
