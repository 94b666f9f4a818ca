package statement

import (
	"strings"
)

// call finds the row of the function table that a call means.
func (c *checker) call(e *call) Type {
	overloads := functions[e.name]
	if overloads == nil {
		if r, ok := refusalOf(e.name); ok {
			c.refuse(e.pos, "Function %s is not supported: %s", e.name, r.Reason)
		}
		c.fail(e.pos, "Function %s not registered", e.name)
	}
	args := make([]Type, len(e.args))
	for i, a := range e.args {
		if _, isLambda := a.(*lambda); !isLambda {
			args[i] = c.expr(a)
		}
	}
	f, m := c.choose(e, overloads, args)
	elements := int64(0) // no element is larger than the arrays together
	for _, a := range e.args {
		if _, isLambda := a.(*lambda); !isLambda {
			elements += c.info.size(a)
		}
	}
	for i, a := range e.args {
		if l, isLambda := a.(*lambda); isLambda {
			c.lambda(l, f.param(i), m, elements)
		}
	}
	c.info.calls[e] = f
	if f.needs == needsPlaces && !c.options.Places || f.needs == needsProviders && !c.options.Providers {
		c.refuse(e.pos, "Function %s needs %s", e.name, f.needs)
	}
	if growing[e.name] {
		c.grows(e)
	}
	for i := range e.args {
		c.info.targets[e] = append(c.info.targets[e], m.fill(f.param(i)))
	}
	c.modifiers(e, f)
	if f.result.Kind == kindNumber {
		return args[0]
	}
	return m.fill(f.result)
}

// choose returns the row that takes the arguments with the fewest coercions.
func (c *checker) choose(e *call, overloads []*function, args []Type) (*function, *match) {
	var best *function
	var bestMatch *match
	for _, f := range overloads {
		if m, ok := fits(f, e, args); ok && (best == nil || m.cost < bestMatch.cost) {
			best, bestMatch = f, m
		}
	}
	if best == nil {
		forms := make([]string, len(overloads))
		for i, f := range overloads {
			forms[i] = f.text[:strings.LastIndexByte(f.text, ')')+1]
		}
		got := joinTypes(args)
		if e.star {
			got = "*"
		}
		c.fail(e.pos, "Unexpected parameters (%s) for function %s. Expected: %s", got, e.name, strings.Join(forms, ", "))
	}
	return best, bestMatch
}

func fits(f *function, e *call, args []Type) (*match, bool) {
	m := &match{bound: map[byte]Type{}}
	if f.star || e.star {
		return m, f.star && e.star
	}
	if !f.takes(len(args)) {
		return nil, false
	}
	for i, a := range e.args {
		p := f.param(i)
		if _, isLambda := a.(*lambda); isLambda != (p.Kind == kindFunc) {
			return nil, false
		} else if !isLambda && !m.accepts(p, args[i]) {
			return nil, false
		}
	}
	return m, true
}

// lambda checks the body with the types that the other arguments gave to the parameters; its type binds the result. The
// parameters have at most as many bytes as elements says.
func (c *checker) lambda(l *lambda, want Type, m *match, elements int64) {
	types, result := want.Elems[:len(want.Elems)-1], want.Elems[len(want.Elems)-1]
	if len(types) != len(l.params) {
		c.fail(l.pos, "the lambda has %d parameters and is given %d", len(l.params), len(types))
	}
	sc := &scope{params: []*column{}}
	for i, p := range l.params {
		sql := c.fresh("_p")
		sc.params = append(sc.params, &column{label: p.text, name: sql, sql: sql, typ: m.fill(types[i]), size: elements})
	}
	c.info.params[l] = sc.params
	done := c.push(sc)
	t := c.expr(l.body)
	done()
	c.info.types[l] = t
	if !m.accepts(result, t) {
		c.fail(l.body.at(), "the lambda gives %s and should give %s", t, m.fill(result))
	}
	walk(l.body, func(e expr) bool {
		if call, ok := e.(*call); ok && call.name == "try" {
			c.fail(call.pos, "a lambda cannot call try")
		}
		return true
	})
}

// modifiers checks DISTINCT, ORDER BY, FILTER and OVER of a call.
func (c *checker) modifiers(e *call, f *function) {
	if f.class != aggregate && f.class != rowMaker {
		switch {
		case e.distinct, e.orderBy != nil:
			c.fail(e.pos, "DISTINCT and ORDER BY stand in aggregates only, not in %s", e.name)
		case e.filter != nil:
			c.fail(e.pos, "FILTER stands behind aggregates only, not behind %s", e.name)
		case f.class == windowed && e.over == nil:
			c.fail(e.pos, "Window function %s requires an OVER clause", e.name)
		case f.class != windowed && (e.over != nil || e.ignoreNulls):
			c.fail(e.pos, "%s is no window function", e.name)
		}
	}
	if e.distinct && len(e.args) != 1 {
		c.fail(e.pos, "DISTINCT is for aggregates of one argument")
	}
	if e.ignoreNulls && f.class != windowed {
		c.fail(e.pos, "IGNORE NULLS is for window functions, not for %s", e.name)
	}
	c.sortItems(e.orderBy)
	for _, o := range e.orderBy {
		if e.distinct && c.info.keyOf(o.expr) != c.info.keyOf(e.args[0]) {
			c.fail(o.expr.at(), "an aggregate with DISTINCT is ordered by its argument only")
		}
	}
	if e.filter != nil {
		c.condition(e.filter, "FILTER")
	}
	if w := e.over; w != nil {
		for _, p := range w.partition {
			c.expr(p)
		}
		c.sortItems(w.orderBy)
		if w.frame != nil {
			c.bound(w.frame.start)
			c.bound(w.frame.end)
		}
	}
}

func (c *checker) sortItems(items []sortItem) {
	for _, s := range items {
		c.expr(s.expr)
	}
}

func (c *checker) bound(b bound) {
	if b.n == nil {
		return
	}
	if t := c.expr(b.n); t.Kind != Bigint && t.Kind != Interval {
		c.fail(b.n.at(), "a frame is bounded by a number of rows or an interval, not by %s", t)
	}
}
