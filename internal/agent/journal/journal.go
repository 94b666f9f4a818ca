// Package journal is the file in which an agent notes what it is about to do, so that a crash neither loses nor repeats anything. It knows nothing of
// tasks; a record is some bytes.
//
//	Append ──> one frame: length, CRC, record ──write──> sync ──> the agent may act on it
//	Open   ──> every record, in order; then the file is written anew by Rewrite
//
// Invariants:
//   - A record is on disk when Append returns, unless the caller said that it may be lost.
//   - Records come back in the order they were written in, up to one that was never synced; nothing behind a gap is shown.
//   - Room for small records is reserved before large ones are taken, so that what was begun can be ended on a full disk.
//   - A failed sync ends writing: the agent has to start again, from what is on disk.
//
// The bytes are drawn in docs/format/agent-journal.md.
package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"

	"github.com/sluicelog/sluice/internal/vfs"
)

/*
The file:

	0              16
	+--------------+---------+---------+--- ... ---+-----------------+
	| header       | frame 0 | frame 1 |           | zeros, reserved |
	+--------------+---------+---------+--- ... ---+-----------------+

A frame, little endian:

	0        4        8        12       12+n
	+--------+--------+--------+--- ... ---+
	| crc32c | length | sound  | record    |
	+--------+--------+--------+--- ... ---+

crc32c covers length..end. sound is how much of the file was on disk when the frame was written: where a frame is bad that a later one says was sound, the
file is damaged; otherwise it ends there.
*/
const (
	headerSize = 16
	frameHead  = 12
	version    = 1
)

// MaxRecord is the largest record, in bytes.
const MaxRecord = 1 << 20

// reserve is how much room is kept for small records, and the step in which the file grows.
const reserve = 256 << 10

const (
	name    = "journal"
	newName = "journal.new"
)

var magic = [8]byte{'S', 'L', 'A', 'G', 'E', 'N', 'T', 'J'}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	// ErrFailed is returned after a failed sync, until the journal is opened again.
	ErrFailed = errors.New("the journal failed, and is of no use before a restart")
	// ErrFull says that there is no room for the record. Nothing was written; try again when there is.
	ErrFull = errors.New("no disk space for the journal")
)

// Damage says that records are lost that were on disk once. The file is kept under Name.
type Damage struct {
	Name   string
	Offset int64
}

func (d *Damage) Error() string {
	return fmt.Sprintf("the journal is damaged at byte %d: what lay behind is lost, the file is kept as %s", d.Offset, d.Name)
}

// Journal is an open journal. It is for one goroutine at a time.
type Journal struct {
	fs        vfs.FS
	dir       string
	f         vfs.File
	at        int64 // end of the last frame
	synced    int64
	allocated int64
	rewritten int64 // what at was after the last Rewrite
	failed    bool
}

// Open calls replay with each record of the journal in dir, which is made if needed. The record is replay's to keep. Append needs a Rewrite first. damage
// is not nil where records are lost; the others have been replayed all the same.
func Open(files vfs.FS, dir string, replay func(record []byte) error) (j *Journal, damage *Damage, err error) {
	if err := files.MkdirAll(dir); err != nil {
		return nil, nil, err
	}
	j = &Journal{fs: files, dir: dir}
	raw, err := j.read()
	if err != nil || raw == nil {
		return j, nil, err
	}
	end, err := walk(raw, replay)
	if err != nil {
		return nil, nil, err
	}
	if soundBehind(raw, end) {
		damage = &Damage{Offset: int64(end)}
		if damage.Name, err = j.putAside(); err != nil {
			return nil, nil, err
		}
	}
	return j, damage, nil
}

