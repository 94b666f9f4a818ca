package statement

import "strconv"

// The columns by which a statement says which time it is about.
const (
	timeColumn = "__time__" // bigint, unix seconds
	dateColumn = "__date__" // timestamp
)

// timeRanges finds the ranges that WHERE gives for the tables of a selection: comparisons with what does not depend on rows, joined by AND.
func (c *checker) timeRanges(where expr) {
	terms := []expr{where}
	if l, ok := where.(*logic); ok && l.op == "AND" {
		terms = l.terms
	}
	for _, t := range terms {
		switch t := t.(type) {
		case *binary:
			if !c.timeBound(t.l, t.op, t.r) {
				c.timeBound(t.r, mirrored[t.op], t.l)
			}
		case *between:
			if !t.not {
				c.timeBound(t.x, ">=", t.lo)
				c.timeBound(t.x, "<=", t.hi)
			}
		}
	}
}

var mirrored = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}

// timeBound reads "x op v" if x is the time of a table and v does not depend on rows.
func (c *checker) timeBound(x expr, op string, v expr) bool {
	n, ok := x.(*name)
	if !ok || c.info.names[n].column == nil {
		return false
	}
	col := c.info.names[n].column
	if _, scan := c.info.scans[col.source]; !scan || !same(col.name, timeColumn) && !same(col.name, dateColumn) {
		return false
	}
	first, last, ok := c.seconds(v)
	if !ok {
		return false
	}
	r := c.info.ranges[col.source]
	switch op {
	case ">":
		r.From = later64(r.From, first+1)
	case ">=":
		r.From = later64(r.From, last)
	case "<":
		r.To = earlier64(r.To, last)
	case "<=":
		r.To = earlier64(r.To, first+1)
	case "=":
		r.From, r.To = later64(r.From, first), earlier64(r.To, first+1)
	default:
		return false
	}
	c.info.ranges[col.source] = r
	return true
}

func later64(p *int64, v int64) *int64 {
	if p != nil && *p > v {
		return p
	}
	return &v
}

func earlier64(p *int64, v int64) *int64 {
	if p != nil && *p < v {
		return p
	}
	return &v
}

// numberValue reads a constant number.
func numberValue(e expr) (float64, bool) {
	switch e := e.(type) {
	case *intLit:
		return float64(e.value), true
	case *doubleLit:
		f, err := strconv.ParseFloat(e.text, 64)
		return f, err == nil
	}
	return 0, false
}
