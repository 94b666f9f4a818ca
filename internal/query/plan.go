package query

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/segment"
)

// planner finds the rows of one group of a segment for which a bound search is true. Every answer is exact: what the token index
// gives only candidates for is looked at, value by value, and only in the rows that matter to the rest of the search.
type planner struct {
	q     *question
	group *segment.Group
	cols  []string // of the segment
	scan  index.Scanner
	log   index.Log

	values, logs int64 // that were looked at
}

// rows returns the rows out of within for which n is true. It may change within.
func (p *planner) rows(ctx context.Context, n search.Node, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	if within.IsEmpty() {
		return within, nil
	}
	if t := traceOf(ctx); t != nil && isLeaf(n) {
		return t.condition(ctx, p, n, within)
	}
	return p.find(ctx, n, within)
}

// find is rows of a part of which it is known that somebody asks.
func (p *planner) find(ctx context.Context, n search.Node, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	switch n := n.(type) {
	case search.All:
		return within, nil
	case search.And:
		for _, operand := range n {
			var err error
			if within, err = p.rows(ctx, operand, within); err != nil {
				return nil, err
			}
		}
		return within, nil
	case search.Or:
		return p.either(ctx, n, within)
	case search.Not:
		not, err := p.rows(ctx, n.Node, within.Clone())
		if err != nil {
			return nil, err
		}
		within.AndNot(not)
		return within, nil
	case search.InField:
		if n.Field.Path != "" {
			return p.byValue(ctx, n.Field, within, func(v string) bool { return n.Test.Passes(&p.scan, n.Field.Tokenizer, v) })
		}
		return p.test(ctx, n.Field.Name, n.Field.Tokenizer, n.Test, within)
	case search.InText:
		return p.inText(ctx, n, within)
	case search.LongRange:
		if n.Min > n.Max {
			return roaring.New(), nil
		}
		return p.number(ctx, n.Field, segment.Bound{Long: n.Min}, segment.Bound{Long: n.Max}, within, func(v string) bool {
			x, ok := index.ParseLong(v)
			return ok && x >= n.Min && x <= n.Max
		})
	case search.DoubleRange:
		return p.number(ctx, n.Field, segment.Bound{Value: n.Min, Open: n.MinOpen}, segment.Bound{Value: n.Max, Open: n.MaxOpen}, within,
			func(v string) bool {
				x, ok := index.ParseDouble(v)
				return ok && n.Has(x)
			})
	case search.HasField:
		if n.Field.Path != "" {
			return p.byValue(ctx, n.Field, within, func(string) bool { return true })
		}
		m, err := p.group.Exists(ctx, n.Field.Name)
		return p.settle(ctx, m, err, n.Field.Name, within, func(string) bool { return true })
	case search.EmptyField:
		return p.byValue(ctx, n.Field, within, func(v string) bool { return v == "" })
	}
	return p.byLog(ctx, n, within)
}

func (p *planner) either(ctx context.Context, n search.Or, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	out := roaring.New()
	for _, operand := range n {
		left := roaring.AndNot(within, out)
		found, err := p.rows(ctx, operand, left)
		if err != nil {
			return nil, err
		}
		out.Or(found)
	}
	return out, nil
}

// settle cuts an answer of the token index to the rows that matter, and looks at their values where it is not exact.
func (p *planner) settle(ctx context.Context, m segment.Match, err error, column string, within *roaring.Bitmap,
	match func(string) bool,
) (*roaring.Bitmap, error) {
	if err != nil {
		return nil, err
	}
	within.And(m.Rows)
	if m.Exact || within.IsEmpty() {
		return within, nil
	}
	return p.filter(ctx, column, within, match)
}

// filter looks at the values of a column.
func (p *planner) filter(ctx context.Context, column string, rows *roaring.Bitmap, match func(string) bool) (*roaring.Bitmap, error) {
	p.values += int64(rows.GetCardinality())
	return p.group.Filter(ctx, column, rows, match)
}

// test finds the rows whose column passes a test.
func (p *planner) test(ctx context.Context, column string, t *index.Tokenizer, test *search.Test, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	exact := len(test.Phrase) == 0 && len(test.Patterns) == 0
	for _, token := range test.Tokens {
		m, err := p.group.Token(ctx, column, []byte(token))
		if err != nil {
			return nil, err
		}
		within.And(m.Rows)
		exact = exact && m.Exact
		if within.IsEmpty() {
			return within, nil
		}
	}
	if len(test.Tokens) == 0 {
		m, err := p.group.Exists(ctx, column)
		if err != nil {
			return nil, err
		}
		within.And(m.Rows)
		if len(test.Patterns) == 1 {
			pattern := test.Patterns[0]
			known, complete, err := p.group.Tokens(ctx, column, []byte(pattern.Prefix()), func(token []byte) bool { return pattern.Match(string(token)) })
			if err != nil {
				return nil, err
			}
			if complete {
				within.And(known)
				return within, nil
			}
		}
	}
	if exact || within.IsEmpty() {
		return within, nil
	}
	return p.filter(ctx, column, within, func(v string) bool { return test.Passes(&p.scan, t, v) })
}

