package wal

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/sluicelog/sluice/internal/vfs"
)

const (
	testReserve = 48 << 10
	testMinFree = 128 << 10
)

// openReserve opens a journal that keeps a reserve.
func (h *harness) openReserve(fsys vfs.FS) {
	h.t.Helper()
	if err := fsys.MkdirAll("j"); err != nil {
		h.t.Fatal(err)
	}
	o := options(h.r)
	o.ReserveBytes, o.MinFreeBytes = testReserve, testMinFree
	o.Logger = slog.New(slog.NewTextHandler(h.t.Output(), nil))
	var got replayed
	j, err := Open(fsys, "j", o, Replay{
		Record: func(meta []byte, ref Ref) error {
			got.ids, got.refs = append(got.ids, le.Uint64(meta)), append(got.refs, ref)
			return nil
		},
		Damage: func(d Damage) { got.damage = append(got.damage, d) },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.j = j
	h.check(got)
	h.acked = got.ids
}

// commitLast commits one small record from the reserve.
func (h *harness) commitLast() error {
	h.next++
	h.sent[h.next] = true
	err := h.j.CommitFromReserve([]Record{{Meta: le.AppendUint64(nil, h.next), Payload: payload(h.next)}}, make([]Ref, 1))
	if err == nil {
		h.acked = append(h.acked, h.next)
	}
	return err
}

// fill commits until the disk is full.
func (h *harness) fill() {
	h.t.Helper()
	var err error
	for err == nil {
		err = h.commit()
	}
	if !errors.Is(err, ErrDiskFull) {
		h.t.Fatalf("full disk: %v", err)
	}
}

// lastOnes commits from the reserve until that is full, and says how many went in. Between them, others are refused.
func (h *harness) lastOnes() (n int) {
	h.t.Helper()
	for {
		left := h.j.ReserveLeft()
		if err := h.commitLast(); err != nil {
			if !errors.Is(err, ErrDiskFull) {
				h.t.Fatalf("the reserve is used up: %v", err)
			}
			return n
		}
		if n++; h.j.ReserveLeft() > left {
			h.t.Fatalf("%d bytes are left of %d after another batch", h.j.ReserveLeft(), left)
		}
		size := h.j.o.FileBytes // one that fits into no file that is there
		if err := h.j.Commit([]Record{{Meta: make([]byte, testMeta), Payload: make([]byte, size)}}, make([]Ref, 1)); !errors.Is(err, ErrDiskFull) {
			h.t.Fatalf("a batch of others: %v", err)
		}
	}
}

// On a full disk the reserve takes some batches and then no more, others never get into it, it comes back with the room, and it is there for a start on a full disk.
func TestReserve(t *testing.T) {
	const capacity = 600 << 10
	mem := vfs.NewMem()
	mem.SetCapacity(capacity)
	h := &harness{t: t, r: rand.New(rand.NewPCG(8, 8)), sent: map[uint64]bool{}}
	h.openReserve(mem)
	if left := h.j.ReserveLeft(); left != testReserve-block {
		t.Fatalf("%d bytes in reserve", left)
	}
	h.fill()
	if n := h.lastOnes(); n < 3 || h.j.ReserveLeft() > 3*block {
		t.Errorf("%d batches went into the reserve, %d bytes are left", n, h.j.ReserveLeft())
	}
	if free, _ := mem.Free("j"); free < testMinFree {
		t.Errorf("%d bytes free", free)
	}
	mem.SetCapacity(capacity + 200<<10)
	if err := h.commit(); err != nil || h.j.ReserveLeft() != testReserve-block {
		t.Errorf("there is room again: %v, %d bytes in reserve", err, h.j.ReserveLeft())
	}
	h.fill()
	mem = mem.Crash(h.r)
	mem.SetCapacity(1) // not a byte more
	h.openReserve(mem)
	if err := h.commit(); !errors.Is(err, ErrDiskFull) {
		t.Errorf("after a start on a full disk: %v", err)
	}
	if n := h.lastOnes(); n < 3 {
		t.Errorf("%d batches went into the reserve after a start on a full disk", n)
	}
	if err := h.j.Close(); err != nil {
		t.Error(err)
	}
	h.openReserve(mem)
	if left := h.j.ReserveLeft(); left != 0 {
		t.Errorf("%d bytes in reserve, and there is no room for it", left)
	}
	if err := h.commitLast(); !errors.Is(err, ErrDiskFull) {
		t.Errorf("without a reserve: %v", err)
	}
	if entries, err := mem.ReadDir("j"); err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
}

// The reserve is made down to half of what is to stay free, and no further, however often it is used.
func TestReserveLeavesHalf(t *testing.T) {
	mem := vfs.NewMem()
	mem.SetCapacity(400 << 10)
	h := &harness{t: t, r: rand.New(rand.NewPCG(9, 9)), sent: map[uint64]bool{}}
	used := 0
	for range 10 {
		h.openReserve(mem)
		h.fill()
		used += h.lastOnes()
		if err := h.j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if free, _ := mem.Free("j"); free < testMinFree/2 || free > testMinFree+testReserve {
		t.Errorf("%d bytes are free after %d batches from the reserve", free, used)
	}
}

// Nothing that was acknowledged is lost by a power cut, nor is anything damaged, however batches of both kinds meet a disk that is full at times.
func TestReservePowerCut(t *testing.T) {
	seeds := uint64(150)
	if testing.Short() {
		seeds = 20
	}
	last := 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := &harness{t: t, r: rand.New(rand.NewPCG(seed, 11)), sent: map[uint64]bool{}}
			mem := vfs.NewMem()
			for range 5 {
				h.openReserve(mem)
				last += h.crowded(mem)
				if h.r.IntN(3) == 0 {
					if err := h.j.Close(); err != nil {
						t.Fatal(err)
					}
				} else if h.r.IntN(2) == 0 {
					h.cutShort(mem)
				}
				mem = mem.Crash(h.r)
			}
			h.openReserve(mem)
		})
	}
	if last == 0 {
		t.Error("nothing was ever written to the reserve")
	}
}

// crowded commits batches of both kinds while room comes and goes, and says how many went into the reserve.
func (h *harness) crowded(mem *vfs.Mem) (last int) {
	h.t.Helper()
	for range h.r.IntN(40) {
		var err error
		switch h.r.IntN(8) {
		case 0:
			mem.SetCapacity(int64(1 + h.r.IntN(600<<10)))
		case 1, 2, 3:
			if err = h.commitLast(); err == nil && h.j.cur.last {
				last++
			}
		default:
			if err = h.commit(); err == nil && h.j.cur.last {
				h.t.Fatal("a batch of others is in the reserve")
			}
		}
		if err != nil && !errors.Is(err, ErrDiskFull) {
			h.t.Fatal(err)
		}
	}
	return last
}

// cutShort has some operation of the next batches fail, and all that come later.
func (h *harness) cutShort(mem *vfs.Mem) {
	h.failSoon(mem, 12)
	for range 4 {
		_ = h.commitLast()
		_ = h.commit()
	}
}
