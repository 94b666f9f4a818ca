package query

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/statement"
	"github.com/sluicelog/sluice/internal/segment"
)

// room is the memory of the rows that one statement takes from searches, out of that of all statements. It is safe for
// concurrent use.
type room struct {
	sql   *sqlEngine
	taken atomic.Int64
}

// take counts bytes. What is over is counted too, until the statement leaves.
func (r *room) take(bytes int64) error {
	all, own := r.sql.gathered.Add(bytes), r.taken.Add(bytes)
	switch most := r.sql.o.MemoryBytes; {
	case own > most:
		return sluice.Errorf(sluice.TooLarge, "sql", "the search finds too many logs for this statement; narrow the search or the time range")
	case all > most:
		return sluice.Errorf(sluice.Unavailable, "sql", "the statements that run now take all memory; try again in a moment, or narrow the search or the time range")
	}
	return nil
}

// leave gives back what was taken.
func (r *room) leave() { r.sql.gathered.Add(-r.taken.Swap(0)) }

// gatherer collects the columns of a statement from the logs that a search finds, a set of rows for each part of the logstore.
type gatherer struct {
	fields []sqlField // none: only the number of rows counts
	sets   []*rowSet
	room   *room
	file   *segmentFile // of the segment whose groups come next, nil if the engine cannot read it
}

// segmentFile is a segment of which the SQL engine can read rows by their numbers.
type segmentFile struct {
	part duck.Part
	open func(context.Context, *duck.Part) bool // gives the part its file

	once sync.Once
	ok   bool
}

func (f *segmentFile) opened(ctx context.Context) bool {
	f.once.Do(func() { f.ok = f.open(ctx, &f.part) })
	return f.ok
}

func (g *gatherer) collector() collector {
	s := &rowSet{gatherer: g, file: g.file, columns: make([]duck.Vector, len(g.fields))}
	for i, f := range g.fields {
		s.columns[i].Name = f.name
		switch f.kind { // the slice that is not nil says the type, also of no rows
		case statement.Bigint:
			s.columns[i].Ints = []int64{}
		case statement.Double:
			s.columns[i].Doubles = []float64{}
		default:
			s.columns[i].Texts = []string{}
		}
	}
	g.sets = append(g.sets, s)
	return s
}

// parts are what was collected: rows in memory, and the numbers of rows for each file.
func (g *gatherer) parts() (parts []duck.Part, err error) {
	names := make([]string, len(g.fields))
	for i, f := range g.fields {
		names[i] = f.name
	}
	numbered := map[*segmentFile]*roaring.Bitmap{}
	for _, s := range g.sets {
		if s.err != nil {
			return nil, s.err
		}
		if s.Len > 0 {
			parts = append(parts, duck.Part{Rows: s.rowset(), Names: names})
		}
		if s.numbers == nil {
			continue
		}
		if all := numbered[s.file]; all != nil {
			all.Or(s.numbers)
		} else {
			numbered[s.file] = s.numbers
		}
	}
	for file, numbers := range numbered {
		p := file.part
		p.Only, p.Count = numbers, int64(numbers.GetCardinality())
		parts = append(parts, p)
	}
	return parts, nil
}

// rowSet is rows by column, or by their numbers in a file.
type rowSet struct {
	gatherer *gatherer
	file     *segmentFile
	numbers  *roaring.Bitmap // nil: none
	columns  []duck.Vector
	Len      int
	err      error
}

func (s *rowSet) rowset() *duck.Rowset {
	if len(s.columns) == 0 { // rows need a column
		return &duck.Rowset{Columns: []duck.Vector{{Name: "_", Ints: make([]int64, s.Len)}}, Len: s.Len}
	}
	return &duck.Rowset{Columns: s.columns, Len: s.Len}
}

