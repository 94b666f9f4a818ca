// Package wal is the journal: append-only files of checked batches that are on disk when Commit returns. It knows nothing of
// logs; a record is a few bytes of meta, kept in each batch's directory, and a payload.
//
//	Commit ──> one batch: directory + payloads ──write──> sync ──> acknowledged
//	Open   ──> directories only, in order ──> replay(meta, where the payload is)
//	Read   ──> one payload, checked
//
// Invariants:
//   - Batches are written one at a time, each synced before the next begins. So only the very last one can be torn, recovery
//     has to check the payloads of that one alone, and an unreadable batch with a readable one behind it is damage.
//   - Bytes that were acknowledged are never written again while their file lives.
//   - A failed sync ends writing until the next Open. A failed write loses its batch and no more: the next one goes to a new file.
//   - Disk space is reserved when a file is made, so a full disk refuses a batch before any of it is written.
//   - One small file is kept for batches that lead to room being made (reserve.go). No other batch is ever written to it.
package wal

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/sluicelog/sluice/internal/vfs"
)

var (
	// ErrFailed is returned by Commit after a failed sync, until the journal is opened again.
	ErrFailed = errors.New("journal failed")
	// ErrDiskFull says that there is no room for another journal file. Nothing was written; try again when there is.
	ErrDiskFull = errors.New("no disk space for the journal")
	// ErrGone says that the file of a Ref has been released.
	ErrGone = errors.New("journal file is gone")
	// ErrChecksum says that a payload is not what was committed.
	ErrChecksum = errors.New("payload checksum does not match")
)

// Options of a journal.
type Options struct {
	FileBytes    int64         // size of one file; at least 1 MiB more than the largest batch is sensible
	Meta         int           // bytes of meta per record, fixed for the life of a file
	MinFreeBytes int64         // no new file is made when it would leave less
	ReserveBytes int64         // size of the file that is kept for CommitFromReserve, a multiple of 4 KiB; 0 for none
	Salt         func() uint64 // unguessable; from crypto/rand outside tests
	// KeepBytes is how long the journal may be with released files that are kept to be written over. Overwriting blocks that
	// exist needs no change of the file system's own metadata, so its sync waits for nobody else's.
	KeepBytes int64
	// Ahead makes the next file in the background, filled with zeros, so that starting it costs one small sync.
	Ahead  bool
	Logger *slog.Logger
}

// Ref says where a payload is.
type Ref struct {
	File   uint64
	Offset int64
	Length uint32
	CRC    uint32
}

// Record is what Commit writes. Meta has the length that Options.Meta says.
type Record struct {
	Meta    []byte
	Payload []byte
}

// Damage reports bytes that were acknowledged once and cannot be read.
type Damage struct {
	File   string
	Offset int64
	Bytes  int64
	What   string
}

func (d Damage) String() string {
	return fmt.Sprintf("%s at offset %d, %d bytes: %s", d.File, d.Offset, d.Bytes, d.What)
}

// Replay receives what the journal holds, in order, while it is opened.
type Replay struct {
	Record func(meta []byte, ref Ref) error // meta is valid during the call
	Damage func(Damage)
}

// Journal is an open journal. Commit and Close are called by one goroutine at a time, the rest by any.
type Journal struct {
	fs  vfs.FS
	dir string
	o   Options

	cur     *file  // the file being written; nil before the first commit
	head    header // its header
	end     int64  // where its next batch goes
	batches uint32
	broken  bool // its last write failed: go on in a new file
	failed  error
	buf     []byte
	left    atomic.Int64 // bytes for batches of CommitFromReserve on a full disk

	mu    sync.RWMutex // guards files, spare and held
	files []*file      // oldest first; the last is being written
	spare []*file      // released, closed, to be written over
	held  []*Held      // who wants no file released
	next  uint64       // the next sequence number; guarded by making

	making sync.Mutex // held while a file is made; taken before mu
	made   *file      // made ahead; guarded by making
	kept   bool       // the reserve is there; guarded by making
	ahead  sync.WaitGroup
}

type file struct {
	seq  uint64
	name string
	f    vfs.File
	size int64
	last bool // it was the reserve
}

// Open opens the journal in dir, which must exist, and replays it. The journal goes on in a new file.
func Open(fsys vfs.FS, dir string, o Options, replay Replay) (*Journal, error) {
	j := &Journal{fs: fsys, dir: dir, o: o, next: 1}
	if err := j.recover(replay); err != nil {
		return nil, fmt.Errorf("open journal %s: %w", dir, errors.Join(err, j.closeFiles()))
	}
	j.making.Lock()
	defer j.making.Unlock()
	j.keepReserve()
	return j, nil
}

// Size returns the disk space of a batch with these payload lengths.
func (j *Journal) Size(records int, payload int64) int64 {
	return roundUp(batchHead + int64(records)*int64(entryHead+j.o.Meta) + payload)
}

// Commit writes records as one batch and syncs it; refs, of the same length, tells where the payloads are. After
// ErrDiskFull nothing was written; after another error the batch may or may not be found by the next Open. The next batch may succeed
// unless the error wraps ErrFailed.
func (j *Journal) Commit(records []Record, refs []Ref) error { return j.commit(records, refs, false) }

