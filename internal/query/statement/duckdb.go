package statement

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// duckPrinter prints a checked tree as DuckDB SQL.
//
// Every text that expr returns can stand as an operand. What has type bigint here is BIGINT there, so that arithmetic does not
// overflow smaller integers: literals are cast where their type would count.
type duckPrinter struct {
	text    string
	info    *info
	options Options
	table   func(Input) Relation // what an input is there
	ids     int

	renamed  map[*column]string // parameters of lambdas that are parts of an element
	shift    int64              // by how many seconds the inputs lie back; see compare
	replaced map[string]string  // expressions, by keyOf, that were computed already
	order    map[int]string     // what orders by an entry of the select list, if not its number
	rows     int64              // of the selection that is printed, at most; 0 if that is not known
}

func (p *duckPrinter) fail(pos int, format string, args ...any) {
	fail(sluice.Invalid, p.text, pos, plainPrefix, format, args...)
}

func (p *duckPrinter) refuse(pos int, format string, args ...any) {
	fail(sluice.Unsupported, p.text, pos, plainPrefix, format, args...)
}

func (p *duckPrinter) fresh(prefix string) string {
	p.ids++
	return "_" + prefix + "_" + strconv.Itoa(p.ids)
}

// bounded refuses a statement that grows beyond measure while it is printed: templates repeat their arguments.
func (p *duckPrinter) bounded(s string) string {
	if len(s) > maxPrinted {
		fail(sluice.Invalid, p.text, 0, plainPrefix, "the statement is too complex; nest fewer functions in each other")
	}
	return s
}

