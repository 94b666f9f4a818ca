package statement

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func (p *duckPrinter) expr(e expr) string {
	if p.replaced != nil {
		if sql, ok := p.replaced[p.info.keyOf(e)]; ok {
			return sql
		}
	}
	switch e := e.(type) {
	case *name:
		return p.name(e)
	case *unary:
		if e.op == "NOT" {
			return "(NOT " + p.expr(e.x) + ")"
		}
		return "(-" + p.expr(e.x) + ")"
	case *binary:
		return p.binary(e)
	case *logic:
		terms := make([]string, len(e.terms))
		for i, t := range e.terms {
			terms[i] = p.expr(t)
		}
		return "(" + strings.Join(terms, " "+e.op+" ") + ")"
	case *call:
		return p.bounded(p.call(e))
	case *caseExpr:
		return p.caseExpr(e)
	case *cast:
		return p.cast(e)
	case *lambda:
		names := make([]string, len(e.params))
		for i, col := range p.info.params[e] {
			names[i] = col.sql
		}
		return "lambda " + strings.Join(names, ", ") + ": " + p.lambdaBody(e)
	}
	if sql := p.literal(e); sql != "" {
		return sql
	}
	if sql := p.predicate(e); sql != "" {
		return sql
	}
	return p.composite(e)
}

func (p *duckPrinter) exprs(all []expr) string {
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = p.expr(e)
	}
	return strings.Join(texts, ", ")
}

func (p *duckPrinter) literal(e expr) string {
	switch e := e.(type) {
	case *nullLit:
		return "NULL"
	case *boolLit:
		return strconv.FormatBool(e.value)
	case *intLit:
		if e.value < 0 {
			return "CAST(" + strconv.FormatInt(e.value, 10) + " AS BIGINT)"
		}
		return strconv.FormatInt(e.value, 10) + "::BIGINT"
	case *doubleLit:
		return e.text
	case *stringLit:
		return quoteText(e.value)
	case *binaryLit:
		return "unhex('" + hexText(e.value) + "')"
	case *typedLit:
		return "CAST(" + quoteText(e.value) + " AS " + DuckType(e.typ) + ")"
	case *intervalLit:
		sign := onlyIf(e.negative, "-")
		return "to_" + e.unit + "s(CAST(" + sign + e.value + " AS " + intervalArgument(e.unit) + "))"
	}
	return ""
}

func intervalArgument(unit string) string { return unitTypes[unit] }

// operand is expr for places where the type of a literal does not count, since the other side has the right one.
func (p *duckPrinter) operand(e, other expr) string {
	n, literal := e.(*intLit)
	if _, both := other.(*intLit); literal && !both && p.info.types[other].numeric() {
		if n.value < 0 {
			return "(" + strconv.FormatInt(n.value, 10) + ")"
		}
		return strconv.FormatInt(n.value, 10)
	}
	return p.expr(e)
}

func (p *duckPrinter) operands(all []expr, other expr) string {
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = p.operand(e, other)
	}
	return strings.Join(texts, ", ")
}

func (p *duckPrinter) name(n *name) string {
	t := p.info.names[n]
	if it := t.item; it != nil {
		if it.expr != nil {
			return p.item(it)
		}
		return it.column.sql
	}
	sql := t.column.sql
	if part, ok := p.renamed[t.column]; ok {
		sql = part
	}
	for _, i := range t.fields {
		sql = "struct_extract(" + sql + ", " + quoteText(fieldName(i)) + ")"
	}
	return sql
}

func (p *duckPrinter) binary(b *binary) string {
	l, r := p.info.types[b.l], p.info.types[b.r]
	op := b.op
	switch {
	case op == "||":
		return p.concatenation(b)
	case op == "/" && l.Kind == Bigint && r.Kind == Bigint:
		op = "//"
	case op == "-" && l.moment() && r.moment():
		return "(CAST(" + p.expr(b.l) + " AS TIMESTAMP) - CAST(" + p.expr(b.r) + " AS TIMESTAMP))"
	case p.info.types[b].Kind == Date:
		return "CAST((" + p.expr(b.l) + " " + op + " " + p.expr(b.r) + ") AS DATE)"
	}
	return "(" + p.operand(b.l, b.r) + " " + op + " " + p.operand(b.r, b.l) + ")"
}

