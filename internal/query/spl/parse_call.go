package spl

import (
	"slices"
	"strings"
)

// parseCall reads name(arguments).
func (p *parser) parseCall() expr {
	at := p.take()
	f, ok := functions[strings.ToLower(at.text)]
	if !ok {
		p.fail(at, "Function %s not registered%s", at.text, suggestion(strings.ToLower(at.text)))
	}
	p.expectSymbol("(")
	var places []token
	c := &call{f: f}
	if !p.peek().isSymbol(")") {
		c.args = list(p, func() expr {
			places = append(places, p.peek())
			return p.parseExpr()
		})
	}
	p.expectSymbol(")")
	if len(c.args) < f.min || len(c.args) > f.max {
		p.fail(at, "%s takes %s, not %d", f.name, arity(f.min, f.max), len(c.args))
	}
	for i, arg := range c.args {
		_, isLambda := arg.(*lambda)
		switch {
		case isLambda && !f.wantsLambda(i+1):
			p.fail(places[i], "%s takes no lambda here", f.name)
		case !isLambda && f.wantsLambda(i+1):
			p.fail(places[i], "%s takes a lambda here, like x -> x + 1", f.name)
		}
		p.checkConstant(f, i+1, arg, places[i])
	}
	return c
}

func (f *function) wantsLambda(arg int) bool { return f.lambda > 0 && arg >= f.lambda }

// checkConstant finds wrong expressions and paths before the first row does.
func (p *parser) checkConstant(f *function, arg int, e expr, at token) {
	c, ok := e.(constant)
	if !ok || c.value.kind != textKind {
		return
	}
	if arg == f.pattern {
		at.text = c.value.s
		p.compile(at)
	}
	if _, ok := parsePath(c.value.s); arg == f.path && !ok {
		p.fail(at, "not a JSON path like '$.body.items[0]'")
	}
}

// suggestion names a function that was probably meant.
func suggestion(name string) string {
	if better, ok := instead[name]; ok {
		return "; use " + better
	}
	for known := range functions {
		if len(name) > 3 && (strings.ReplaceAll(known, "_", "") == strings.ReplaceAll(name, "_", "")) {
			return "; did you mean " + known + "?"
		}
	}
	return ""
}

// instead says what stands for functions that are not here.
var instead = map[string]string{
	"count": "it in stats", "sum": "it in stats", "avg": "it in stats", "min": "least", "max": "greatest",
	"format_datetime": "date_format", "parse_datetime": "date_parse", "substring_index": "split_part",
}

// startsLambda: x -> ... or (x, y) -> ...
func (p *parser) startsLambda() bool {
	if p.peek().kind == wordToken {
		return p.ahead(1).isSymbol("->")
	}
	if !p.peek().isSymbol("(") {
		return false
	}
	for n := 1; p.ahead(n).kind == wordToken; n += 2 {
		if p.ahead(n + 1).isSymbol(")") {
			return p.ahead(n + 2).isSymbol("->")
		}
		if !p.ahead(n + 1).isSymbol(",") {
			return false
		}
	}
	return false
}

func (p *parser) parseLambda() expr {
	outer := p.params
	defer func() { p.params = outer }()
	var names []string
	if p.acceptSymbol("(") {
		names = list(p, p.name)
		p.expectSymbol(")")
	} else {
		names = []string{p.name()}
	}
	p.expectSymbol("->")
	// An inner name hides an outer one: the place of the outer keeps a name that nothing can be called.
	p.params = slices.Clone(outer)
	for i, name := range p.params {
		if slices.Contains(names, name) {
			p.params[i] = ""
		}
	}
	p.params = append(p.params, names...)
	return &lambda{len(names), p.parseExpr()}
}
