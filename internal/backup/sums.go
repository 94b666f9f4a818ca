package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/sluicelog/sluice/internal/archive"
	"github.com/sluicelog/sluice/internal/vfs"
)

// sumsFile is in the data directory, and in no backup. It may be removed: files are read again then.
const sumsFile = "backup.sums"

// sums are the checksums of sealed files and parts of the index that the last backup read, so that the next need not read what has not
// changed since. Those files get their names when they are whole and are not written to afterwards; that a file is still the same is told
// by its stamp. It belongs to one goroutine.
type sums struct {
	known map[string]stamped // of the last backup, by name
	now   map[string]stamped // of this one
	read  int                // files that had to be read
}

// stamp is what a file system says of a file. Whatever is put in the place of a file, and whatever is done to one, has another: the time
// of change is the kernel's, which nobody can set, and a copy of the directory has inodes of its own.
type stamp struct {
	Inode    uint64 `json:"inode"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds since 1970, as
	Changed  int64  `json:"changed"`
}

type stamped struct {
	stamp
	SHA256 string `json:"sha256"`
}

// loadSums reads what the last backup learnt. Where that cannot be read, nothing is known.
func loadSums(dir string) *sums {
	s := &sums{known: map[string]stamped{}, now: map[string]stamped{}}
	raw, err := os.ReadFile(filepath.Join(dir, sumsFile))
	if err == nil && json.Unmarshal(raw, &s.known) != nil {
		s.known = map[string]stamped{}
	}
	return s
}

// save puts what this backup learnt in the place of what the last did. temp is a directory of the same file system.
func (s *sums) save(dir, temp string) error {
	raw, err := json.Marshal(s.now)
	if err != nil {
		return err
	}
	path := filepath.Join(temp, sumsFile)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path, filepath.Join(dir, sumsFile))
	}
	return errors.Join(err, vfs.OS{}.SyncDir(dir))
}

// of returns the sum of an open file up to size, which it reads if it has to. Behind it f is where it was or further.
func (s *sums) of(name string, f *os.File, size int64) (archive.File, error) {
	is, err := stampOf(f)
	if err != nil {
		return archive.File{}, err
	}
	if was, ok := s.known[name]; ok && was.stamp == is && is.Size == size {
		s.now[name] = was
		return archive.File{Name: name, Size: size, SHA256: was.SHA256}, nil
	}
	s.read++
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, size))
	if err != nil {
		return archive.File{}, fmt.Errorf("read %s: %w", name, err)
	}
	found := archive.File{Name: name, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}
	s.learn(found, is)
	return found, nil
}

// learn notes the sum of a file that had a stamp before it was read. The files of the journal are written in place: nothing is noted of them.
func (s *sums) learn(f archive.File, is stamp) {
	if f.Size == is.Size && !strings.HasPrefix(f.Name, "journal/") {
		s.now[f.Name] = stamped{is, f.SHA256}
	}
}

func stampOf(f *os.File) (stamp, error) {
	info, err := f.Stat()
	if err != nil {
		return stamp{}, err
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, &fs.PathError{Op: "stat", Path: f.Name(), Err: errors.ErrUnsupported}
	}
	return stamp{Inode: sys.Ino, Size: info.Size(), Modified: sys.Mtim.Nano(), Changed: sys.Ctim.Nano()}, nil
}
