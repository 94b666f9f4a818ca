package statement

import "slices"

// Expressions, loosest first: OR, AND, NOT, predicates (= IN LIKE ...), ||, + -, * / %, sign, AT TIME ZONE, [ ] and fields.

func (p *parser) parseExpr() expr {
	defer p.enter()()
	return p.parseLogic("OR", func() expr {
		return p.parseLogic("AND", p.parseNot)
	})
}

// parseLogic reads a chain as one node, so that a thousand conditions are not a thousand levels.
func (p *parser) parseLogic(op string, term func() expr) expr {
	first := term()
	if !p.keywords(op) {
		return first
	}
	terms := []expr{first}
	for p.accept(op) {
		terms = append(terms, term())
	}
	return &logic{node{first.at()}, op, terms}
}

func (p *parser) parseNot() expr {
	pos := p.peek().pos
	if !p.accept("NOT") {
		return p.parsePredicate()
	}
	defer p.enter()()
	return &unary{node{pos}, "NOT", p.parseNot()}
}

var comparisons = []string{"=", "<>", "!=", "<", "<=", ">", ">="}

func (p *parser) parsePredicate() expr {
	x := p.parseValue()
	at := node{x.at()}
	if t := p.peek(); t.kind == tokenSymbol && slices.Contains(comparisons, t.text) {
		p.next++
		op := t.text
		if op == "!=" {
			op = "<>"
		}
		if p.startsQuantified() {
			all := !p.accept("ANY") && !p.accept("SOME")
			if all {
				p.expect("ALL")
			}
			return &quantified{at, op, all, x, p.parseQueryInBrackets()}
		}
		return &binary{node{t.pos}, op, x, p.parseValue()}
	}
	if p.accept("IS") {
		not := p.accept("NOT")
		if p.accept("NULL") {
			return &isNull{at, not, x}
		}
		p.expect("DISTINCT", "FROM")
		return &isDiff{at, not, x, p.parseValue()}
	}
	not := false
	if n := p.peekAt(1); p.keywords("NOT") && (n.word("BETWEEN") || n.word("IN") || n.word("LIKE")) {
		not = p.accept("NOT")
	}
	switch {
	case p.accept("BETWEEN"):
		lo := p.parseValue()
		p.expect("AND")
		return &between{at, not, x, lo, p.parseValue()}
	case p.accept("IN"):
		return p.parseIn(at, not, x)
	case p.accept("LIKE"):
		l := &like{node: at, not: not, x: x, pattern: p.parseValue()}
		if p.accept("ESCAPE") {
			l.escape = p.parseValue()
		}
		return l
	}
	return x
}

func (p *parser) startsQuantified() bool {
	t, n := p.peek(), p.peekAt(1)
	return (t.word("ANY") || t.word("ALL") || t.word("SOME")) && n.symbol("(") &&
		(p.peekAt(2).word("SELECT") || p.peekAt(2).word("WITH") || p.peekAt(2).word("VALUES") || p.peekAt(2).symbol("("))
}

func (p *parser) parseQueryInBrackets() *query {
	p.expectSymbol("(")
	q := p.parseQuery()
	p.expectSymbol(")")
	return q
}

func (p *parser) parseIn(at node, not bool, x expr) expr {
	p.expectSymbol("(")
	defer p.expectSymbol(")")
	if p.startsQuery() {
		if _, ok := p.peekQuery(); ok {
			return &inQuery{at, not, x, p.parseQuery()}
		}
	}
	return &inList{at, not, x, list(p, p.parseExpr)}
}

// peekQuery: a query stands here itself, not in further brackets (those may hold a value).
func (p *parser) peekQuery() (token, bool) {
	t := p.peek()
	return t, t.word("SELECT") || t.word("WITH") || t.word("VALUES")
}

// parseValue: operators between values, from || down.
func (p *parser) parseValue() expr {
	return p.parseChain([]string{"||"}, func() expr {
		return p.parseChain([]string{"+", "-"}, func() expr {
			return p.parseChain([]string{"*", "/", "%"}, p.parseSigned)
		})
	})
}

func (p *parser) parseChain(ops []string, term func() expr) expr {
	left := term()
	for {
		t := p.peek()
		if t.kind != tokenSymbol || !slices.Contains(ops, t.text) {
			return left
		}
		defer p.enter()() // the tree leans to the left and is as deep as the chain is long
		p.next++
		left = &binary{node{t.pos}, t.text, left, term()}
	}
}

func (p *parser) parseSigned() expr {
	t := p.peek()
	switch {
	case p.acceptSymbol("+"):
		defer p.enter()()
		return p.parseSigned()
	case p.acceptSymbol("-"):
		defer p.enter()()
		if n := p.peek(); n.kind == tokenInteger {
			return p.parsePostfix(p.parseInteger(node{t.pos}, "-"))
		}
		return &unary{node{t.pos}, "-", p.parseSigned()}
	}
	return p.parsePostfix(p.parsePrimary())
}

// parsePostfix: x[i], x.field, x AT TIME ZONE z
func (p *parser) parsePostfix(x expr) expr {
	for {
		t := p.peek()
		switch {
		case p.acceptSymbol("["):
			defer p.enter()()
			x = &subscript{node{x.at()}, x, p.parseExpr()}
			p.expectSymbol("]")
		case p.acceptSymbol("."):
			defer p.enter()()
			x = p.withField(x, p.parseIdent("a name"))
		case p.keywords("AT", "TIME", "ZONE"):
			defer p.enter()()
			p.next += 3
			x = &atZone{node{t.pos}, x, p.parsePostfix(p.parsePrimary())}
		default:
			return x
		}
	}
}

// withField: dots between names make one name, whose meaning is found later.
func (p *parser) withField(x expr, id ident) expr {
	if n, ok := x.(*name); ok {
		return &name{n.node, append(slices.Clip(n.parts), id)}
	}
	return &field{node{x.at()}, x, id}
}
