package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/vfs"
)

const base = sluice.Position(1_000_000)

// payloadOf returns the protobuf bytes that tests store at a position: any bytes will do, so long as they are all different.
func payloadOf(id, seed uint64) []byte {
	r := rand.New(rand.NewPCG(id, seed))
	b := fmt.Appendf(nil, "group %d of %d ", id, seed)
	for range r.IntN(40) {
		b = fmt.Appendf(b, "word-%d ", r.IntN(20))
	}
	return b
}

func blockOf(t testing.TB, raw []byte) Block {
	t.Helper()
	data, err := lz4block.Compress(nil, raw)
	if err != nil {
		t.Fatal(err)
	}
	tail, err := lz4block.Tail(data)
	if err != nil {
		t.Fatal(err)
	}
	return Block{Data: data, Raw: len(raw), Tail: tail, Logs: 1}
}

func rawOf(t testing.TB, g Group) []byte {
	t.Helper()
	raw := make([]byte, g.Raw)
	if err := lz4block.Decompress(raw, g.Data); err != nil {
		t.Fatal(err)
	}
	return raw
}

func small() Options {
	return Options{JournalFileBytes: 64 << 10, JournalBytes: 256 << 10, FileBytes: 64 << 10, MinFreeBytes: -1, JournalOnDemand: true}
}

