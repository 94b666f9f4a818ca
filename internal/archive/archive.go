// Package archive is the form of a backup: the files of a data directory as they were at one moment, and a manifest by which anybody can
// tell whether all of them are there and are what they were.
//
//	header ── files: meta.db, secret.key, journal/, shards/, index/ ── manifest
//
// It is one stream, a tar archive, or the same files in a directory:
//
//	Writer ──> stream ──Read──> Sink: a directory, or nothing but the checks
//	Verify(path)   either form, every byte
//	Extract(path)  either form, into a directory, with every byte checked on its way
//
// A new directory may have files in common with an earlier one, its base, by hard links: those whose bytes the base has already are
// listed in the manifest and not in the stream. A [Draft] is such a directory while it is made. On disk it is a backup like any other, and
// stays one when its base is removed.
//
// Invariants:
//   - The manifest is the last of a stream, and is put into a directory last: what has one is complete.
//   - Names come from a short list of forms, so that no archive leads a reader out of the directory that it was told.
//   - A reader takes nothing for true that it did not add up itself, not what a base says of its files either.
//   - No file of a backup is ever written to again: what takes its place is another file.
package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"
)

// Version is the version of the form that this program writes. It reads this and none other.
const Version = 1

// Names of what is no file of the data directory.
const (
	headerName   = "sluice-backup.json"
	manifestName = "manifest.json"
)

// Bounds of what is read.
const (
	maxName     = 1024
	maxHeader   = 64 << 10
	maxManifest = 1 << 30
)

// ErrDamaged is in the chain of errors about archives that are not whole or not what they were.
var ErrDamaged = errors.New("the backup is damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Header says what an archive is. It comes first.
type Header struct {
	Version int       `json:"version"`
	Release string    `json:"release"` // of the server that wrote it
	Moment  time.Time `json:"moment"`  // that the files are of
	Files   int       `json:"files"`   // about how many there are, and
	Bytes   int64     `json:"bytes"`   // the bytes that follow: for those who wait; the manifest knows exactly
	Left    []string  `json:"leftOut"` // what of the data directory is not here, in words; never null
}

// File is one file of an archive.
type File struct {
	Name   string `json:"name"` // below the data directory, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// Manifest lists what an archive holds. It comes last.
type Manifest struct {
	Header
	Entries []File `json:"entries"`
}

// Size is the bytes of all files.
func (m *Manifest) Size() (n int64) {
	for _, f := range m.Entries {
		n += f.Size
	}
	return n
}

// Has reports whether there is a file of that name.
func (m *Manifest) Has(name string) bool {
	for _, f := range m.Entries {
		if f.Name == name {
			return true
		}
	}
	return false
}

// Forms of the names of files.
var (
	always  = regexp.MustCompile(`^(meta\.db|secret\.key)$`)
	lasting = regexp.MustCompile(`^(journal/\d{16}\.wal|shards/\d{16}/\d{20}-\d{20}\.log|index(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)+)$`)
)

// CheckName returns an error unless an archive may have a file of that name.
func CheckName(name string) error {
	if Lasting(name) || len(name) <= maxName && always.MatchString(name) {
		return nil
	}
	return damaged("%.200q is not the name of a file that backups have", name)
}

// Lasting reports whether a name is that of a file which the next backup may well have in common with this one: a sealed file, a part of
// the index, or a file of the journal, which stays as it is once it is full. Whether it has is for the bytes to say.
func Lasting(name string) bool {
	return len(name) <= maxName && lasting.MatchString(name) && fs.ValidPath(name)
}

func parseHeader(raw []byte) (h Header, err error) {
	if err := json.Unmarshal(raw, &h); err != nil {
		return h, damaged("its header cannot be read: %v", err)
	}
	if h.Version != Version {
		return h, fmt.Errorf("the backup is of version %d, and this program (which knows version %d) cannot read it: use the one that wrote it, %.64q",
			h.Version, Version, h.Release)
	}
	return h, nil
}

// compare says how a manifest differs from what was read, nil if it does not.
func (m *Manifest) compare(read map[string]File) error {
	var wrong []string
	listed := map[string]bool{}
	for _, f := range m.Entries {
		got, ok := read[f.Name]
		switch {
		case CheckName(f.Name) != nil || listed[f.Name]:
			wrong = append(wrong, fmt.Sprintf("the manifest lists %.200q, which cannot be or comes twice", f.Name))
		case !ok:
			wrong = append(wrong, f.Name+" is missing")
		case got.Size != f.Size:
			wrong = append(wrong, fmt.Sprintf("%s has %d bytes, not %d", f.Name, got.Size, f.Size))
		case got.SHA256 != f.SHA256:
			wrong = append(wrong, f.Name+" has other bytes than were written")
		}
		listed[f.Name] = true
	}
	for name := range read {
		if !listed[name] {
			wrong = append(wrong, name+" is in no manifest")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	const most = 20
	if more := len(wrong) - most; more > 0 {
		wrong = append(wrong[:most], fmt.Sprintf("and %d more", more))
	}
	return damaged("%s", strings.Join(wrong, "; "))
}
