package shard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

// copyFile copies the held part of a file to another file system, where it has the same path.
func copyFile(t testing.TB, from, to vfs.FS, f HeldFile) {
	t.Helper()
	if err := errors.Join(to.MkdirAll(path.Dir(f.Path)), tryCopy(from, to, f)); err != nil {
		t.Fatal(err)
	}
}

func tryCopy(from, to vfs.FS, f HeldFile) error {
	in, err := from.Open(f.Path)
	if err != nil {
		return err
	}
	defer in.Close()
	b := make([]byte, f.Size)
	if _, err := in.ReadAt(b, 0); err != nil {
		return err
	}
	out, err := to.Create(f.Path)
	if err != nil {
		return err
	}
	_, err = out.WriteAt(b, 0)
	return errors.Join(err, out.Sync(), out.Close())
}

// filesOf lists the sealed files on disk.
func filesOf(t testing.TB, fsys vfs.FS) (list []string) {
	t.Helper()
	dirs, err := fsys.ReadDir("d/shards")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		entries, err := fsys.ReadDir(path.Join("d/shards", d.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != tempName {
				list = append(list, path.Join("d/shards", d.Name(), e.Name()))
			}
		}
	}
	return list
}

// needed lists the sealed files that the logs have.
func (s *Store) needed() (list []string) {
	for _, l := range s.all() {
		for _, f := range l.files {
			list = append(list, f.path)
		}
	}
	slices.Sort(list)
	return list
}

// moment is what a model of the simulation was when a hold began.
type moment struct {
	groups [][]byte
	begin  sluice.Position
	end    sluice.Position
}

// TestHoldSimulation takes copies while the store goes on with everything it does, and demands that each copy opens as exactly what was
// acknowledged when its hold began; and that nothing is left of a hold afterwards, also after a power cut in the middle.
func TestHoldSimulation(t *testing.T) {
	n := uint64(*simSeeds)
	if testing.Short() {
		n /= 10
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { holdAndCopy(t, seed) })
		if t.Failed() {
			return
		}
	}
}

