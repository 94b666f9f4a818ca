package wal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"

	"github.com/sluicelog/sluice/internal/vfs"
)

// recover finds the files, replays them in order and leaves j ready to go on in a new file.
func (j *Journal) recover(replay Replay) error {
	entries, err := j.fs.ReadDir(j.dir)
	if err != nil {
		return err
	}
	ends := map[uint64]int64{} // where files end, as the files after them say
	var found []foundFile
	for _, e := range entries {
		seq, ok := parseFileName(e.Name())
		if !ok {
			continue
		}
		j.next = max(j.next, seq+1)
		f, err := j.find(seq)
		if err != nil {
			return err
		}
		if f.bad == nil {
			ends[f.head.prevSeq] = max(ends[f.head.prevSeq], int64(f.head.prevEnd))
		}
		found = append(found, f)
	}
	for i := range found {
		if err := j.replayFile(&found[i], ends, replay); err != nil {
			return err
		}
	}
	return nil
}

// foundFile is a file as it was found. bad says why its header cannot be read.
type foundFile struct {
	file
	head header
	bad  error
}

var (
	// errUnused marks a file that was being made when the power went: nothing was ever acknowledged in it.
	errUnused = errors.New("file was never used")
	// errReleased marks a file that was released and being made into another one.
	errReleased = errors.New("file was released")
)

func (j *Journal) find(seq uint64) (foundFile, error) {
	name := j.Name(seq)
	f, err := j.fs.OpenRW(name)
	if err != nil {
		return foundFile{}, err
	}
	ff := foundFile{file: file{seq: seq, name: name, f: f}}
	if ff.size, err = f.Size(); err != nil {
		return ff, errors.Join(err, f.Close())
	}
	first := make([]byte, block)
	if _, err := f.ReadAt(first, 0); err != nil && !errors.Is(err, io.EOF) {
		return ff, errors.Join(fmt.Errorf("read %s: %w", name, err), f.Close())
	}
	ff.head, ff.bad = decodeHeader(first)
	switch {
	case errors.Is(ff.bad, ErrNewer):
		return ff, errors.Join(fmt.Errorf("%s: %w", name, ff.bad), f.Close())
	case ff.bad == nil && (ff.head.seq != seq || ff.head.salt == 0):
		ff.bad = errReleased
	case ff.bad == nil && ff.head.meta != j.o.Meta:
		return ff, errors.Join(fmt.Errorf("%s has records with %d bytes of meta, not %d", name, ff.head.meta, j.o.Meta), f.Close())
	case ff.size < block || allZero(first):
		ff.bad = errUnused // made, but its header never got to disk whole
	}
	return ff, nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func (j *Journal) replayFile(f *foundFile, ends map[uint64]int64, replay Replay) error {
	end, known := ends[f.seq]
	if f.bad != nil {
		return j.setAside(f, end, replay)
	}
	if known && end > f.size {
		replay.Damage(Damage{File: f.name, Offset: f.size, Bytes: end - f.size, What: "the file was cut"})
		end = f.size
	}
	s := scan{j: j, f: f, replay: replay, limit: f.size, known: known, at: block}
	if known {
		s.limit = end
	}
	if err := s.run(); err != nil {
		return err
	}
	file := f.file
	j.files = append(j.files, &file)
	j.head, j.end = f.head, s.at
	return nil
}

// setAside deals with a file without a readable header. end is where the next file says that it ended, 0 if none does.
func (j *Journal) setAside(f *foundFile, end int64, replay Replay) error {
	_ = f.f.Close()
	if errors.Is(f.bad, errReleased) || errors.Is(f.bad, errUnused) && end == 0 {
		return j.fs.Remove(f.name)
	}
	what := f.bad
	if errors.Is(what, errUnused) {
		what = errors.New("the header is gone")
	}
	replay.Damage(Damage{File: f.name, Bytes: max(f.size, end), What: what.Error()})
	return j.fs.Rename(f.name, path.Join(j.dir, fileName(f.seq)+".damaged"))
}

// scan walks the batches of one file.
type scan struct {
	j      *Journal
	f      *foundFile
	replay Replay
	limit  int64 // no batch begins at or behind it
	known  bool  // everything before limit was acknowledged
	at     int64
	seq    uint32
}

// found is a batch whose head and directory are right.
type found struct {
	batch
	at  int64
	dir []byte
}

func (s *scan) run() error {
	var last *found // not yet delivered: if no batch follows, it may be torn
	for s.at < s.limit {
		b, err := s.read(s.at, s.limit)
		if err != nil {
			return err
		}
		if b == nil || b.seq != s.seq {
			if b, err = s.search(s.at); err != nil {
				return err
			}
			if b == nil && !s.known {
				break
			}
			next := s.limit
			if b != nil {
				next = b.at
			}
			if last != nil {
				if err := s.deliver(last); err != nil {
					return err
				}
				last = nil
			}
			s.replay.Damage(Damage{File: s.f.name, Offset: s.at, Bytes: next - s.at, What: "unreadable batch"})
			if b == nil {
				s.at = s.limit
				return nil
			}
		}
		if last != nil {
			if err := s.deliver(last); err != nil {
				return err
			}
		}
		last, s.at, s.seq = b, b.at+int64(b.length), b.seq+1
	}
	if last == nil {
		return nil
	}
	if !s.known && last.count > 0 {
		whole, err := s.verify(last)
		if err != nil {
			return err
		}
		if !whole {
			s.at = last.at
			s.j.o.Logger.Warn("journal ends in an unfinished batch, dropped: a crash tore it, or it is damaged",
				"file", s.f.name, "offset", last.at, "bytes", last.length)
			return nil
		}
	}
	return s.deliver(last)
}

// read returns the batch at this offset, nil if there is none.
func (s *scan) read(at, limit int64) (*found, error) {
	var head [batchHead]byte
	if at+batchHead > s.f.size {
		return nil, nil
	}
	if err := readFull(s.f.f, head[:], at); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.f.name, at, err)
	}
	b, ok := decodeBatchHead(head[:], s.j.o.Meta, min(limit, s.f.size)-at)
	if !ok {
		return nil, nil
	}
	dir := make([]byte, b.directory(s.j.o.Meta))
	if err := readFull(s.f.f, dir, at+batchHead); err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", s.f.name, at, err)
	}
	sum := crc32.Update(s.f.head.seed(), castagnoli, head[8:])
	if crc32.Update(sum, castagnoli, dir) != le.Uint32(head[4:]) {
		return nil, nil
	}
	return &found{batch: b, at: at, dir: dir}, nil
}

