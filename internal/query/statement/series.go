package statement

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// time_series(t, window, format, padding) groups by windows of time and fills the windows in which nothing was: with 0, null,
// the last or the next value, or the mean of both.
var seriesFunctions = section{"Time series", padded, []row{
	{sig: "time_series(bigint, varchar, varchar, varchar) varchar"},
}}

// maxWindows bounds how many windows a series may have.
const maxWindows = 100_000

func (c *checker) seriesCall(si *selectInfo) {
	call := si.series
	for _, a := range call.args[1:] {
		if _, ok := a.(*stringLit); !ok {
			c.fail(a.at(), "time_series takes constants, as in time_series(__time__, '5m', '%%H:%%i', '0')")
		}
	}
	if _, ok := windowSeconds(call.args[1].(*stringLit).value); !ok {
		c.fail(call.args[1].at(), "the window of time_series is a number with s, m, h or d, as in '30s'")
	}
	switch padding := call.args[3].(*stringLit); padding.value {
	case "0", "null", "last", "next", "avg":
	default:
		c.fail(padding.pos, "the padding of time_series is '0', 'null', 'last', 'next' or 'avg'")
	}
	if len(si.groups) != 1 || si.groups[0][0][0].expr != expr(call) {
		c.fail(call.pos, "a query with time_series groups by it and by nothing else")
	}
}

func windowSeconds(s string) (int64, bool) {
	units := map[byte]int64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}
	if s == "" || units[s[len(s)-1]] == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
	return n * units[s[len(s)-1]], err == nil && n > 0 && n < 1e6
}

// series prints a selection with time_series: the windows of the time range, joined with a base grouped by window.
func (p *duckPrinter) series(s *selection, si *selectInfo) string {
	ts := si.series
	width, _ := windowSeconds(ts.args[1].(*stringLit).value)
	from, to := p.during(ts.args[0])
	if from >= to {
		p.fail(ts.pos, "time_series needs the time range of the query")
	}
	if (to-from)/width > maxWindows {
		p.fail(ts.pos, "the time range holds more than %d windows; take larger ones", maxWindows)
	}
	// Windows begin at local midnight.
	_, zone := time.Unix(from, 0).In(p.options.location()).Zone()
	floor := func(t string) string { return fmt.Sprintf("(%s - (%s + %d) %% %d)", t, t, zone, width) }

	b := p.base(s, si, nil, func(in *call) bool { return in == ts })
	b.items[0] = floor(p.expr(ts.args[0])) + " AS k1"
	first := from - (from+int64(zone))%width
	windows := fmt.Sprintf("(SELECT unnest(generate_series(%d::BIGINT, %d::BIGINT, %d::BIGINT)))", first, to-1, width)

	format, bad := engineFormat(ts.args[2].(*stringLit).value)
	if bad != 0 {
		p.fail(ts.args[2].at(), "%%%c is not supported in a format", bad)
	}
	p.replaced = map[string]string{
		p.info.keyOf(ts): "strftime(CAST(to_timestamp(_s.t) AS TIMESTAMP), " + quoteText(format) + ")",
	}
	for _, it := range si.items {
		walk(it.expr, func(e expr) bool {
			if a := b.aggregates[p.info.keyOf(e)]; a != "" {
				p.replaced[p.info.keyOf(e)] = pad(ts.args[3].(*stringLit).value, "_b."+a, p.info.types[e])
			}
			return true
		})
	}
	p.order = map[int]string{}
	for i, it := range si.items {
		if it.expr == expr(ts) {
			p.order[i] = "_s.t"
		}
	}
	return "SELECT " + strings.Join(p.replacedItems(si), ", ") + " FROM " + windows + " AS _s(t) LEFT JOIN " + p.baseQuery(s, si, b) + " AS _b ON _s.t = _b.k1"
}

// during is the range of a time: what WHERE says of the table that it is a column of, or else the range of the request.
func (p *duckPrinter) during(t expr) (from, to int64) {
	from, to = p.options.From, p.options.To
	if n, ok := t.(*name); ok && p.info.names[n].column != nil {
		r := p.info.ranges[p.info.names[n].column.source]
		if r.From != nil {
			from = *r.From
		}
		if r.To != nil {
			to = *r.To
		}
	}
	return from, to
}

func pad(padding, value string, t Type) string {
	last := "last_value(" + value + " IGNORE NULLS) OVER (ORDER BY _s.t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
	next := "first_value(" + value + " IGNORE NULLS) OVER (ORDER BY _s.t ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
	switch {
	case padding == "0" && t.numeric():
		return "coalesce(" + value + ", 0)"
	case padding == "last":
		return last
	case padding == "next":
		return next
	case padding == "avg" && t.numeric():
		return "coalesce(" + value + ", CAST((" + last + " + " + next + ") / 2e0 AS " + DuckType(t) + "))"
	}
	return value
}
