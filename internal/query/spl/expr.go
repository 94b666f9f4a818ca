package spl

import (
	"cmp"
	"slices"
	"strings"
)

// expr is an expression. Evaluating gives NULL for what cannot be computed; an error, a [*RowError], is for bounds only.
type expr interface {
	eval(sc *scope) (value, error)
}

// scope is what an expression sees.
type scope struct {
	rt   *run
	row  *row
	vars []value // parameters of the lambdas around, the outermost first
}

type (
	constant struct{ value value }
	// field is a field of the row.
	field struct{ name string }
	// variable is a parameter of a lambda, by its place in scope.vars.
	variable struct{ place int }

	negative struct{ x expr }
	not      struct{ x expr }
	// logic is a chain of and, or of or.
	logic struct {
		or    bool
		terms []expr
	}
	arithmetic struct {
		op   byte // + - * / %
		l, r expr
	}
	concat     struct{ parts []expr }
	comparison struct {
		op   string
		l, r expr
	}
	between struct{ x, lo, hi expr }
	in      struct {
		x    expr
		list []expr
	}
	like struct {
		x, pattern, escape expr // escape may be nil
	}
	isNull struct{ x expr }
	isSame struct{ l, r expr } // is not distinct from

	when struct{ condition, then expr }
	// cases is case, and if.
	cases struct {
		operand expr // nil: the conditions are on their own
		whens   []when
		orElse  expr // may be nil
	}
	cast struct {
		x  expr
		to castType
	}
	zoned     struct{ x, zone expr } // at time zone
	listLit   struct{ elems []expr }
	subscript struct{ x, index expr }
	lambda    struct {
		params int
		body   expr
	}
	call struct {
		f    *function
		args []expr
	}
)

func (e constant) eval(*scope) (value, error) { return e.value, nil }

func (e *field) eval(sc *scope) (value, error) { return sc.row.get(e.name), nil }

func (e *variable) eval(sc *scope) (value, error) { return sc.vars[e.place], nil }

// closure is a lambda with what it saw where it was written.
type closure struct {
	*lambda
	scope *scope
}

func (e *lambda) eval(sc *scope) (value, error) {
	return value{kind: lambdaKind, ref: &closure{e, sc}}, nil
}

// call runs a lambda; parameters that are not given are NULL.
func (c *closure) call(args ...value) (value, error) {
	if err := c.scope.rt.spend(1); err != nil {
		return null, err
	}
	vars := slices.Grow(slices.Clone(c.scope.vars), c.params)
	for i := range c.params {
		v := null
		if i < len(args) {
			v = args[i]
		}
		vars = append(vars, v)
	}
	return c.body.eval(&scope{rt: c.scope.rt, row: c.scope.row, vars: vars})
}

