package shard

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/wal"
)

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Salt == nil {
		o.Salt = func() uint64 {
			var b [8]byte
			_, _ = rand.Read(b[:]) // never fails
			return binary.LittleEndian.Uint64(b[:])
		}
	}
	o.JournalFileBytes = cmp.Or(o.JournalFileBytes, 64<<20)
	o.JournalBytes = cmp.Or(o.JournalBytes, 1<<30)
	o.FileBytes = cmp.Or(o.FileBytes, 256<<20)
	o.MinFreeBytes = max(0, cmp.Or(o.MinFreeBytes, 128<<20))
	return o
}

// Open opens the store in dir, making it if needed, and recovers what the last run acknowledged. Of the journal it reads the
// directories only. Damage is logged and listed by Damage; it does not keep the store from opening.
func Open(fsys vfs.FS, dir string, o Options) (*Store, error) {
	s := &Store{
		fs: fsys, dir: dir, o: o.withDefaults(), handles: newHandles(fsys), logs: map[sluice.LogID]*Log{},
		filling: newGroup(), kick: make(chan struct{}, 1), moveKick: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	s.idle = sync.NewCond(&s.commitMu)
	if err := s.recover(); err != nil {
		return nil, fmt.Errorf("open shard logs in %s: %w", dir, err)
	}
	s.running.Add(2)
	go s.commitLoop()
	go s.moveLoop()
	s.checkJournal()
	return s, nil
}

func (s *Store) journalDir() string { return path.Join(s.dir, "journal") }
func (s *Store) shardsDir() string  { return path.Join(s.dir, "shards") }

func (s *Store) recover() error {
	for _, d := range []string{s.journalDir(), s.shardsDir()} {
		if err := s.fs.MkdirAll(d); err != nil {
			return err
		}
	}
	if err := s.fs.SyncDir(s.dir); err != nil {
		return err
	}
	if err := s.findFiles(); err != nil {
		return err
	}
	var lost int64 // bytes of the journal that cannot be read
	damaged := len(s.damage)
	journal, err := wal.Open(s.fs, s.journalDir(), wal.Options{
		FileBytes: s.o.JournalFileBytes, Meta: metaSize, MinFreeBytes: s.o.MinFreeBytes, ReserveBytes: s.o.ReserveBytes, Salt: s.o.Salt, Logger: s.o.Logger,
		KeepBytes: s.o.JournalBytes, Ahead: !s.o.JournalOnDemand,
	}, wal.Replay{
		Record: s.replay,
		Damage: func(d wal.Damage) {
			lost += d.Bytes
			_ = s.noteDamage(&CorruptError{File: d.File, Offset: d.Offset, What: d.What})
		},
	})
	if err != nil {
		return err
	}
	s.journal = journal
	if len(s.damage) > damaged {
		if err := s.skipPositions(lost); err != nil {
			return errors.Join(err, journal.Close())
		}
	}
	return nil
}

// log returns the log of this number, making it in memory.
func (s *Store) log(id sluice.LogID) *Log {
	l := s.logs[id]
	if l == nil {
		l = &Log{s: s, id: id, dir: path.Join(s.shardsDir(), id.String())}
		s.logs[id] = l
	}
	return l
}

// findFiles reads the names, headers and footers of all sealed files.
func (s *Store) findFiles() error {
	dirs, err := s.fs.ReadDir(s.shardsDir())
	if err != nil {
		return err
	}
	for _, d := range dirs {
		id, err := strconv.ParseUint(d.Name(), 10, 64)
		if err != nil || !d.IsDir() {
			continue
		}
		if err := s.log(sluice.LogID(id)).findFiles(); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) findFiles() error {
	entries, err := l.s.fs.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == tempName {
			if err := l.s.fs.Remove(path.Join(l.dir, tempName)); err != nil {
				return err
			}
		}
		if _, _, ok := parseFileName(e.Name()); !ok {
			continue
		}
		f, err := openSealed(l.s.fs, l.dir, e.Name(), l.id)
		if err != nil {
			return err
		}
		if f.bad != nil {
			_ = l.s.noteDamage(f.corrupt(0, f.bad.Error(), f.first, f.end))
		}
		l.files = append(l.files, f)
	}
	return l.removeSuperseded()
}

// removeSuperseded removes files whose positions another file holds as well, and those that retention has dealt with: a crash came
// between making the one and removing the other. An unreadable file supersedes nothing.
func (l *Log) removeSuperseded() error {
	slices.SortFunc(l.files, func(a, b *sealed) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.end, a.end))
	})
	trimmed := sluice.Position(-1)
	for _, f := range l.files {
		if f.bad == nil && f.trimmed {
			trimmed = max(trimmed, f.first)
		}
	}
	var keep, old []*sealed
	covered := sluice.Position(-1)
	for _, f := range l.files {
		if f.end <= covered || f.end <= trimmed && f.first < trimmed {
			old = append(old, f)
			continue
		}
		keep = append(keep, f)
		if f.bad == nil {
			covered = f.end
		}
	}
	l.files = keep
	if len(keep) > 0 {
		l.tailStart = keep[len(keep)-1].end
		l.end = l.tailStart
	}
	return l.removeFiles(old)
}

