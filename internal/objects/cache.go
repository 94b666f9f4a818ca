package objects

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/sluicelog/sluice/internal/vfs"
)

// Cache is a [Store] that keeps pieces of the objects of another one in a directory, within a bound of bytes, and serves them from
// there.
//
//	Get ──> entry ──units that are here──> file, checked against its sums
//	             └──others──> one ranged get each ──> file ──> sums
//	Create ──> both at once: a new object is here when it is there
//
// Invariants:
//   - Bytes from a file are served only if they match the sum that was written after them: what a power cut tore is fetched anew.
//   - A file belongs to one object of one moment, and is never given another name. An object that is replaced or deleted through
//     the cache gets another file; while that goes on, and afterwards, no reader is served bytes of two objects.
//   - Nobody else writes below the same names.
//   - A failing directory makes reading slow, not wrong: then objects are read as if there were no cache.
//
// It is safe for concurrent use.
type Cache struct {
	inner Store
	fs    vfs.FS
	dir   string
	o     CacheOptions

	handles handles // of local files
	fetches singleflight.Group
	running sync.WaitGroup // fetches
	last    atomic.Uint64  // number of a local file

	hits, misses atomic.Int64 // units

	mu       sync.Mutex // guards all below, and the like fields of entries; never held while the inner store works
	entries  map[string]*entry
	recent   list.List      // of *entry, most recently used first
	used     int64          // bytes of units that are here
	busy     map[string]int // names that are being replaced, by how many
	replaced uint64         // counts replacements: a size that was asked for across one may be that of the old object
}

var (
	_ Filer = (*Cache)(nil)
	_ Filer = (*Dir)(nil)
)

// CacheOptions of a cache. Bytes is required.
type CacheOptions struct {
	Bytes    int64        // that the files take at most
	Identity string       // of the store behind: what was kept for another one is not used
	Logger   *slog.Logger // [discard]
}

// OpenCache opens the cache in a directory, which it makes and owns.
func OpenCache(inner Store, under vfs.FS, dir string, o CacheOptions) (*Cache, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Identity = fmt.Sprintf("%x", sha256.Sum256([]byte(o.Identity))) // of one length, whatever it is
	c := &Cache{inner: inner, fs: under, dir: dir, o: o, entries: map[string]*entry{}, busy: map[string]int{}}
	c.handles.open = func(local string) (vfs.File, error) { return under.OpenRW(c.path(local)) }
	if err := c.load(); err != nil {
		return nil, fmt.Errorf("open cache of objects: %w", err)
	}
	return c, nil
}

// Close waits for what is being fetched and closes the files.
func (c *Cache) Close() error {
	c.running.Wait()
	c.handles.forgetAll()
	return nil
}

func (c *Cache) path(local string) string { return filepath.Join(c.dir, local) }

// CacheStatus is how a cache does.
type CacheStatus struct {
	Bytes, Limit int64
	Objects      int
	Hits, Misses int64 // pieces found, and fetched
}

// Status returns how the cache does.
func (c *Cache) Status() CacheStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CacheStatus{Bytes: c.used, Limit: c.o.Bytes, Objects: len(c.entries), Hits: c.hits.Load(), Misses: c.misses.Load()}
}

// Size implements [Store].
func (c *Cache) Size(ctx context.Context, name string) (int64, error) { return c.inner.Size(ctx, name) }

// List implements [Store].
func (c *Cache) List(ctx context.Context, prefix, after string, limit int) ([]Entry, error) {
	return c.inner.List(ctx, prefix, after, limit)
}

// Get implements [Store].
func (c *Cache) Get(ctx context.Context, name string, p []byte, off int64) error {
	e, err := c.entry(ctx, name)
	if err != nil {
		return err
	}
	if e == nil {
		return c.inner.Get(ctx, name, p, off)
	}
	if off < 0 || int64(len(p)) > e.size || off > e.size-int64(len(p)) {
		return fmt.Errorf("get object %.80q, %d bytes at %d: %w", name, len(p), off, ErrRange)
	}
	err = c.readUnits(ctx, e, p, off)
	if e.gone.Load() { // the object may be another one by now: what was read in pieces could be of both
		return c.inner.Get(ctx, name, p, off)
	}
	return err
}

func (c *Cache) readUnits(ctx context.Context, e *entry, p []byte, off int64) error {
	for len(p) > 0 {
		n := off / unitBytes
		within := off - n*unitBytes
		some := p[:min(int64(len(p)), e.unitLen(n)-within)]
		if err := c.readUnit(ctx, e, n, some, within); err != nil {
			return err
		}
		p, off = p[len(some):], off+int64(len(some))
	}
	return nil
}

