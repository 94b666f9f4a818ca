package shard

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

// TestDiskFull fills the disk: appends are refused with nothing half done, reads go on, and when there is room again so do appends,
// without a restart.
func TestDiskFull(t *testing.T) {
	mem := vfs.NewMem()
	mem.SetCapacity(600 << 10)
	o := small()
	o.MinFreeBytes = 64 << 10
	s := mustOpen(t, mem, o)
	l := mustLog(t, s, 1)
	var groups [][]byte
	fill := func() error {
		for k := uint64(len(groups)); ; k++ {
			raw := payloadOf(k, 4)
			if _, err := l.Append(context.Background(), blockOf(t, raw)); err != nil {
				return err
			}
			groups = append(groups, raw)
		}
	}
	for range 2 {
		if err := fill(); !errors.Is(err, ErrDiskFull) {
			t.Fatalf("full disk: %v", err)
		}
	}
	if free, _ := mem.Free("d"); free < 64<<10 {
		t.Errorf("%d bytes free: the reserve was not left", free)
	}
	if !s.Status().DiskFull {
		t.Error("the status does not tell")
	}
	if _, raws := readAll(t, l, 50); len(raws) != len(groups) {
		t.Errorf("%d groups can be read while the disk is full, want %d", len(raws), len(groups))
	}
	mem.SetCapacity(800 << 10)
	before := len(groups)
	if err := fill(); !errors.Is(err, ErrDiskFull) || len(groups) == before {
		t.Fatalf("room came back, %d more groups went in: %v", len(groups)-before, err)
	}
	mem.SetCapacity(0)
	mustAppend(t, l, payloadOf(uint64(len(groups)), 4))
	if s.Status().DiskFull {
		t.Error("the status still says full")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, mem, small())
	defer s.Close()
	if _, raws := readAll(t, mustLog(t, s, 1), 50); len(raws) != len(groups)+1 {
		t.Errorf("%d groups after a restart, want %d", len(raws), len(groups)+1)
	}
}

// TestDiskFullOfWhatNobodyNeeds takes the logs away that fill the disk, while the journal is shorter than it may be: what is
// deleted and what retention takes makes room for appends, before and after a restart.
func TestDiskFullOfWhatNobodyNeeds(t *testing.T) {
	f := func(name string, free func(*Store, *Log) error, left sluice.LogID, reopen bool) {
		t.Helper()
		mem := vfs.NewMem()
		mem.SetCapacity(600 << 10)
		o := small()
		o.JournalBytes, o.MinFreeBytes = 1<<20, 64<<10
		s := mustOpen(t, mem, o)
		l := mustLog(t, s, 1)
		var err error
		for k := uint64(0); err == nil; k++ {
			_, err = l.Append(context.Background(), blockOf(t, payloadOf(k, 4)))
		}
		if !errors.Is(err, ErrDiskFull) {
			t.Fatalf("%s: full disk: %v", name, err)
		}
		if err := free(s, l); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if reopen {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, mem, o)
			mustLog(t, s, left)
			if err := s.Retain(); err != nil {
				t.Fatal(err)
			}
		}
		defer s.Close()
		if _, err := mustLog(t, s, 2).Append(context.Background(), blockOf(t, []byte("room again"))); err != nil {
			t.Errorf("%s, reopened %v: %v", name, reopen, err)
		}
	}
	for _, reopen := range []bool{false, true} {
		f("deleted", func(s *Store, _ *Log) error { return s.Drop(1) }, 2, reopen)
		f("expired", func(_ *Store, l *Log) error { return l.Trim(time.Now().Add(time.Hour)) }, 1, reopen)
	}
}

// TestFailedSync makes every append after a failed sync fail, without another sync, until the store is opened again.
func TestFailedSync(t *testing.T) {
	mem := vfs.NewMem()
	ffs := faultfs.New(mem)
	s := mustOpen(t, ffs, small())
	l := mustLog(t, s, 1)
	mustAppend(t, l, []byte("before"))
	syncs := 0
	ffs.Set(func(_ int, op faultfs.Op, _ string) error {
		if op != faultfs.Sync {
			return nil
		}
		syncs++
		return faultfs.ErrInjected
	})
	for range 3 {
		if _, err := l.Append(context.Background(), blockOf(t, []byte("x"))); !errors.Is(err, ErrFailed) {
			t.Fatalf("append after a failed sync: %v", err)
		}
	}
	if syncs != 1 {
		t.Errorf("%d syncs: a failed one must not be tried again", syncs)
	}
	if _, raws := readAll(t, l, 5); len(raws) != 1 {
		t.Errorf("%d groups can be read, want the one that was acknowledged", len(raws))
	}
	if s.Status().Failed == nil {
		t.Error("the status does not tell")
	}
	_ = s.Close()
	s = mustOpen(t, mem, small())
	defer s.Close()
	mustAppend(t, mustLog(t, s, 1), []byte("after"))
}