// replay puts a group of the journal into its log's tail, unless a file has it already.
func (s *Store) replay(meta []byte, ref wal.Ref) error {
	r := decodeRecord(meta)
	l := s.log(r.log)
	if len(l.files) == 0 && len(l.tail) == 0 {
		l.tailStart, l.end = r.position, r.position
	}
	if r.position < l.end {
		return nil
	}
	const maxGap = 1 << 22
	if r.position-l.end > maxGap {
		return fmt.Errorf("log %d jumps from position %d to %d in %s", r.log, l.end, r.position, s.journal.Name(ref.File))
	}
	for l.end < r.position {
		l.put(located{}) // lost: damage was reported, or a sealed file is missing
	}
	l.put(located{file: ref.File, entry: entry{
		received: r.received, offset: ref.Offset, stored: ref.Length, crc: ref.CRC, raw: r.raw, tail: r.tail, logs: r.num,
	}})
	return nil
}

// skipPositions leaves out as many positions, in every log that has groups in the journal, as the unreadable part of it can
// have held: they may have been given.
func (s *Store) skipPositions(lostBytes int64) error {
	const leastRecord = 8 + metaSize
	skip := sluice.Position(min(lostBytes/leastRecord+1, 1<<20))
	for _, l := range s.all() {
		if len(l.tail) == 0 && len(l.files) == 0 {
			continue
		}
		if err := l.move(); err != nil {
			return fmt.Errorf("log %d: %w", l.id, err)
		}
		place, err := l.writePlace(l.end+skip, false)
		if err != nil {
			return fmt.Errorf("log %d: %w", l.id, err)
		}
		l.files = append(l.files, place)
		l.tailStart, l.end = place.end, place.end
	}
	return s.release()
}

// Log opens the log with this number, making it if needed; base is the position of its first group ever.
func (s *Store) Log(id sluice.LogID, base sluice.Position) (*Log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.log(id)
	if l.known {
		return l, nil
	}
	l.known = true
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) == 0 && len(l.tail) == 0 {
		l.tailStart, l.end = base, base
	}
	return l, nil
}

// noteDamage logs and counts err if it reports damage, once for each place, and returns it.
func (s *Store) noteDamage(err error) error {
	var bad *CorruptError
	if !errors.As(err, &bad) {
		return err
	}
	s.damageMu.Lock()
	defer s.damageMu.Unlock()
	for i := range s.damage {
		if s.damage[i].File == bad.File && s.damage[i].Offset == bad.Offset && s.damage[i].Position == bad.Position {
			return err
		}
	}
	if len(s.damage) < maxDamage {
		s.damage = append(s.damage, *bad)
		s.o.Logger.Error("corrupt data", "file", bad.File, "offset", bad.Offset, "what", bad.What,
			"from", int64(bad.Position), "next", int64(bad.Next))
	}
	return err
}

// maxDamage bounds the list of damaged places.
const maxDamage = 1000

// Status is how a store does.
type Status struct {
	JournalFiles int
	JournalBytes int64
	Logs         int
	DiskFull     bool           // the last append was refused for want of room
	Reserve      int64          // bytes that AppendFromReserve can still write on a full disk
	Failed       error          // why no append is taken until restart
	Damage       []CorruptError // every damaged place that was met since the store was opened
}

// Status returns how the store does now.
func (s *Store) Status() Status {
	files, bytes := s.journal.Files()
	st := Status{JournalFiles: len(files), JournalBytes: bytes, DiskFull: s.full.Load(), Reserve: s.journal.ReserveLeft()}
	s.mu.Lock()
	st.Logs = len(s.logs)
	s.mu.Unlock()
	s.commitMu.Lock()
	st.Failed = s.failed
	s.commitMu.Unlock()
	s.damageMu.Lock()
	st.Damage = slices.Clone(s.damage)
	s.damageMu.Unlock()
	return st
}

// Close waits for appends in flight and closes the files. Groups stay where they are: the next Open finds them.
func (s *Store) Close() error {
	s.commitMu.Lock()
	if errors.Is(s.failed, ErrClosed) {
		s.commitMu.Unlock()
		return nil
	}
	s.failed = ErrClosed
	s.commitMu.Unlock()
	close(s.stop)
	s.running.Wait()
	s.handles.close()
	return s.journal.Close()
}
