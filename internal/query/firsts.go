package query

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/segment"
)

// first returns the keys of the n logs that come first, in order.
func (e *Engine) first(ctx context.Context, q *question, n int, reverse bool) ([]key, Coverage, error) {
	all := newFirsts(n, reverse)
	cover, err := e.scan(ctx, q, nil, all.collector)
	return all.sorted(), cover, err
}

// firsts are the n keys that come first in all parts of a logstore. Parts put what they have together as soon as they can, so that memory is a few
// times n, whatever the number of parts; and a group whose logs all come behind n others is not read.
type firsts struct {
	reverse bool
	parts   []*firstPart

	mu  sync.Mutex // guards all
	all first
}

func newFirsts(n int, reverse bool) *firsts {
	return &firsts{reverse: reverse, all: first{n: n, order: order(reverse)}}
}

func (f *firsts) collector() collector {
	p := &firstPart{first: first{n: f.all.n, order: f.all.order}, of: f}
	f.parts = append(f.parts, p)
	return p
}

// wants reports whether a log of g can be among the first.
func (f *firsts) wants(g *segment.Group) bool {
	best := key{time: g.First().UnixNano(), shard: -1}
	if f.reverse {
		best = key{time: g.Last().UnixNano(), shard: math.MaxInt32, position: math.MaxInt64}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.all.full || f.all.order(best, f.all.worst) <= 0
}

// take takes the keys of a part.
func (f *firsts) take(p *firstPart) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range p.keys {
		f.all.put(k)
	}
	p.first.drop()
}

// sorted returns the keys, once all parts are done.
func (f *firsts) sorted() []key {
	for _, p := range f.parts {
		f.take(p)
	}
	slices.SortFunc(f.all.keys, f.all.order)
	return f.all.keys[:min(f.all.n, len(f.all.keys))]
}

// firstPart is a part of firsts.
type firstPart struct {
	first
	of *firsts
}

func (p *firstPart) addRows(ctx context.Context, g *segment.Group, rows *roaring.Bitmap) error {
	if !p.of.wants(g) {
		return nil
	}
	if err := p.first.addRows(ctx, g, rows); err != nil {
		return err
	}
	p.of.take(p)
	return nil
}

func order(reverse bool) func(a, b key) int {
	if reverse {
		return func(a, b key) int { return b.compare(a) }
	}
	return key.compare
}

// first collects the n keys that come first in an order, with as many more in between.
type first struct {
	n     int
	order func(a, b key) int
	keys  []key
	worst key // of the n best so far, once full
	full  bool
}

func (f *first) drop() { f.keys, f.full = nil, false }

func (f *first) add(k key, _ *index.Log) { f.put(k) }

func (f *first) put(k key) {
	if f.n == 0 || f.full && f.order(k, f.worst) > 0 {
		return
	}
	f.keys = append(f.keys, k)
	if len(f.keys) >= 2*f.n+64 {
		slices.SortFunc(f.keys, f.order)
		f.keys = f.keys[:f.n]
		f.worst, f.full = f.keys[f.n-1], true
	}
}

// addRows adds those of the rows that can be among the first: rows are in the order of keys.
func (f *first) addRows(ctx context.Context, g *segment.Group, rows *roaring.Bitmap) error {
	if n := rows.GetCardinality(); n > uint64(f.n) {
		if f.n == 0 {
			return nil
		}
		if f.order(key{time: 1}, key{time: 2}) < 0 {
			last, err := rows.Select(uint32(f.n - 1))
			if err != nil {
				return err
			}
			rows.RemoveRange(uint64(last)+1, 1<<32)
		} else {
			before, err := rows.Select(uint32(n) - uint32(f.n))
			if err != nil {
				return err
			}
			rows.RemoveRange(0, uint64(before))
		}
	}
	keys, err := g.Keys(ctx, rows)
	if err != nil {
		return err
	}
	it := rows.Iterator()
	for _, k := range keys {
		f.put(key{time: k.Time, shard: k.Shard, position: k.Position, index: k.Index, group: g, row: it.Next()})
	}
	return nil
}
