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
	if c.values == 0 {
		return none(), nil
	}
	from, to, ok := longBounds(lo, hi)
	if c.column.kind == Double {
		from, to, ok = doubleBounds(lo, hi)
	}
	if !ok || numberLess(c.column.kind, c.max, from) || numberLess(c.column.kind, to, c.min) {
		return none(), nil
	}
	rows, err := c.rowsInside(ctx, from, to)
	return Match{Rows: rows, Exact: true}, err
}

// longBounds returns the least and the greatest value inside; ok is false if there is none.
func longBounds(lo, hi Bound) (from, to uint64, ok bool) {
	least, greatest := int64(math.MinInt64), int64(math.MaxInt64)
	if !lo.None {
		least = lo.Long
		if lo.Open {
			if least == math.MaxInt64 {
				return 0, 0, false
			}
			least++
		}
	}
	if !hi.None {
		greatest = hi.Long
		if hi.Open {
			if greatest == math.MinInt64 {
				return 0, 0, false
			}
			greatest--
		}
	}
	return uint64(least), uint64(greatest), least <= greatest
}

func doubleBounds(lo, hi Bound) (from, to uint64, ok bool) {
	least, greatest := math.Inf(-1), math.Inf(1)
	if !lo.None {
		least = lo.Value
		if lo.Open {
			least = math.Nextafter(least, math.Inf(1))
		}
	}
	if !hi.None {
		greatest = hi.Value
		if hi.Open {
			greatest = math.Nextafter(greatest, math.Inf(-1))
		}
	}
	return math.Float64bits(least), math.Float64bits(greatest), least <= greatest
}

// rowsInside returns the rows whose number is from the first to the second.
func (c *columnChunk) rowsInside(ctx context.Context, from, to uint64) (*roaring.Bitmap, error) {
	if c.encoding == encodingDictionary {
		d, err := c.dictionary(ctx)
		if err != nil {
			return nil, err
		}
		entries := roaring.New()
		for i, v := range d.numbers {
			if !numberLess(c.column.kind, v, from) && !numberLess(c.column.kind, to, v) {
				entries.Add(uint32(i))
			}
		}
		return c.rowsWith(ctx, entries)
	}
	words := make([]uint64, (c.group.Rows()+63)/64)
	for n := range c.pages {
		p, err := c.page(ctx, n, true)
		if err != nil {
			return nil, err
		}
		p.markInside(words, c.column.kind, from, to)
	}
	return roaring.FromDense(words, true), nil
}

// markInside sets the bits of the rows whose number is from the first to the second.
func (p *pageValues) markInside(words []uint64, kind Kind, from, to uint64) {
	least, greatest, width := math.Float64frombits(from), math.Float64frombits(to), to-from
	for i := range p.rows {
		v := i
		if p.valueOf != nil {
			if v = int(p.valueOf[i]); v < 0 {
				continue
			}
		}
		inside := p.numbers[v]-from <= width // of integers, whatever their signs
		if kind == Double {
			x := math.Float64frombits(p.numbers[v])
			inside = least <= x && x <= greatest
		}
		if inside {
			row := p.first + i
			words[row>>6] |= 1 << (row & 63)
		}
	}
}

// secondRuns lists the different seconds of a group in order, and the first row of each.
type secondRuns struct {
	seconds, first []uint32
}

func (g *Group) seconds(ctx context.Context) (*secondRuns, error) {
	return cached(g.segment.cache, g.key(pieceSeconds, 0, 0), func() (*secondRuns, int64, error) {
		r := &secondRuns{}
		all, err := g.integers(ctx, chunkTime, nil)
		if err != nil {
			return nil, 0, err
		}
		last := int64(-1)
		for row, s := range all {
			if s != last {
				r.seconds = append(r.seconds, uint32(s))
				r.first = append(r.first, uint32(row))
				last = s
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

// Seconds returns the seconds since 1970 in which there are rows, in order, and the first row of each. They are not to be changed.
func (g *Group) Seconds(ctx context.Context) (seconds, first []uint32, err error) {
	r, err := g.seconds(ctx)
	if err != nil {
		return nil, nil, err
	}
	return r.seconds, r.first, nil
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
		if entries == nil {
			for _, v := range p.numbers {
				out = append(out, int64(v))
			}
			continue
		}
		for _, id := range p.ids {
			out = append(out, int64(entries[id]))
		}
	}
	return out, nil
}
