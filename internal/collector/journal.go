package collector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/sluicelog/sluice/internal/vfs"
)

/*
The state file of a part, text, one record a line, each synced before the next is written:

	crc32c of the rest, 8 hexadecimal digits | space | JSON | line feed

	{"state":…}    all that is known; the first line of every file
	{"intent":…}   a batch is about to go out
	{"sent":NAME}  an output has it
	{"done":true}  all have it: the place is behind it
	{"moved":…}    the place is elsewhere, and nothing went out
	{"ended":true} the part was read to its end

The last line may be torn, since it was written when the process or the machine died; a bad line in front of a good one is damage. A file that
has grown is replaced by one that holds the state alone.
*/

// journal is the state file of a part. One goroutine uses it.
type journal struct {
	fs    vfs.FS
	path  string
	file  vfs.File // nil: to be written anew before the next record
	size  int64
	least int64 // size of the file when it was written anew
	state state
}

// maxState bounds a state file, in bytes.
const maxState = 1 << 30

// slack is what a file grows by, beside four times its first size, before it is written anew.
const slack = 4 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openJournal opens the state file of a stream. Found says whether there was one.
func openJournal(files vfs.FS, path, stream string) (j *journal, found bool, err error) {
	j = &journal{fs: files, path: path, state: state{Version: stateVersion, Stream: stream, seen: seen{}}}
	raw, err := readAll(files, path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, false, nil
	}
	if err == nil {
		err = j.replay(raw)
	}
	if err == nil && j.state.Stream != stream {
		err = fmt.Errorf("it is of %s", j.state.Stream)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the state file %s: %w; restore it, or remove it to begin anew", path, err)
	}
	return j, true, nil
}

func readAll(files vfs.FS, path string) ([]byte, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > maxState {
		return nil, fmt.Errorf("it is larger than %d bytes", maxState)
	}
	raw := make([]byte, size)
	if _, err := f.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return raw, nil
}

// replay applies the lines of a file. What is read is written anew before anything else: there may be a torn line at the end.
func (j *journal) replay(raw []byte) error {
	bad := 0
	for number := 1; len(raw) > 0; number++ {
		line, rest, ended := bytes.Cut(raw, []byte{'\n'})
		raw = rest
		r, err := parseLine(line)
		switch {
		case err != nil || !ended:
			if bad == 0 {
				bad = number
			}
			continue
		case bad != 0:
			return fmt.Errorf("line %d is damaged", bad)
		case (number == 1) != (r.State != nil):
			return fmt.Errorf("line %d is out of place", number)
		}
		if err := j.state.apply(r); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if bad == 1 {
		return errors.New("line 1 is damaged")
	}
	return nil
}

func parseLine(line []byte) (*record, error) {
	const head = 9
	if len(line) < head || line[head-1] != ' ' {
		return nil, errors.New("no checksum")
	}
	sum, err := strconv.ParseUint(string(line[:head-1]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(line[head:], castagnoli) {
		return nil, errors.New("wrong checksum")
	}
	r := &record{}
	return r, json.Unmarshal(line[head:], r)
}

func appendLine(dst []byte, r *record) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	dst = fmt.Appendf(dst, "%08x ", crc32.Checksum(text, castagnoli))
	return append(append(dst, text...), '\n'), nil
}

// write appends a record, synced, and applies it to the state. After an error the state is as it was, and the file is written anew next time.
func (j *journal) write(r *record) error {
	err := j.append(r)
	if err != nil {
		j.abandon()
		return fmt.Errorf("keep the state: %w", err)
	}
	return j.state.apply(r)
}

func (j *journal) append(r *record) error {
	if j.file == nil || j.size > slack+4*j.least {
		if err := j.rewrite(); err != nil {
			return err
		}
	}
	line, err := appendLine(nil, r)
	if err != nil {
		return err
	}
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.size += int64(len(line))
	return nil
}

// abandon gives the file up. It stays what it is until it is replaced.
func (j *journal) abandon() {
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
}

// rewrite replaces the file by one that holds the state.
func (j *journal) rewrite() error {
	j.abandon()
	line, err := appendLine(nil, j.state.snapshot())
	if err != nil {
		return err
	}
	fresh := j.path + ".new"
	if err := j.fs.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := j.fs.Create(fresh)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(line, 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = j.fs.Rename(fresh, j.path)
	}
	if err == nil {
		err = j.fs.SyncDir(filepath.Dir(j.path))
	}
	if err != nil {
		f.Close()
		return err
	}
	j.file, j.size, j.least = f, int64(len(line)), int64(len(line))
	return nil
}

func (j *journal) close() { j.abandon() }