func (j *Journal) commit(records []Record, refs []Ref, fromReserve bool) error {
	if j.failed != nil {
		return j.failed
	}
	var payload int64
	for _, r := range records {
		payload += int64(len(r.Payload))
	}
	size := j.Size(len(records), payload)
	if size > math.MaxUint32 {
		return fmt.Errorf("batch of %d bytes is too large", size)
	}
	if j.broken || j.cur == nil || j.end+size > j.cur.size || j.cur.last && !fromReserve {
		if err := j.rotate(size, fromReserve); err != nil {
			return err
		}
	}
	b := batch{seq: j.batches, count: uint32(len(records)), length: uint32(size), payloads: uint32(payload)}
	j.fill(b, records, refs)
	f := j.cur
	if _, err := f.f.WriteAt(j.buf, j.end); err != nil {
		j.broken = true
		return noSpace(fmt.Errorf("write journal %s: %w", f.name, err))
	}
	if err := f.f.Sync(); err != nil {
		j.failed = fmt.Errorf("%w: sync %s: %w", ErrFailed, f.name, err)
		return j.failed
	}
	j.end += size
	j.batches++
	if f.last {
		j.left.Store(f.size - j.end)
	}
	return nil
}

// fill builds the batch in j.buf.
func (j *Journal) fill(b batch, records []Record, refs []Ref) {
	j.buf = slices.Grow(j.buf[:0], int(b.length))[:b.length]
	b.encode(j.buf)
	dir := j.buf[batchHead:]
	at := batchHead + b.directory(j.o.Meta)
	for i, r := range records {
		sum := crc32.Checksum(r.Payload, castagnoli)
		le.PutUint32(dir, uint32(len(r.Payload)))
		le.PutUint32(dir[4:], sum)
		copy(dir[entryHead:entryHead+j.o.Meta], r.Meta)
		dir = dir[entryHead+j.o.Meta:]
		refs[i] = Ref{File: j.head.seq, Offset: j.end + int64(at), Length: uint32(len(r.Payload)), CRC: sum}
		at += copy(j.buf[at:], r.Payload)
	}
	clear(j.buf[at:])
	le.PutUint32(j.buf[4:], crc32.Update(j.head.seed(), castagnoli, j.buf[8:batchHead+b.directory(j.o.Meta)]))
}

// rotate goes on in a new file with room for a batch of size bytes. If there is none to be had, nothing has changed; if one fails to be started, no
// file can be written to before another is.
func (j *Journal) rotate(size int64, fromReserve bool) error {
	f, err := j.take(max(j.o.FileBytes, size+block))
	if err = noSpace(err); fromReserve && errors.Is(err, ErrDiskFull) {
		f, err = j.takeReserve(size+block, err)
	}
	if err != nil {
		return fmt.Errorf("start journal file: %w", err)
	}
	j.broken = true // a header that says where the file before ends may reach the disk: leave it at that
	h := header{meta: j.o.Meta, seq: f.seq, salt: max(1, j.o.Salt()), prevSeq: j.head.seq, prevEnd: uint64(j.end)}
	if err := start(f, h); err != nil {
		_ = f.f.Close()
		_ = j.fs.Remove(f.name) // holds nothing acknowledged; Open ignores it if it stays
		return noSpace(fmt.Errorf("start journal file %s: %w", f.name, err))
	}
	j.mu.Lock()
	j.files = append(j.files, f)
	j.mu.Unlock()
	j.cur, j.head, j.end, j.batches, j.broken = f, h, block, 0, false
	switch {
	case f.last: // there is no room for more
	case j.o.Ahead:
		j.ahead.Go(j.makeAhead)
	default:
		j.making.Lock()
		defer j.making.Unlock()
		j.keepReserve()
	}
	return nil
}

// start makes f the file that h says.
func start(f *file, h header) error {
	if _, err := f.f.WriteAt(h.encode(), 0); err != nil {
		return err
	}
	return f.f.Sync()
}

// take returns a file of at least this size, the one made ahead if there is one.
func (j *Journal) take(size int64) (*file, error) {
	j.making.Lock()
	defer j.making.Unlock()
	if f := j.made; f != nil && f.size >= size {
		j.made = nil
		return f, nil
	}
	return j.make(size)
}

func (j *Journal) makeAhead() {
	j.making.Lock()
	defer j.making.Unlock()
	j.keepReserve()
	if j.made != nil {
		return
	}
	f, err := j.make(j.o.FileBytes)
	if err != nil {
		return // the next rotate tries again, and tells
	}
	j.made = f
}

// make makes an empty file, durable with its name, out of a released one if possible. j.making is held.
func (j *Journal) make(size int64) (f *file, err error) {
	f = &file{seq: j.next, name: j.Name(j.next), size: size}
	j.next++
	j.mu.Lock()
	var old *file
	if n := len(j.spare); n > 0 && j.spare[n-1].size >= size {
		old = j.spare[n-1]
		j.spare = j.spare[:n-1]
	}
	j.mu.Unlock()
	if old != nil {
		f.size = old.size
		err = j.reuse(f, old)
	} else {
		err = j.create(f)
	}
	if err == nil {
		err = f.f.Sync()
	}
	if err == nil {
		err = j.fs.SyncDir(j.dir)
	}
	if err != nil {
		if f.f != nil {
			_ = f.f.Close()
		}
		_ = j.fs.Remove(f.name)
		return nil, err
	}
	return f, nil
}

