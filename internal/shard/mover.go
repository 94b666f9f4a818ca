package shard

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"path"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/wal"
)

// checkJournal wakes the mover when the journal has grown long enough.
func (s *Store) checkJournal() {
	if _, bytes := s.journal.Files(); bytes <= s.o.JournalBytes {
		return
	}
	select {
	case s.moveKick <- struct{}{}:
	default:
	}
}

// moveLoop moves tails to sealed files whenever the journal is long.
func (s *Store) moveLoop() {
	defer s.running.Done()
	for {
		select {
		case <-s.stop:
			return
		case <-s.moveKick:
		}
		if err := s.shorten(); err != nil && !errors.Is(err, ErrClosed) {
			s.o.Logger.Warn("moving logs out of the journal failed; it stays until the next try", "error", err)
			s.pause(afterFailure)
		}
	}
}

// shorten moves the logs that hold the oldest quarter of the journal, then gives up the files that nobody needs.
func (s *Store) shorten() error {
	files, _ := s.journal.Files()
	if len(files) < 2 {
		return nil
	}
	limit := files[min(len(files)/4, len(files)-2)]
	var errs []error
	for _, l := range s.all() {
		select {
		case <-s.stop:
			return ErrClosed
		default:
		}
		if oldest, ok := l.oldestFile(); ok && oldest <= limit {
			start := time.Now()
			if err := l.move(); err != nil {
				errs = append(errs, fmt.Errorf("move log %d: %w", l.id, err))
			}
			s.rest(time.Since(start))
		}
	}
	errs = append(errs, s.release())
	return errors.Join(errs...)
}

// rest leaves the disk to the journal for as long as a move had it, unless the journal gets too long by that.
func (s *Store) rest(took time.Duration) {
	if _, bytes := s.journal.Files(); bytes > 2*s.o.JournalBytes || took < time.Millisecond {
		return
	}
	s.pause(took)
}

// afterFailure is how long the mover leaves a disk alone that failed or is full: every batch would wake it again.
const afterFailure = time.Second

// pause waits for d, or until the store closes.
func (s *Store) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.stop:
	}
}

// release gives up the journal files before the oldest group that is still there.
func (s *Store) release() error {
	files, _ := s.journal.Files()
	if len(files) == 0 {
		return nil
	}
	needed := files[len(files)-1]
	for _, l := range s.all() {
		if oldest, ok := l.oldestFile(); ok {
			needed = min(needed, oldest)
		}
	}
	return s.journal.Release(needed)
}

func (s *Store) all() []*Log {
	s.mu.Lock()
	defer s.mu.Unlock()
	logs := make([]*Log, 0, len(s.logs))
	for _, l := range s.logs {
		logs = append(logs, l)
	}
	slices.SortFunc(logs, func(a, b *Log) int { return int(int64(a.id) - int64(b.id)) })
	return logs
}

// oldestFile returns the journal file of the tail's first group.
func (l *Log) oldestFile() (uint64, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for i := range l.tail {
		if f := l.tail[i].file; f != 0 {
			return f, true
		}
	}
	return 0, false
}

// move writes the tail, as it is now, to sealed files and forgets it. Small files before it are merged into the new one, so
// that their number stays logarithmic while every byte is rewritten a few times at most.
func (l *Log) move() error {
	l.moving.Lock()
	defer l.moving.Unlock()
	if err := l.removeFiles(nil); err != nil {
		return err
	}
	v, err := l.view()
	if err != nil || len(v.tail) == 0 {
		return err
	}
	if err := l.makeDir(); err != nil {
		return err
	}
	var stored int64
	for i := range v.tail {
		stored += int64(v.tail[i].stored)
	}
	merge := mergeable(v.files, stored, l.s.o.FileBytes)
	made, err := l.writeFiles(merge, &v)
	var bad *CorruptError
	if len(merge) > 0 && errors.As(err, &bad) {
		_ = l.s.noteDamage(err)
		merge = nil // leave what cannot be read where it is
		made, err = l.writeFiles(nil, &v)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	if l.dropped {
		l.mu.Unlock()
		return ErrUnknownLog
	}
	l.files = append(slices.Clone(v.files[:len(v.files)-len(merge)]), made...)
	l.notStale(made)
	l.tail = slices.Clone(l.tail[len(v.tail):])
	l.tailStart += sluice.Position(len(v.tail))
	l.version++
	l.mu.Unlock()
	return l.removeFiles(merge)
}

// sizeClass is the power of eight that a file size belongs to, from 64 KiB.
func sizeClass(n int64) int { return (bits.Len64(uint64(n)>>16) + 2) / 3 }

const mergeAt = 8 // files of one class

// mergeable returns the files at the end that a move of stored bytes should merge with: those of its own size class or a
// smaller one, when there are enough of them to make a file of the next class.
func mergeable(files []*sealed, stored, limit int64) []*sealed {
	i, sum := len(files), stored
	for i > 0 {
		f := files[i-1]
		touches := i == len(files) || f.end == files[i].first
		if f.bad != nil || !touches || sizeClass(f.size) > sizeClass(stored) || sum+f.size > limit {
			break
		}
		sum += f.size
		i--
	}
	small := i
	for small < len(files) && files[small].first == files[small].end {
		small++ // an empty file costs nothing to merge and has no reason to stay
	}
	if len(files)-small >= mergeAt-1 || small > i {
		return files[i:]
	}
	return nil
}

// writeFiles writes the groups of merge and of v's tail to new files.
func (l *Log) writeFiles(merge []*sealed, v *view) (made []*sealed, err error) {
	first := v.tailStart
	if len(merge) > 0 {
		first = merge[0].first
		if merge[len(merge)-1].end != v.tailStart {
			return nil, fmt.Errorf("files end at %d, the tail begins at %d", merge[len(merge)-1].end, v.tailStart)
		}
	}
	m := moveRun{l: l, next: first}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.removeFiles(m.made))
		}
	}()
	for _, f := range merge {
		if err := m.copySealed(f); err != nil {
			return nil, m.abort(err)
		}
	}
	for i := range v.tail {
		if err := m.copyTail(&v.tail[i]); err != nil {
			return nil, m.abort(err)
		}
	}
	err = m.close(true)
	return m.made, err
}