// concatenation prints a chain of || at once.
func (p *duckPrinter) concatenation(b *binary) string {
	t, l, r := p.info.types[b], p.info.types[b.l], p.info.types[b.r]
	if t.Kind == Array {
		element := func(e expr, et Type) string {
			if et.Kind == Array {
				return p.as(e, t)
			}
			return "[" + p.as(e, t.Elems[0]) + "]"
		}
		return p.joinLists(element(b.l, l), element(b.r, r))
	}
	var parts []expr
	var collect func(e expr)
	collect = func(e expr) {
		if in, ok := e.(*binary); ok && in.op == "||" && p.replaced == nil {
			collect(in.l)
			collect(in.r)
			return
		}
		parts = append(parts, e)
	}
	collect(b.l)
	collect(b.r)
	return p.concat(parts)
}

func (p *duckPrinter) predicate(e expr) string {
	not := func(b bool) string { return onlyIf(b, "NOT ") }
	switch e := e.(type) {
	case *between:
		return "(" + p.operand(e.x, e.lo) + " " + not(e.not) + "BETWEEN " + p.operand(e.lo, e.x) + " AND " + p.operand(e.hi, e.x) + ")"
	case *inList:
		return "(" + p.expr(e.x) + " " + not(e.not) + "IN (" + p.operands(e.list, e.x) + "))"
	case *inQuery:
		return "(" + p.expr(e.x) + " " + not(e.not) + "IN (" + p.query(e.query, nil) + "))"
	case *quantified:
		return "(" + p.expr(e.x) + " " + e.op + either(e.all, " ALL (", " ANY (") + p.query(e.query, nil) + "))"
	case *exists:
		return "EXISTS (" + p.query(e.query, nil) + ")"
	case *like:
		return p.like(e)
	case *isNull:
		return "(" + p.expr(e.x) + " IS " + not(e.not) + "NULL)"
	case *isDiff:
		return "(" + p.operand(e.l, e.r) + " IS " + not(e.not) + "DISTINCT FROM " + p.operand(e.r, e.l) + ")"
	}
	return ""
}

func (p *duckPrinter) composite(e expr) string {
	switch e := e.(type) {
	case *subquery:
		return "(" + p.query(e.query, nil) + ")"
	case *extract:
		return p.expr(p.info.extracts[e])
	case *atZone:
		return p.inZone("CAST("+p.expr(e.x)+" AS TIMESTAMPTZ)", e.zone)
	case *arrayLit:
		elems := make([]string, len(e.elems))
		for i, x := range e.elems {
			elems[i] = p.as(x, p.info.types[e].Elems[0])
		}
		return "[" + strings.Join(elems, ", ") + "]"
	case *rowLit:
		fields := make([]string, len(e.elems))
		for i, x := range e.elems {
			fields[i] = fieldName(i) + " := " + p.expr(x)
		}
		return "struct_pack(" + strings.Join(fields, ", ") + ")"
	case *subscript:
		if t := p.info.types[e.x]; t.Kind == Map {
			return "map_extract_value(" + p.expr(e.x) + ", " + p.as(e.index, t.Elems[0]) + ")"
		}
		return "list_extract(" + p.expr(e.x) + ", " + p.expr(e.index) + ")"
	case *field:
		return "struct_extract(" + p.expr(e.x) + ", " + quoteText(fieldName(fieldNamed(p.info.types[e.x], e.name.text))) + ")"
	}
	panic("unknown expression")
}

