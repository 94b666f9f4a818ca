package statement

import "strconv"

// How tightly expressions bind, loosest first.
const (
	bindLambda = iota
	bindOr
	bindAnd
	bindNot
	bindPredicate
	bindConcat
	bindAdd
	bindMultiply
	bindSign
	bindPrimary
)

var operatorBinding = map[string]int{
	"||": bindConcat, "+": bindAdd, "-": bindAdd, "*": bindMultiply, "/": bindMultiply, "%": bindMultiply,
	"=": bindPredicate, "<>": bindPredicate, "<": bindPredicate, "<=": bindPredicate, ">": bindPredicate, ">=": bindPredicate,
}

func binding(e expr) int {
	switch e := e.(type) {
	case *lambda:
		return bindLambda
	case *logic:
		if e.op == "OR" {
			return bindOr
		}
		return bindAnd
	case *unary:
		if e.op == "NOT" {
			return bindNot
		}
		return bindSign
	case *binary:
		return operatorBinding[e.op]
	case *between, *inList, *inQuery, *like, *isNull, *isDiff, *quantified:
		return bindPredicate
	case *intLit:
		if e.value < 0 {
			return bindSign
		}
	}
	return bindPrimary
}

// operand writes e, in brackets if it binds looser than its place asks.
func (f *formatter) operand(e expr, least int) {
	if binding(e) < least {
		f.writes("(")
		defer f.writes(")")
	}
	f.expr(e)
}

func (f *formatter) expr(e expr) {
	switch e := e.(type) {
	case *nullLit:
		f.writes("NULL")
	case *boolLit:
		f.writes(either(e.value, "TRUE", "FALSE"))
	case *intLit:
		f.writes(strconv.FormatInt(e.value, 10))
	case *doubleLit:
		f.writes(e.text)
	case *stringLit:
		f.writes(quoteText(e.value))
	case *binaryLit:
		f.writes("X'", hexText(e.value), "'")
	case *typedLit:
		f.writes(e.typ.String(), " ", quoteText(e.value))
	case *intervalLit:
		f.writes("INTERVAL ", onlyIf(e.negative, "-"), quoteText(e.value), " ", e.unit)
	case *name:
		if f.resolve != nil {
			f.writes(f.resolve(e))
			return
		}
		for i, part := range e.parts {
			f.writes(onlyIf(i > 0, "."))
			f.name(part)
		}
	case *unary:
		f.unary(e)
	case *binary:
		least := operatorBinding[e.op]
		right := least + 1
		if least == bindPredicate {
			least++
		}
		f.operand(e.l, least)
		f.writes(" ", e.op, " ")
		f.operand(e.r, right)
	case *logic:
		least := binding(e) + 1
		for i, t := range e.terms {
			if i > 0 {
				f.writes(" ", e.op, " ")
			}
			f.operand(t, least)
		}
	case *call:
		f.call(e)
	default:
		if !f.predicate(e) {
			f.primary(e)
		}
	}
}

func (f *formatter) unary(e *unary) {
	if e.op == "NOT" {
		f.writes("NOT ")
		f.operand(e.x, bindNot)
		return
	}
	f.writes("-")
	if _, literal := e.x.(*intLit); literal || binding(e.x) == bindSign { // neither -5 nor a comment
		f.writes("(")
		f.expr(e.x)
		f.writes(")")
		return
	}
	f.operand(e.x, bindSign)
}

func (f *formatter) predicate(e expr) bool {
	not := func(b bool) string { return onlyIf(b, "NOT ") }
	switch e := e.(type) {
	case *between:
		f.operand(e.x, bindConcat)
		f.writes(" ", not(e.not), "BETWEEN ")
		f.operand(e.lo, bindConcat)
		f.writes(" AND ")
		f.operand(e.hi, bindConcat)
	case *inList:
		f.operand(e.x, bindConcat)
		f.writes(" ", not(e.not), "IN (")
		f.exprs(e.list)
		f.writes(")")
	case *inQuery:
		f.operand(e.x, bindConcat)
		f.writes(" ", not(e.not), "IN (")
		f.query(e.query)
		f.writes(")")
	case *like:
		f.operand(e.x, bindConcat)
		f.writes(" ", not(e.not), "LIKE ")
		f.operand(e.pattern, bindConcat)
		if e.escape != nil {
			f.writes(" ESCAPE ")
			f.operand(e.escape, bindConcat)
		}
	case *isNull:
		f.operand(e.x, bindConcat)
		f.writes(" IS ", not(e.not), "NULL")
	case *isDiff:
		f.operand(e.l, bindConcat)
		f.writes(" IS ", not(e.not), "DISTINCT FROM ")
		f.operand(e.r, bindConcat)
	case *quantified:
		f.operand(e.x, bindConcat)
		f.writes(" ", e.op, " ", either(e.all, "ALL", "ANY"), " (")
		f.query(e.query)
		f.writes(")")
	default:
		return false
	}
	return true
}