// reuse gives a released file a new name and takes its header away.
func (j *Journal) reuse(f, old *file) (err error) {
	if err := j.fs.Rename(old.name, f.name); err != nil {
		_ = j.fs.Remove(old.name) // not needed; a leftover is replayed as the old file that it is
		return err
	}
	if f.f, err = j.fs.OpenRW(f.name); err != nil {
		return err
	}
	// Until the file is started, its header says that it was released, under whichever of the two names a crash leaves it.
	_, err = f.f.WriteAt(header{meta: j.o.Meta, seq: f.seq}.encode(), 0)
	return err
}

// create makes a new file with disk space behind every byte.
func (j *Journal) create(f *file) (err error) {
	if free, err := j.fs.Free(j.dir); err == nil && int64(min(free, math.MaxInt64)) < f.size+j.o.MinFreeBytes {
		return fmt.Errorf("%w: %d bytes free, %d needed and %d to spare", ErrDiskFull, free, f.size, j.o.MinFreeBytes)
	}
	if f.f, err = j.fs.Create(f.name); err != nil {
		return err
	}
	if err := f.f.Allocate(f.size); err != nil || !j.o.Ahead {
		return err
	}
	return f.zero()
}

// zero writes zeros over all of f, and syncs them.
func (f *file) zero() error {
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < f.size; at += int64(len(zeros)) {
		if _, err := f.f.WriteAt(zeros[:min(int64(len(zeros)), f.size-at)], at); err != nil {
			return err
		}
		if err := f.f.Sync(); err != nil { // in small steps: others want the disk too
			return err
		}
	}
	return nil
}

// noSpace marks errors of a full disk.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrDiskFull, err)
	}
	return err
}

// Read reads the payload at ref into dst, which must have its length. ErrGone if the file was released, ErrChecksum if the bytes are
// not those committed; a caller that holds no lock against Release treats both alike and looks up anew where the
// payload is now.
func (j *Journal) Read(ref Ref, dst []byte) error {
	j.mu.RLock()
	i, ok := slices.BinarySearchFunc(j.files, ref.File, func(f *file, seq uint64) int { return cmp.Compare(f.seq, seq) })
	var f *file
	if ok {
		f = j.files[i]
	}
	j.mu.RUnlock()
	if f == nil {
		return ErrGone
	}
	if _, err := f.f.ReadAt(dst, ref.Offset); err != nil {
		switch {
		case errors.Is(err, fs.ErrClosed):
			return ErrGone
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w: the file was cut", ErrChecksum)
		}
		return fmt.Errorf("read journal %s at %d: %w", f.name, ref.Offset, err)
	}
	if crc32.Checksum(dst, castagnoli) != ref.CRC {
		return ErrChecksum
	}
	return nil
}

// Name returns the path of a file of this journal.
func (j *Journal) Name(seq uint64) string { return path.Join(j.dir, fileName(seq)) }

// Files returns the sequence numbers of the files, oldest first, and the bytes they take together.
func (j *Journal) Files() (seqs []uint64, bytes int64) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	for _, f := range j.files {
		seqs = append(seqs, f.seq)
		bytes += f.size
	}
	return seqs, bytes
}

// Release gives up the files before seq, of which nobody needs anything any more. The file being written stays; while the journal is
// held, all stay.
func (j *Journal) Release(seq uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.held) > 0 {
		return nil
	}
	var total int64
	for _, f := range slices.Concat(j.files, j.spare) {
		total += f.size
	}
	var errs []error
	for len(j.files) > 1 && j.files[0].seq < seq {
		f := j.files[0]
		j.files = j.files[1:]
		_ = f.f.Close()
		if total <= j.o.KeepBytes && f.size == j.o.FileBytes {
			j.spare = append(j.spare, f)
			continue
		}
		total -= f.size
		errs = append(errs, j.fs.Remove(f.name))
	}
	return errors.Join(errs...)
}

// Close marks the journal as closed in order, so that the next Open knows that nothing may be missing.
func (j *Journal) Close() error {
	var err error
	if j.cur != nil && j.failed == nil {
		// On a full disk there may be no room for the mark. Nothing depends on it but telling damage from a crash.
		if err = j.commit(nil, nil, j.cur.last); errors.Is(err, ErrDiskFull) {
			err = nil
		}
	}
	j.ahead.Wait() // also for what the mark has begun, if it had to go into a new file
	return errors.Join(err, j.closeFiles())
}

func (j *Journal) closeFiles() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, f := range j.files {
		errs = append(errs, f.f.Close())
	}
	j.files = nil
	if j.made != nil {
		errs = append(errs, j.made.f.Close(), j.fs.Remove(j.made.name))
		j.made = nil
	}
	return errors.Join(errs...)
}
