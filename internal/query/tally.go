package query

import (
	"context"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/statement"
	"github.com/sluicelog/sluice/internal/segment"
)

// tallies count the logs that a search finds, each by the span of time that it is in: what a counted input of a statement is (see
// [statement.Input]). No log is read for it.
type tallies struct {
	every int64 // the seconds of a span; 0: there is one, all time
	timed bool  // the statement looks at the time of a span
	room  *room
	all   []*tally
}

func (t *tallies) collector() collector {
	c := &tally{of: t, counts: map[int64]int64{}}
	t.all = append(t.all, c)
	return c
}

// table is the counted input.
func (t *tallies) table() (duck.Table, error) {
	counts := map[int64]int64{}
	for _, c := range t.all {
		if c.err != nil {
			return duck.Table{}, c.err
		}
		for at, n := range c.counts {
			counts[at] += n
		}
	}
	spans := slices.Sorted(maps.Keys(counts))
	bigint := statement.TypeOf(statement.Bigint)
	out := duck.Table{Counted: true}
	rows := &duck.Rowset{Len: len(spans)}
	names := []string{}
	add := func(name string, value func(span int64) int64) {
		v := duck.Vector{Name: name, Ints: make([]int64, 0, len(spans))}
		for _, span := range spans {
			v.Ints = append(v.Ints, value(span))
		}
		rows.Columns, names = append(rows.Columns, v), append(names, name)
		out.Columns = append(out.Columns, statement.Column{Name: name, Type: bigint})
	}
	if t.timed {
		add(index.TimeField, func(span int64) int64 { return span * t.every })
	}
	add(statement.CountColumn, func(span int64) int64 { return counts[span] })
	if len(spans) > 0 {
		out.Parts = []duck.Part{{Rows: rows, Names: names}}
	}
	return out, nil
}

// total is how many logs there are in all.
func (t *tallies) total() (n int64, err error) {
	for _, c := range t.all {
		for _, some := range c.counts {
			n += some
		}
		if c.err != nil {
			return 0, c.err
		}
	}
	return n, nil
}

// tally counts one part of a logstore.
type tally struct {
	of     *tallies
	counts map[int64]int64 // by span
	err    error
}

// spanBytes is what a span takes in memory, in a tally and in the table made of it.
const spanBytes = 64

func (c *tally) count(span, n int64) {
	if n == 0 || c.err != nil {
		return
	}
	before := len(c.counts)
	c.counts[span] += n
	if len(c.counts) > before {
		c.err = c.of.room.take(spanBytes)
	}
}

func (c *tally) span(second int64) int64 {
	if c.of.every == 0 {
		return 0
	}
	return second / c.of.every
}

func (c *tally) add(k key, _ *index.Log) { c.count(c.span(k.time/1e9), 1) }

func (c *tally) drop() { clear(c.counts) }

// addRows counts rows between the first rows of spans, since rows are in the order of time.
func (c *tally) addRows(ctx context.Context, g *segment.Group, rows *roaring.Bitmap) error {
	if c.span(g.First().Unix()) == c.span(g.Last().Unix()) {
		c.count(c.span(g.First().Unix()), int64(rows.GetCardinality()))
		return c.err
	}
	seconds, first, err := g.Seconds(ctx)
	if err != nil {
		return err
	}
	from := uint64(0)
	for i := 0; i < len(seconds); {
		span, end := c.span(int64(seconds[i])), uint64(g.Rows())
		for i++; i < len(seconds); i++ {
			if c.span(int64(seconds[i])) != span {
				end = uint64(first[i])
				break
			}
		}
		c.count(span, int64(rows.CardinalityInRange(from, end)))
		from = end
	}
	return c.err
}
