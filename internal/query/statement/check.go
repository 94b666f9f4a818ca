package statement

import (
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// checker finds out what the names of a statement mean and what types its expressions have. It leaves the tree as it is and
// writes what it found into info.
type checker struct {
	text    string
	schema  Schema
	options Options
	root    *query
	info    *info
	scope   *scope
	ids     int
}

// info is what is known about a tree.
type info struct {
	types   map[expr]Type
	names   map[*name]target
	calls   map[*call]*function
	params  map[*lambda][]*column
	targets map[*call][]Type // what the arguments of a call are to become
	selects map[*selection]*selectInfo
	outputs map[body][]output // of every body, also of *query
	sources map[relation]*source
	ctes    map[*query][]*source // as q.with
	scans   map[*source]string   // sources that are tables, and their names in the schema
	using   map[*join][][2]*column
	used    map[*column]bool // columns that the statement reads
	ranges  map[*source]TimeRange
	sizes   map[expr]int64
	growing map[expr]bool         // see size.go
	counted map[*source]*counting // see counted.go
	counts  map[*call]*source     // calls that count the rows of a source, which may be counted
	// extracts holds the calls that EXTRACT stands for.
	extracts map[*extract]*call
}

// source is something that rows come from: a table, a query in FROM, a common table expression.
type source struct {
	id      string // the name it gets in the printed statement: _t1
	alias   string // the name it has in the text
	columns []*column
	cte     *source // of what it is a copy
}

// column is a column of a source, or a parameter of a lambda.
type column struct {
	source *source
	label  string // as the text calls it
	name   string // as printed: unique among the columns of the source
	sql    string // how it is referred to in the printed statement
	typ    Type
	size   int64 // at most so many bytes
	hidden bool
	of     []*column // what it is made of: with USING of a join two columns, for __date__ the time
}

// target is what a name stands for: a column and fields of it, or an entry of the select list.
type target struct {
	column *column
	fields []int
	item   *selected
}

// output is a column of a result.
type output struct {
	name string
	typ  Type
	size int64
}

// scope is what names can mean at some place.
type scope struct {
	outer   *scope
	sources []*source
	merged  []*column   // columns of joins with USING, found before those of the sources
	params  []*column   // of lambdas
	items   []*selected // entries of the select list
	ctes    []*source
}

func newInfo() *info {
	return &info{
		types: map[expr]Type{}, names: map[*name]target{}, calls: map[*call]*function{}, params: map[*lambda][]*column{},
		targets: map[*call][]Type{}, selects: map[*selection]*selectInfo{}, outputs: map[body][]output{},
		sources: map[relation]*source{}, ctes: map[*query][]*source{}, scans: map[*source]string{}, using: map[*join][][2]*column{}, used: map[*column]bool{}, ranges: map[*source]TimeRange{}, extracts: map[*extract]*call{}, sizes: map[expr]int64{}, growing: map[expr]bool{}, counted: map[*source]*counting{}, counts: map[*call]*source{},
	}
}

// fail refuses the statement; refuse does so for what is understood and not served.
func (c *checker) fail(pos int, format string, args ...any) {
	fail(sluice.Invalid, c.text, pos, plainPrefix, format, args...)
}

func (c *checker) refuse(pos int, format string, args ...any) {
	fail(sluice.Unsupported, c.text, pos, plainPrefix, format, args...)
}

// push opens a scope inside the present one; the returned function closes it.
func (c *checker) push(s *scope) func() {
	s.outer, c.scope = c.scope, s
	return func() { c.scope = s.outer }
}

func (c *checker) fresh(prefix string) string {
	c.ids++
	return prefix + strconv.Itoa(c.ids)
}

// newSource makes a source whose columns are printed under names of their own.
func (c *checker) newSource(alias string, out []output) *source {
	s := &source{id: c.fresh("_t"), alias: alias}
	taken := map[string]bool{}
	for _, o := range out {
		label, name := o.name, o.name
		for n := 1; taken[strings.ToLower(name)]; n++ {
			name = label + "_" + strconv.Itoa(n)
		}
		taken[strings.ToLower(name)] = true
		s.columns = append(s.columns, &column{source: s, label: label, name: name, sql: s.id + "." + quoteName(name), typ: o.typ, size: o.size})
	}
	return s
}

func same(a, b string) bool { return strings.EqualFold(a, b) }

// columnsNamed finds the columns that a bare name can mean in the nearest scope that has any.
func (s *scope) columnsNamed(label string) []*column {
	for ; s != nil; s = s.outer {
		var found []*column
		for _, p := range s.params {
			if same(p.label, label) {
				return []*column{p}
			}
		}
		for _, m := range s.merged {
			if same(m.label, label) {
				return []*column{m}
			}
		}
		for _, src := range s.sources {
			found = append(found, src.named(label)...)
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

func (s *source) named(label string) []*column {
	var found []*column
	for _, col := range s.columns {
		if same(col.label, label) {
			found = append(found, col)
		}
	}
	return found
}

func (s *scope) sourceNamed(alias string) *source {
	for ; s != nil; s = s.outer {
		for _, src := range s.sources {
			if same(src.alias, alias) {
				return src
			}
		}
	}
	return nil
}

// name resolves a name: an entry of the select list where that is allowed, a column, a column of a named table; what is left of
// a dotted name are fields of rows.
func (c *checker) name(n *name) Type {
	first := n.parts[0]
	if it := c.itemNamed(n); it != nil {
		c.info.names[n] = target{item: it}
		return it.typ
	}
	if found := c.scope.columnsNamed(first.text); len(found) > 0 && !c.prefersTable(n, found[0]) {
		if len(found) > 1 {
			c.fail(first.pos, "Column '%s' is ambiguous; write it with its table, as in t.%s", first.text, first.text)
		}
		return c.columnTarget(n, found[0], n.parts[1:])
	}
	if len(n.parts) > 1 {
		if src := c.scope.sourceNamed(first.text); src != nil {
			found := src.named(n.parts[1].text)
			if len(found) == 0 {
				c.noColumn(n.parts[1])
			}
			return c.columnTarget(n, found[0], n.parts[2:])
		}
		c.dottedColumn(n)
	}
	c.noColumn(first)
	panic("unreachable")
}

// itemNamed: entries of the select list come before columns in ORDER BY, behind them in GROUP BY and HAVING.
func (c *checker) itemNamed(n *name) *selected {
	s := c.scope
	for s != nil && s.items == nil && s.params != nil {
		s = s.outer // out of lambdas
	}
	if s == nil || len(n.parts) > 1 {
		return nil
	}
	for _, it := range s.items {
		if same(it.name, n.parts[0].text) {
			return it
		}
	}
	return nil
}

// prefersTable: "t.x" is column x of table t, even where a column t exists, unless that has a field x.
func (c *checker) prefersTable(n *name, col *column) bool {
	return len(n.parts) > 1 && c.scope.sourceNamed(n.parts[0].text) != nil && col.typ.Kind != Row
}

func (c *checker) columnTarget(n *name, col *column, path []ident) Type {
	t := target{column: col}
	typ := col.typ
	c.use(col)
	for _, id := range path {
		i := fieldNamed(typ, id.text)
		if i < 0 {
			c.fail(id.pos, "Column '%s' of type %s has no field '%s'", col.label, typ, id.text)
		}
		t.fields = append(t.fields, i)
		typ = typ.Elems[i]
	}
	c.info.names[n] = t
	return typ
}

// use notes that a column is read.
func (c *checker) use(col *column) {
	c.info.used[col] = true
	for _, part := range col.of {
		c.use(part)
	}
}

func fieldNamed(t Type, label string) int {
	if t.Kind == Row {
		for i, f := range t.Names {
			if same(f, label) {
				return i
			}
		}
	}
	return -1
}

func (c *checker) noColumn(id ident) {
	hint := ""
	if id.quoted {
		hint = "; a text is written in single quotes: " + quoteText(id.text)
	}
	c.fail(id.pos, "Column '%s' cannot be resolved;please add the column in the index attribute%s", id.text, hint)
}

// dottedColumn tells of a.b where there is a column "a.b".
func (c *checker) dottedColumn(n *name) {
	parts := make([]string, len(n.parts))
	for i, p := range n.parts {
		parts[i] = p.text
	}
	joined := strings.Join(parts, ".")
	if len(c.scope.columnsNamed(joined)) > 0 {
		c.fail(n.pos, "Column '%s' cannot be resolved;write it in double quotes: %s", joined, quoteName(joined))
	}
}