func (p *duckPrinter) caseExpr(e *caseExpr) string {
	t := p.info.types[e]
	sql := "CASE"
	if e.operand != nil {
		sql += " " + p.expr(e.operand)
	}
	for _, w := range e.whens {
		cond := p.expr(w.cond)
		if e.operand != nil {
			cond = p.operand(w.cond, e.operand)
		}
		sql += " WHEN " + cond + " THEN " + p.as(w.then, t)
	}
	if e.orElse != nil {
		sql += " ELSE " + p.as(e.orElse, t)
	}
	return sql + " END"
}

// as prints an expression that is to be of a type it can be coerced to.
func (p *duckPrinter) as(e expr, to Type) string {
	from := p.info.types[e]
	if _, null := e.(*nullLit); null && to.Kind < kindVar && !to.has(Unknown) {
		return "NULL::" + DuckType(to)
	}
	switch {
	case from.Kind == Unknown, from.Equal(to), from.has(Unknown), to.has(Unknown):
	case to.Kind == Double && from.Kind == Bigint:
		if n, ok := e.(*intLit); ok && n.value >= 0 {
			return strconv.FormatInt(n.value, 10) + "e0"
		}
		return "CAST(" + p.expr(e) + " AS DOUBLE)"
	case to.Kind == Decimal: // the engine knows better how many digits
	case coercible(from, to) && to.Kind < kindVar:
		return "CAST(" + p.expr(e) + " AS " + DuckType(to) + ")"
	}
	return p.expr(e)
}

// instant prints whatever names a moment as a TIMESTAMP in the zone of the session.
func (p *duckPrinter) instant(e expr) string {
	sql := p.expr(e)
	switch p.info.types[e].Kind {
	case Timestamp:
		return sql
	case Bigint:
		return fromSeconds(sql, p.options)
	case Double, Decimal:
		return "CAST(to_timestamp(" + sql + ") AS TIMESTAMP)"
	case Varchar: // may carry a zone
		return "CAST(CAST(" + sql + " AS TIMESTAMPTZ) AS TIMESTAMP)"
	}
	return "CAST(" + sql + " AS TIMESTAMP)"
}

// fromSeconds prints the local time of unix seconds. Asking the calendar of the engine for each row costs five times as much as
// adding the offset of a zone, so that is done where the offset has not changed since and is not going to.
func fromSeconds(sql string, o Options) string {
	const simple, endOfTime = 200, 253402300799
	calendar := "CAST(to_timestamp(" + sql + ") AS TIMESTAMP)"
	now := time.Now().In(o.location())
	start, end := now.ZoneBounds()
	if !end.IsZero() || len(sql) > simple {
		return calendar
	}
	since := max(start.Unix(), 0)
	_, offset := now.Zone()
	return fmt.Sprintf("CASE WHEN %s BETWEEN %d AND %d THEN make_timestamp((%s + %d) * 1000000) ELSE %s END", sql, since, endOfTime, sql, offset, calendar)
}

var duckTypes = map[Kind]string{
	Unknown: "VARCHAR", Boolean: "BOOLEAN", Bigint: "BIGINT", Double: "DOUBLE", Varchar: "VARCHAR", Varbinary: "BLOB", Date: "DATE",
	Time: "TIME", Timestamp: "TIMESTAMP", TimestampTZ: "TIMESTAMPTZ", Interval: "INTERVAL", JSON: "JSON", HyperLogLog: "BLOB",
}

// DuckType names a type as DuckDB does. Fields of rows are called f1, f2 and so on there.
func DuckType(t Type) string {
	switch t.Kind {
	case Array:
		return DuckType(t.Elems[0]) + "[]"
	case Map:
		return "MAP(" + DuckType(t.Elems[0]) + ", " + DuckType(t.Elems[1]) + ")"
	case Row:
		fields := make([]string, len(t.Elems))
		for i, e := range t.Elems {
			fields[i] = fieldName(i) + " " + DuckType(e)
		}
		return "STRUCT(" + strings.Join(fields, ", ") + ")"
	case Decimal:
		return "DECIMAL(" + strconv.Itoa(max(t.precision, 1)) + ", " + strconv.Itoa(t.scale) + ")"
	}
	return duckTypes[t.Kind]
}