func mustOpen(t testing.TB, fsys vfs.FS, o Options) *Store {
	t.Helper()
	s, err := Open(fsys, "d", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustLog(t testing.TB, s *Store, id sluice.LogID) *Log {
	t.Helper()
	l, err := s.Log(id, base)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mustAppend(t testing.TB, l *Log, raw []byte) sluice.Position {
	t.Helper()
	p, err := l.Append(context.Background(), blockOf(t, raw))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// readAll reads everything from begin to end in steps and checks that positions have no gap.
func readAll(t testing.TB, l *Log, step int) (first sluice.Position, raws [][]byte) {
	t.Helper()
	first, end := l.Bounds()
	for p := first; p < end; {
		b, err := l.Read(p, 0, step, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Groups) == 0 {
			t.Fatalf("nothing at %d, end is %d", p, end)
		}
		for _, g := range b.Groups {
			if g.Position != p {
				t.Fatalf("got position %d, want %d", g.Position, p)
			}
			raws = append(raws, rawOf(t, g))
			p++
		}
		if b.Next != p {
			t.Fatalf("next is %d, want %d", b.Next, p)
		}
		b.Release()
	}
	return first, raws
}

func TestAppendAndRead(t *testing.T) {
	mem := vfs.NewMem()
	o := small()
	o.JournalOnDemand = false
	s := mustOpen(t, mem, o)
	logs := []*Log{mustLog(t, s, 1), mustLog(t, s, 2), mustLog(t, s, 3)}
	const n = 600
	var wg sync.WaitGroup
	for i, l := range logs {
		wg.Go(func() {
			for k := range uint64(n) {
				if p := mustAppend(t, l, payloadOf(k, uint64(i))); p != base+sluice.Position(k) {
					t.Errorf("append %d got position %d", k, p)
				}
			}
		})
	}
	wg.Wait()
	check := func(when string) {
		t.Helper()
		for i, l := range logs {
			first, raws := readAll(t, l, 7+i*50)
			if first != base || len(raws) != n {
				t.Fatalf("%s: log %d has %d groups from %d", when, i, len(raws), first)
			}
			for k, raw := range raws {
				if !bytes.Equal(raw, payloadOf(uint64(k), uint64(i))) {
					t.Fatalf("%s: log %d group %d is wrong", when, i, k)
				}
			}
		}
	}
	check("in the journal, and moving")
	for _, l := range logs {
		if err := l.move(); err != nil {
			t.Fatal(err)
		}
	}
	check("moved")
	for range 3 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, mem, small())
		logs = []*Log{mustLog(t, s, 1), mustLog(t, s, 2), mustLog(t, s, 3)}
		check("reopened")
	}
	if err := s.release(); err != nil {
		t.Fatal(err)
	}
	if st := s.Status(); len(st.Damage) > 0 {
		t.Fatalf("damage: %v", st.Damage)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadLimits(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), small())
	defer s.Close()
	l := mustLog(t, s, 1)
	for range 100 {
		mustAppend(t, l, bytes.Repeat([]byte("x"), 1000))
	}
	check := func(name string, from, to sluice.Position, groups, raw, want int) {
		t.Helper()
		b, err := l.Read(from, to, groups, raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer b.Release()
		if len(b.Groups) != want || b.End != base+100 {
			t.Errorf("%s: %d groups, want %d; end %d", name, len(b.Groups), want, b.End)
		}
		if want > 0 && b.Next != b.Groups[want-1].Position+1 {
			t.Errorf("%s: next %d", name, b.Next)
		}
	}
	for range 2 { // in the journal, then in a file
		check("by groups", base, 0, 10, 1<<20, 10)
		check("by bytes", base, 0, 1000, 5500, 5)
		check("exactly by bytes", base, 0, 1000, 5000, 5)
		check("one at least", base, 0, 1000, 1, 1)
		check("up to", base+3, base+7, 1000, 1<<20, 4)
		check("up to behind the end", base+90, base+1000, 1000, 1<<20, 10)
		check("from before the begin", 5, 0, 3, 1<<20, 3)
		check("at the end", base+100, 0, 3, 1<<20, 0)
		check("an empty range", base+5, base+5, 3, 1<<20, 0)
		if _, err := l.Read(base+101, 0, 1, 1); !errors.Is(err, ErrPosition) {
			t.Errorf("behind the end: %v", err)
		}
		if err := l.move(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSealWaits(t *testing.T) {
	s := mustOpen(t, vfs.NewMem(), small())
	defer s.Close()
	l := mustLog(t, s, 1)
	var wg sync.WaitGroup
	for w := range uint64(8) {
		wg.Go(func() {
			for k := uint64(0); ; k++ {
				_, err := l.Append(context.Background(), blockOf(t, payloadOf(k, w)))
				if errors.Is(err, ErrSealed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for {
		if _, end := l.Bounds(); end > base+50 {
			break
		}
		if err := l.Wait(t.Context(), base+50); err != nil {
			t.Fatal(err)
		}
	}
	l.Seal()
	_, end := l.Bounds()
	wg.Wait()
	if _, later := l.Bounds(); later != end {
		t.Errorf("the end moved from %d to %d after Seal returned", end, later)
	}
	l.Unseal()
	mustAppend(t, l, []byte("again"))
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mustOpen(t, vfs.NewMem(), small())
		defer s.Close()
		l := mustLog(t, s, 1)
		woken := make(chan error, 3)
		for range 2 {
			go func() { woken <- l.Wait(t.Context(), base) }()
		}
		synctest.Wait()
		if len(woken) > 0 {
			t.Fatal("woken by nothing")
		}
		mustAppend(t, l, []byte("x"))
		for range 2 {
			if err := <-woken; err != nil {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Wait(ctx, base+1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody appended: %v", err)
		}
		go func() { woken <- l.Wait(t.Context(), base+1) }()
		synctest.Wait()
		if err := s.Drop(1); err != nil {
			t.Fatal(err)
		}
		if err := <-woken; !errors.Is(err, ErrUnknownLog) {
			t.Errorf("dropped: %v", err)
		}
	})
}

func TestTrim(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	o := small()
	o.Now = func() time.Time { return now }
	mem := vfs.NewMem()
	s := mustOpen(t, mem, o)
	l := mustLog(t, s, 1)
	start := now
	for day := range 4 {
		now = start.Add(time.Duration(day) * 24 * time.Hour)
		for range 10 {
			mustAppend(t, l, bytes.Repeat([]byte("0123456789abcdef"), 10))
		}
		if day < 3 {
			if err := l.move(); err != nil {
				t.Fatal(err)
			}
		}
	}
	trim := func(at time.Time, begin, end sluice.Position) {
		t.Helper()
		if err := l.Trim(at); err != nil {
			t.Fatal(err)
		}
		if b, e := l.Bounds(); b != begin || e != end {
			t.Fatalf("bounds %d to %d, want %d to %d", b, e, begin, end)
		}
	}
	trim(start, base, base+40)
	trim(start.Add(time.Hour), base+10, base+40)
	trim(start.Add(25*time.Hour), base+20, base+40)
	trim(start.Add(1000*time.Hour), base+40, base+40)
	trim(start.Add(1000*time.Hour), base+40, base+40)
	reopen := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, mem, o)
		l = mustLog(t, s, 1)
	}
	reopen()
	if b, e := l.Bounds(); b != base+40 || e != base+40 {
		t.Fatalf("reopened: bounds %d to %d: the place is forgotten", b, e)
	}
	if p := mustAppend(t, l, []byte("next")); p != base+40 {
		t.Fatalf("position %d given again", p)
	}
	reopen()
	if first, raws := readAll(t, l, 10); first != base+40 || string(raws[0]) != "next" {
		t.Fatalf("from %d: %q", first, raws)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TrimTo removes what Expiring says that Trim would remove, of the journal too, and never what is behind its place, whatever came in between.
func TestTrimTo(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	o := small()
	o.Now = func() time.Time { return now }
	mem := vfs.NewMem()
	s := mustOpen(t, mem, o)
	l := mustLog(t, s, 1)
	ten := func() {
		t.Helper()
		for range 10 {
			mustAppend(t, l, bytes.Repeat([]byte("0123456789abcdef"), 10))
		}
	}
	expiring := func(at time.Time, want sluice.Position) {
		t.Helper()
		if p, err := l.Expiring(at); err != nil || p != want {
			t.Fatalf("expiring %d, %v, want %d", p, err, want)
		}
	}
	trim := func(to, begin, end sluice.Position) {
		t.Helper()
		if err := l.TrimTo(to); err != nil {
			t.Fatal(err)
		}
		if b, e := l.Bounds(); b != begin || e != end {
			t.Fatalf("to %d: bounds %d to %d, want %d to %d", to, b, e, begin, end)
		}
	}
	expiring(now.Add(time.Hour), base)
	ten()
	if err := l.move(); err != nil {
		t.Fatal(err)
	}
	ten() // in the journal, and as old as the rest
	expiring(now, base)
	expiring(now.Add(time.Hour), base+20)
	ten() // came while somebody was saying what would go
	trim(base+9, base, base+30)
	trim(base+20, base+20, base+30)
	trim(base+20, base+20, base+30)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, mem, o)
	l = mustLog(t, s, 1)
	if b, e := l.Bounds(); b != base+20 || e != base+30 {
		t.Fatalf("reopened: bounds %d to %d", b, e)
	}
	trim(base+30, base+30, base+30)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDropAndRetain(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, mem, small())
	for id := range sluice.LogID(3) {
		l := mustLog(t, s, id+1)
		mustAppend(t, l, []byte("in a file"))
		if err := l.move(); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, []byte("in the journal"))
	}
	l := mustLog(t, s, 1)
	if err := s.Drop(1); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(base, 0, 1, 1); !errors.Is(err, ErrUnknownLog) {
		t.Errorf("read of a dropped log: %v", err)
	}
	if _, err := l.Append(context.Background(), blockOf(t, []byte("x"))); err == nil {
		t.Error("append to a dropped log succeeded")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, mem, small())
	defer s.Close()
	mustLog(t, s, 2)
	if err := s.Retain(); err != nil {
		t.Fatal(err)
	}
	dirs, err := mem.ReadDir("d/shards")
	if err != nil || len(dirs) != 1 || dirs[0].Name() != sluice.LogID(2).String() {
		t.Errorf("left on disk: %v %v", dirs, err)
	}
	if _, raws := readAll(t, mustLog(t, s, 2), 10); len(raws) != 2 {
		t.Errorf("log 2 has %d groups", len(raws))
	}
}

func TestMergeKeepsFilesFew(t *testing.T) {
	o := small()
	o.FileBytes = 8 << 20
	mem := vfs.NewMem()
	s := mustOpen(t, mem, o)
	defer s.Close()
	l := mustLog(t, s, 1)
	for k := range uint64(300) {
		mustAppend(t, l, payloadOf(k, 1))
		if err := l.move(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.files); n > 2*mergeAt {
		t.Errorf("%d files after 300 moves", n)
	}
	onDisk, _ := mem.ReadDir("d/shards/" + sluice.LogID(1).String())
	if len(onDisk) != len(l.files) {
		t.Errorf("%d files on disk, %d known", len(onDisk), len(l.files))
	}
	if _, raws := readAll(t, l, 100); len(raws) != 300 {
		t.Errorf("%d groups", len(raws))
	}
}
