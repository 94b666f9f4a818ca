package statement

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// compare(x, n...) runs the query around it once more for each n, over logs n seconds older, and gives [now, then, now/then] as
// doubles; several n give [now, then1, then2, ..., now/then1, now/then2, ...]. Groups are matched by their keys. ts_compare
// matches groups whose time lies n seconds apart, and adds the earlier time as the last element.
var compareFunctions = section{"Comparison over time", compared, []row{
	{sig: "compare(number, bigint...) array(double)"},
	{sig: "ts_compare(number, bigint...) array(double)"},
}}

// maxShift is 10 years.
const maxShift = 10 * 366 * 86400

// findRewrites notes the functions that change the query around them, and checks that they can.
func (c *checker) findRewrites(s *selection, si *selectInfo) {
	for _, it := range si.items {
		if it.expr == nil {
			continue
		}
		walk(it.expr, func(e expr) bool {
			call, ok := e.(*call)
			if !ok {
				return true
			}
			switch c.info.calls[call].class {
			case compared:
				c.compareCall(call)
				si.compare = append(si.compare, call)
			case padded:
				if e != it.expr || si.series != nil {
					c.fail(call.pos, "time_series stands once and alone in the select list")
				}
				si.series = call
			}
			return true
		})
	}
	switch {
	case si.compare == nil && si.series == nil:
	case si.compare != nil && si.series != nil:
		c.fail(si.series.pos, "compare and time_series cannot be combined in one query; nest one in FROM")
	case s.having != nil:
		c.refuse(s.having.at(), "HAVING beside compare or time_series is not supported; filter in a query around it")
	case s.distinct:
		c.refuse(s.pos, "DISTINCT beside compare or time_series is not supported")
	}
	for i, sets := range si.groups {
		if (si.compare != nil || si.series != nil) && (s.groupBy.sets[i].kind != "" || len(sets[0]) != 1) {
			c.refuse(s.pos, "ROLLUP, CUBE and GROUPING SETS beside compare or time_series are not supported")
		}
	}
	for _, call := range si.compare {
		if call.name == "ts_compare" {
			c.timeKey(si, call)
		}
	}
	if si.series != nil {
		c.seriesCall(si)
	}
}

func (c *checker) compareCall(compare *call) {
	for _, a := range compare.args[1:] {
		if n, ok := a.(*intLit); !ok || n.value < 1 || n.value > maxShift {
			c.fail(a.at(), "%s takes numbers of seconds, as in compare(pv, 86400)", compare.name)
		}
	}
	walk(compare.args[0], func(e expr) bool {
		if in, ok := e.(*call); ok && c.info.calls[in].class == compared {
			c.fail(in.pos, "compare cannot be nested in compare")
		}
		return true
	})
}

// timeKey checks that there is one time to group by.
func (c *checker) timeKey(si *selectInfo, call *call) {
	times := 0
	for _, sets := range si.groups {
		if t := c.keyType(si, sets[0][0]); t.moment() || t.Kind == Bigint || t.Kind == Double {
			times++
		}
	}
	if times != 1 {
		c.fail(call.pos, "ts_compare needs exactly one column of time in GROUP BY, a timestamp or seconds; there are %d", times)
	}
}

func (c *checker) keyType(si *selectInfo, g *grouping) Type {
	if g.item > 0 {
		return si.items[g.item-1].typ
	}
	return c.info.types[g.expr]
}

// base is a query that another is built around: its keys, values and aggregates under names of their own.
type base struct {
	keys, items []string
	aggregates  map[string]string // by keyOf, their names
}

// base prints what the select list is made of: the keys as k1..., values as v1..., aggregates as a1...
func (p *duckPrinter) base(s *selection, si *selectInfo, values []expr, skip func(*call) bool) base {
	b := base{aggregates: map[string]string{}}
	for i, sets := range si.groups {
		b.keys = append(b.keys, "k"+strconv.Itoa(i+1))
		b.items = append(b.items, p.groupKey(si, sets[0][0])+" AS "+b.keys[i])
	}
	for i, v := range values {
		sql := p.expr(v)
		if !p.hasAggregate(v) {
			sql = "any_value(" + sql + ")"
		}
		b.items = append(b.items, sql+" AS v"+strconv.Itoa(i+1))
	}
	for _, it := range si.items {
		walk(it.expr, func(e expr) bool {
			in, ok := e.(*call)
			switch {
			case !ok:
				return true
			case skip(in):
				return false
			case in.over != nil:
				p.refuse(in.pos, "window functions beside compare or time_series are not supported; use a query around it")
			case p.info.calls[in].class != aggregate:
				return true
			}
			if key := p.info.keyOf(in); b.aggregates[key] == "" {
				b.aggregates[key] = "a" + strconv.Itoa(len(b.aggregates)+1)
				b.items = append(b.items, p.expr(in)+" AS "+b.aggregates[key])
			}
			return false
		})
	}
	return b
}

func (p *duckPrinter) hasAggregate(e expr) bool {
	found := false
	walk(e, func(e expr) bool {
		call, ok := e.(*call)
		found = found || ok && call.over == nil && p.info.calls[call].class == aggregate
		return !found
	})
	return found
}

func (p *duckPrinter) groupKey(si *selectInfo, g *grouping) string {
	if g.expr == nil {
		return si.items[g.item-1].column.sql
	}
	return p.expr(g.expr)
}

