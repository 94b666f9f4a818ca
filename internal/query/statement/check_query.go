package statement

import (
	"slices"
	"strconv"
)

// selectInfo is what is known about a selection.
type selectInfo struct {
	scope   *scope
	from    []relation
	items   []*selected
	groups  [][][]*grouping // of each element of GROUP BY, its sets
	grouped bool            // has GROUP BY or aggregates
	series  *call           // the time_series of the select list
	compare []*call         // its compare and ts_compare
	keys    map[string]bool // the expressions of GROUP BY, by keyOf
}

// selected is an entry of a select list; those that * stands for are columns without an expression.
type selected struct {
	expr   expr
	column *column
	name   string
	typ    Type
	alias  bool // the name was given, so that it can be referred to
	part   int  // of a row maker: 1 its keys, 2 its values
}

// grouping is an expression of GROUP BY: an entry of the select list, or an expression of its own.
type grouping struct {
	item int // from 1; 0 if it is none
	expr expr
}

// query checks q in the present scope.
func (c *checker) query(q *query) []output {
	if len(q.with) > 0 {
		defer c.push(&scope{})()
		for i := range q.with {
			c.cte(q, &q.with[i])
		}
	}
	out := c.body(q.body)
	c.info.outputs[q] = out
	c.limit(q)
	c.orderBy(q, out)
	if s, ok := q.body.(*selection); ok {
		c.counted(q, s)
	}
	return out
}

// ctes live in a scope of their own, as sources that FROM can name.
func (c *checker) cte(q *query, w *cte) {
	done := c.push(&scope{})
	out := c.query(w.query)
	done()
	src := c.sourceOf(w.name.text, out, w.columns)
	c.info.ctes[q] = append(c.info.ctes[q], src)
	c.scope.ctes = append(c.scope.ctes, src)
}

// sourceOf makes a source of a result, with columns renamed if names are given.
func (c *checker) sourceOf(alias string, out []output, rename []ident) *source {
	if rename != nil && len(rename) != len(out) {
		c.fail(rename[0].pos, "%d column names are given for %d columns", len(rename), len(out))
	}
	out = slices.Clone(out)
	for i := range rename {
		out[i].name = rename[i].text
	}
	return c.newSource(alias, out)
}

func (c *checker) body(b body) []output {
	var out []output
	switch b := b.(type) {
	case *query:
		out = c.query(b)
	case *selection:
		out = c.selection(b)
	case *values:
		out = c.values(b)
	case *setOp:
		out = c.setOp(b)
	}
	c.info.outputs[b] = out
	return out
}

func (c *checker) values(v *values) []output {
	out := make([]output, len(v.rows[0]))
	for i := range out {
		out[i] = output{name: "_col" + strconv.Itoa(i)}
	}
	for _, r := range v.rows {
		if len(r) != len(out) {
			c.fail(v.pos, "the rows of VALUES have %d and %d columns", len(out), len(r))
		}
		for i, e := range r {
			t, ok := common(out[i].typ, c.plain(e, "VALUES"))
			if !ok {
				c.fail(e.at(), "the values of a column have types %s and %s", out[i].typ, c.info.types[e])
			}
			out[i].typ, out[i].size = t, max(out[i].size, c.info.size(e))
		}
	}
	return out
}

func (c *checker) setOp(s *setOp) []output {
	left, right := c.body(s.left), c.body(s.right)
	if len(left) != len(right) {
		c.fail(s.pos, "%s of %d and %d columns; both sides have the same number", s.op, len(left), len(right))
	}
	out := make([]output, len(left))
	for i := range out {
		t, ok := common(left[i].typ, right[i].typ)
		if !ok {
			c.fail(s.pos, "column %d of %s has types %s and %s; cast one side", i+1, s.op, left[i].typ, right[i].typ)
		}
		out[i] = output{left[i].name, t, max(left[i].size, right[i].size)}
	}
	return out
}