// add takes a log of a shard log.
func (s *rowSet) add(k key, l *index.Log) {
	if s.err != nil {
		return
	}
	s.grow(1)
	bytes := int64(0)
	for i, f := range s.gatherer.fields {
		if f.at.Name == index.TimeField {
			s.columns[i].Ints[s.Len-1], s.columns[i].Null[s.Len-1] = k.time/1e9, false
			continue
		}
		if value, ok := f.at.Value(l); ok {
			bytes += s.set(i, s.Len-1, f.kind, value)
		}
	}
	s.err = s.gatherer.room.take(bytes + 16*int64(len(s.columns)))
}

func (s *rowSet) drop() { s.columns, s.numbers, s.Len = nil, nil, 0 }

// addRows takes rows of a segment.
func (s *rowSet) addRows(ctx context.Context, g *segment.Group, rows *roaring.Bitmap) error {
	n := int(rows.GetCardinality())
	switch {
	case n == 0:
		return nil
	case n >= s.gatherer.room.sql.o.ManyRows && len(s.columns) > 0 && s.file != nil && s.file.opened(ctx):
		return s.number(g.FirstRow(), rows)
	}
	if err := s.gatherer.room.take(16 * int64(n) * int64(len(s.columns))); err != nil {
		return err
	}
	first := s.Len
	s.grow(n)
	for i, f := range s.gatherer.fields {
		if f.at.Name == index.TimeField {
			if err := s.times(ctx, g, rows, first, i); err != nil {
				return err
			}
			continue
		}
		bytes := int64(0)
		at, it := first-1, rows.Iterator()
		row := int64(-1)
		err := g.Values(ctx, f.at.Name, rows, func(r uint32, value string) {
			for row < int64(r) { // rows without the field are passed over
				row = int64(it.Next())
				at++
			}
			if text, ok := f.at.Of(value); ok {
				bytes += s.set(i, at, f.kind, text)
			}
		})
		if err != nil {
			return err
		}
		if err := s.gatherer.room.take(bytes); err != nil {
			return err
		}
	}
	return nil
}

// number takes rows by their numbers.
func (s *rowSet) number(first int64, rows *roaring.Bitmap) error {
	s.numbers = roaring.AddOffset64(rows, first)
	return s.gatherer.room.take(bytesOf(s.numbers))
}

// bytesOf is what numbers of rows take: here, and as the bits that the engine is given of all that lie among them.
func bytesOf(numbers *roaring.Bitmap) int64 {
	if numbers.IsEmpty() {
		return 0
	}
	return int64(numbers.GetSizeInBytes()) + int64(numbers.Maximum()-numbers.Minimum())/8
}

func (s *rowSet) times(ctx context.Context, g *segment.Group, rows *roaring.Bitmap, first, column int) error {
	times, err := g.Times(ctx)
	if err != nil {
		return err
	}
	c := &s.columns[column]
	for i, it := first, rows.Iterator(); it.HasNext(); i++ {
		c.Ints[i], c.Null[i] = times[it.Next()]/1e9, false
	}
	return nil
}

// grow adds n rows of NULL.
func (s *rowSet) grow(n int) {
	s.Len += n
	for i := range s.columns {
		c := &s.columns[i]
		switch {
		case c.Ints != nil:
			c.Ints = append(c.Ints, make([]int64, n)...)
		case c.Doubles != nil:
			c.Doubles = append(c.Doubles, make([]float64, n)...)
		default:
			c.Texts = append(c.Texts, make([]string, n)...)
		}
		for range n {
			c.Null = append(c.Null, true)
		}
	}
}

// set sets a value, unless it is no number where one is wanted, and returns the bytes it takes.
func (s *rowSet) set(column, row int, kind statement.Kind, value string) int64 {
	c := &s.columns[column]
	switch kind {
	case statement.Bigint:
		x, ok := index.ParseLong(value)
		c.Ints[row], c.Null[row] = x, !ok
	case statement.Double:
		x, ok := index.ParseDouble(value)
		c.Doubles[row], c.Null[row] = x, !ok
	default:
		value = strings.ToValidUTF8(value, "\uFFFD") // as segments show it to SQL; the engine would make NULL of it
		c.Texts[row], c.Null[row] = value, false
		return int64(len(value))
	}
	return 0
}