func (p *duckPrinter) keyName(si *selectInfo, g *grouping) string {
	if g.expr == nil {
		return si.items[g.item-1].column.sql
	}
	return p.info.keyOf(g.expr)
}

// baseQuery prints base with its FROM, as a relation.
func (p *duckPrinter) baseQuery(s *selection, si *selectInfo, b base) string {
	items := b.items
	if len(items) == 0 {
		items = []string{"1"}
	}
	sql := "SELECT " + strings.Join(items, ", ") + p.fromWhere(s, si)
	numbers := make([]string, len(b.keys))
	for i := range b.keys {
		numbers[i] = strconv.Itoa(i + 1)
	}
	if len(numbers) > 0 {
		sql += " GROUP BY " + strings.Join(numbers, ", ")
	}
	return "(" + sql + ")"
}

// comparison prints a selection with compare: a base now, one for each shift, joined on the keys.
func (p *duckPrinter) comparison(s *selection, si *selectInfo) string {
	if p.shift != 0 {
		p.refuse(s.pos, "compare over a query that compares is not supported")
	}
	values := make([]expr, len(si.compare))
	var shifts []int64
	for i, call := range si.compare {
		values[i] = call.args[0]
		for _, a := range call.args[1:] {
			shifts = append(shifts, a.(*intLit).value)
		}
	}
	slices.Sort(shifts)
	shifts = slices.Compact(shifts)
	isCompare := func(call *call) bool { return p.info.calls[call].class == compared }

	now := p.base(s, si, values, isCompare)
	from := " FROM " + p.baseQuery(s, si, now) + " AS _c0"
	timed := slices.ContainsFunc(si.compare, func(call *call) bool { return call.name == "ts_compare" })
	for i, n := range shifts {
		p.shift = n
		then := p.base(s, si, values, isCompare)
		id := "_c" + strconv.Itoa(i+1)
		from += " LEFT JOIN " + p.baseQuery(s, si, then) + " AS " + id + " ON " + p.sameKeys(si, now, id, n, timed)
		p.shift = 0
	}

	p.replaced = map[string]string{}
	for i, sets := range si.groups {
		p.replaced[p.keyName(si, sets[0][0])] = "_c0." + now.keys[i]
	}
	for key, a := range now.aggregates {
		p.replaced[key] = "_c0." + a
	}
	for i, call := range si.compare {
		p.replaced[p.info.keyOf(call)] = p.compareList(si, call, i+1, shifts)
	}
	return "SELECT " + strings.Join(p.replacedItems(si), ", ") + from
}

// replacedItems prints the select list out of what was computed.
func (p *duckPrinter) replacedItems(si *selectInfo) []string {
	items := make([]string, len(si.items))
	for i, it := range si.items {
		sql, ok := "", false
		if it.expr == nil {
			sql, ok = p.replaced[it.column.sql]
		}
		if !ok {
			sql = p.item(it)
		}
		items[i] = sql + " AS " + quoteName(it.name)
	}
	return items
}

func (p *duckPrinter) sameKeys(si *selectInfo, b base, then string, shift int64, timed bool) string {
	var all []string
	for i, k := range b.keys {
		earlier := then + "." + k
		if timed {
			earlier = later(earlier, p.groupType(si, si.groups[i][0][0]), shift)
		}
		all = append(all, "_c0."+k+" IS NOT DISTINCT FROM "+earlier)
	}
	if len(all) == 0 {
		return "TRUE"
	}
	return strings.Join(all, " AND ")
}

func (p *duckPrinter) groupType(si *selectInfo, g *grouping) Type {
	if g.item > 0 {
		return si.items[g.item-1].typ
	}
	return p.info.types[g.expr]
}

// later moves a time by seconds; other keys stay.
func later(sql string, t Type, seconds int64) string {
	switch {
	case t.Kind == Bigint || t.Kind == Double:
		return fmt.Sprintf("(%s + %d)", sql, seconds)
	case t.moment():
		return fmt.Sprintf("(%s + to_seconds(%d))", sql, seconds)
	}
	return sql
}

func (p *duckPrinter) compareList(si *selectInfo, call *call, value int, shifts []int64) string {
	now := fmt.Sprintf("CAST(_c0.v%d AS DOUBLE)", value)
	elems, ratios, times := []string{now}, []string{}, []string{}
	for _, a := range call.args[1:] {
		id := slices.Index(shifts, a.(*intLit).value) + 1
		then := fmt.Sprintf("CAST(_c%d.v%d AS DOUBLE)", id, value)
		elems = append(elems, then)
		ratios = append(ratios, now+" / "+then)
		if call.name == "ts_compare" {
			times = append(times, p.earlierTime(si, fmt.Sprintf("_c%d", id)))
		}
	}
	return "[" + strings.Join(slices.Concat(elems, ratios, times), ", ") + "]"
}

// earlierTime is the time key of a group of the past, as unix seconds.
func (p *duckPrinter) earlierTime(si *selectInfo, then string) string {
	for i, sets := range si.groups {
		sql := then + ".k" + strconv.Itoa(i+1)
		switch t := p.groupType(si, sets[0][0]); {
		case t.Kind == Bigint || t.Kind == Double:
			return "CAST(" + sql + " AS DOUBLE)"
		case t.moment():
			return "epoch(CAST(" + sql + " AS TIMESTAMPTZ))"
		}
	}
	panic("ts_compare without a time")
}
