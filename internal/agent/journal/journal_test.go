package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/agent/journal"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

// open opens a journal that goes on with the records that are there.
func open(t *testing.T, files vfs.FS) (*journal.Journal, []string) {
	t.Helper()
	var got []string
	j, damage, err := journal.Open(files, "dir", func(r []byte) error {
		got = append(got, string(r))
		return nil
	})
	if err != nil || damage != nil {
		t.Fatal(err, damage)
	}
	return j, got
}

func rewrite(t *testing.T, j *journal.Journal, records []string) {
	t.Helper()
	var raw [][]byte
	for _, r := range records {
		raw = append(raw, []byte(r))
	}
	if err := j.Rewrite(raw); err != nil {
		t.Fatal(err)
	}
}

// Whenever the power fails: what was synced is there, in its order, and behind it at most what was written since.
func TestPowerCuts(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		mem := vfs.NewMem()
		var written []string // all that was ever appended
		sure := 0            // of which were synced
		for life := range 4 {
			j, got := open(t, mem)
			if len(got) < sure || !slices.Equal(got, written[:len(got)]) {
				t.Fatalf("seed %d, life %d: %d records of %d written and %d synced, or others", seed, life, len(got), len(written), sure)
			}
			written = got
			rewrite(t, j, written)
			sure = len(written)
			for range r.IntN(20) {
				record := fmt.Sprintf("%d %s", len(written), strings.Repeat("x", r.IntN(2000)))
				d := journal.Durability(r.IntN(3))
				if err := j.Append([]byte(record), d); err != nil {
					t.Fatal(err)
				}
				written = append(written, record)
				if d != journal.Lazy {
					sure = len(written)
				}
			}
			mem = mem.Crash(r)
		}
	}
}

// Each operation fails once, at each place: the journal says so or goes on, and what it said was there is there.
func TestFaults(t *testing.T) {
	for n := 1; ; n++ {
		mem := vfs.NewMem()
		files := faultfs.FailNth(mem, n)
		j, _, err := journal.Open(files, "dir", func([]byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		var sure []string
		for i := range 30 {
			record := fmt.Sprint(i)
			if i%10 == 0 {
				raw := [][]byte{}
				for _, s := range sure {
					raw = append(raw, []byte(s))
				}
				_ = j.Rewrite(raw)
			}
			if err := j.Append([]byte(record), journal.Synced); err == nil {
				sure = append(sure, record)
			}
		}
		_, got := open(t, mem)
		for _, s := range sure {
			if !slices.Contains(got, s) {
				t.Fatalf("fault %d: record %s was acknowledged and is gone: %v", n, s, got)
			}
		}
		if files.Count() < n {
			return
		}
	}
}

// On a full disk nothing is taken, and what was taken before can be ended.
func TestFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	j, _ := open(t, mem)
	rewrite(t, j, nil)
	task, event := bytes.Repeat([]byte("t"), 60<<10), bytes.Repeat([]byte("e"), 30<<10)
	mem.SetCapacity(1 << 20)
	taken := 0
	for j.Append(task, journal.Taken) == nil {
		taken++
	}
	if err := j.Append(task, journal.Taken); !errors.Is(err, journal.ErrFull) {
		t.Fatal(err)
	}
	for range 6 {
		if err := j.Append(event, journal.Synced); err != nil {
			t.Fatalf("after %d tasks: %v", taken, err)
		}
	}
	mem.SetCapacity(0)
	if err := j.Append(task, journal.Taken); err != nil {
		t.Fatalf("there is room again: %v", err)
	}
	if _, got := open(t, mem); len(got) != taken+7 {
		t.Errorf("%d records, want %d", len(got), taken+7)
	}
}

// A bad byte before the end is damage, which is told, and the file is kept.
func TestDamage(t *testing.T) {
	mem := vfs.NewMem()
	j, _ := open(t, mem)
	rewrite(t, j, nil)
	for i := range 10 {
		if err := j.Append([]byte(fmt.Sprintf("record %d", i)), journal.Synced); err != nil {
			t.Fatal(err)
		}
	}
	f, err := mem.OpenRW("dir/journal")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("!"), 16+5*20+15); err != nil {
		t.Fatal(err)
	}
	n := 0
	_, damage, err := journal.Open(mem, "dir", func([]byte) error { n++; return nil })
	if err != nil || damage == nil || n != 5 || damage.Offset != 16+5*20 {
		t.Fatalf("%d records, damage %v, %v", n, damage, err)
	}
	if _, err := mem.Open(damage.Name); err != nil {
		t.Error(err)
	}
}

func TestNotAJournal(t *testing.T) {
	for _, content := range []string{"short", "SLAGENTJ\x02\x00 of a newer agent", strings.Repeat("other", 10)} {
		mem := vfs.NewMem()
		if err := mem.MkdirAll("dir"); err != nil {
			t.Fatal(err)
		}
		f, err := mem.Create("dir/journal")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte(content), 0); err != nil {
			t.Fatal(err)
		}
		if _, _, err := journal.Open(mem, "dir", func([]byte) error { return nil }); err == nil {
			t.Errorf("%q was taken for a journal", content)
		}
	}
}

// Whatever is in the file, opening it ends and calls replay with sound records alone.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("SLAGENTJ\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		mem := vfs.NewMem()
		_ = mem.MkdirAll("dir")
		file, _ := mem.Create("dir/journal")
		_, _ = file.WriteAt(raw, 0)
		_, _, _ = journal.Open(mem, "dir", func(r []byte) error {
			if len(r) == 0 || len(r) > journal.MaxRecord {
				t.Errorf("a record of %d bytes", len(r))
			}
			return nil
		})
	})
}
