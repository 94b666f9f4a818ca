package shard

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/sluicelog/sluice/internal/wal"
)

// ErrHoldBroken says that what was held is not all there any more: the disk was full, and writes come first.
var ErrHoldBroken = errors.New("the disk was full, so files that were held had to go")

// Hold keeps on disk what the store had acknowledged at one moment, for whoever copies it while the store goes on: appends, moves, merges,
// retention and deletion happen, but what they would remove stays until Close. The disk grows by that.
//
//	moment ──> Journal, the first to be copied ──> JournalCopied ──> Sealed ──> Err? ──> Close
//
// Copies of the files under the same names below another directory open as a store that holds exactly what was acknowledged at the
// moment. Nothing of a Hold is on disk: a crash ends it, and the next Open removes what was only held. It belongs to one goroutine.
type Hold struct {
	s       *Store
	journal *wal.Held
	sealed  [][]*sealed
	broken  bool // guarded by Store.holds.mu
}

// HeldFile is a file to be copied, up to Size.
type HeldFile struct {
	Path string
	Size int64
}

// Hold starts a hold. moment is called while nothing is being committed: what it sees of other state goes with what is held. Appends wait
// for it, so it has to be quick; if it fails, there is no hold.
func (s *Store) Hold(moment func() error) (*Hold, error) {
	h := &Hold{s: s}
	s.holds.add(h) // before anything is looked at: what is gone by then is in no list below
	s.committing.Lock()
	logs := s.all() // before the moment: a log that was dropped since is still known to what the moment sees
	err := moment()
	h.journal = s.journal.Hold()
	for _, l := range logs {
		l.mu.RLock()
		h.sealed = append(h.sealed, l.files)
		l.mu.RUnlock()
	}
	s.committing.Unlock()
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// Journal returns the files of the journal. It grows without end while they are held: copy them first.
func (h *Hold) Journal() (list []HeldFile) {
	for _, e := range h.journal.Extents {
		list = append(list, HeldFile{Path: e.Name, Size: e.Size})
	}
	return list
}

// Sealed returns the sealed files.
func (h *Hold) Sealed() (list []HeldFile) {
	for _, files := range h.sealed {
		for _, f := range files {
			list = append(list, HeldFile{Path: f.path, Size: f.size})
		}
	}
	return list
}

// JournalCopied lets the files of the journal go, the sealed ones stay.
func (h *Hold) JournalCopied() error {
	h.journal.LetGo()
	return h.s.release()
}

// Err tells whether everything is still there: what was read before it returned nil was what was held. [ErrHoldBroken] otherwise.
func (h *Hold) Err() error {
	h.s.holds.mu.Lock()
	defer h.s.holds.mu.Unlock()
	if h.broken {
		return ErrHoldBroken
	}
	return nil
}

// Close lets everything go and removes what was kept for the hold alone.
func (h *Hold) Close() error {
	if h.s == nil {
		return nil
	}
	s := h.s
	errs := []error{h.JournalCopied()}
	h.s = nil
	for _, dir := range s.holds.remove(h) {
		if err := s.removeDir(dir); err != nil {
			errs = append(errs, fmt.Errorf("drop %s: %w", dir, err))
		}
	}
	if s.holds.any() {
		return errors.Join(errs...)
	}
	for _, l := range s.all() {
		l.moving.Lock()
		errs = append(errs, l.removeFiles(nil))
		l.moving.Unlock()
	}
	return errors.Join(errs...)
}

// holds are the holds of a store.
type holds struct {
	mu      sync.Mutex
	all     []*Hold
	dropped []string // directories of logs that were dropped meanwhile
}

func (h *holds) add(hold *Hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, hold)
}

// any reports whether files have to stay.
func (h *holds) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all) > 0
}

// defers takes over the removal of a dropped log's directory if files have to stay.
func (h *holds) defers(dir string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) == 0 {
		return false
	}
	h.dropped = append(h.dropped, dir)
	return true
}

// remove ends a hold and returns the directories that nobody holds any more.
func (h *holds) remove(hold *Hold) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = slices.DeleteFunc(h.all, func(other *Hold) bool { return other == hold })
	if len(h.all) > 0 {
		return nil
	}
	dropped := h.dropped
	h.dropped = nil
	return dropped
}

// breakHolds ends all holds, so that what they keep can be removed.
func (s *Store) breakHolds() {
	s.holds.mu.Lock()
	broken := s.holds.all
	s.holds.all = nil
	for _, h := range broken {
		h.broken = true
	}
	s.holds.mu.Unlock()
	if len(broken) > 0 {
		s.journal.BreakHolds()
		s.o.Logger.Warn("the disk is full: files that were held for a backup are given up", "backups", len(broken))
	}
}
