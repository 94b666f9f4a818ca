package statement

// expr checks an expression and returns its type.
func (c *checker) expr(e expr) Type {
	t := c.exprType(e)
	c.info.types[e] = t
	return t
}

func (c *checker) exprType(e expr) Type {
	switch e := e.(type) {
	case *nullLit:
		return TypeOf(Unknown)
	case *boolLit:
		return TypeOf(Boolean)
	case *intLit:
		return TypeOf(Bigint)
	case *doubleLit:
		return TypeOf(Double)
	case *stringLit:
		return TypeOf(Varchar)
	case *binaryLit:
		return TypeOf(Varbinary)
	case *typedLit:
		return e.typ
	case *intervalLit:
		return TypeOf(Interval)
	case *name:
		return c.name(e)
	case *unary:
		return c.unary(e)
	case *binary:
		return c.binary(e)
	case *logic:
		for _, t := range e.terms {
			c.want(t, Boolean, e.op)
		}
		return TypeOf(Boolean)
	case *call:
		return c.call(e)
	case *caseExpr:
		return c.caseType(e)
	case *cast:
		c.castable(e, c.expr(e.x))
		return e.typ
	}
	if t, ok := c.predicate(e); ok {
		return t
	}
	return c.composite(e)
}

// want checks e, which has to be of a kind.
func (c *checker) want(e expr, k Kind, where string) {
	if t := c.expr(e); !coercible(t, TypeOf(k)) {
		c.fail(e.at(), "%s takes %s, not %s", where, TypeOf(k), t)
	}
}

func (c *checker) predicate(e expr) (Type, bool) {
	switch e := e.(type) {
	case *between:
		x := c.expr(e.x)
		c.comparable(e.pos, "BETWEEN", e.x, x, e.lo, c.expr(e.lo))
		c.comparable(e.pos, "BETWEEN", e.x, x, e.hi, c.expr(e.hi))
	case *inList:
		x := c.expr(e.x)
		for _, v := range e.list {
			c.comparable(v.at(), "IN", e.x, x, v, c.expr(v))
		}
	case *inQuery:
		c.comparable(e.pos, "IN", e.x, c.expr(e.x), nil, c.oneColumn(e.query))
	case *quantified:
		c.comparable(e.pos, e.op, e.x, c.expr(e.x), nil, c.oneColumn(e.query))
	case *like:
		c.want(e.x, Varchar, "LIKE")
		c.want(e.pattern, Varchar, "LIKE")
		if e.escape != nil {
			if s, ok := e.escape.(*stringLit); !ok || len([]rune(s.value)) != 1 {
				c.fail(e.escape.at(), "ESCAPE takes one character in single quotes")
			}
			c.expr(e.escape)
		}
	case *isNull:
		c.expr(e.x)
	case *isDiff:
		c.comparable(e.pos, "IS DISTINCT FROM", e.l, c.expr(e.l), e.r, c.expr(e.r))
	case *exists:
		c.inner(e.query)
	default:
		return Type{}, false
	}
	return TypeOf(Boolean), true
}

// comparable fails if values of the two types cannot be compared. A text that is written out can be compared with moments.
func (c *checker) comparable(pos int, op string, x expr, xt Type, y expr, yt Type) {
	if _, ok := common(xt, yt); ok && xt.Kind != JSON && xt.Kind != HyperLogLog {
		return
	}
	_, xText := x.(*stringLit)
	_, yText := y.(*stringLit)
	if xText && yt.moment() || yText && xt.moment() {
		return
	}
	c.fail(pos, "'%s' cannot be applied to %s, %s; cast one side, as in cast(x as %s)", op, xt, yt, c.castHint(xt, yt))
}

func (c *checker) castHint(x, y Type) Type {
	if x.Kind == Varchar || x.Kind == JSON {
		return y
	}
	return x
}

// inner checks a query inside an expression, which sees the columns around it.
func (c *checker) inner(q *query) []output {
	defer c.push(&scope{})()
	return c.query(q)
}

func (c *checker) oneColumn(q *query) Type {
	out := c.inner(q)
	if len(out) != 1 {
		c.fail(q.pos, "Multiple columns returned by subquery are not supported: it has %d", len(out))
	}
	return out[0].typ
}

func (c *checker) unary(u *unary) Type {
	if u.op == "NOT" {
		c.want(u.x, Boolean, "NOT")
		return TypeOf(Boolean)
	}
	t := c.expr(u.x)
	if !t.numeric() && t.Kind != Interval && t.Kind != Unknown {
		c.fail(u.pos, "'-' cannot be applied to %s", t)
	}
	return t
}

func (c *checker) binary(b *binary) Type {
	l, r := c.expr(b.l), c.expr(b.r)
	switch b.op {
	case "||":
		delete(c.info.growing, b.l) // a chain counts once
		c.grows(b)
		return c.concatType(b, l, r)
	case "+", "-", "*", "/", "%":
		if t, ok := arithmetic(b.op, l, r); ok {
			return t
		}
		c.fail(b.pos, "'%s' cannot be applied to %s, %s", b.op, l, r)
	}
	c.comparable(b.pos, b.op, b.l, l, b.r, r)
	return TypeOf(Boolean)
}