// inText finds the rows that have a word in any column, or in the name of one.
func (p *planner) inText(ctx context.Context, n search.InText, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	out := roaring.New()
	for _, column := range p.cols {
		values, name := p.q.config.FullText(column)
		if name != nil && n.Tests[name.Number()].Passes(&p.scan, name, column) {
			m, err := p.group.Exists(ctx, column)
			if err != nil {
				return nil, err
			}
			m.Rows.And(within)
			out.Or(m.Rows)
		}
		if values == nil || n.Tests[values.Number()] == nil {
			continue
		}
		found, err := p.test(ctx, column, values, n.Tests[values.Number()], roaring.AndNot(within, out))
		if err != nil {
			return nil, err
		}
		out.Or(found)
	}
	rest, err := p.group.Rest(ctx)
	if err != nil {
		return nil, err
	}
	rest.And(within)
	rest.AndNot(out)
	if rest, err = p.likelyInRest(ctx, n, rest); err != nil {
		return nil, err
	}
	found, err := p.byLog(ctx, n, rest)
	if err != nil {
		return nil, err
	}
	out.Or(found)
	return out, nil
}

// fewLogs are read rather than narrowed.
const fewLogs = 16

// likelyInRest narrows rows with fields that have no column to candidates for a word in the values or the names of these.
func (p *planner) likelyInRest(ctx context.Context, n search.InText, rows *roaring.Bitmap) (*roaring.Bitmap, error) {
	if rows.GetCardinality() <= fewLogs {
		return rows, nil
	}
	out := roaring.New()
	for _, test := range n.Tests {
		switch {
		case test == nil:
			continue
		case len(test.Tokens) == 0: // of a pattern the index of these fields knows nothing
			return rows, nil
		}
		some := rows.Clone()
		for _, token := range test.Tokens {
			with, err := p.group.InRest(ctx, []byte(token))
			if err != nil {
				return nil, err
			}
			some.And(with)
		}
		out.Or(some)
	}
	keys, err := p.group.RestKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if _, name := p.q.config.FullText(key); name == nil || !n.Tests[name.Number()].Passes(&p.scan, name, key) {
			continue
		}
		with, err := p.group.RestField(ctx, key)
		if err != nil {
			return nil, err
		}
		with.And(rows)
		out.Or(with)
	}
	return out, nil
}

// number finds the rows whose number is between two bounds.
func (p *planner) number(ctx context.Context, f index.Field, lo, hi segment.Bound, within *roaring.Bitmap, match func(string) bool) (*roaring.Bitmap, error) {
	if f.Path != "" {
		return p.byValue(ctx, f, within, match)
	}
	m, err := p.group.Range(ctx, f.Name, lo, hi)
	return p.settle(ctx, m, err, f.Name, within, match)
}

// byValue looks at the values of a field, or of a leaf of it.
func (p *planner) byValue(ctx context.Context, f index.Field, within *roaring.Bitmap, match func(string) bool) (*roaring.Bitmap, error) {
	m, err := p.group.Exists(ctx, f.Name)
	if err != nil {
		return nil, err
	}
	within.And(m.Rows)
	return p.filter(ctx, f.Name, within, func(v string) bool {
		text, ok := f.Of(v)
		return ok && match(text)
	})
}

// byLog reads whole logs and asks the search itself.
func (p *planner) byLog(ctx context.Context, n search.Node, rows *roaring.Bitmap) (*roaring.Bitmap, error) {
	out := roaring.New()
	const step = 4096 // logs in memory at once
	for it := rows.ManyIterator(); ; {
		some := make([]uint32, step)
		k := it.NextMany(some)
		if k == 0 {
			return out, nil
		}
		batch := roaring.BitmapOf(some[:k]...)
		p.logs += int64(k)
		logs, err := p.group.Fetch(ctx, batch)
		if err != nil {
			return nil, err
		}
		for i, row := range some[:k] {
			p.log.Set(flatRow(&logs[i]))
			if p.q.bound.Holds(n, &p.log) {
				out.Add(row)
			}
		}
	}
}