// search looks for a later batch than the one expected at from.
func (s *scan) search(from int64) (*found, error) {
	chunk := make([]byte, 256*block)
	for at := from; at < s.limit; at += int64(len(chunk)) {
		n, err := s.f.f.ReadAt(chunk, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read %s at %d: %w", s.f.name, at, err)
		}
		for i := 0; i+4 <= n; i += block {
			if le.Uint32(chunk[i:]) != batchMagic || at+int64(i) >= s.limit {
				continue
			}
			b, err := s.read(at+int64(i), s.limit)
			if err != nil || b != nil && b.seq >= s.seq {
				return b, err
			}
		}
	}
	return nil, nil
}

// verify checks the payloads of b.
func (s *scan) verify(b *found) (bool, error) {
	whole := true
	err := s.each(b, func(_ []byte, ref Ref) error {
		payload := make([]byte, ref.Length)
		if err := readFull(s.f.f, payload, ref.Offset); err != nil {
			return err
		}
		whole = whole && crc32.Checksum(payload, castagnoli) == ref.CRC
		return nil
	})
	return whole, err
}

func (s *scan) deliver(b *found) error { return s.each(b, s.replay.Record) }

func (s *scan) each(b *found, fn func(meta []byte, ref Ref) error) error {
	at := b.at + batchHead + int64(len(b.dir))
	for d := b.dir; len(d) > 0; d = d[entryHead+s.j.o.Meta:] {
		ref := Ref{File: s.f.seq, Offset: at, Length: le.Uint32(d), CRC: le.Uint32(d[4:])}
		if at += int64(ref.Length); at > b.at+int64(b.length) {
			return fmt.Errorf("%s at %d: payloads reach past the batch", s.f.name, b.at)
		}
		if err := fn(d[entryHead:entryHead+s.j.o.Meta], ref); err != nil {
			return err
		}
	}
	return nil
}

// readFull reads all of b; what lies behind the end of the file reads as zero.
func readFull(f vfs.File, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		clear(b[n:])
		return nil
	}
	return err
}