// statement prints the outermost query. Values that the result cannot carry as they are become texts.
func (p *duckPrinter) statement(q *query, out []output, l limit) string {
	sql := p.query(q, &l)
	size, texts := int64(0), false
	for _, o := range out {
		size += o.size
		texts = texts || asText(o.typ)
	}
	room := rowRoom(l)
	if !texts && size <= room {
		return sql
	}
	names, items := make([]string, len(out)), make([]string, len(out))
	for i, o := range out {
		names[i] = quoteName("c" + strconv.Itoa(i))
		items[i] = p.outputText("_r."+names[i], o.typ)
	}
	if size > room {
		p.boundedRows(items, out, room)
	}
	for i, o := range out {
		items[i] += " AS " + quoteName(o.name)
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM (" + sql + ") AS _r(" + strings.Join(names, ", ") + ")"
}

// asText: these types are turned into text by the engine, the rest by its caller.
func asText(t Type) bool { return len(t.Elems) > 0 || t.Kind == JSON || t.Kind == Decimal }

func (p *duckPrinter) outputText(sql string, t Type) string {
	switch {
	case t.Kind == JSON || t.Kind == Decimal:
		return "CAST(" + sql + " AS VARCHAR)"
	case asText(t):
		return "CAST(" + p.json(sql, t) + " AS VARCHAR)"
	}
	return sql
}

// json writes a value as JSON, rows as arrays of their fields.
func (p *duckPrinter) json(sql string, t Type) string {
	switch {
	case !t.has(Row):
		return "to_json(" + sql + ")"
	case t.Kind == Row:
		fields := make([]string, len(t.Elems))
		for i, e := range t.Elems {
			fields[i] = p.json("struct_extract("+sql+", "+quoteText(fieldName(i))+")", e)
		}
		return "CASE WHEN " + sql + " IS NOT NULL THEN json_array(" + strings.Join(fields, ", ") + ") END"
	case t.Kind == Array:
		e := p.fresh("e")
		return "to_json(list_transform(" + sql + ", lambda " + e + ": " + p.json(e, t.Elems[0]) + "))"
	}
	e := p.fresh("e")
	return "to_json(map_from_entries(list_transform(map_entries(" + sql + "), lambda " + e + ": struct_pack(k := CAST(" + e + ".key AS VARCHAR), v := " +
		p.json(e+".value", t.Elems[1]) + "))))"
}

func fieldName(i int) string { return "f" + strconv.Itoa(i+1) }

// query prints q; l is the limit of the outermost query, nil for the others.
func (p *duckPrinter) query(q *query, l *limit) string {
	var b strings.Builder
	for i, w := range q.with {
		src := p.info.ctes[q][i]
		b.WriteString(either(i == 0, "WITH ", ", "))
		b.WriteString(src.id + columnList(src) + " AS (" + p.query(w.query, nil) + ")")
	}
	if len(q.with) > 0 {
		b.WriteString(" ")
	}
	replaced, order := p.replaced, p.order
	p.replaced, p.order = nil, nil
	b.WriteString(p.body(q.body))
	b.WriteString(p.orderBy(q))
	p.replaced, p.order = replaced, order
	if l == nil {
		l = q.limit
	}
	if l != nil && l.count >= 0 {
		b.WriteString(" LIMIT " + strconv.FormatInt(l.count, 10))
	}
	if l != nil && l.offset > 0 {
		b.WriteString(" OFFSET " + strconv.FormatInt(l.offset, 10))
	}
	return p.bounded(b.String())
}

func columnList(src *source) string {
	names := make([]string, len(src.columns))
	for i, col := range src.columns {
		names[i] = quoteName(col.name)
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func (p *duckPrinter) body(b body) string {
	switch b := b.(type) {
	case *query:
		return "SELECT * FROM (" + p.query(b, nil) + ") AS " + p.fresh("q")
	case *values:
		rows := make([]string, len(b.rows))
		for i, r := range b.rows {
			cells := make([]string, len(r))
			for j, e := range r {
				cells[j] = p.as(e, p.info.outputs[b][j].typ)
			}
			rows[i] = "(" + strings.Join(cells, ", ") + ")"
		}
		return "VALUES " + strings.Join(rows, ", ")
	case *setOp:
		all := onlyIf(b.all, " ALL")
		return "(" + p.body(b.left) + ") " + b.op + all + " (" + p.body(b.right) + ")"
	case *selection:
		si := p.info.selects[b]
		outer := p.rows
		p.rows = p.scanned(si)
		defer func() { p.rows = outer }()
		switch {
		case si.compare != nil:
			return p.comparison(b, si)
		case si.series != nil:
			return p.series(b, si)
		}
		return p.selection(b, si, p.items(si))
	}
	panic("unknown body")
}

func (p *duckPrinter) items(si *selectInfo) []string {
	items := make([]string, len(si.items))
	for i, it := range si.items {
		items[i] = p.item(it) + " AS " + quoteName(it.name)
	}
	return items
}

func (p *duckPrinter) item(it *selected) string {
	switch {
	case it.expr == nil:
		return it.column.sql
	case it.part == 1:
		return "unnest(map_keys(" + p.expr(it.expr) + "))"
	case it.part == 2:
		return "unnest(map_values(" + p.expr(it.expr) + "))"
	}
	return p.expr(it.expr)
}

func (p *duckPrinter) selection(s *selection, si *selectInfo, items []string) string {
	sql := "SELECT "
	if s.distinct {
		sql += "DISTINCT "
	}
	sql += strings.Join(items, ", ") + p.fromWhere(s, si)
	if len(si.groups) > 0 {
		elements := make([]string, len(si.groups))
		for i, sets := range si.groups {
			elements[i] = p.groupSets(si, s.groupBy.sets[i].kind, sets)
		}
		sql += " GROUP BY " + strings.Join(elements, ", ")
	}
	if s.having != nil {
		sql += " HAVING " + p.expr(s.having)
	}
	return p.bounded(sql)
}

func (p *duckPrinter) fromWhere(s *selection, si *selectInfo) string {
	from := make([]string, len(si.from))
	for i, r := range si.from {
		from[i] = p.relation(r)
	}
	sql := " FROM " + strings.Join(from, ", ")
	if s.where != nil {
		sql += " WHERE " + p.expr(s.where)
	}
	return sql
}

func (p *duckPrinter) groupSets(si *selectInfo, kind string, sets [][]*grouping) string {
	texts := make([]string, len(sets))
	for i, set := range sets {
		keys := make([]string, len(set))
		for j, g := range set {
			switch {
			case g.item > 0 && kind == "":
				keys[j] = strconv.Itoa(g.item)
			case g.expr == nil:
				keys[j] = si.items[g.item-1].column.sql
			default:
				keys[j] = p.expr(g.expr)
			}
		}
		texts[i] = strings.Join(keys, ", ")
		if kind != "" || len(set) == 0 {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	if kind == "" {
		return texts[0]
	}
	return kind + " (" + strings.Join(texts, ", ") + ")"
}

func (p *duckPrinter) orderBy(q *query) string {
	if len(q.orderBy) == 0 {
		return ""
	}
	items := make([]string, len(q.orderBy))
	for i, o := range q.orderBy {
		n := p.ordinal(q.body, o.expr)
		text := strconv.Itoa(n)
		if by, ok := p.order[n-1]; ok {
			text = by
		} else if n == 0 {
			text = p.expr(o.expr)
		}
		items[i] = text + direction(o)
	}
	return " ORDER BY " + strings.Join(items, ", ")
}

// ordinal is the number of the entry of the select list that orders, or 0.
func (p *duckPrinter) ordinal(b body, e expr) int {
	if n, ok := e.(*intLit); ok {
		return int(n.value)
	}
	n, ok := e.(*name)
	if !ok {
		return 0
	}
	it := p.info.names[n].item
	if it == nil {
		return 0
	}
	if s, ok := b.(*selection); ok {
		return slices.Index(p.info.selects[s].items, it) + 1
	}
	return slices.IndexFunc(p.info.outputs[b], func(o output) bool { return same(o.name, it.name) }) + 1
}

func direction(o sortItem) string {
	s := onlyIf(o.desc, " DESC")
	if o.nullsFirst != nil {
		return s + either(*o.nullsFirst, " NULLS FIRST", " NULLS LAST")
	}
	return s
}