func (c *checker) selection(s *selection) []output {
	sc := &scope{}
	si := &selectInfo{scope: sc, from: s.from}
	c.info.selects[s] = si
	if si.from == nil {
		if c.schema.Log == nil {
			c.fail(s.pos, "a statement of a project names the logstores that it reads in FROM")
		}
		si.from = []relation{&tableName{pos: s.pos, name: ident{pos: s.pos, text: LogTable}}}
	}
	defer c.push(sc)()
	for _, r := range si.from {
		c.relation(r)
	}
	if s.where != nil {
		c.condition(s.where, "WHERE")
		c.timeRanges(s.where)
	}
	for i := range s.items {
		c.item(si, &s.items[i])
	}
	c.groupBy(s, si)
	if s.having != nil {
		sc.items = behindColumns(sc, si.items)
		c.conditionType(s.having, "HAVING")
		sc.items = nil
	}
	c.findRewrites(s, si)
	c.checkGrouped(s, si)
	out := make([]output, len(si.items))
	for i, it := range si.items {
		out[i] = output{name: it.name, typ: it.typ}
		if it.expr != nil {
			out[i].size = c.info.size(it.expr)
		} else {
			out[i].size = it.column.size
		}
	}
	return out
}

// behindColumns are the entries that GROUP BY and HAVING can name: those with an alias that is not the name of a column too.
func behindColumns(sc *scope, items []*selected) []*selected {
	var visible []*selected
	for _, it := range items {
		if it.alias && len(sc.columnsNamed(it.name)) == 0 {
			visible = append(visible, it)
		}
	}
	return visible
}

// condition checks a boolean in which aggregates have no place.
func (c *checker) condition(e expr, clause string) {
	c.conditionType(e, clause)
	c.noAggregates(e, clause)
}

func (c *checker) conditionType(e expr, clause string) {
	if t := c.expr(e); t.Kind != Boolean && t.Kind != Unknown {
		c.fail(e.at(), "%s must be a boolean, not %s", clause, t)
	}
}

// plain checks an expression in which aggregates have no place.
func (c *checker) plain(e expr, clause string) Type {
	t := c.expr(e)
	c.noAggregates(e, clause)
	return t
}

func (c *checker) noAggregates(e expr, clause string) {
	walk(e, func(e expr) bool {
		if call, ok := e.(*call); ok {
			if f := c.info.calls[call]; f.class != scalar || call.over != nil {
				c.fail(call.pos, "%s cannot contain aggregations, window functions or compare: %s", clause, call.name)
			}
		}
		return true
	})
}

// orderBy checks the ORDER BY of q: entries of the select list by number or name, and columns where there is a selection.
func (c *checker) orderBy(q *query, out []output) {
	if len(q.orderBy) == 0 {
		return
	}
	s, isSelect := q.body.(*selection)
	items := make([]*selected, len(out))
	for i, o := range out {
		items[i] = &selected{name: o.name, typ: o.typ}
	}
	sc := &scope{}
	if isSelect {
		si := c.info.selects[s]
		items = si.items
		sc.items = items
		if !s.distinct {
			sc.sources, sc.merged = si.scope.sources, si.scope.merged
		}
	} else {
		sc.items = items
	}
	defer c.push(sc)()
	for _, o := range q.orderBy {
		if n, ok := o.expr.(*intLit); ok {
			c.ordinal(n, len(items), "ORDER BY")
			continue
		}
		c.expr(o.expr)
		if isConstant(o.expr) {
			c.fail(o.expr.at(), "ORDER BY takes columns, their numbers and expressions; a constant does not order")
		}
		if isSelect {
			c.checkOrder(s, o.expr)
		} else if !c.isItem(o.expr) {
			c.fail(o.expr.at(), "ORDER BY behind a set operation takes names and numbers of its columns")
		}
	}
}

func isConstant(e expr) bool {
	switch e.(type) {
	case *nullLit, *boolLit, *doubleLit, *stringLit, *binaryLit, *typedLit, *intervalLit:
		return true
	}
	return false
}

func (c *checker) isItem(e expr) bool {
	n, ok := e.(*name)
	return ok && c.info.names[n].item != nil
}

func (c *checker) ordinal(n *intLit, items int, clause string) int {
	if n.value < 1 || n.value > int64(items) {
		c.fail(n.pos, "%s position %d is not in the select list", clause, n.value)
	}
	return int(n.value)
}

// limit checks LIMIT (reference sls-query 3.1).
func (c *checker) limit(q *query) {
	l := q.limit
	switch {
	case l == nil:
	case l.offsetPos != 0 && q != c.root:
		c.refuse(l.offsetPos, "an offset is supported in the outermost query only")
	case l.count > MaxLimit:
		c.fail(l.pos, "LIMIT is at most %d", MaxLimit)
	case l.offsetPos != 0 && l.count > maxPage:
		c.fail(l.pos, "LIMIT offset,count takes a count of at most %d", maxPage)
	case l.offset+max(l.count, 0) > MaxLimit:
		c.fail(l.pos, "the sum of offset and count is at most %d", MaxLimit)
	}
}