// evalAll evaluates expressions from left to right.
func evalAll(sc *scope, exprs []expr) ([]value, error) {
	values := make([]value, len(exprs))
	for i, e := range exprs {
		var err error
		if values[i], err = e.eval(sc); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// eval2 evaluates both sides of an operator.
func eval2(sc *scope, l, r expr) (a, b value, err error) {
	if a, err = l.eval(sc); err == nil {
		b, err = r.eval(sc)
	}
	return a, b, err
}

func (e *call) eval(sc *scope) (value, error) {
	args, err := evalAll(sc, e.args)
	if err != nil {
		return null, err
	}
	if !e.f.takesNull && slices.ContainsFunc(args, value.isNull) {
		return null, nil
	}
	if err := sc.rt.spendOn(args...); err != nil {
		return null, err
	}
	return e.f.call(sc.rt, args)
}

func (e *not) eval(sc *scope) (value, error) {
	v, err := e.x.eval(sc)
	if v = v.truth(); v.isNull() {
		return null, err
	}
	return boolOf(!v.isTrue()), err
}

// eval of a chain stops at the first term that decides. NULL decides nothing: null and false is false.
func (e *logic) eval(sc *scope) (value, error) {
	result := boolOf(!e.or)
	for _, term := range e.terms {
		v, err := term.eval(sc)
		if err != nil {
			return null, err
		}
		switch v = v.truth(); {
		case v.isNull():
			result = null
		case v.isTrue() == e.or:
			return v, nil
		}
	}
	return result, nil
}

func (e *comparison) eval(sc *scope) (value, error) {
	a, b, err := eval2(sc, e.l, e.r)
	if err != nil {
		return null, err
	}
	return compareBy(e.op, a, b, sc.rt)
}

func compareBy(op string, a, b value, rt *run) (value, error) {
	if err := rt.spendOn(a, b); err != nil {
		return null, err
	}
	c, ok := compare(a, b, rt.Zone)
	if !ok {
		return null, nil
	}
	switch op {
	case "=":
		return boolOf(c == 0), nil
	case "<>":
		return boolOf(c != 0), nil
	case "<":
		return boolOf(c < 0), nil
	case "<=":
		return boolOf(c <= 0), nil
	case ">":
		return boolOf(c > 0), nil
	}
	return boolOf(c >= 0), nil
}

func (e *between) eval(sc *scope) (value, error) {
	v, err := evalAll(sc, []expr{e.lo, e.x, e.hi})
	if err != nil {
		return null, err
	}
	low, err := compareBy("<=", v[0], v[1], sc.rt)
	if err != nil {
		return null, err
	}
	high, err := compareBy("<=", v[1], v[2], sc.rt)
	if err != nil {
		return null, err
	}
	return (&logic{terms: []expr{constant{low}, constant{high}}}).eval(sc)
}

func (e *in) eval(sc *scope) (value, error) {
	x, err := e.x.eval(sc)
	if err != nil || x.isNull() {
		return null, err
	}
	result := boolOf(false)
	for _, candidate := range e.list {
		v, err := candidate.eval(sc)
		if err != nil {
			return null, err
		}
		same, err := compareBy("=", x, v, sc.rt)
		switch {
		case err != nil || same.isTrue():
			return same, err
		case same.isNull():
			result = null
		}
	}
	return result, nil
}

func (e *isNull) eval(sc *scope) (value, error) {
	v, err := e.x.eval(sc)
	return boolOf(v.isNull()), err
}

func (e *isSame) eval(sc *scope) (value, error) {
	a, b, err := eval2(sc, e.l, e.r)
	if err != nil {
		return null, err
	}
	if a.isNull() || b.isNull() {
		return boolOf(a.isNull() && b.isNull()), nil
	}
	same, err := compareBy("=", a, b, sc.rt)
	return boolOf(same.isTrue()), err
}

func (e *cases) eval(sc *scope) (value, error) {
	var operand value
	if e.operand != nil {
		var err error
		if operand, err = e.operand.eval(sc); err != nil {
			return null, err
		}
	}
	for _, w := range e.whens {
		v, err := w.condition.eval(sc)
		if err == nil && e.operand != nil {
			v, err = compareBy("=", operand, v, sc.rt)
		}
		if err != nil {
			return null, err
		}
		if v.truth().isTrue() {
			return w.then.eval(sc)
		}
	}
	if e.orElse == nil {
		return null, nil
	}
	return e.orElse.eval(sc)
}

func (e *zoned) eval(sc *scope) (value, error) {
	x, name, err := eval2(sc, e.x, e.zone)
	if err != nil {
		return null, err
	}
	t, ok := x.time(sc.rt.Zone)
	zone := sc.rt.zone(name.String())
	if !ok || zone == nil {
		return null, nil
	}
	return momentOf(t.In(zone)), nil
}

func (e *listLit) eval(sc *scope) (value, error) {
	elems, err := evalAll(sc, e.elems)
	return listOf(elems), err
}

func (e *subscript) eval(sc *scope) (value, error) {
	x, index, err := eval2(sc, e.x, e.index)
	if err != nil {
		return null, err
	}
	return elementAt(x, index), nil
}

// elementAt takes from a list by place, counted from 1, or from the end if negative; from a map by key.
func elementAt(x, index value) value {
	switch x.kind {
	case dictKind:
		return x.dict().get(index)
	case listKind:
		i, ok := index.integer()
		if i < 0 {
			i += int64(len(x.list())) + 1
		}
		if ok && i >= 1 && i <= int64(len(x.list())) {
			return x.list()[i-1]
		}
	}
	return null
}

func (e *concat) eval(sc *scope) (value, error) {
	parts, err := evalAll(sc, e.parts)
	if err != nil || slices.ContainsFunc(parts, value.isNull) {
		return null, err
	}
	return join(sc.rt, parts)
}

// join puts lists together, or texts.
func join(rt *run, parts []value) (value, error) {
	if slices.ContainsFunc(parts, func(v value) bool { return v.kind == listKind }) {
		var all []value
		for _, part := range parts {
			elems := []value{part}
			if part.kind == listKind {
				elems = part.list()
			}
			if err := rt.elements(len(all) + len(elems)); err != nil {
				return null, err
			}
			all = append(all, elems...)
		}
		return listOf(all), nil
	}
	size := 0
	for _, part := range parts {
		size += part.bytes(rt.RowBytes)
	}
	if err := cmp.Or(rt.fits(size), rt.spendOn(parts...)); err != nil {
		return null, err
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.String())
	}
	return textOf(b.String()), nil
}
