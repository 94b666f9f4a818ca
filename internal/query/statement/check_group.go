package statement

import (
	"slices"
	"strings"
)

// groupBy resolves GROUP BY: numbers and aliases of the select list, and expressions.
func (c *checker) groupBy(s *selection, si *selectInfo) {
	if s.groupBy == nil {
		return
	}
	si.grouped = true
	c.scope.items = behindColumns(c.scope, si.items)
	defer func() { c.scope.items = nil }()
	for _, g := range s.groupBy.sets {
		var sets [][]*grouping
		for _, exprs := range g.sets {
			set := []*grouping{}
			for _, e := range exprs {
				set = append(set, c.grouping(si, e))
			}
			sets = append(sets, set)
		}
		si.groups = append(si.groups, sets)
	}
}

func (c *checker) grouping(si *selectInfo, e expr) *grouping {
	g := &grouping{expr: e}
	if n, ok := e.(*intLit); ok {
		g.item = c.ordinal(n, len(si.items), "GROUP BY")
	} else {
		c.expr(e)
		if n, ok := e.(*name); ok && c.info.names[n].item != nil {
			for i, it := range si.items {
				if it == c.info.names[n].item {
					g.item = i + 1
				}
			}
		}
	}
	if g.item > 0 {
		g.expr = si.items[g.item-1].expr
	}
	if g.expr != nil {
		if call, ok := g.expr.(*call); !ok || c.info.calls[call].class != padded {
			c.noAggregates(g.expr, "GROUP BY")
		}
	}
	return g
}

// keyOf writes an expression so that two that mean the same are written the same.
func (in *info) keyOf(e expr) string {
	f := &formatter{resolve: in.nameKey}
	f.expr(e)
	return f.String()
}

func (in *info) nameKey(n *name) string {
	t := in.names[n]
	switch {
	case t.item == nil:
		parts := []string{t.column.sql}
		for _, id := range n.parts[len(n.parts)-len(t.fields):] {
			parts = append(parts, strings.ToLower(quoteName(id.text)))
		}
		return strings.Join(parts, ".")
	case t.item.expr == nil:
		return t.item.column.sql
	}
	return "(" + in.keyOf(t.item.expr) + ")"
}

// checkGrouped sees to it that what is not grouped stands in aggregates only.
func (c *checker) checkGrouped(s *selection, si *selectInfo) {
	for _, it := range si.items {
		si.grouped = si.grouped || it.expr != nil && c.hasAggregate(it.expr)
	}
	si.grouped = si.grouped || s.having != nil
	if !si.grouped {
		for _, it := range si.items {
			c.groupingCalls(si, it.expr)
		}
		return
	}
	si.keys = map[string]bool{}
	for _, sets := range si.groups {
		for _, set := range sets {
			for _, g := range set {
				if g.expr != nil {
					si.keys[c.info.keyOf(g.expr)] = true
				} else {
					si.keys[si.items[g.item-1].column.sql] = true
				}
			}
		}
	}
	for _, it := range si.items {
		c.groupingCalls(si, it.expr)
		switch {
		case it.expr != nil:
			c.grouped(si, it.expr)
		case !si.keys[it.column.sql]:
			c.notGrouped(s.pos, it.column.label)
		}
	}
	if s.having != nil {
		c.grouped(si, s.having)
	}
}

// groupingCalls checks that GROUPING asks about what GROUP BY names.
func (c *checker) groupingCalls(si *selectInfo, e expr) {
	walk(e, func(e expr) bool {
		if call, ok := e.(*call); ok && call.name == "grouping" {
			for _, a := range call.args {
				if !si.keys[c.info.keyOf(a)] {
					c.fail(a.at(), "The arguments to GROUPING() must be expressions referenced by the GROUP BY")
				}
			}
		}
		return true
	})
}

// checkOrder does the same for one entry of ORDER BY.
func (c *checker) checkOrder(s *selection, e expr) {
	si := c.info.selects[s]
	if si.grouped {
		c.grouped(si, e)
	} else if c.hasAggregate(e) {
		c.fail(e.at(), "ORDER BY has an aggregate, and the query has no GROUP BY")
	}
}

func (c *checker) notGrouped(pos int, label string) {
	c.fail(pos, "Column '%s' not in GROUP BY clause;please add the column in the index attribute", label)
}

func (c *checker) aggregateCall(e expr) (*call, bool) {
	call, ok := e.(*call)
	if !ok || call.over != nil {
		return nil, false
	}
	class := c.info.calls[call].class
	return call, class == aggregate || class == rowMaker || class == compared
}

func (c *checker) hasAggregate(e expr) bool {
	found := false
	walk(e, func(e expr) bool {
		if n, ok := e.(*name); ok {
			if it := c.info.names[n].item; it != nil && it.expr != nil {
				found = found || c.hasAggregate(it.expr)
			}
		}
		_, is := c.aggregateCall(e)
		found = found || is
		return !found
	})
	return found
}

// grouped fails at a column that is neither grouped nor inside an aggregate.
func (c *checker) grouped(si *selectInfo, e expr) {
	walk(e, func(e expr) bool {
		if si.keys[c.info.keyOf(e)] {
			return false
		}
		if call, ok := c.aggregateCall(e); ok {
			for _, a := range call.args {
				if c.hasAggregate(a) && c.info.calls[call].class != compared {
					c.fail(a.at(), "Cannot nest aggregations inside aggregation '%s'", call.name)
				}
			}
			return false
		}
		if n, ok := e.(*name); ok {
			c.groupedName(si, n)
		}
		return true
	})
}

func (c *checker) groupedName(si *selectInfo, n *name) {
	t := c.info.names[n]
	switch {
	case t.item != nil && t.item.expr != nil:
		c.grouped(si, t.item.expr)
	case t.item != nil:
		if !si.keys[t.item.column.sql] {
			c.notGrouped(n.pos, t.item.column.label)
		}
	default:
		parts := t.column.of
		if parts == nil {
			parts = []*column{t.column}
		}
		for _, part := range parts { // columns of outer queries and parameters of lambdas are as good as constants
			if slices.Contains(si.scope.sources, part.source) && !si.keys[part.sql] {
				c.notGrouped(n.pos, n.parts[len(n.parts)-1].text)
			}
		}
	}
}