// concatType: texts, arrays, and an array with an element on either side.
func (c *checker) concatType(b *binary, l, r Type) Type {
	switch {
	case l.Kind == Array && r.Kind == Array:
		if t, ok := common(l, r); ok {
			return t
		}
	case l.Kind == Array:
		if t, ok := common(l.Elems[0], r); ok {
			return ArrayOf(t)
		}
	case r.Kind == Array:
		if t, ok := common(l, r.Elems[0]); ok {
			return ArrayOf(t)
		}
	case l.Kind == Varbinary && r.Kind == Varbinary:
		return l
	case coercible(l, TypeOf(Varchar)) && coercible(r, TypeOf(Varchar)):
		return TypeOf(Varchar)
	}
	c.fail(b.pos, "'||' cannot be applied to %s, %s; cast numbers with cast(x as varchar)", l, r)
	panic("unreachable")
}

func arithmetic(op string, l, r Type) (Type, bool) {
	if l.Kind == Unknown {
		l = r
	}
	if r.Kind == Unknown {
		r = l
	}
	switch {
	case l.numeric() && r.numeric():
		t, _ := common(l, r)
		if t.Kind == Decimal {
			t = TypeOf(Decimal)
		}
		return t, true
	case l.moment() && r.Kind == Interval && (op == "+" || op == "-"):
		return l, true
	case l.Kind == Interval && r.moment() && op == "+":
		return r, true
	case l.moment() && r.moment() && op == "-":
		return TypeOf(Interval), true
	case l.Kind == Interval && r.Kind == Interval && (op == "+" || op == "-"):
		return l, true
	case l.Kind == Interval && r.numeric() && (op == "*" || op == "/"):
		return l, true
	case l.numeric() && r.Kind == Interval && op == "*":
		return r, true
	case l.Kind == Unknown:
		return l, true
	}
	return Type{}, false
}

func (c *checker) caseType(e *caseExpr) Type {
	var operand Type
	if e.operand != nil {
		operand = c.expr(e.operand)
	}
	var result Type
	branch := func(b expr) {
		t := c.expr(b)
		both, ok := common(result, t)
		if !ok {
			c.fail(b.at(), "All CASE results must be the same type: %s, not %s", result, t)
		}
		result = both
	}
	for _, w := range e.whens {
		if e.operand != nil {
			c.comparable(w.cond.at(), "CASE", e.operand, operand, w.cond, c.expr(w.cond))
		} else {
			c.want(w.cond, Boolean, "CASE WHEN")
		}
		branch(w.then)
	}
	if e.orElse != nil {
		branch(e.orElse)
	}
	return result
}

// castable knows which casts make sense; the values decide about the rest.
func (c *checker) castable(e *cast, from Type) {
	ok := false
	switch to := e.typ; {
	case from.Kind == Unknown, from.Kind == JSON, to.Kind == JSON, coercible(from, to):
		ok = true
	case from.Kind == Varchar:
		ok = len(to.Elems) == 0 && to.Kind != HyperLogLog && to.Kind != Interval
	case to.Kind == Varchar:
		ok = len(from.Elems) == 0 && from.Kind != HyperLogLog
	case from.numeric() || from.Kind == Boolean:
		ok = to.numeric() || to.Kind == Boolean
	case from.moment():
		ok = to.moment() || to.Kind == Time
	case from.Kind == HyperLogLog || to.Kind == HyperLogLog:
		ok = to.Kind == Varbinary || from.Kind == Varbinary
	case len(from.Elems) > 0:
		ok = from.Kind == to.Kind && len(from.Elems) == len(to.Elems)
	}
	if !ok {
		c.fail(e.pos, "Cannot cast %s to %s", from, e.typ)
	}
}

func (c *checker) composite(e expr) Type {
	switch e := e.(type) {
	case *subquery:
		return c.oneColumn(e.query)
	case *extract:
		return c.extract(e)
	case *atZone:
		if t := c.expr(e.x); t.Kind != Timestamp && t.Kind != TimestampTZ {
			c.fail(e.pos, "AT TIME ZONE takes a timestamp, not %s", t)
		}
		c.want(e.zone, Varchar, "AT TIME ZONE")
		return TypeOf(Timestamp)
	case *arrayLit:
		return ArrayOf(c.commonOf(e.elems))
	case *rowLit:
		types := make([]Type, len(e.elems))
		for i, x := range e.elems {
			types[i] = c.expr(x)
		}
		return RowOf(make([]string, len(types)), types)
	case *subscript:
		return c.subscript(e)
	case *field:
		t := c.expr(e.x)
		i := fieldNamed(t, e.name.text)
		if i < 0 {
			c.fail(e.name.pos, "a value of type %s has no field '%s'", t, e.name.text)
		}
		return t.Elems[i]
	case *lambda:
		c.fail(e.pos, "a lambda stands only where a function takes one, as in transform(a, x -> x + 1)")
	}
	panic("unknown expression")
}

func (c *checker) commonOf(elems []expr) Type {
	var all Type
	for _, e := range elems {
		t := c.expr(e)
		both, ok := common(all, t)
		if !ok {
			c.fail(e.at(), "the elements of an array have types %s and %s", all, t)
		}
		all = both
	}
	return all
}

func (c *checker) extract(e *extract) Type {
	function, ok := extractFunctions[e.field]
	if !ok {
		c.fail(e.pos, "Invalid EXTRACT field: %s", e.field)
	}
	in := &call{node: e.node, name: function, args: []expr{e.x}}
	c.info.extracts[e] = in
	return c.expr(in)
}

func (c *checker) subscript(e *subscript) Type {
	t := c.expr(e.x)
	switch t.Kind {
	case Array:
		c.want(e.index, Bigint, "[ ] of an array")
		return t.Elems[0]
	case Map:
		c.comparable(e.pos, "[ ]", nil, t.Elems[0], e.index, c.expr(e.index))
		return t.Elems[1]
	}
	c.fail(e.pos, "[ ] takes arrays and maps, not %s", t)
	panic("unreachable")
}
