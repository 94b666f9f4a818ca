package objects_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/objects/objectstest"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

func openDir(t *testing.T, fs vfs.FS, root string) *objects.Dir {
	t.Helper()
	d, err := objects.OpenDir(fs, root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestDir(t *testing.T) {
	t.Run("os", func(t *testing.T) {
		objectstest.Run(t, func(t *testing.T) objects.Store { return openDir(t, vfs.OS{}, t.TempDir()) })
	})
	t.Run("memory", func(t *testing.T) {
		objectstest.Run(t, func(t *testing.T) objects.Store { return openDir(t, vfs.NewMem(), "data/objects") })
	})
}

// TestPowerCut cuts the power after each of many random operations: what a call acknowledged is there, whole, and what was under
// way is there whole or not at all.
func TestPowerCut(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		mem := vfs.NewMem()
		faults := faultfs.New(mem)
		d := openDir(t, faults, "data")
		acked := map[string][]byte{}
		stopAt := 1 + r.IntN(60)
		faults.Set(func(n int, _ faultfs.Op, _ string) error {
			if n >= stopAt {
				return faultfs.ErrInjected
			}
			return nil
		})
		var name string
		var data []byte
		for {
			name, data = fmt.Sprintf("d%d/o%d", r.IntN(2), r.IntN(3)), bytes.Repeat([]byte{byte(r.IntN(256))}, 1+r.IntN(2000))
			var err error
			if r.IntN(4) == 0 {
				data = nil
				err = d.Delete(t.Context(), name)
			} else if acked[name] == nil && r.IntN(2) == 0 {
				err = d.PutNew(t.Context(), name, data)
			} else {
				err = d.Put(t.Context(), name, data)
			}
			if err != nil {
				if !errors.Is(err, faultfs.ErrInjected) {
					t.Fatalf("seed %d: %v", seed, err)
				}
				break
			}
			acked[name] = data
		}
		after := openDir(t, mem.Crash(r), "data")
		for other, want := range acked {
			got := read(t, after, other)
			if !bytes.Equal(got, want) && (other != name || !bytes.Equal(got, data)) {
				t.Fatalf("seed %d: %s has %d bytes after the power cut, want the %d acknowledged", seed, other, len(got), len(want))
			}
		}
	}
}

func read(t *testing.T, d *objects.Dir, name string) []byte {
	t.Helper()
	size, err := d.Size(t.Context(), name)
	if errors.Is(err, objects.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, size)
	if err := d.Get(t.Context(), name, p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestManyFiles reads more objects than files may stay open.
func TestManyFiles(t *testing.T) {
	d := openDir(t, vfs.OS{}, t.TempDir())
	for round := range 2 {
		for i := range 600 {
			name := fmt.Sprintf("o/%d", i)
			if round == 0 {
				if err := d.Put(t.Context(), name, fmt.Append(nil, i)); err != nil {
					t.Fatal(err)
				}
			}
			if got := read(t, d, name); string(got) != fmt.Sprint(i) {
				t.Fatalf("%s holds %q", name, got)
			}
		}
	}
}
