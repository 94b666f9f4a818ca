package segment

import (
	"context"
	"math"
	"slices"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"
)

// Bound is an end of a range of numbers.
type Bound struct {
	Value float64 // of a Double column
	Long  int64   // of a Long column
	Open  bool    // the value itself is outside
	None  bool    // there is no bound
}

// Range finds the rows whose number is between lo and hi. What is no number is in no range. In a column that holds texts, the
// answer is empty and not exact: the caller has to look at the rows that have the field.
func (g *Group) Range(ctx context.Context, column string, lo, hi Bound) (Match, error) {
	d, err := g.directory(ctx)
	if err != nil {
		return Match{}, err
	}
	c := g.find(d, column)
	if c == nil {
		return g.inRest(ctx, d, column, nil)
	}
	if c.column.kind != Long && c.column.kind != Double {
		rows, err := c.presentRows(ctx)
		return Match{Rows: rows, Exact: c.present == 0}, err
	}
	inside := c.insideLongs(lo, hi)
	if c.column.kind == Double {
		inside = insideDoubles(lo, hi)
	}
	if c.values == 0 || !c.mayBeInside(lo, hi) {
		return none(), nil
	}
	rows, err := c.rowsInside(ctx, inside)
	return Match{Rows: rows, Exact: true}, err
}

func (c *columnChunk) insideLongs(lo, hi Bound) func(bits uint64) bool {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	empty := false
	if !lo.None {
		from = lo.Long
		if lo.Open {
			empty = from == math.MaxInt64
			from++
		}
	}
	if !hi.None {
		to = hi.Long
		if hi.Open {
			empty = empty || to == math.MinInt64
			to--
		}
	}
	if empty {
		return func(uint64) bool { return false }
	}
	return func(bits uint64) bool { return from <= int64(bits) && int64(bits) <= to }
}

func insideDoubles(lo, hi Bound) func(bits uint64) bool {
	return func(bits uint64) bool {
		v := math.Float64frombits(bits)
		return (lo.None || v > lo.Value || v == lo.Value && !lo.Open) && (hi.None || v < hi.Value || v == hi.Value && !hi.Open)
	}
}

// mayBeInside looks at the bounds of the chunk.
func (c *columnChunk) mayBeInside(lo, hi Bound) bool {
	if c.column.kind == Long {
		return (lo.None || int64(c.max) >= lo.Long) && (hi.None || int64(c.min) <= hi.Long)
	}
	return (lo.None || math.Float64frombits(c.max) >= lo.Value) && (hi.None || math.Float64frombits(c.min) <= hi.Value)
}

func (c *columnChunk) rowsInside(ctx context.Context, inside func(bits uint64) bool) (*roaring.Bitmap, error) {
	if c.encoding == encodingDictionary {
		d, err := c.dictionary(ctx)
		if err != nil {
			return nil, err
		}
		entries := roaring.New()
		for i, v := range d.numbers {
			if inside(v) {
				entries.Add(uint32(i))
			}
		}
		return c.rowsWith(ctx, entries)
	}
	words := make([]uint64, (c.group.Rows()+63)/64)
	for n := range c.pages {
		p, err := c.page(ctx, n)
		if err != nil {
			return nil, err
		}
		for i := range p.rows {
			v := i
			if p.valueOf != nil {
				v = int(p.valueOf[i])
			}
			if v >= 0 && inside(p.numbers[v]) {
				row := p.first + i
				words[row>>6] |= 1 << (row & 63)
			}
		}
	}
	return roaring.FromDense(words, true), nil
}

// secondRuns lists the different seconds of a group in order, and the first row of each.
type secondRuns struct {
	seconds, first []uint32
}

func (g *Group) seconds(ctx context.Context) (*secondRuns, error) {
	return cached(g.segment.cache, g.key(pieceSeconds, 0, 0), func() (*secondRuns, int64, error) {
		all, err := g.integers(ctx, chunkTime, nil)
		if err != nil {
			return nil, 0, err
		}
		r := &secondRuns{}
		for row, s := range all {
			if row == 0 || s != all[row-1] {
				r.seconds = append(r.seconds, uint32(s))
				r.first = append(r.first, uint32(row))
			}
		}
		if !slices.IsSorted(r.seconds) {
			d, err := g.directory(ctx)
			if err != nil {
				return nil, 0, err
			}
			c := g.chunk(d, chunkTime)
			return nil, 0, c.pageDamage(&c.pages[0], errMalformed)
		}
		r.seconds, r.first = slices.Clip(r.seconds), slices.Clip(r.first)
		return r, int64(8 * len(r.seconds)), nil
	})
}

// RowAt returns the first row whose time is not before a second since 1970, or the number of rows. Since rows are sorted by time, the
// rows of a time span are a range of numbers, and histograms are counts of a bitmap in ranges.
func (g *Group) RowAt(ctx context.Context, second int64) (uint32, error) {
	if second <= g.summary.first/1e9 && second*1e9 <= g.summary.first {
		return 0, nil
	}
	if second > g.summary.last/1e9 {
		return uint32(g.Rows()), nil
	}
	r, err := g.seconds(ctx)
	if err != nil {
		return 0, err
	}
	i := sort.Search(len(r.seconds), func(i int) bool { return int64(r.seconds[i]) >= second })
	if i == len(r.seconds) {
		return uint32(g.Rows()), nil
	}
	return r.first[i], nil
}

// Times returns the time of each row in nanoseconds since 1970.
func (g *Group) Times(ctx context.Context) ([]int64, error) {
	seconds, err := g.integers(ctx, chunkTime, nil)
	if err != nil {
		return nil, err
	}
	nanos, err := g.integers(ctx, chunkNanos, nil)
	if err != nil {
		return nil, err
	}
	for i := range seconds {
		seconds[i] = seconds[i]*1e9 + nanos[i]
	}
	return seconds, nil
}

// integers returns the values of a column of our own, in all rows or in some. Whole columns are not kept in the cache.
func (g *Group) integers(ctx context.Context, number int, rows *roaring.Bitmap) ([]int64, error) {
	d, err := g.directory(ctx)
	if err != nil {
		return nil, err
	}
	c := g.chunk(d, number)
	var entries []uint64
	if c.encoding == encodingDictionary {
		dict, err := c.dictionary(ctx)
		if err != nil {
			return nil, err
		}
		entries = dict.numbers
	}
	value := func(p *pageValues, i int) int64 {
		if entries != nil {
			return int64(entries[p.ids[i]])
		}
		return int64(p.numbers[i])
	}
	if rows != nil {
		out := make([]int64, 0, rows.GetCardinality())
		err := c.eachCell(ctx, rows, func(_ uint32, p *pageValues, i int) error {
			out = append(out, value(p, i))
			return nil
		})
		return out, err
	}
	out := make([]int64, 0, g.Rows())
	for n := range c.pages {
		p, err := c.readPage(ctx, n)
		if err != nil {
			return nil, err
		}
		for i := range p.rows {
			out = append(out, value(p, i))
		}
	}
	return out, nil
}
