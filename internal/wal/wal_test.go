package wal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

const testMeta = 8

// harness commits numbered records and keeps what was acknowledged.
type harness struct {
	t     *testing.T
	r     *rand.Rand
	fs    vfs.FS
	j     *Journal
	next  uint64
	acked []uint64
	sent  map[uint64]bool // committed at all, acknowledged or not
}

type replayed struct {
	ids    []uint64
	refs   []Ref
	damage []Damage
}

func options(r *rand.Rand) Options {
	return Options{FileBytes: 64 << 10, KeepBytes: 512 << 10, Meta: testMeta, Salt: r.Uint64, Logger: slog.New(slog.DiscardHandler)}
}

func open(t *testing.T, fsys vfs.FS, r *rand.Rand) (*Journal, replayed, error) {
	t.Helper()
	if err := fsys.MkdirAll("j"); err != nil {
		t.Fatal(err)
	}
	var got replayed
	j, err := Open(fsys, "j", options(r), Replay{
		Record: func(meta []byte, ref Ref) error {
			got.ids, got.refs = append(got.ids, le.Uint64(meta)), append(got.refs, ref)
			return nil
		},
		Damage: func(d Damage) { got.damage = append(got.damage, d) },
	})
	return j, got, err
}

func payload(id uint64) []byte {
	r := rand.New(rand.NewPCG(id, 7))
	b := make([]byte, r.IntN(9000))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// commit writes up to 5 records and returns the error.
func (h *harness) commit() error {
	var recs []Record
	var ids []uint64
	for range 1 + h.r.IntN(5) {
		h.next++
		ids = append(ids, h.next)
		h.sent[h.next] = true
		recs = append(recs, Record{Meta: le.AppendUint64(nil, h.next), Payload: payload(h.next)})
	}
	err := h.j.Commit(recs, make([]Ref, len(recs)))
	if err == nil {
		h.acked = append(h.acked, ids...)
	}
	return err
}

// check compares what was replayed with what was acknowledged: all of it, in order, and nothing that was never sent.
func (h *harness) check(got replayed) {
	h.t.Helper()
	if len(got.damage) > 0 {
		h.t.Fatalf("damage reported: %v", got.damage)
	}
	if !slices.IsSorted(got.ids) {
		h.t.Fatalf("replayed out of order: %v", got.ids)
	}
	for _, id := range h.acked {
		if _, ok := slices.BinarySearch(got.ids, id); !ok {
			h.t.Fatalf("record %d was acknowledged and is gone", id)
		}
	}
	for i, id := range got.ids {
		if !h.sent[id] {
			h.t.Fatalf("record %d was never sent", id)
		}
		b := make([]byte, got.refs[i].Length)
		if err := h.j.Read(got.refs[i], b); err != nil || !bytes.Equal(b, payload(id)) {
			h.t.Fatalf("record %d: %v", id, err)
		}
	}
}

func TestPowerCut(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 60
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			mem := vfs.NewMem()
			h := &harness{t: t, r: r, sent: map[uint64]bool{}}
			for range 4 {
				var got replayed
				var err error
				h.fs = mem
				if h.j, got, err = open(t, mem, r); err != nil {
					t.Fatal(err)
				}
				h.check(got)
				h.acked = got.ids // what turned up is there to stay
				for range r.IntN(25) {
					if err := h.commit(); err != nil {
						t.Fatal(err)
					}
				}
				switch r.IntN(3) {
				case 0:
					if err := h.j.Close(); err != nil {
						t.Fatal(err)
					}
				case 1:
					mem = halfWritten(h, mem)
				}
				mem = mem.Crash(r)
			}
		})
	}
}

// failSoon has one of the next few operations fail, and all that come later.
func (h *harness) failSoon(mem *vfs.Mem, within int) {
	stop := 1 + h.r.IntN(within)
	failing := faultfs.New(mem)
	failing.Set(func(n int, _ faultfs.Op, _ string) error {
		if n >= stop {
			return faultfs.ErrInjected
		}
		return nil
	})
	h.j.fs = failing
	h.j.broken = true // go through making a file, the part with most steps
}

// halfWritten lets a batch be cut off at any of the operations that write it, by failing that and all later ones.
func halfWritten(h *harness, mem *vfs.Mem) *vfs.Mem {
	h.failSoon(mem, 6)
	for range 3 {
		if h.commit() != nil {
			break
		}
	}
	return mem
}

