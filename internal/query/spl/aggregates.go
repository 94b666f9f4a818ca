package spl

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// accumulator collects one aggregate of one group.
type accumulator interface {
	// add takes the arguments of one row and returns by how many bytes it grew.
	add(args []value) int
	// result is NULL if there was nothing to collect.
	result() value
}

// aggregates are those of reference sls-query section 5, by name.
var aggregates = map[string]struct {
	args int
	make func(rt *run) accumulator
}{
	"count":             {1, func(*run) accumulator { return new(counter) }},
	"count_if":          {1, func(*run) accumulator { return new(truthCounter) }},
	"sum":               {1, func(*run) accumulator { return new(adder) }},
	"avg":               {1, func(*run) accumulator { return &moments{of: mean} }},
	"skewness":          {1, func(*run) accumulator { return &moments{of: skewness} }},
	"kurtosis":          {1, func(*run) accumulator { return &moments{of: kurtosis} }},
	"min":               {1, func(rt *run) accumulator { return &extremum{zone: rt.Zone, sign: -1} }},
	"max":               {1, func(rt *run) accumulator { return &extremum{zone: rt.Zone, sign: 1} }},
	"approx_distinct":   {1, func(*run) accumulator { return &sketch{} }},
	"approx_percentile": {2, func(*run) accumulator { return new(percentile) }},
	"bool_and":          {1, func(*run) accumulator { return &unanimous{wanted: true} }},
	"every":             {1, func(*run) accumulator { return &unanimous{wanted: true} }},
	"bool_or":           {1, func(*run) accumulator { return &unanimous{wanted: false} }},
	"arbitrary":         {1, func(*run) accumulator { return new(anyOne) }},
	"array_agg":         {1, func(*run) accumulator { return new(collector) }},
}

// parseAggregate: name(argument, ...) or count(*)
func (p *parser) parseAggregate() aggregate {
	t := p.peek()
	agg, ok := aggregates[strings.ToLower(t.text)]
	if t.kind != wordToken || !ok {
		p.fail(t, "'%s' is no aggregate; there are %s", t.text, joinSorted(slices.Collect(maps.Keys(aggregates))))
	}
	p.take()
	p.expectSymbol("(")
	a := aggregate{make: agg.make}
	if t.isWord("count") && p.acceptSymbol("*") {
		a.args = []expr{constant{boolOf(true)}}
	} else {
		a.args = list(p, p.parseExpr)
	}
	p.expectSymbol(")")
	if len(a.args) != agg.args {
		p.fail(t, "%s takes %s, not %d", t.text, arity(agg.args, agg.args), len(a.args))
	}
	return a
}

// counter counts what is not NULL.
type counter struct{ n int64 }

func (c *counter) add(args []value) int {
	if !args[0].isNull() {
		c.n++
	}
	return 0
}

func (c *counter) result() value { return intOf(c.n) }

// truthCounter counts what is true.
type truthCounter struct{ counter }

func (c *truthCounter) add(args []value) int {
	if args[0].truth().isTrue() {
		c.n++
	}
	return 0
}

// adder adds: integers as integers, as long as they fit into one.
type adder struct{ total value }

func (a *adder) add(args []value) int {
	n := args[0].number()
	if a.total.isNull() || n.isNull() {
		if a.total.isNull() {
			a.total = n
		}
		return 0
	}
	if t := arith('+', a.total, n); !t.isNull() {
		a.total = t
		return 0
	}
	x, _ := a.total.real()
	a.total = arith('+', doubleOf(x), n)
	return 0
}

func (a *adder) result() value { return a.total }

// moments follows the mean and the central moments of numbers, one by one, without losing digits.
type moments struct {
	of                func(*moments) float64
	n, m1, m2, m3, m4 float64
}

func (m *moments) add(args []value) int {
	x, ok := args[0].real()
	if !ok {
		return 0
	}
	before := m.n
	m.n++
	delta := x - m.m1
	share := delta / m.n
	square := share * share
	term := delta * share * before
	m.m1 += share
	m.m4 += term*square*(m.n*m.n-3*m.n+3) + 6*square*m.m2 - 4*share*m.m3
	m.m3 += term*share*(m.n-2) - 3*share*m.m2
	m.m2 += term
	return 0
}

func (m *moments) result() value {
	f := math.NaN()
	if m.n > 0 {
		f = m.of(m)
	}
	if math.IsNaN(f) {
		return null
	}
	return doubleOf(f)
}

func mean(m *moments) float64 { return m.m1 }

func skewness(m *moments) float64 {
	if m.n < 3 {
		return math.NaN()
	}
	return math.Sqrt(m.n) * m.m3 / math.Pow(m.m2, 1.5)
}

// kurtosis is the excess, corrected for bias.
func kurtosis(m *moments) float64 {
	n := m.n
	if n < 4 {
		return math.NaN()
	}
	variance := m.m2 / (n - 1)
	return n*(n+1)/((n-1)*(n-2)*(n-3))*m.m4/(variance*variance) - 3*(n-1)*(n-1)/((n-2)*(n-3))
}

// extremum keeps the smallest or the largest.
type extremum struct {
	zone *time.Location
	sign int
	best value
}

func (e *extremum) add(args []value) int {
	v := args[0]
	if v.isNull() {
		return 0
	}
	if e.best.isNull() || order(v, e.best, e.zone)*e.sign > 0 {
		grown := v.bytes(1<<30) - e.best.bytes(1<<30)
		e.best = v.own()
		return grown
	}
	return 0
}

func (e *extremum) result() value { return e.best }

// unanimous is true for all if wanted, for one if not; NULL counts as nothing.
type unanimous struct {
	wanted bool
	seen   bool
	broken bool
}

func (u *unanimous) add(args []value) int {
	v := args[0].truth()
	u.seen = u.seen || !v.isNull()
	u.broken = u.broken || !v.isNull() && v.isTrue() != u.wanted
	return 0
}

func (u *unanimous) result() value {
	if !u.seen {
		return null
	}
	return boolOf(u.wanted != u.broken)
}

// anyOne keeps the first that is not NULL.
type anyOne struct{ v value }

func (a *anyOne) add(args []value) int {
	if !a.v.isNull() {
		return 0
	}
	a.v = args[0].own()
	return args[0].bytes(1 << 30)
}

func (a *anyOne) result() value { return a.v }

// collector keeps all, NULL too.
type collector struct{ all []value }

func (c *collector) add(args []value) int {
	c.all = append(c.all, args[0].own())
	return 2 * args[0].bytes(1<<30)
}

func (c *collector) result() value {
	if c.all == nil {
		return null
	}
	return listOf(c.all)
}

// percentile keeps all numbers: the answer is exact, and memory is what bounds it.
type percentile struct {
	all []float64
	p   float64
}

func (c *percentile) add(args []value) int {
	x, ok := args[0].real()
	p, ok2 := args[1].real()
	if !ok || !ok2 {
		return 0
	}
	c.all, c.p = append(c.all, x), p
	return 16
}

// result is the smallest number that so great a part of all is not above.
func (c *percentile) result() value {
	if len(c.all) == 0 || !(c.p >= 0 && c.p <= 1) {
		return null
	}
	slices.Sort(c.all)
	i := int(math.Ceil(c.p*float64(len(c.all)))) - 1
	return doubleOf(c.all[max(i, 0)])
}
