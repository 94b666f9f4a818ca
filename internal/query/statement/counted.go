package statement

import (
	"slices"
	"strings"
	"time"
)

// Counted inputs. A selection that counts rows, and looks at nothing of a row but in which minute it was, is answered as well by a table
// that says how many rows each minute has, and an index gives that table without reading a row:
//
//	select date_trunc('minute', __time__) as t, count(*) ... group by t
//
//	   __time__   _n                 every = 60: of rows with the same __time__ / 60,
//	   1700000040  17                the time of one of them, or the begin of their 60 seconds,
//	   1700000100   4                and their number, which count(*) sums
//
// Everything else of the statement stays as it is: what counts have to give is found by the engine, from less. What a selection may do with
// the time decides about every; the width is the greatest that divides all the units it rounds to, 1 if it looks at the second.

// CountColumn is the column of a counted relation that says how many rows a row stands for.
const CountColumn = "_n"

// counting is what makes the rows of one source countable.
type counting struct {
	source *source
	every  int64 // seconds; 0 if no time is looked at
}

// counted notes whether the one table of a selection may be given counted. q is the query around, which orders.
func (c *checker) counted(q *query, s *selection) {
	si := c.info.selects[s]
	src := c.countable(si)
	if src == nil {
		return
	}
	n := &counting{source: src}
	ok := c.countedExpr(n, s.where)
	for _, it := range si.items {
		ok = ok && c.countedExpr(n, it.expr) && (it.column == nil || c.countedColumn(n, it.column))
	}
	for _, sets := range si.groups {
		for _, set := range sets {
			for _, g := range set {
				ok = ok && c.countedExpr(n, g.expr)
			}
		}
	}
	ok = ok && c.countedExpr(n, s.having)
	for _, o := range q.orderBy {
		ok = ok && c.countedExpr(n, o.expr)
	}
	if ok {
		c.info.counted[src] = n
	}
}

// countable is the table of a selection that reads one, groups, and reads no column but the time.
func (c *checker) countable(si *selectInfo) *source {
	if !si.grouped || len(si.from) != 1 {
		return nil
	}
	t, ok := si.from[0].(*tableName)
	if !ok || t.sample != nil {
		return nil
	}
	src := c.info.sources[t]
	if src.cte != nil {
		return nil
	}
	for _, col := range src.columns {
		if c.info.used[col] && col.of == nil && !same(col.name, timeColumn) {
			return nil
		}
	}
	return src
}

// countedExpr narrows n to what an expression tells of the time, and reports whether a counted table gives it the same value.
func (c *checker) countedExpr(n *counting, e expr) bool {
	ok := true
	walk(e, func(e expr) bool {
		if width, is := c.roundedTime(n, e); is {
			n.every = gcd(n.every, width)
			return false
		}
		switch e := e.(type) {
		case *inQuery, *exists, *quantified, *subquery: // may read the rows of the selection
			ok = false
		case *name:
			if col := c.info.names[e].column; col != nil {
				ok = ok && c.countedColumn(n, col)
			}
		case *call:
			ok = ok && c.countedCall(n, e)
		}
		return ok
	})
	return ok
}

// countedColumn: who looks at the time itself looks at every second.
func (c *checker) countedColumn(n *counting, col *column) bool {
	if col.source == n.source {
		n.every = 1
	}
	return true
}

// countedCall notes calls that count rows, and refuses those that see how many there are in another way.
func (c *checker) countedCall(n *counting, e *call) bool {
	f := c.info.calls[e]
	switch {
	case volatile[e.name]:
		return false
	case f.class != aggregate || e.over != nil: // a window is over groups, which are the same
		return f.class != rowMaker
	case e.name == "count" && !e.distinct && (e.star || len(e.args) == 1 && isNumber(e.args[0])):
		c.info.counts[e] = n.source
		return true
	}
	return (e.name == "min" || e.name == "max") && len(e.args) == 1
}

// volatile functions give another value for each row.
var volatile = map[string]bool{"rand": true, "random": true, "shuffle": true}

func isNumber(e expr) bool {
	_, ok := e.(*intLit)
	return ok
}