func TestEveryFaultOnce(t *testing.T) {
	for n := 1; ; n++ {
		r := rand.New(rand.NewPCG(uint64(n), 2))
		mem := vfs.NewMem()
		ffs := faultfs.FailNth(mem, n)
		h := &harness{t: t, r: r, fs: ffs, sent: map[uint64]bool{}}
		var err error
		if h.j, _, err = open(t, ffs, r); err != nil {
			t.Fatal(err)
		}
		failed := 0
		for i := range 60 {
			if err := h.commit(); err != nil {
				failed++
				if !errors.Is(err, ErrFailed) && failed > 1 {
					t.Fatalf("fault %d: a second commit failed: %v", n, err)
				}
			}
			if i%20 == 19 {
				files, _ := h.j.Files()
				_ = h.j.Release(files[0]) // none before it: changes nothing
			}
		}
		_ = h.j.Close()
		var got replayed
		if h.j, got, err = open(t, mem.Crash(r), r); err != nil {
			t.Fatal(err)
		}
		h.check(got)
		if ffs.Count() < n {
			return
		}
	}
}

func TestRelease(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	mem := vfs.NewMem()
	h := &harness{t: t, r: r, fs: mem, sent: map[uint64]bool{}}
	h.j, _, _ = open(t, mem, r)
	for range 100 {
		if err := h.commit(); err != nil {
			t.Fatal(err)
		}
		if files, _ := h.j.Files(); len(files) > 4 {
			if err := h.j.Release(files[3]); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, _ := mem.ReadDir("j")
	if len(entries) > 8+1 {
		t.Errorf("%d files on disk: released ones are neither reused nor removed", len(entries))
	}
	live, _ := h.j.Files()
	j, got, err := open(t, mem.Crash(r), r)
	if err != nil || len(got.damage) > 0 {
		t.Fatalf("reopen: %v %v", err, got.damage)
	}
	_ = j.Close()
	var fromLive int
	for _, ref := range got.refs {
		if ref.File >= live[0] {
			fromLive++
		}
	}
	if fromLive == 0 || !slices.IsSorted(got.ids) || got.ids[len(got.ids)-1] != h.acked[len(h.acked)-1] {
		t.Errorf("the newest records are not the last ones replayed")
	}
}

func TestDiskFull(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	mem := vfs.NewMem()
	mem.SetCapacity(200 << 10)
	h := &harness{t: t, r: r, fs: mem, sent: map[uint64]bool{}}
	h.j, _, _ = open(t, mem, r)
	var err error
	for err == nil {
		err = h.commit()
	}
	if !errors.Is(err, ErrDiskFull) {
		t.Fatalf("full disk: %v", err)
	}
	if err := h.commit(); !errors.Is(err, ErrDiskFull) {
		t.Fatalf("still full: %v", err)
	}
	mem.SetCapacity(0)
	if err := h.commit(); err != nil {
		t.Fatalf("space came back: %v", err)
	}
	j, got, err := open(t, mem.Crash(r), r)
	if err != nil {
		t.Fatal(err)
	}
	h.j = j
	h.check(got)
}

// TestFlippedByte damages every interesting byte of a journal that was closed in order: each must be noticed, and cost the
// batch it is in and no other.
func TestFlippedByte(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	mem := vfs.NewMem()
	h := &harness{t: t, r: r, fs: mem, sent: map[uint64]bool{}}
	h.j, _, _ = open(t, mem, r)
	for range 12 {
		if err := h.commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.j.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := mem.ReadDir("j")
	if err != nil {
		t.Fatal(err)
	}
	apart := 150
	if testing.Short() {
		apart = 1000
	}
	for _, e := range files {
		f, err := mem.OpenRW("j/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		size, _ := f.Size()
		for at := int64(0); at < size; at += 1 + int64(r.IntN(apart)) {
			flip(t, f, at)
			h.afterFlip(mem.Crash(r), e.Name(), at)
			flip(t, f, at)
		}
	}
}

func flip(t *testing.T, f vfs.File, at int64) {
	t.Helper()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x40
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) afterFlip(mem *vfs.Mem, name string, at int64) {
	h.t.Helper()
	j, got, err := open(h.t, mem, h.r)
	if err != nil {
		h.t.Fatalf("%s byte %d: %v", name, at, err)
	}
	bad := 0
	for i, id := range got.ids {
		b := make([]byte, got.refs[i].Length)
		switch err := j.Read(got.refs[i], b); {
		case errors.Is(err, ErrChecksum):
			bad++
		case err != nil || !bytes.Equal(b, payload(id)):
			h.t.Fatalf("%s byte %d: record %d is served wrong: %v", name, at, id, err)
		}
	}
	lost := len(h.acked) - len(got.ids)
	if bad > 1 || lost > 5 || lost > 0 && len(got.damage) != 1 {
		h.t.Fatalf("%s byte %d: %d bad, %d lost, reported %v", name, at, bad, lost, got.damage)
	}
}

func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(6, 6))
	mem := vfs.NewMem()
	_ = mem.MkdirAll("j")
	j, err := Open(mem, "j", options(r), Replay{})
	if err != nil {
		f.Fatal(err)
	}
	if err := j.Commit([]Record{{Meta: make([]byte, testMeta), Payload: []byte("hello")}}, make([]Ref, 1)); err != nil {
		f.Fatal(err)
	}
	file, _ := mem.Open("j/" + fileName(1))
	seed := make([]byte, 2*block)
	_, _ = file.ReadAt(seed, 0)
	f.Add(seed)
	f.Add(seed[:block+30])
	f.Fuzz(func(t *testing.T, data []byte) {
		mem := vfs.NewMem()
		_ = mem.MkdirAll("j")
		file, _ := mem.Create("j/" + fileName(1))
		_, _ = file.WriteAt(data, 0)
		if j, _, err := open(t, mem, rand.New(rand.NewPCG(1, 1))); err == nil {
			_ = j.Close()
		}
	})
}

func BenchmarkCommit(b *testing.B) {
	dir := b.TempDir()
	j, err := Open(vfs.OS{}, dir, Options{
		FileBytes: 64 << 20, KeepBytes: 256 << 20, Ahead: true, Meta: 56, Salt: rand.Uint64, Logger: slog.New(slog.DiscardHandler),
	}, Replay{})
	if err != nil {
		b.Fatal(err)
	}
	recs, refs := make([]Record, 4), make([]Ref, 4)
	for i := range recs {
		recs[i] = Record{Meta: make([]byte, 56), Payload: make([]byte, 64<<10)}
	}
	b.SetBytes(4 * 64 << 10)
	for b.Loop() {
		if err := j.Commit(recs, refs); err != nil {
			b.Fatal(err)
		}
		files, _ := j.Files()
		if err := j.Release(files[len(files)-1]); err != nil {
			b.Fatal(err)
		}
	}
}

// slowFS makes its third file when it is told to.
type slowFS struct {
	vfs.FS
	made  int
	third chan struct{}
}

func (s *slowFS) Create(name string) (vfs.File, error) {
	if s.made++; s.made == 3 {
		<-s.third
	}
	return s.FS.Create(name)
}

// The mark of a journal that is closed may have to go into a new file, and the next is made ahead then. Close waits for that, and leaves nothing
// of it behind.
func TestCloseWaitsForTheFileAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fsys := &slowFS{FS: vfs.NewMem(), third: make(chan struct{})}
		h := &harness{t: t, r: rand.New(rand.NewPCG(1, 1)), fs: fsys, sent: map[uint64]bool{}}
		var err error
		if h.j, _, err = open(t, fsys, h.r); err != nil {
			t.Fatal(err)
		}
		h.j.o.Ahead = true
		for h.j.cur == nil || h.j.end+h.j.Size(0, 0) <= h.j.cur.size {
			if err := h.j.Commit([]Record{{Meta: make([]byte, testMeta)}}, make([]Ref, 1)); err != nil {
				t.Fatal(err)
			}
		}
		h.j.ahead.Wait() // the second is there, so that the mark begins the third
		closed := make(chan error, 1)
		go func() { closed <- h.j.Close() }()
		synctest.Wait()
		if len(closed) > 0 {
			t.Error("closed while a file is being made")
		}
		close(fsys.third)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if left, err := fsys.ReadDir("j"); err != nil || len(left) != 2 {
			t.Errorf("%d files are left, want 2; %v", len(left), err)
		}
	})
}
