package segment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicelog/sluice/internal/objects"
)

// DamageError says that an object does not hold what was written.
type DamageError struct {
	Object string
	Offset int64
	Err    error
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("object %s is damaged at byte %d: %v", e.Object, e.Offset, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

var errChecksum = errors.New("checksum does not match")

// Segment is an open segment. It can be used by many goroutines at once, and needs no closing: it holds nothing but memory.
type Segment struct {
	info    Info
	store   objects.Store
	cache   *Cache
	id      uint64 // in the cache
	dir     *directory
	columns map[string]int // of dir.columns
	checked *checked
}

// Open reads the directory of a segment, and nothing else.
func Open(ctx context.Context, store objects.Store, cache *Cache, info Info) (*Segment, error) {
	s := &Segment{info: info, store: store, cache: cache, id: cache.newSegment(), checked: &checked{}}
	if info.DirectoryLength < 0 || info.DirectoryLength > info.Index || info.Index > 1<<40 {
		return nil, fmt.Errorf("open segment %s: %w", info.Name, &DamageError{Object: info.IndexObject(), Err: errMalformed})
	}
	at := section{info.DirectoryOffset, info.DirectoryLength, info.DirectoryCRC}
	raw, err := s.read(ctx, info.IndexObject(), 0, at)
	if err != nil {
		return nil, fmt.Errorf("open segment %s: %w", info.Name, err)
	}
	if s.dir, err = readDirectory(raw); err != nil {
		return nil, fmt.Errorf("open segment %s: %w", info.Name, s.damage(info.IndexObject(), 0, at, err))
	}
	s.columns = make(map[string]int, len(s.dir.columns))
	for i, c := range s.dir.columns {
		s.columns[c.name] = i
	}
	return s, nil
}

// Find makes the Info of a segment from its objects, for tools and for when it was lost.
func Find(ctx context.Context, store objects.Store, name string) (Info, error) {
	info, err := find(ctx, store, Info{Name: name})
	if err != nil {
		return Info{}, fmt.Errorf("find segment %s: %w", name, err)
	}
	return info, nil
}

func find(ctx context.Context, store objects.Store, info Info) (Info, error) {
	var err error
	if info.Parquet, err = store.Size(ctx, info.ParquetObject()); err != nil {
		return info, err
	}
	if info.Index, err = store.Size(ctx, info.IndexObject()); err != nil {
		return info, err
	}
	damage := func(err error) error {
		return &DamageError{Object: info.IndexObject(), Offset: max(0, info.Index-trailerLength), Err: err}
	}
	if info.Index < trailerLength {
		return info, damage(errMalformed)
	}
	last := make([]byte, trailerLength)
	if err := store.Get(ctx, info.IndexObject(), last, info.Index-trailerLength); isMissing(err) {
		return info, damage(err)
	} else if err != nil {
		return info, err
	}
	t, err := readTrailer(last)
	if err != nil {
		return info, damage(err)
	}
	at := t.directory
	s := &Segment{info: info, store: store}
	raw, err := s.read(ctx, info.IndexObject(), 0, at)
	if err != nil {
		return info, err
	}
	d, err := readDirectory(raw)
	if err != nil {
		return info, damage(err)
	}
	info = d.info(info.Name, at, info.Parquet, info.Index)
	if t.hasFooter {
		info.Footer, info.FooterCRC = info.Parquet-d.groupsEnd(), t.footerCRC
	}
	return info, nil
}

// Info returns what the segment was opened with.
func (s *Segment) Info() Info { return s.info }

// Columns returns the columns of the fields and tags that have one, and their kinds, in the order of the Parquet file.
func (s *Segment) Columns() []Column {
	var columns []Column
	for _, c := range s.dir.columns {
		if mayBeColumn(c.name) {
			columns = append(columns, Column{Name: c.name, Kind: c.kind})
		}
	}
	return columns
}

// Groups returns the number of groups.
func (s *Segment) Groups() int { return len(s.dir.groups) }

// Group returns a group, from 0.
func (s *Segment) Group(n int) *Group { return &Group{segment: s, n: n, summary: &s.dir.groups[n]} }

// read returns a section of an object, checked. base is where its offset counts from.
func (s *Segment) read(ctx context.Context, object string, base int64, at section) ([]byte, error) {
	if at.length == 0 {
		return nil, nil
	}
	size := s.info.Index
	if object != s.info.IndexObject() {
		size = s.info.Parquet
	}
	if at.offset < 0 || base < 0 || at.length > size || base > size || at.offset > size-at.length-base {
		return nil, s.damage(object, base, at, errMalformed)
	}
	p := make([]byte, at.length)
	if err := s.store.Get(ctx, object, p, base+at.offset); err != nil {
		if isMissing(err) {
			return nil, s.damage(object, base, at, err)
		}
		return nil, err
	}
	if crc32c(p) != at.crc {
		return nil, s.damage(object, base, at, errChecksum)
	}
	return p, nil
}

// isMissing reports whether bytes that were there are not.
func isMissing(err error) bool {
	return errors.Is(err, objects.ErrNotFound) || errors.Is(err, objects.ErrRange)
}

func (s *Segment) damage(object string, base int64, at section, err error) error {
	return &DamageError{Object: object, Offset: base + at.offset, Err: err}
}

// Group is a group of rows of a segment, numbered from 0 in the order of their time. Its methods can be called at once from many
// goroutines; bitmaps that they return belong to the caller.
type Group struct {
	segment *Segment
	n       int
	summary *groupSummary
}

// Segment returns what the group is of.
func (g *Group) Segment() *Segment { return g.segment }

// Rows returns the number of rows.
func (g *Group) Rows() int { return g.summary.rows }

// FirstRow is the number of the group's first row in the Parquet file, from 0.
func (g *Group) FirstRow() (n int64) {
	for i := range g.n {
		n += int64(g.segment.dir.groups[i].rows)
	}
	return n
}

// Bytes returns the size of the logs, as in [Info].
func (g *Group) Bytes() int64 { return g.summary.bytes }

// First returns the time of the first row.
func (g *Group) First() time.Time { return time.Unix(0, g.summary.first).UTC() }

// Last returns the time of the last row.
func (g *Group) Last() time.Time { return time.Unix(0, g.summary.last).UTC() }

func (g *Group) key(what pieceKind, chunk, n int) pieceKey {
	return pieceKey{segment: g.segment.id, group: int32(g.n), chunk: int32(chunk), what: what, n: int32(n)}
}

// readIndex returns a section of the index object.
func (g *Group) readIndex(ctx context.Context, at section) ([]byte, error) {
	return g.segment.read(ctx, g.segment.info.IndexObject(), g.summary.index.offset, at)
}

func (g *Group) indexDamage(at section, err error) error {
	return g.segment.damage(g.segment.info.IndexObject(), g.summary.index.offset, at, err)
}

// loadedDirectory is the directory of a group with its chunks by column.
type loadedDirectory struct {
	groupDirectory
	chunkOf map[int]int // by column of the segment
}

func (g *Group) directory(ctx context.Context) (*loadedDirectory, error) {
	return cached(g.segment.cache, g.key(pieceDirectory, 0, 0), func() (*loadedDirectory, int64, error) {
		raw, err := g.readIndex(ctx, g.summary.directory)
		if err != nil {
			return nil, 0, err
		}
		d, err := readGroupDirectory(raw)
		if err == nil && (d.rows != g.summary.rows || len(d.chunks) != len(g.summary.columns) || len(d.chunks) < chunkFields+chunkRest) {
			err = errMalformed
		}
		if err != nil {
			return nil, 0, g.indexDamage(g.summary.directory, err)
		}
		l := &loadedDirectory{groupDirectory: *d, chunkOf: make(map[int]int, len(d.chunks))}
		for chunk, column := range g.summary.columns {
			l.chunkOf[column] = chunk
		}
		return l, int64(len(raw) * 5), nil
	})
}

// columnChunk is a chunk of a group with all that is needed to read it.
type columnChunk struct {
	*chunk
	group  *Group
	number int
	column segmentColumn
	seed   uint64
}

// chunk returns a chunk by its number; counted from the end if negative.
func (g *Group) chunk(d *loadedDirectory, number int) *columnChunk {
	if number < 0 {
		number += len(d.chunks)
	}
	return &columnChunk{
		chunk: &d.chunks[number], group: g, number: number,
		column: g.segment.dir.columns[g.summary.columns[number]], seed: d.seed,
	}
}

// find returns the chunk of a column by its name, or nil if the group has none.
func (g *Group) find(d *loadedDirectory, name string) *columnChunk {
	if column, ok := g.segment.columns[name]; ok {
		if number, ok := d.chunkOf[column]; ok {
			return g.chunk(d, number)
		}
	}
	return nil
}