// entry finds the entry of an object, or makes one. nil: read around the cache.
func (c *Cache) entry(ctx context.Context, name string) (*entry, error) {
	if err := errors.Join(CheckName(name), ctx.Err()); err != nil {
		return nil, fmt.Errorf("get object %.80q: %w", name, err)
	}
	e, busy, replaced := c.find(name)
	if e != nil || busy {
		return e, nil
	}
	size, err := c.inner.Size(ctx, name)
	if err != nil {
		return nil, err
	}
	made, err := c.newEntry(name)
	if err == nil {
		if err = made.setSize(c, size); err != nil {
			c.discard(made)
		}
	}
	if err != nil {
		c.warn(name, err)
		return nil, nil //nolint:nilerr // read around the cache
	}
	return c.insert(made, replaced), nil
}

// find returns the entry of an object if there is one, whether the object is being replaced, and the count of replacements.
func (c *Cache) find(name string) (e *entry, busy bool, replaced uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy[name] > 0 {
		return nil, true, 0
	}
	if e = c.entries[name]; e != nil {
		c.recent.MoveToFront(e.place)
	}
	return e, false, c.replaced
}

// insert makes a new entry the one of its name, unless there is one or any object was replaced meanwhile; it returns the entry to
// use, nil for none.
func (c *Cache) insert(made *entry, replaced uint64) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.entries[made.name]; known != nil || c.replaced != replaced {
		c.drop(made)
		return known
	}
	c.add(made)
	return made
}

func (c *Cache) add(e *entry) {
	c.entries[e.name] = e
	e.place = c.recent.PushFront(e)
}

func (c *Cache) warn(object string, err error) {
	c.o.Logger.Warn("the cache of objects cannot be written", "object", object, "error", err)
}

// discard drops an entry that nobody knows.
func (c *Cache) discard(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(e)
}

// drop removes an entry and its files. c.mu is held. Readers under way end well: they have the file open, or read around the cache.
func (c *Cache) drop(e *entry) {
	e.gone.Store(true)
	if c.entries[e.name] == e {
		delete(c.entries, e.name)
		c.recent.Remove(e.place)
	}
	c.used -= e.here
	e.here = 0
	for _, file := range []string{e.local + sumsSuffix, e.local} {
		c.handles.forget(file)
		if err := c.fs.Remove(c.path(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.o.Logger.Warn("a file of the cache of objects cannot be removed", "file", file, "error", err)
		}
	}
}

// reserve makes room for n bytes of an entry and counts them as there, or returns false: the entry is gone, or all room is taken by
// files that are in use.
func (c *Cache) reserve(e *entry, n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.gone.Load() || n > c.o.Bytes {
		return false
	}
	for at := c.recent.Back(); at != nil && c.used+n > c.o.Bytes; {
		oldest := at.Value.(*entry)
		at = at.Prev()
		if oldest != e && oldest.pins == 0 {
			c.drop(oldest)
		}
	}
	if c.used+n > c.o.Bytes {
		return false
	}
	c.used += n
	e.here += n
	return true
}

// unreserve takes back what reserve gave.
func (c *Cache) unreserve(e *entry, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !e.gone.Load() {
		c.used -= n
		e.here -= n
	}
}

// fetchTime bounds one fetch, which goes on when the first who wanted it has left.
const fetchTime = 2 * time.Minute

// readUnit fills p with the bytes of a unit from an offset inside it.
func (c *Cache) readUnit(ctx context.Context, e *entry, unit int64, p []byte, within int64) error {
	if e.read(c, unit, p, within) {
		c.hits.Add(1)
		return nil
	}
	raw, err := c.fetch(ctx, e, unit)
	if err != nil {
		return err
	}
	copy(p, raw[within:])
	return nil
}

// fetch gets a unit from the store behind and keeps it. Those who want the same at once share one get.
func (c *Cache) fetch(ctx context.Context, e *entry, unit int64) ([]byte, error) {
	c.running.Add(1)
	shared := c.fetches.DoChan(e.local+" "+strconv.FormatInt(unit, 10), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
		defer cancel()
		c.misses.Add(1)
		raw := make([]byte, e.unitLen(unit))
		if err := c.inner.Get(ctx, e.name, raw, unit*unitBytes); err != nil {
			return nil, err
		}
		if err := c.keep(e, unit, raw); err != nil {
			c.warn(e.name, err)
		}
		return raw, nil
	})
	done := make(chan singleflight.Result, 1)
	go func() {
		defer c.running.Done()
		done <- <-shared
	}()
	select {
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.([]byte), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("get object %.80q: %w", e.name, ctx.Err())
	}
}

// keep stores a unit, if there is room.
func (c *Cache) keep(e *entry, unit int64, raw []byte) error {
	if e.has(unit) || !c.reserve(e, int64(len(raw))) {
		return nil
	}
	err := e.write(c, unit, raw)
	if err != nil {
		c.unreserve(e, int64(len(raw)))
	}
	return err
}