func holdAndCopy(t *testing.T, seed uint64) {
	m := newSim(t, seed)
	m.fs = faultfs.New(m.mem)
	m.open()
	steps := func(most int) {
		for range m.r.IntN(most) {
			if err := m.step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		steps(80)
		at := map[sluice.LogID]moment{}
		h, err := m.s.Hold(func() error {
			for id, l := range m.logs {
				_, end := l.log.Bounds()
				at[id] = moment{slices.Clone(l.groups), l.begin, end}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		copied := vfs.NewMem()
		for _, dir := range []string{"d/journal", "d/shards"} {
			if err := copied.MkdirAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range h.Journal() {
			steps(20)
			copyFile(t, m.fs, copied, f)
		}
		if err := h.JournalCopied(); err != nil {
			t.Fatal(err)
		}
		for _, f := range h.Sealed() {
			steps(20)
			copyFile(t, m.fs, copied, f)
		}
		if err := h.Err(); err != nil {
			t.Fatal(err)
		}
		m.checkCopy(copied, at)
		if m.r.IntN(3) == 0 { // with the hold in force
			m.cut()
			m.fs = faultfs.New(m.mem)
			m.open()
		} else if err := errors.Join(h.Close(), h.Close()); err != nil {
			t.Fatal(err)
		}
		if got, want := filesOf(t, m.fs), m.s.needed(); !slices.Equal(got, want) {
			t.Fatalf("files on disk %q, needed %q", got, want)
		}
	}
	if err := m.s.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkCopy opens a copy and compares.
func (m *sim) checkCopy(copied vfs.FS, at map[sluice.LogID]moment) {
	m.t.Helper()
	o := small()
	o.Salt = m.o.Salt
	s := mustOpen(m.t, copied, o)
	for id, want := range at {
		l := mustLog(m.t, s, id)
		first, raws := readAll(m.t, l, 50)
		if _, end := l.Bounds(); end != want.end || first > want.begin {
			m.t.Fatalf("log %d of the copy has %d to %d, want at least %d to exactly %d", id, first, end, want.begin, want.end)
		}
		for i, raw := range raws {
			if string(raw) != string(want.groups[int(first-base)+i]) {
				m.t.Fatalf("log %d of the copy has another group at %d", id, first+sluice.Position(i))
			}
		}
	}
	for _, l := range s.all() {
		if _, ok := at[l.id]; !ok {
			m.t.Fatalf("the copy has log %d, which came later", l.id)
		}
	}
	if st := s.Status(); len(st.Damage) > 0 {
		m.t.Fatalf("damage in the copy: %v", st.Damage)
	}
	if err := s.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// While writers write and the mover moves, a hold has what was readable at its moment, to the group.
func TestHoldUnderLoad(t *testing.T) {
	o := small()
	o.JournalBytes = 128 << 10
	mem := vfs.NewMem()
	s := mustOpen(t, mem, o)
	const writers = 4
	logs := make([]*Log, writers)
	for i := range logs {
		logs[i] = mustLog(t, s, sluice.LogID(i+1))
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i, l := range logs {
		wg.Go(func() {
			for k := uint64(0); !stop.Load(); k++ {
				if _, err := l.Append(context.Background(), blockOf(t, payloadOf(k, uint64(i)))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for round := range 20 {
		logs[0].waitFor(base + sluice.Position(200*(round+1)))
		ends := make([]sluice.Position, writers)
		h, err := s.Hold(func() error {
			for i, l := range logs {
				_, ends[i] = l.Bounds()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		copied := vfs.NewMem()
		for _, f := range h.Journal() {
			copyFile(t, mem, copied, f)
		}
		if err := h.JournalCopied(); err != nil {
			t.Fatal(err)
		}
		for _, f := range h.Sealed() {
			copyFile(t, mem, copied, f)
		}
		if err := errors.Join(h.Err(), h.Close()); err != nil {
			t.Fatal(err)
		}
		c := mustOpen(t, copied, small())
		for i, end := range ends {
			first, raws := readAll(t, mustLog(t, c, sluice.LogID(i+1)), 100)
			if first != base || base+sluice.Position(len(raws)) != end {
				t.Errorf("round %d: log %d of the copy has %d to %d, want %d to %d", round, i, first, base+sluice.Position(len(raws)), base, end)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until the log ends at p or behind it.
func (l *Log) waitFor(p sluice.Position) {
	for {
		_, end := l.Bounds()
		if end >= p {
			return
		}
		_ = l.Wait(context.Background(), end)
	}
}

// A log that is dropped while it is held stays until the hold ends, and no longer.
func TestDropWhileHeld(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, mem, small())
	defer s.Close()
	l := mustLog(t, s, 1)
	mustAppend(t, l, payloadOf(1, 1))
	if err := l.move(); err != nil {
		t.Fatal(err)
	}
	h, err := s.Hold(func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Drop(1); err != nil {
		t.Fatal(err)
	}
	for _, f := range h.Sealed() {
		copyFile(t, mem, vfs.NewMem(), f)
	}
	if len(h.Sealed()) != 1 {
		t.Errorf("holds %d files, want 1", len(h.Sealed()))
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := mem.ReadDir("d/shards/" + sluice.LogID(1).String()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of the dropped log: %v", err)
	}
}

// Writes come before holds: a full disk ends them, and says so to who copies.
func TestFullDiskBreaksHolds(t *testing.T) {
	mem := vfs.NewMem()
	mem.SetCapacity(600 << 10)
	o := small()
	o.MinFreeBytes = 64 << 10
	s := mustOpen(t, mem, o)
	defer s.Close()
	l := mustLog(t, s, 1)
	h, err := s.Hold(func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for k := uint64(0); h.Err() == nil; k++ {
		if _, err := l.Append(context.Background(), blockOf(t, payloadOf(k, 4))); errors.Is(err, ErrDiskFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if err := l.Trim(time.Now().Add(time.Hour)); err != nil { // nobody needs any of it but the hold
			t.Fatal(err)
		}
	}
	if !errors.Is(h.Err(), ErrHoldBroken) {
		t.Errorf("the disk is full and the hold stands: %v", h.Err())
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, payloadOf(1, 1))
}

func TestHoldWhoseMomentFails(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), small())
	defer s.Close()
	failure := errors.New("no moment")
	if _, err := s.Hold(func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	if s.holds.any() {
		t.Error("a hold is left")
	}
	mustAppend(t, mustLog(t, s, 1), payloadOf(1, 1))
}
