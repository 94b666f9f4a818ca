package wal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"

	"github.com/sluicelog/sluice/internal/vfs"
)

// FileInfo is what a journal file says of itself.
type FileInfo struct {
	Seq, PrevSeq uint64
	PrevEnd      int64
	Meta         int
	Size         int64
}

// Walk reads one journal file for people: its header, then every record in order, with whether its payload is what was
// committed. Nothing is changed. Damage is passed to damage; what a crash left unfinished at the end is not damage.
func Walk(fsys vfs.FS, name string, info func(FileInfo), record func(meta []byte, ref Ref, ok bool) error, damage func(Damage)) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	first := make([]byte, block)
	if err := readFull(f, first, 0); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	head, err := decodeHeader(first)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	info(FileInfo{Seq: head.seq, PrevSeq: head.prevSeq, PrevEnd: int64(head.prevEnd), Meta: head.meta, Size: size})
	s := scan{
		j: &Journal{fs: fsys, o: Options{Meta: head.meta, Logger: slog.New(slog.DiscardHandler)}},
		f: &foundFile{file: file{seq: head.seq, name: name, f: f, size: size}, head: head}, limit: size, at: block,
		replay: Replay{Damage: damage},
	}
	s.replay.Record = func(meta []byte, ref Ref) error {
		payload := make([]byte, ref.Length)
		err := readFull(f, payload, ref.Offset)
		return errors.Join(err, record(meta, ref, crc32.Checksum(payload, castagnoli) == ref.CRC))
	}
	return s.run()
}

// IsFile reports whether b, the first bytes of a file, begins like a journal file.
func IsFile(b []byte) bool { return len(b) >= len(fileMagic) && [8]byte(b) == fileMagic }
