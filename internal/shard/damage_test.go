package shard

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/vfs"
)

// damaged is a store closed in order whose files tests spoil one byte at a time.
type damaged struct {
	mem    *vfs.Mem
	groups map[sluice.LogID][][]byte
}

func newDamaged(t *testing.T) *damaged {
	d := &damaged{mem: vfs.NewMem(), groups: map[sluice.LogID][][]byte{}}
	s := mustOpen(t, d.mem, small())
	for id := sluice.LogID(1); id <= 2; id++ {
		l := mustLog(t, s, id)
		for k := range uint64(120) {
			raw := payloadOf(k, uint64(id))
			mustAppend(t, l, raw)
			d.groups[id] = append(d.groups[id], raw)
			if k == 50 || k == 90 {
				if err := l.move(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := errors.Join(s.release(), s.Close()); err != nil {
		t.Fatal(err)
	}
	return d
}

// files lists the paths of all files.
func (d *damaged) files(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, dir := range []string{"d/journal", "d/shards/" + sluice.LogID(1).String(), "d/shards/" + sluice.LogID(2).String()} {
		entries, err := d.mem.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			out = append(out, dir+"/"+e.Name())
		}
	}
	return out
}

// check opens a store on mem and demands that every group is served right or refused as corrupt, and that reading can go
// on behind what is refused. It returns how many groups are lost, and whether anything was reported.
func (d *damaged) check(t *testing.T, mem *vfs.Mem, what string) (lost int, reported bool) {
	t.Helper()
	s := mustOpen(t, mem, small())
	defer s.Close()
	for id, groups := range d.groups {
		l := mustLog(t, s, id)
		_, end := l.Bounds()
		if end < base+sluice.Position(len(groups)) {
			t.Fatalf("%s: log %d ends at %d: positions would be given again", what, id, end)
		}
		for p := base; p < base+sluice.Position(len(groups)); {
			b, err := l.Read(p, 0, 1+len(groups)/3, 1<<20)
			var bad *CorruptError
			if errors.As(err, &bad) {
				if bad.Position != p || bad.Next <= p || bad.File == "" {
					t.Fatalf("%s: at %d: %+v", what, p, bad)
				}
				lost += int(min(bad.Next, base+sluice.Position(len(groups))) - p)
				p = bad.Next
				continue
			}
			if err != nil {
				t.Fatalf("%s: log %d at %d: %v", what, id, p, err)
			}
			for _, g := range b.Groups {
				if !bytes.Equal(rawOf(t, g), groups[p-base]) {
					t.Fatalf("%s: log %d at %d serves something else", what, id, p)
				}
				p++
			}
			b.Release()
		}
		mustAppend(t, l, []byte("life goes on"))
	}
	return lost, len(s.Status().Damage) > 0
}

// spoil runs change on the synced bytes of a copy of the disk.
func (d *damaged) spoil(t *testing.T, r *rand.Rand, name string, change func(vfs.File) error) *vfs.Mem {
	t.Helper()
	mem := d.mem.Crash(r) // all is synced: an exact copy
	f, err := mem.OpenRW(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(change(f), f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return mem
}

func (d *damaged) size(t *testing.T, name string) int64 {
	t.Helper()
	f, err := d.mem.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	return size
}

func stride() int64 {
	if testing.Short() {
		return 4000
	}
	return 400
}

func TestFlippedByte(t *testing.T) {
	d := newDamaged(t)
	r := rand.New(rand.NewPCG(1, 1))
	for _, name := range d.files(t) {
		for at := int64(0); at < d.size(t, name); at += 1 + r.Int64N(stride()) {
			what := fmt.Sprintf("%s byte %d", name, at)
			mem := d.spoil(t, r, name, func(f vfs.File) error {
				var b [1]byte
				_, err1 := f.ReadAt(b[:], at)
				b[0] ^= 1 << r.IntN(8)
				_, err2 := f.WriteAt(b[:], at)
				return errors.Join(err1, err2)
			})
			if lost, reported := d.check(t, mem, what); lost > 0 && !reported {
				t.Fatalf("%s: %d groups are lost and nothing says so", what, lost)
			}
		}
	}
}

func TestCutFile(t *testing.T) {
	d := newDamaged(t)
	r := rand.New(rand.NewPCG(2, 2))
	for _, name := range d.files(t) {
		for at := int64(0); at < d.size(t, name); at += 1 + r.Int64N(4*stride()) {
			what := fmt.Sprintf("%s cut at %d", name, at)
			mem := d.spoil(t, r, name, func(f vfs.File) error { return f.Truncate(at) })
			if lost, reported := d.check(t, mem, what); lost > 0 && !reported {
				t.Fatalf("%s: %d groups are lost and nothing says so", what, lost)
			}
		}
	}
}

// FuzzSealedFile opens any bytes as a sealed file and reads it through.
func FuzzSealedFile(f *testing.F) {
	mem := vfs.NewMem()
	s, err := Open(mem, "d", small())
	if err != nil {
		f.Fatal(err)
	}
	l, err := s.Log(1, base)
	if err != nil {
		f.Fatal(err)
	}
	for k := range uint64(3) {
		mustAppend(f, l, payloadOf(k, 1))
	}
	if err := errors.Join(l.move(), s.Close()); err != nil {
		f.Fatal(err)
	}
	file, err := mem.Open(l.files[0].path)
	if err != nil {
		f.Fatal(err)
	}
	seed := make([]byte, l.files[0].size)
	if _, err := file.ReadAt(seed, 0); err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:headerSize])
	f.Fuzz(func(t *testing.T, data []byte) {
		mem := vfs.NewMem()
		dir := "d/shards/" + sluice.LogID(1).String()
		_ = mem.MkdirAll(dir)
		file, _ := mem.Create(dir + "/" + fileName(base, base+3))
		_, _ = file.WriteAt(data, 0)
		s, err := Open(mem, "d", small())
		if err != nil {
			return
		}
		defer s.Close()
		l, err := s.Log(1, base)
		if err != nil {
			return
		}
		if b, err := l.Read(base, 0, 10, 1<<20); err == nil {
			b.Release()
		}
		_, _ = l.Seek(s.o.Now())
	})
}

// TestCutWhileOpen cuts a journal file under an open store: readers learn where to read on, and the mover gets past the place.
func TestCutWhileOpen(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, mem, small())
	defer s.Close()
	l := mustLog(t, s, 1)
	for k := range uint64(30) {
		mustAppend(t, l, payloadOf(k, 1))
	}
	f, err := mem.OpenRW(s.journal.Name(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(int64(l.tail[20].offset)), f.Close()); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		lost := 0
		for p := base; p < base+30; {
			b, err := l.Read(p, 0, 30, 1<<20)
			var bad *CorruptError
			switch {
			case errors.As(err, &bad) && bad.Next > p:
				lost += int(bad.Next - p)
				p = bad.Next
			case err != nil:
				t.Fatalf("%s, at %d: %v", when, p, err)
			default:
				p = b.Next
				b.Release()
			}
		}
		if lost != 10 {
			t.Errorf("%s: %d groups are lost, want 10", when, lost)
		}
	}
	check("in the journal")
	if err := l.move(); err != nil {
		t.Fatal(err)
	}
	check("moved")
	mustAppend(t, l, []byte("life goes on"))
}