// read returns the whole file; nil if there is none.
func (j *Journal) read() ([]byte, error) {
	f, err := j.fs.Open(path.Join(j.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	raw := make([]byte, size)
	if _, err := f.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	if len(raw) < headerSize || [8]byte(raw) != magic {
		return nil, fmt.Errorf("%s is not a journal of an agent: move it away if nothing of it is needed", path.Join(j.dir, name))
	}
	if v := binary.LittleEndian.Uint16(raw[8:]); v != version {
		return nil, fmt.Errorf("the journal has version %d, this agent knows %d: use the agent that wrote it", v, version)
	}
	return raw, nil
}

// walk calls replay with each record from the beginning on, and returns where the first frame is that is none.
func walk(raw []byte, replay func([]byte) error) (end int, err error) {
	at := headerSize
	for {
		record, _ := frameAt(raw, at)
		if record == nil {
			return at, nil
		}
		if err := replay(record); err != nil {
			return at, fmt.Errorf("record at byte %d of the journal: %w", at, err)
		}
		at += frameHead + len(record)
	}
}

// frameAt is the frame at an offset: its record, and what it says was sound; nil if there is none.
func frameAt(raw []byte, at int) (record []byte, sound int) {
	if len(raw)-at < frameHead {
		return nil, 0
	}
	size := int(binary.LittleEndian.Uint32(raw[at+4:]))
	if size == 0 || size > MaxRecord || len(raw)-at-frameHead < size {
		return nil, 0
	}
	end := at + frameHead + size
	if crc32.Checksum(raw[at+4:end], castagnoli) != binary.LittleEndian.Uint32(raw[at:]) {
		return nil, 0
	}
	return raw[at+frameHead : end : end], int(binary.LittleEndian.Uint32(raw[at+8:]))
}

// soundBehind reports whether a frame behind end says that the file was on disk beyond end.
func soundBehind(raw []byte, end int) bool {
	raw = bytes.TrimRight(raw, "\x00") // the reserve
	for at := end; at+frameHead < len(raw); at++ {
		if record, sound := frameAt(raw, at); record != nil && sound > end {
			return true
		}
	}
	return false
}

// putAside copies a damaged journal, so that somebody can look at it.
func (j *Journal) putAside() (string, error) {
	raw, err := j.read()
	if err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		aside := path.Join(j.dir, fmt.Sprintf("journal.damaged-%d", n))
		f, err := j.fs.Create(aside)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.WriteAt(raw, 0)
		return aside, errors.Join(err, f.Sync(), f.Close(), j.fs.SyncDir(j.dir))
	}
}

// Durability is what Append promises.
type Durability int

// Durabilities.
const (
	Lazy   Durability = iota // it may be lost in a crash
	Synced                   // it is on disk; room reserved for what has been begun may be used
	Taken                    // it is on disk, and there is room for what follows from it
)

// Append appends a record.
func (j *Journal) Append(record []byte, d Durability) error {
	if j.failed || j.f == nil {
		return ErrFailed
	}
	if len(record) == 0 || len(record) > MaxRecord {
		return fmt.Errorf("a record of %d bytes is not 1 to %d", len(record), MaxRecord)
	}
	end := j.at + frameHead + int64(len(record))
	if err := j.room(end, d); err != nil {
		return err
	}
	if _, err := j.f.WriteAt(frame(record, j.synced), j.at); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	j.at = end
	if d == Lazy {
		return nil
	}
	if err := j.f.Sync(); err != nil {
		j.failed = true
		return fmt.Errorf("%w: %w", ErrFailed, err)
	}
	j.synced = j.at
	return nil
}

// room makes room up to end, and behind it what d asks for.
func (j *Journal) room(end int64, d Durability) error {
	want := end
	if d == Taken {
		want += reserve
	}
	if want <= j.allocated {
		return nil
	}
	if err := j.f.Allocate(want + reserve); err == nil {
		j.allocated = want + reserve
		return nil
	} else if end > j.allocated || d == Taken {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return nil
}

// frame is the frame of a record.
func frame(record []byte, sound int64) []byte {
	b := make([]byte, frameHead+len(record))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(record)))
	binary.LittleEndian.PutUint32(b[8:], uint32(sound))
	copy(b[frameHead:], record)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

// Rewrite puts a journal of these records in place of the present one, at once: after a crash there is the one or the other.
func (j *Journal) Rewrite(records [][]byte) error {
	if j.failed {
		return ErrFailed
	}
	raw := make([]byte, headerSize)
	copy(raw, magic[:])
	binary.LittleEndian.PutUint16(raw[8:], version)
	for _, r := range records {
		if len(r) == 0 || len(r) > MaxRecord {
			return fmt.Errorf("a record of %d bytes is not 1 to %d", len(r), MaxRecord)
		}
		raw = append(raw, frame(r, 0)...)
	}
	at := path.Join(j.dir, newName)
	if err := j.fs.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := j.fs.Create(at)
	if err != nil {
		return full(err)
	}
	size := int64(len(raw))
	if err := errors.Join(f.Allocate(size+2*reserve), write(f, raw)); err != nil {
		return errors.Join(full(err), f.Close(), j.fs.Remove(at)) // the present one goes on
	}
	if err := errors.Join(j.fs.Rename(at, path.Join(j.dir, name)), j.fs.SyncDir(j.dir)); err != nil {
		j.failed = true // nobody knows which of the two a crash would leave
		return errors.Join(fmt.Errorf("%w: %w", ErrFailed, err), f.Close())
	}
	if j.f != nil {
		j.f.Close()
	}
	j.f, j.at, j.synced, j.allocated, j.rewritten = f, size, size, size+2*reserve, size
	return nil
}

func full(err error) error { return fmt.Errorf("%w: %w", ErrFull, err) }

func write(f vfs.File, raw []byte) error {
	if _, err := f.WriteAt(raw, 0); err != nil {
		return err
	}
	return f.Sync()
}

// Grown reports whether the journal has become so much longer since the last Rewrite that another one is worth its while.
func (j *Journal) Grown() bool { return j.at > 1<<20 && j.at > 2*j.rewritten }

// Size is the length of the journal in bytes.
func (j *Journal) Size() int64 { return j.at }

// Close closes the file.
func (j *Journal) Close() error {
	if j.f == nil {
		return nil
	}
	f := j.f
	j.f = nil
	return f.Close()
}
