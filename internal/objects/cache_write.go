package objects

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// replace does what changes the object of a name. While it does, readers of the name read around the cache; then made, if not nil, is
// the entry of the new object. What was kept of the old one is gone for good first, for a crash must not bring it back.
func (c *Cache) replace(name string, made *entry, do func() error) error {
	c.mu.Lock()
	c.busy[name]++
	c.replaced++
	old := c.entries[name]
	if old != nil {
		c.drop(old)
	}
	c.mu.Unlock()
	var err error
	if old != nil {
		err = c.fs.SyncDir(c.dir)
	}
	if err == nil {
		err = do()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.replaced++
	if c.busy[name]--; c.busy[name] == 0 {
		delete(c.busy, name)
	}
	switch {
	case made == nil:
	case err == nil && c.busy[name] == 0 && !made.gone.Load():
		c.add(made)
	default:
		c.drop(made)
	}
	return err
}

// Put implements [Store].
func (c *Cache) Put(ctx context.Context, name string, data []byte) error {
	return c.replace(name, nil, func() error { return c.inner.Put(ctx, name, data) })
}

// PutNew implements [Store].
func (c *Cache) PutNew(ctx context.Context, name string, data []byte) error {
	return c.replace(name, nil, func() error { return c.inner.PutNew(ctx, name, data) })
}

// Delete implements [Store].
func (c *Cache) Delete(ctx context.Context, name string) error {
	return c.replace(name, nil, func() error { return c.inner.Delete(ctx, name) })
}

// Create implements [Store]. What is written is kept here as well: new segments are read soon, by merges and by queries.
func (c *Cache) Create(ctx context.Context, name string) (Writer, error) {
	to, err := c.inner.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	w := &cacheWriter{cache: c, name: name, to: to}
	if w.entry, err = c.newEntry(name); err != nil {
		c.warn(name, err)
	}
	return w, nil
}

// cacheWriter writes an object to the store behind and, unit by unit, to a new entry.
type cacheWriter struct {
	cache *Cache
	name  string
	to    Writer
	entry *entry // nil: it cannot be kept, or is no longer the writer's
	unit  []byte // not yet written
	size  int64
}

func (w *cacheWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if w.entry == nil {
		return n, err
	}
	for p := p[:n]; len(p) > 0; {
		some := p[:min(len(p), unitBytes-len(w.unit))]
		w.unit = append(w.unit, some...)
		w.size += int64(len(some))
		p = p[len(some):]
		if len(w.unit) == unitBytes {
			w.keep()
		}
	}
	return n, err
}

// keep stores the unit that is collected, if there is room.
func (w *cacheWriter) keep() {
	if w.entry == nil {
		return
	}
	w.entry.units = append(w.entry.units, nil)
	if err := w.cache.keep(w.entry, int64(len(w.entry.units)-1), w.unit); err != nil {
		w.cache.warn(w.name, err)
		w.drop()
	}
	w.unit = w.unit[:0]
}

func (w *cacheWriter) drop() {
	if w.entry != nil {
		w.cache.discard(w.entry)
		w.entry, w.unit = nil, nil
	}
}

func (w *cacheWriter) Commit(ctx context.Context) error {
	if len(w.unit) > 0 {
		w.keep()
	}
	if w.entry != nil {
		if err := w.entry.setSize(w.cache, w.size); err != nil {
			w.cache.warn(w.name, err)
			w.drop()
		}
	}
	made := w.entry
	w.entry, w.unit = nil, nil // replace adds it or drops it
	return w.cache.replace(w.name, made, func() error { return w.to.Commit(ctx) })
}

func (w *cacheWriter) Abort() {
	w.to.Abort()
	w.drop()
}

// FilesDir implements [Filer].
func (c *Cache) FilesDir() string { return realDir(c.fs, c.dir) }

// fetchers is how many units of one file are fetched at once.
const fetchers = 4

// File implements [Filer]: it fetches what is not here. The file stays until its release, whatever else wants room.
func (c *Cache) File(ctx context.Context, name string) (*File, error) {
	f, err := c.file(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("file of object %.80q: %w", name, err)
	}
	return f, nil
}

func (c *Cache) file(ctx context.Context, name string) (*File, error) {
	e, err := c.entry(ctx, name)
	if err != nil {
		return nil, err
	}
	dir := c.FilesDir()
	if e == nil || dir == "" || e.size > c.o.Bytes/2 || !c.pin(e) { // one file is not to drive all others out
		return nil, ErrNoFile
	}
	f := &File{Path: dir + "/" + e.local, Version: e.local, release: func() { c.unpin(e) }}
	if err := c.complete(ctx, e); err != nil {
		f.Release()
		return nil, err
	}
	return f, nil
}

// complete fetches all that is missing of a pinned entry.
func (c *Cache) complete(ctx context.Context, e *entry) error {
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(fetchers)
	for n := range unitsOf(e.size) {
		if !e.has(n) {
			g.Go(func() error {
				_, err := c.fetch(within, e, n)
				return err
			})
		}
	}
	err := g.Wait()
	if e.gone.Load() {
		return ErrNoFile
	}
	for n := range unitsOf(e.size) {
		if err == nil && !e.has(n) {
			return ErrNoFile // no room
		}
	}
	return err
}

func (c *Cache) pin(e *entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.pins++
	if e.gone.Load() {
		e.pins--
		return false
	}
	return true
}

func (c *Cache) unpin(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.pins--
}
