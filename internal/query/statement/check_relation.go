package statement

import (
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// relation checks what stands in FROM and adds it to the present scope.
func (c *checker) relation(r relation) {
	switch r := r.(type) {
	case *tableName:
		c.table(r)
	case *derived:
		sources, merged := c.scope.sources, c.scope.merged
		c.scope.sources, c.scope.merged = nil, nil // a query in FROM does not see the tables beside it
		out := c.query(r.query)
		c.scope.sources, c.scope.merged = sources, merged
		c.addSource(r, c.aliased(r.alias, out))
	case *unnest:
		c.unnest(r)
	case *join:
		c.join(r)
	}
}

func (c *checker) aliased(a *alias, out []output) *source {
	if a == nil {
		return c.sourceOf("", out, nil)
	}
	return c.sourceOf(a.name.text, out, a.columns)
}

func (c *checker) addSource(r relation, src *source) {
	for _, other := range c.scope.sources {
		if src.alias != "" && same(other.alias, src.alias) {
			c.fail(relationPos(r), "Table name '%s' is used twice; give one of them another name with AS", src.alias)
		}
	}
	c.info.sources[r] = src
	c.scope.sources = append(c.scope.sources, src)
}

func relationPos(r relation) int {
	switch r := r.(type) {
	case *tableName:
		return r.pos
	case *derived:
		return r.pos
	case *unnest:
		return r.pos
	case *join:
		return r.pos
	}
	panic("unknown relation")
}

func (c *checker) cteNamed(label string) *source {
	for s := c.scope; s != nil; s = s.outer {
		for i := len(s.ctes) - 1; i >= 0; i-- {
			if same(s.ctes[i].alias, label) {
				return s.ctes[i]
			}
		}
	}
	return nil
}

func (c *checker) table(t *tableName) {
	alias := t.name.text
	var rename []ident
	if t.alias != nil {
		alias, rename = t.alias.name.text, t.alias.columns
	}
	if w := c.cteNamed(t.name.text); w != nil {
		out := make([]output, len(w.columns))
		for i, col := range w.columns {
			out[i] = output{col.label, col.typ, col.size}
		}
		src := c.sourceOf(alias, out, rename)
		src.cte = w
		c.addSource(t, src)
		return
	}
	src := &source{id: c.fresh("_t"), alias: alias}
	for _, col := range c.columnsOf(t) {
		if len(src.named(col.Name)) > 0 {
			continue // names that differ only by case: the first counts
		}
		src.columns = append(src.columns, &column{
			source: src, label: col.Name, name: col.Name, sql: src.id + "." + quoteName(col.Name), typ: col.Type, size: scanSize(col.Type),
		})
	}
	c.addDate(src)
	if rename != nil {
		c.rename(src, rename)
	}
	c.info.scans[src] = strings.ToLower(t.name.text)
	c.addSource(t, src)
}

// columnsOf asks the schema for the columns of a table.
func (c *checker) columnsOf(t *tableName) []Column {
	columns, err := c.schema.table(t.name.text)
	switch {
	case err != nil && sluice.KindOf(err) != sluice.NotFound:
		panic(failure{err})
	case columns != nil:
		return columns
	case c.schema.Log == nil:
		c.fail(t.pos, "Table '%s' does not exist; tables are the logstores of the project", t.name.text)
	}
	c.fail(t.pos, "Table '%s' does not exist, or may not be read; %s is the search result, other tables are logstores of the project",
		t.name.text, LogTable)
	return nil
}

// addDate adds the column __date__, which is __time__ as a timestamp and no part of "select *".
func (c *checker) addDate(src *source) {
	times := src.named(timeColumn)
	if len(times) == 0 || len(src.named(dateColumn)) > 0 {
		return
	}
	src.columns = append(src.columns, &column{
		source: src, label: dateColumn, name: dateColumn, sql: fromSeconds(times[0].sql, c.options), typ: TypeOf(Timestamp), size: 16, hidden: true, of: times,
	})
}

func scanSize(t Type) int64 {
	if t.numeric() || t.moment() || t.Kind == Boolean {
		return 16
	}
	return columnBytes
}

// rename gives a table the column names of its alias.
func (c *checker) rename(src *source, names []ident) {
	var visible []*column
	for _, col := range src.columns {
		if !col.hidden {
			visible = append(visible, col)
		}
	}
	if len(names) != len(visible) {
		c.fail(names[0].pos, "%d column names are given for %d columns", len(names), len(visible))
	}
	for i, col := range visible {
		col.label = names[i].text
	}
}

// unnest: an array becomes a column, a map two; with ordinality one more counts the rows.
func (c *checker) unnest(u *unnest) {
	var out []output
	size := int64(16)
	add := func(t Type) {
		out = append(out, output{"_col" + strconv.Itoa(len(out)), t, size})
	}
	for _, e := range u.exprs {
		t := c.plain(e, "UNNEST")
		size = c.info.size(e)
		switch t.Kind {
		case Array:
			add(t.Elems[0])
		case Map:
			add(t.Elems[0])
			add(t.Elems[1])
		default:
			c.fail(e.at(), "UNNEST takes arrays and maps, not %s", t)
		}
	}
	if u.ordinality {
		add(TypeOf(Bigint))
	}
	c.addSource(u, c.aliased(u.alias, out))
}

func (c *checker) join(j *join) {
	before := len(c.scope.sources)
	c.relation(j.left)
	middle := len(c.scope.sources)
	c.relation(j.right)
	if j.on != nil {
		c.condition(j.on, "JOIN condition")
	}
	for _, id := range j.using {
		l := c.usingColumn(id, c.scope.sources[before:middle])
		r := c.usingColumn(id, c.scope.sources[middle:])
		t, ok := common(l.typ, r.typ)
		if !ok {
			c.fail(id.pos, "Column '%s' has types %s and %s in the tables of the join", id.text, l.typ, r.typ)
		}
		c.info.using[j] = append(c.info.using[j], [2]*column{l, r})
		c.scope.merged = append(c.scope.merged, &column{
			label: l.label, name: l.name, typ: t, size: max(l.size, r.size), sql: "coalesce(" + l.sql + ", " + r.sql + ")", of: []*column{l, r},
		})
	}
}

// usingColumn finds a column of USING on one side, where it may be a merged one itself.
func (c *checker) usingColumn(id ident, side []*source) *column {
	sc := &scope{sources: side}
	for _, m := range c.scope.merged {
		for _, src := range side {
			if m.of[0].source == src {
				sc.merged = append(sc.merged, m)
			}
		}
	}
	found := sc.columnsNamed(id.text)
	if len(found) == 0 {
		c.noColumn(id)
	}
	if len(found) > 1 {
		c.fail(id.pos, "Column '%s' is ambiguous", id.text)
	}
	return found[0]
}
