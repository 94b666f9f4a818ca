package statement

// walk calls visit for e and, where visit says so, for the expressions in it. It does not enter queries.
func walk(e expr, visit func(expr) bool) {
	if e == nil || !visit(e) {
		return
	}
	all := func(exprs []expr) {
		for _, e := range exprs {
			walk(e, visit)
		}
	}
	sorts := func(items []sortItem) {
		for _, s := range items {
			walk(s.expr, visit)
		}
	}
	switch e := e.(type) {
	case *unary:
		walk(e.x, visit)
	case *binary:
		all([]expr{e.l, e.r})
	case *logic:
		all(e.terms)
	case *between:
		all([]expr{e.x, e.lo, e.hi})
	case *inList:
		walk(e.x, visit)
		all(e.list)
	case *inQuery:
		walk(e.x, visit)
	case *like:
		all([]expr{e.x, e.pattern, e.escape})
	case *isNull:
		walk(e.x, visit)
	case *isDiff:
		all([]expr{e.l, e.r})
	case *quantified:
		walk(e.x, visit)
	case *caseExpr:
		walk(e.operand, visit)
		for _, w := range e.whens {
			all([]expr{w.cond, w.then})
		}
		walk(e.orElse, visit)
	case *cast:
		walk(e.x, visit)
	case *extract:
		walk(e.x, visit)
	case *atZone:
		all([]expr{e.x, e.zone})
	case *arrayLit:
		all(e.elems)
	case *rowLit:
		all(e.elems)
	case *subscript:
		all([]expr{e.x, e.index})
	case *field:
		walk(e.x, visit)
	case *lambda:
		walk(e.body, visit)
	case *call:
		all(e.args)
		sorts(e.orderBy)
		walk(e.filter, visit)
		if w := e.over; w != nil {
			all(w.partition)
			sorts(w.orderBy)
			if w.frame != nil {
				all([]expr{w.frame.start.n, w.frame.end.n})
			}
		}
	}
}