// moveRun writes groups in order of position, splitting files where they get large or where damage leaves a gap.
type moveRun struct {
	l    *Log
	w    *writer
	next sluice.Position
	made []*sealed
	buf  []byte
}

func (m *moveRun) add(e *entry, payload []byte) (err error) {
	if m.w != nil && m.w.size() > 0 && m.w.count > 0 && m.w.size()+int64(len(payload)) > m.l.s.o.FileBytes {
		if err := m.close(false); err != nil {
			return err
		}
	}
	if m.w == nil {
		if m.w, err = newWriter(m.l.s.fs, m.l.dir, m.l.id, m.next); err != nil {
			return err
		}
	}
	m.next++
	return m.w.add(*e, payload)
}

// close finishes the file being written. The last one is written even if it has nothing in it but the place.
func (m *moveRun) close(last bool) (err error) {
	if m.w == nil && last && (len(m.made) == 0 || m.made[len(m.made)-1].end < m.next) {
		if m.w, err = newWriter(m.l.s.fs, m.l.dir, m.l.id, m.next); err != nil {
			return err
		}
	}
	if m.w == nil {
		return nil
	}
	w := m.w
	m.w = nil
	f, err := w.finish()
	if f != nil {
		m.made = append(m.made, f)
	}
	return err
}

func (m *moveRun) abort(err error) error {
	if m.w != nil {
		return m.w.abort(err)
	}
	return err
}

func (m *moveRun) grow(n int) []byte {
	m.buf = slices.Grow(m.buf[:0], n)[:n]
	return m.buf
}

func (m *moveRun) copySealed(f *sealed) error {
	for p := f.first; p < f.end; {
		es, err := f.entries(m.l.s.handles, p, pageEntries)
		if err != nil {
			return err
		}
		for i := range es {
			payload := m.grow(int(es[i].stored))
			if err := f.payloads(m.l.s.handles, es[i:i+1], p, payload); err != nil {
				return err
			}
			if err := m.add(&es[i], payload); err != nil {
				return err
			}
			p++
		}
	}
	return nil
}

func (m *moveRun) copyTail(e *located) error {
	if e.file != 0 {
		payload := m.grow(int(e.stored))
		err := m.l.s.journal.Read(e.ref(), payload)
		if err == nil {
			return m.add(&e.entry, payload)
		}
		if !errors.Is(err, wal.ErrChecksum) {
			return err
		}
		_ = m.l.s.noteDamage(&CorruptError{
			File: m.l.s.journal.Name(e.file), Offset: e.offset, What: err.Error(), Position: m.next, Next: m.next + 1,
		})
	}
	if err := m.close(false); err != nil { // the gap between two files says what is lost
		return err
	}
	m.next++
	return nil
}

func (l *Log) makeDir() error {
	if err := l.s.fs.MkdirAll(l.dir); err != nil {
		return err
	}
	return l.s.fs.SyncDir(path.Dir(l.dir))
}

// removeFiles removes files that the log no longer needs, in their order. What is held or cannot be removed, and all behind it, stays in
// l.stale: files on disk never have a gap that comes from removing. l.moving is held.
func (l *Log) removeFiles(files []*sealed) error {
	l.stale = append(l.stale, files...)
	if len(l.stale) == 0 || l.s.holds.any() {
		return nil
	}
	for len(l.stale) > 0 {
		name := l.stale[0].path
		l.s.handles.forget(name)
		if err := l.s.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.stale = l.stale[1:]
	}
	return l.s.fs.SyncDir(l.dir)
}

// notStale sees to it that no file of these, which the log has again under a name that it had before, is removed as a stale one.
// l.moving is held.
func (l *Log) notStale(files []*sealed) {
	l.stale = slices.DeleteFunc(l.stale, func(old *sealed) bool {
		return slices.ContainsFunc(files, func(f *sealed) bool { return f.path == old.path })
	})
}
