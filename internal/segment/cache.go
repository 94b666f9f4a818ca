package segment

import (
	"container/list"
	"sync"
)

// Cache keeps decoded pieces of segments within a bound of bytes, the most recently used ones. One is shared by all segments of a
// process. What it holds is never changed, so it can be used by many at once. Two readers that miss the same piece at the
// same time both read it. Pieces of a segment that is no longer used leave by growing old.
type Cache struct {
	limit int64

	mu     sync.Mutex
	used   int64
	pieces map[pieceKey]*list.Element
	recent list.List // of *piece, most recently used first
	opened uint64    // segments, to tell their pieces apart
}

// pieceKey names a piece: what of which chunk of which group, and the how manieth of it.
type pieceKey struct {
	segment uint64
	group   int32
	chunk   int32
	what    pieceKind
	n       int32
}

type pieceKind uint8

const (
	pieceDirectory pieceKind = iota
	piecePage
	pieceDictionary
	pieceIDs
	pieceSeconds
	pieceFrequent
	piecePostings
	pieceBitmap
	pieceSlice
	piecePresence
	pieceRestKeys
	pieceDistinct
)

type piece struct {
	key   pieceKey
	value any
	bytes int64
}

const pieceOverhead = 200 // of the tables around a piece

// NewCache returns a cache of at most limit bytes.
func NewCache(limit int64) *Cache {
	return &Cache{limit: limit, pieces: map[pieceKey]*list.Element{}}
}

// Bytes returns what the cache holds now.
func (c *Cache) Bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}

func (c *Cache) newSegment() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened++
	return c.opened
}

func (c *Cache) get(key pieceKey) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.pieces[key]
	if e == nil {
		return nil, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(*piece).value, true
}

func (c *Cache) put(key pieceKey, value any, bytes int64) {
	bytes += pieceOverhead
	if bytes > c.limit/2 {
		return // one piece is not to drive all others out
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pieces[key] != nil {
		return
	}
	c.pieces[key] = c.recent.PushFront(&piece{key, value, bytes})
	for c.used += bytes; c.used > c.limit; {
		oldest := c.recent.Remove(c.recent.Back()).(*piece)
		delete(c.pieces, oldest.key)
		c.used -= oldest.bytes
	}
}

// cached returns a piece from the cache, or loads it; load tells its size in bytes.
func cached[T any](c *Cache, key pieceKey, load func() (T, int64, error)) (T, error) {
	if v, ok := c.get(key); ok {
		return v.(T), nil
	}
	v, bytes, err := load()
	if err == nil {
		c.put(key, v, bytes)
	}
	return v, err
}