// roundedTime is the width in seconds to which an expression rounds the time of a row, if that is what it does.
func (c *checker) roundedTime(n *counting, e expr) (width int64, ok bool) {
	switch e := e.(type) {
	case *binary: // __time__ - __time__ % 60
		rest, is := e.r.(*binary)
		if !is || e.op != "-" || rest.op != "%" || !c.isTime(n, e.l) || !c.isTime(n, rest.l) {
			return 0, false
		}
		by, is := rest.r.(*intLit)
		return by.seconds(), is && by.seconds() > 0
	case *call:
		switch {
		case e.name == "date_trunc" && c.isMoment(n, e.args[1]):
			return c.unitWidth(e.args[0])
		case c.info.calls[e].class == padded && c.isTime(n, e.args[0]):
			window, is := e.args[1].(*stringLit)
			if !is {
				return 0, false
			}
			width, ok := windowSeconds(window.value)
			return gcd(width, c.zoneOffset()), ok // windows begin at local midnight
		}
	}
	return 0, false
}

// seconds is the value, 0 of none.
func (l *intLit) seconds() int64 {
	if l == nil {
		return 0
	}
	return l.value
}

// isTime reports whether an expression is the time of a row, in seconds.
func (c *checker) isTime(n *counting, e expr) bool {
	name, ok := e.(*name)
	if !ok {
		return false
	}
	col := c.info.names[name].column
	return col != nil && col.source == n.source && same(col.name, timeColumn)
}

// isMoment reports whether an expression is the time of a row as date_trunc takes it.
func (c *checker) isMoment(n *counting, e expr) bool {
	switch e := e.(type) {
	case *name:
		col := c.info.names[e].column
		return c.isTime(n, e) || col != nil && col.source == n.source && same(col.name, dateColumn)
	case *call:
		return e.name == "from_unixtime" && len(e.args) == 1 && c.isTime(n, e.args[0])
	}
	return false
}

// unitWidth is the width for a unit of date_trunc. Units of local time begin at multiples of what divides the zone's offset.
func (c *checker) unitWidth(e expr) (int64, bool) {
	unit, ok := e.(*stringLit)
	if !ok {
		return 0, false
	}
	width := int64(3600)
	switch strings.ToLower(unit.value) {
	case "millisecond", "second":
		width = 1
	case "minute":
		width = 60
	}
	return gcd(width, c.zoneOffset()), true
}

// zoneOffset divides every offset that the session's zone has had since 1970.
func (c *checker) zoneOffset() int64 {
	divisor := int64(0)
	for at := time.Unix(0, 0).In(c.options.location()); ; {
		_, offset := at.Zone()
		divisor = gcd(divisor, int64(offset))
		_, at = at.ZoneBounds()
		if at.IsZero() || at.Year() > 2200 {
			return divisor
		}
	}
}

// gcd of 0 and x is x.
func gcd(a, b int64) int64 {
	a, b = max(a, -a), max(b, -b)
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// printCount prints a call that counts the rows of a counted relation.
func (p *duckPrinter) printCount(c *call) (string, bool) {
	src := p.info.counts[c]
	if src == nil || p.info.counted[src] == nil || !p.table(p.input(src)).Counted {
		return "", false
	}
	return "CAST(coalesce(" + p.aggregate("sum "+src.id+"."+quoteName(CountColumn), c) + ", 0) AS BIGINT)", true
}

// Counts reports whether the statement reads nothing but counted inputs.
func (p *Plan) Counts() bool {
	return len(p.Inputs) > 0 && !slices.ContainsFunc(p.Inputs, func(in Input) bool { return !in.Counted })
}

// CountsInput reports whether the statement asks for nothing but the number of rows of its one input: each value of the one row of its
// result is that.
func (p *Plan) CountsInput() bool {
	q := p.statement.query
	s, ok := q.body.(*selection)
	if !ok || len(q.with) > 0 || len(p.Inputs) != 1 || !p.Inputs[0].Counted || p.Inputs[0].Every != 0 || p.limit.count < 1 || p.limit.offset > 0 {
		return false
	}
	si := p.info.selects[s]
	counts := func(it *selected) bool {
		c, ok := it.expr.(*call)
		return ok && p.info.counts[c] != nil && c.filter == nil && si.compare == nil
	}
	return s.where == nil && s.groupBy == nil && s.having == nil && !slices.ContainsFunc(si.items, func(it *selected) bool { return !counts(it) })
}
