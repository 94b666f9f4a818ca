package encode

import (
	"errors"
	"io"
	"os"
)

// SpoolMemory is how much of a body is held in memory before it goes to a temporary file.
const SpoolMemory = 1 << 20

// spool holds what is written to it: all in memory, or what came first in a file.
type spool struct {
	dir     string
	mem     []byte // behind what the file has
	file    *os.File
	flushed int64 // bytes of file
}

func (s *spool) Write(p []byte) (int, error) {
	if len(s.mem)+len(p) > SpoolMemory {
		if err := s.flush(s.mem); err != nil {
			return 0, err
		}
		s.mem = s.mem[:0]
		if len(p) > SpoolMemory {
			return len(p), s.flush(p)
		}
	}
	s.mem = append(s.mem, p...)
	return len(p), nil
}

// flush writes p, all that is not in the file yet, to the file.
func (s *spool) flush(p []byte) error {
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "batch-*")
		if err != nil {
			return err
		}
		s.file = f
	}
	if _, err := s.file.WriteAt(p, s.flushed); err != nil {
		return err
	}
	s.flushed += int64(len(p))
	return nil
}

func (s *spool) size() int64 { return s.flushed + int64(len(s.mem)) }

func (s *spool) ReadAt(p []byte, off int64) (n int, err error) {
	if off < s.flushed {
		n, err = s.file.ReadAt(p[:min(int64(len(p)), s.flushed-off)], off)
		if err != nil || n == len(p) {
			return n, err
		}
		off += int64(n)
	}
	if off > s.size() {
		return n, io.EOF
	}
	more := copy(p[n:], s.mem[off-s.flushed:])
	if n += more; n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s *spool) release() {
	if s.file != nil {
		_ = errors.Join(s.file.Close(), os.Remove(s.file.Name())) // a file that stays is removed at the next start
	}
	*s = spool{dir: s.dir}
}
