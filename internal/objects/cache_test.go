package objects_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/objects/objectstest"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

func openCache(t *testing.T, inner objects.Store, under vfs.FS, dir string, limit int64) *objects.Cache {
	t.Helper()
	c, err := objects.OpenCache(inner, under, dir, objects.CacheOptions{Bytes: limit, Identity: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCache(t *testing.T) {
	for name, limit := range map[string]int64{"room for all": 1 << 30, "room for little": 3 << 16, "no room": 0} {
		t.Run(name, func(t *testing.T) {
			objectstest.Run(t, func(t *testing.T) objects.Store {
				return openCache(t, openDir(t, vfs.NewMem(), "far"), vfs.NewMem(), "near", limit)
			})
		})
	}
	t.Run("on a disk", func(t *testing.T) {
		objectstest.Run(t, func(t *testing.T) objects.Store {
			return openCache(t, openDir(t, vfs.NewMem(), "far"), vfs.OS{}, t.TempDir(), 1<<30)
		})
	})
}

func TestFiles(t *testing.T) {
	t.Run("of a directory", func(t *testing.T) {
		objectstest.RunFiles(t, func(t *testing.T) objects.Filer { return openDir(t, vfs.OS{}, t.TempDir()) })
	})
	t.Run("of a cache", func(t *testing.T) {
		objectstest.RunFiles(t, func(t *testing.T) objects.Filer {
			return openCache(t, openDir(t, vfs.NewMem(), "far"), vfs.OS{}, t.TempDir(), 1<<30)
		})
	})
}

// library is objects of several sizes behind a cache.
type library struct {
	far     *objects.Dir
	content map[string][]byte
	names   []string
}

func newLibrary(t *testing.T, r *rand.Rand) *library {
	t.Helper()
	l := &library{far: openDir(t, vfs.NewMem(), "far"), content: map[string][]byte{}}
	for i, size := range []int{0, 1, 1 << 16, 1<<16 + 1, 1 << 20, 1<<20 + 1, 2<<20 + 12345} {
		data := make([]byte, size)
		for at := 0; at+8 <= size; at += 8 {
			binary.LittleEndian.PutUint64(data[at:], r.Uint64())
		}
		name := fmt.Sprintf("o/%d", i)
		l.names, l.content[name] = append(l.names, name), data
		if err := l.far.Put(t.Context(), name, data); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// readSome reads random ranges, which have to be what is far away.
func (l *library) readSome(t *testing.T, r *rand.Rand, c *objects.Cache, n int) {
	t.Helper()
	for range n {
		name := l.names[r.IntN(len(l.names))]
		data := l.content[name]
		off := r.IntN(len(data) + 1)
		p := make([]byte, min(r.IntN(len(data)-off+1), 300_000))
		if err := c.Get(t.Context(), name, p, int64(off)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p, data[off:off+len(p)]) {
			t.Fatalf("%s: %d bytes at %d are others than far away", name, len(p), off)
		}
	}
}

// TestCacheSurvives cuts the power under a cache, or damages its files, and fails its disk: what it serves afterwards is right, and a
// cache that was not harmed serves what it has.
func TestCacheSurvives(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 9
	}
	hits := int64(0)
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 2))
		l := newLibrary(t, r)
		mem := vfs.NewMem()
		faults := faultfs.New(mem)
		c := openCache(t, l.far, faults, "near", 1<<30)
		if seed%3 == 0 {
			stopAt := 1 + r.IntN(100)
			faults.Set(func(n int, _ faultfs.Op, _ string) error {
				if n > stopAt {
					return faultfs.ErrInjected
				}
				return nil
			})
		}
		l.readSome(t, r, c, 40)
		after := mem.Crash(r)
		if seed%3 == 1 {
			damageFiles(t, r, after)
		}
		c = openCache(t, l.far, after, "near", 1<<30)
		l.readSome(t, r, c, 40)
		hits += c.Status().Hits
		c = openCache(t, l.far, after, "near", 1<<30) // in order, this time
		l.readSome(t, r, c, 20)
		hits += c.Status().Hits
	}
	if hits == 0 {
		t.Error("nothing was ever served from the cache after a restart")
	}
}

// damageFiles changes a byte in every file of the cache.
func damageFiles(t *testing.T, r *rand.Rand, under vfs.FS) {
	t.Helper()
	files, err := under.ReadDir("near")
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range files {
		f, err := under.OpenRW("near/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if size, err := f.Size(); err != nil {
			t.Fatal(err)
		} else if size > 0 {
			if _, err := f.WriteAt([]byte{byte(r.Uint32())}, r.Int64N(size)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCacheIsBounded reads much more than there is room for, with a file in use all the while.
func TestCacheIsBounded(t *testing.T) {
	const limit = 8 << 20
	r := rand.New(rand.NewPCG(7, 7))
	l := newLibrary(t, r)
	dir := t.TempDir()
	c := openCache(t, l.far, vfs.OS{}, dir, limit)
	f, err := c.File(t.Context(), l.names[6])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		name := fmt.Sprintf("more/%d", i)
		w, err := c.Create(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		data := bytes.Repeat([]byte{byte(i)}, 1<<20+1)
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.names, l.content[name] = append(l.names, name), data
		l.readSome(t, r, c, 10)
		if s := c.Status(); s.Bytes > limit || onDisk(t, dir) > limit+1<<20 {
			t.Fatalf("the cache holds %d bytes, %d on disk, its limit is %d", s.Bytes, onDisk(t, dir), limit)
		}
	}
	if got, err := os.ReadFile(f.Path); err != nil || !bytes.Equal(got, l.content[l.names[6]]) {
		t.Errorf("the file that was in use is not what it was: %v", err)
	}
	f.Release()
	if s := c.Status(); s.Hits == 0 || s.Misses == 0 {
		t.Errorf("%+v: nothing was served, or nothing fetched", s)
	}
}

// onDisk adds up the bytes of data files.
func onDisk(t *testing.T, dir string) int64 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*[0-9]"))
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	return total
}

// TestCacheOfAnotherStore opens the directory of one store's cache for another store.
func TestCacheOfAnotherStore(t *testing.T) {
	mem := vfs.NewMem()
	for i, identity := range []string{"a", "b", "a"} {
		far := openDir(t, vfs.NewMem(), "far")
		want := []byte{byte(i)}
		if err := far.Put(t.Context(), "o", want); err != nil {
			t.Fatal(err)
		}
		c, err := objects.OpenCache(far, mem, "near", objects.CacheOptions{Bytes: 1 << 20, Identity: identity})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1)
		if err := c.Get(t.Context(), "o", got, 0); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", identity, got, err, want)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCacheWhileReplaced replaces an object of several units under readers: no read mixes two versions.
func TestCacheWhileReplaced(t *testing.T) {
	const size = 2<<20 + 10
	c := openCache(t, openDir(t, vfs.NewMem(), "far"), vfs.NewMem(), "near", 1<<30)
	put := func(version int) {
		if err := c.Put(t.Context(), "v", bytes.Repeat([]byte{byte(version)}, size+version)); err != nil {
			t.Error(err)
		}
	}
	put(0)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			p := make([]byte, size)
			for {
				if err := c.Get(t.Context(), "v", p, 0); err != nil {
					t.Error(err)
				} else if !bytes.Equal(p, bytes.Repeat(p[:1], size)) {
					t.Error("a read saw two versions")
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for version := range 20 {
		put(version)
	}
	close(done)
	readers.Wait()
}