func (f *formatter) primary(e expr) {
	switch e := e.(type) {
	case *exists:
		f.writes("EXISTS (")
		f.query(e.query)
		f.writes(")")
	case *subquery:
		f.writes("(")
		f.query(e.query)
		f.writes(")")
	case *caseExpr:
		f.caseExpr(e)
	case *cast:
		f.writes(either(e.try, "TRY_CAST(", "CAST("))
		f.expr(e.x)
		f.writes(" AS ", e.typ.String(), ")")
	case *extract:
		f.writes("EXTRACT(", quoteName(e.field), " FROM ")
		f.expr(e.x)
		f.writes(")")
	case *atZone:
		f.operand(e.x, bindPrimary)
		f.writes(" AT TIME ZONE ")
		f.operand(e.zone, bindPrimary)
	case *arrayLit:
		f.writes("ARRAY[")
		f.exprs(e.elems)
		f.writes("]")
	case *rowLit:
		f.writes("ROW(")
		f.exprs(e.elems)
		f.writes(")")
	case *subscript:
		f.operand(e.x, bindPrimary)
		f.writes("[")
		f.expr(e.index)
		f.writes("]")
	case *field:
		if _, number := e.x.(*intLit); number { // or the dot would be a decimal point
			f.writes("(")
			f.expr(e.x)
			f.writes(").")
		} else {
			f.operand(e.x, bindPrimary)
			f.writes(".")
		}
		f.name(e.name)
	case *lambda:
		f.names(e.params)
		f.writes(" -> ")
		f.expr(e.body)
	}
}

func (f *formatter) caseExpr(e *caseExpr) {
	f.writes("CASE")
	if e.operand != nil {
		f.writes(" ")
		f.expr(e.operand)
	}
	for _, w := range e.whens {
		f.writes(" WHEN ")
		f.expr(w.cond)
		f.writes(" THEN ")
		f.expr(w.then)
	}
	if e.orElse != nil {
		f.writes(" ELSE ")
		f.expr(e.orElse)
	}
	f.writes(" END")
}

func (f *formatter) call(c *call) {
	f.writes(c.name)
	if bareCalls[c.name] {
		return
	}
	f.writes("(")
	if c.star {
		f.writes("*")
	}
	if c.distinct {
		f.writes("DISTINCT ")
	}
	f.exprs(c.args)
	if c.orderBy != nil {
		f.writes(" ORDER BY ")
		f.sortItems(c.orderBy)
	}
	f.writes(")")
	if c.filter != nil {
		f.writes(" FILTER (WHERE ")
		f.expr(c.filter)
		f.writes(")")
	}
	if c.ignoreNulls {
		f.writes(" IGNORE NULLS")
	}
	if c.over != nil {
		f.writes(" OVER (")
		f.window(c.over)
		f.writes(")")
	}
}

// bareCalls are functions that are called without brackets.
var bareCalls = map[string]bool{
	"current_date": true, "current_time": true, "current_timestamp": true, "localtime": true, "localtimestamp": true,
}

func (f *formatter) window(w *window) {
	space := ""
	if w.partition != nil {
		f.writes("PARTITION BY ")
		f.exprs(w.partition)
		space = " "
	}
	if w.orderBy != nil {
		f.writes(space, "ORDER BY ")
		f.sortItems(w.orderBy)
		space = " "
	}
	if fr := w.frame; fr != nil {
		f.writes(space, fr.unit, " ")
		if fr.end.kind == "" {
			f.bound(fr.start)
			return
		}
		f.writes("BETWEEN ")
		f.bound(fr.start)
		f.writes(" AND ")
		f.bound(fr.end)
	}
}

func (f *formatter) bound(b bound) {
	if b.n != nil {
		f.operand(b.n, bindConcat)
		f.writes(" ")
	}
	f.writes(b.kind)
}
