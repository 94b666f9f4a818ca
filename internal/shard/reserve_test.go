package shard

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/vfs"
)

// crowd opens a store with a reserve over a memory of this capacity, and appends to log 1 until that is full.
func crowd(t *testing.T, capacity int64) (*vfs.Mem, Options, *Store, int) {
	t.Helper()
	mem := vfs.NewMem()
	mem.SetCapacity(capacity)
	o := small()
	o.JournalBytes, o.MinFreeBytes, o.ReserveBytes = 1<<20, 64<<10, 32<<10
	s := mustOpen(t, mem, o)
	l := mustLog(t, s, 1)
	for n := 0; ; n++ {
		if _, err := l.Append(context.Background(), blockOf(t, payloadOf(uint64(n), 4))); err != nil {
			if !errors.Is(err, ErrDiskFull) {
				t.Fatal(err)
			}
			return mem, o, s, n
		}
	}
}

// On a full disk, of what would go into one batch only that goes in which may use the reserve, with positions that have no gap; it is there after a power cut.
func TestAppendFromReserve(t *testing.T) {
	mem, o, s, n := crowd(t, 600<<10)
	l, other := mustLog(t, s, 1), mustLog(t, s, 2)
	before := s.Status().Reserve
	var stored, refused sync.WaitGroup
	s.committing.Lock() // all of them come together
	for k := range 3 {
		refused.Go(func() {
			if _, err := l.Append(context.Background(), blockOf(t, payloadOf(9000+uint64(k), 4))); !errors.Is(err, ErrDiskFull) {
				t.Errorf("an append without the reserve: %v", err)
			}
		})
		for _, l := range []*Log{l, other} {
			stored.Go(func() {
				if _, err := l.AppendFromReserve(context.Background(), blockOf(t, payloadOf(7000+uint64(k), 4))); err != nil {
					t.Errorf("an append from the reserve: %v", err)
				}
			})
		}
	}
	s.committing.Unlock()
	stored.Wait()
	refused.Wait()
	if st := s.Status(); !st.DiskFull || st.Reserve >= before || st.Reserve == 0 {
		t.Errorf("status %+v; there were %d bytes in reserve", st, before)
	}
	check := func(s *Store) {
		t.Helper()
		if _, raws := readAll(t, mustLog(t, s, 1), 50); len(raws) != n+3 {
			t.Errorf("log 1 has %d groups, want %d", len(raws), n+3)
		}
		if _, raws := readAll(t, mustLog(t, s, 2), 50); len(raws) != 3 {
			t.Errorf("log 2 has %d groups, want 3", len(raws))
		}
	}
	check(s)
	after := mem.Crash(newSim(t, 1).r)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, after, o)
	defer s.Close()
	check(s)
}

// What is appended from the reserve before retention cuts makes room for all others, and then the reserve is there again.
func TestReserveThenTrim(t *testing.T) {
	_, _, s, _ := crowd(t, 600<<10)
	defer s.Close()
	whole := s.o.ReserveBytes - 4<<10
	l := mustLog(t, s, 1)
	_, end := l.Bounds()
	if _, err := l.AppendFromReserve(context.Background(), blockOf(t, []byte("all before goes"))); err != nil {
		t.Fatal(err)
	}
	if err := l.TrimTo(end); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, []byte("room again"))
	if st := s.Status(); st.DiskFull || st.Reserve != whole {
		t.Errorf("status %+v, want %d bytes in reserve", st, whole)
	}
	if first, raws := readAll(t, l, 5); first != end || len(raws) != 2 {
		t.Errorf("%d groups from %d, want 2 from %d", len(raws), first, end)
	}
}

// Retention of all that a log has needs a small file. Where there is not even room for that, it comes with the log's older files.
func TestTrimWithoutAnyRoom(t *testing.T) {
	mem := vfs.NewMem()
	o := small()
	o.JournalBytes = 1 << 40 // nothing is moved but here
	s := mustOpen(t, mem, o)
	defer s.Close()
	l := mustLog(t, s, 1)
	for k := range uint64(4) { // fewer files than are merged
		for n := range uint64(40) {
			mustAppend(t, l, payloadOf(k<<10+n, 4))
		}
		if err := l.move(); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.files) < 2 {
		t.Fatalf("there are %d files", len(l.files))
	}
	const large = 1 << 30
	mem.SetCapacity(large)
	free, err := mem.Free("d")
	if err != nil {
		t.Fatal(err)
	}
	mem.SetCapacity(large - int64(free))
	_, end := l.Bounds()
	if err := l.Trim(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if begin, now := l.Bounds(); begin != end || now != end {
		t.Errorf("the log is from %d to %d, want nothing before %d", begin, now, end)
	}
}
