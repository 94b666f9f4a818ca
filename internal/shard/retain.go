package shard

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"syscall"
	"time"

	"github.com/sluicelog/sluice"
)

// Trim removes whole files whose groups were all received before t. Groups still in the journal go when they are all that
// old. The log's end stays.
func (l *Log) Trim(t time.Time) error {
	return l.trim(func(v *view) sluice.Position { return v.expiring(t) })
}

// Expiring returns where the log would begin if Trim(t) were called now: for those who have something to say first, and call
// TrimTo with it then.
func (l *Log) Expiring(t time.Time) (sluice.Position, error) {
	v, err := l.view()
	if err != nil {
		return 0, err
	}
	return v.expiring(t), nil
}

// TrimTo removes whole files whose groups are all before p. Groups still in the journal go too if they are before p. What is at p
// or behind it stays.
func (l *Log) TrimTo(p sluice.Position) error {
	return l.trim(func(*view) sluice.Position { return p })
}

// expiring is the place up to which Trim(t) removes.
func (v *view) expiring(t time.Time) sluice.Position {
	at := t.UnixNano()
	n := 0
	for i, f := range v.files {
		if f.bad == nil && f.newest >= at {
			break
		}
		if f.bad == nil {
			n = i + 1 // an unreadable file, whose age is unknown, goes with the first readable one behind it
		}
	}
	switch {
	case n == 0 && len(v.files) > 0:
		return v.begin()
	case n < len(v.files):
		return v.files[n-1].end
	case len(v.tail) > 0 && v.tail[len(v.tail)-1].newest < at:
		return v.end
	}
	return v.tailStart
}

// trim removes what is before the position that is chosen.
func (l *Log) trim(choose func(*view) sluice.Position) error {
	l.moving.Lock()
	defer l.moving.Unlock()
	if err := l.removeFiles(nil); err != nil {
		return err
	}
	v, err := l.view()
	if err != nil {
		return err
	}
	p, n := choose(&v), 0
	for n < len(v.files) && v.files[n].end <= p {
		n++
	}
	if n < len(v.files) {
		return l.replaceFiles(v.files[:n], nil, 0)
	}
	gone := int(min(max(p-v.tailStart, 0), sluice.Position(len(v.tail))))
	if gone == 0 && (n == 0 || v.begin() == v.tailStart) {
		return nil
	}
	// Without a file that says where they ended, groups would come back with a journal file that is not yet reused.
	end, old := v.tailStart+sluice.Position(gone), v.files
	f, err := l.writePlace(end, true)
	if last := len(old) - 1; last > 0 && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) {
		if err = l.replaceFiles(old[:last], nil, 0); err == nil { // without its older files the log needs no such file yet, and there is room for it
			old = old[last:]
			f, err = l.writePlace(end, true)
		}
	}
	if err != nil {
		return fmt.Errorf("trim log %d: %w", l.id, errors.Join(err, l.removeFiles(f.list())))
	}
	return l.replaceFiles(old, []*sealed{f}, gone)
}

// list returns f as a list, empty for nil.
func (f *sealed) list() []*sealed {
	if f == nil {
		return nil
	}
	return []*sealed{f}
}

// writePlace makes the empty file that remembers end, and whether retention took what was before it.
func (l *Log) writePlace(end sluice.Position, trimmed bool) (*sealed, error) {
	if err := l.makeDir(); err != nil {
		return nil, err
	}
	w, err := newWriter(l.s.fs, l.dir, l.id, end)
	if err != nil {
		return nil, err
	}
	w.foot.trimmed = trimmed
	return w.finish()
}

// replaceFiles puts made in the place of the first files and of the first n groups of the tail. l.moving is held.
func (l *Log) replaceFiles(old, made []*sealed, n int) error {
	l.mu.Lock()
	if l.dropped {
		l.mu.Unlock()
		return ErrUnknownLog
	}
	l.files = append(slices.Clone(made), l.files[len(old):]...)
	l.notStale(made)
	l.tail = slices.Clone(l.tail[n:])
	l.tailStart += sluice.Position(n)
	l.version++
	l.mu.Unlock()
	return l.removeFiles(old)
}

// Drop removes a log and its data. Calls on its Log fail with ErrUnknownLog.
func (s *Store) Drop(id sluice.LogID) error {
	s.mu.Lock()
	l := s.logs[id]
	delete(s.logs, id)
	s.mu.Unlock()
	if l == nil {
		return nil
	}
	l.Seal()
	l.mu.Lock()
	l.dropped = true
	l.tail = nil
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
	l.mu.Unlock()
	l.moving.Lock() // a move in progress ends first
	defer l.moving.Unlock()
	if s.holds.defers(l.dir) {
		return nil
	}
	if err := s.removeDir(l.dir); err != nil {
		return fmt.Errorf("drop log %d: %w", id, err)
	}
	return nil
}

func (s *Store) removeDir(dir string) error {
	entries, err := s.fs.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		s.handles.forget(name)
		if err := s.fs.Remove(name); err != nil {
			return err
		}
	}
	if err := s.fs.Remove(dir); err != nil {
		return err
	}
	return s.fs.SyncDir(path.Dir(dir))
}

// Newest returns the highest number of a log that has data or was opened, 0 for none.
func (s *Store) Newest() sluice.LogID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var newest sluice.LogID
	for id := range s.logs {
		newest = max(newest, id)
	}
	return newest
}

// Retain drops every log that was not opened with Log since the store was opened: what a crash left of logs that metadata no
// longer knows. Call it once, when all logs are open.
func (s *Store) Retain() error {
	s.mu.Lock()
	var unknown []sluice.LogID
	for id, l := range s.logs {
		if !l.known {
			unknown = append(unknown, id)
		}
	}
	s.mu.Unlock()
	var errs []error
	for _, id := range unknown {
		s.o.Logger.Info("removing a log that no shard names", "log", uint64(id))
		errs = append(errs, s.Drop(id))
	}
	return errors.Join(errs...)
}
