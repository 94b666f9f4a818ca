package statement

import "strconv"

func (c *checker) item(si *selectInfo, it *item) {
	if it.star {
		c.star(si, it)
		return
	}
	if c.rowMaker(si, it) {
		return
	}
	sel := &selected{expr: it.expr, typ: c.expr(it.expr), alias: it.alias != nil}
	switch n, isName := it.expr.(*name); {
	case it.alias != nil:
		sel.name = it.alias.text
	case isName:
		sel.name = c.label(n)
	default:
		sel.name = "_col" + strconv.Itoa(len(si.items))
	}
	si.items = append(si.items, sel)
}

// label names the result column of a bare column: as the schema spells it, or the field at the end.
func (c *checker) label(n *name) string {
	if t := c.info.names[n]; t.column != nil && len(t.fields) == 0 {
		return t.column.label
	}
	return n.parts[len(n.parts)-1].text
}

func (c *checker) star(si *selectInfo, it *item) {
	add := func(col *column) {
		if !col.hidden {
			c.use(col)
			si.items = append(si.items, &selected{column: col, name: col.label, typ: col.typ})
		}
	}
	before := len(si.items)
	if it.table != nil {
		src := c.scope.sourceNamed(it.table.text)
		if src == nil {
			c.fail(it.pos, "Table '%s' not found", it.table.text)
		}
		for _, col := range src.columns {
			add(col)
		}
	} else {
		merged := map[*column]bool{}
		for _, m := range c.scope.merged {
			add(m)
			for _, col := range m.of {
				merged[col] = true
			}
		}
		for _, src := range c.scope.sources {
			for _, col := range src.columns {
				if !merged[col] {
					add(col)
				}
			}
		}
	}
	if len(si.items) == before {
		c.fail(it.pos, "SELECT * finds no column; enable statistics for fields in the index attribute")
	}
}

// rowMaker: such a call stands alone in the select list and becomes two columns.
func (c *checker) rowMaker(si *selectInfo, it *item) bool {
	call, ok := it.expr.(*call)
	if !ok || functions[call.name] == nil || functions[call.name][0].class != rowMaker {
		return false
	}
	t := c.expr(it.expr)
	for i, label := range []string{"key", "value"} {
		si.items = append(si.items, &selected{expr: it.expr, name: label, typ: t.Elems[i], part: i + 1})
	}
	return true
}
