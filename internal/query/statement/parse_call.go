package statement

import (
	"strings"
)

// parseNamed: a column, a function call, or the lambda x -> e.
func (p *parser) parseNamed() expr {
	t := p.peek()
	// Functions are named like keywords here and there: if(...), left(...) are calls.
	if t.kind == tokenWord && p.peekAt(1).symbol("(") && !notFunctions[strings.ToUpper(t.text)] {
		return p.parseCall()
	}
	id := p.parseIdent("an expression")
	if p.acceptSymbol("->") {
		return &lambda{node{id.pos}, []ident{id}, p.parseExpr()}
	}
	return &name{node{id.pos}, []ident{id}}
}

// notFunctions are the reserved words that an opening bracket may follow in another meaning.
var notFunctions = wordSet("AND AS BY BETWEEN CASE DISTINCT ELSE EXCEPT FROM HAVING IN INTERSECT JOIN LIKE NOT ON OR SELECT THEN UNION USING VALUES WHEN WHERE")

func (p *parser) parseCall() expr {
	t := p.advance()
	c := &call{node: node{t.pos}, name: strings.ToLower(t.text)}
	p.expectSymbol("(")
	switch {
	case p.acceptSymbol("*"):
		c.star = true
	case p.peek().symbol(")"):
	default:
		if c.distinct = p.accept("DISTINCT"); !c.distinct {
			p.accept("ALL")
		}
		c.args = list(p, p.parseExpr)
		if p.accept("ORDER", "BY") {
			c.orderBy = list(p, p.parseSortItem)
		}
		c.ignoreNulls = p.parseNullTreatment()
	}
	p.expectSymbol(")")
	if p.keywords("FILTER") && p.peekAt(1).symbol("(") {
		p.next += 2
		p.expect("WHERE")
		c.filter = p.parseExpr()
		p.expectSymbol(")")
	}
	c.ignoreNulls = p.parseNullTreatment() || c.ignoreNulls
	if p.keywords("OVER") && p.peekAt(1).symbol("(") {
		p.next += 2
		c.over = p.parseWindow()
		p.expectSymbol(")")
	}
	return c
}

func (p *parser) parseNullTreatment() bool {
	if p.accept("RESPECT", "NULLS") {
		return false
	}
	return p.accept("IGNORE", "NULLS")
}

func (p *parser) parseWindow() *window {
	w := &window{}
	if p.accept("PARTITION", "BY") {
		w.partition = list(p, p.parseExpr)
	}
	if p.accept("ORDER", "BY") {
		w.orderBy = list(p, p.parseSortItem)
	}
	if p.keywords("ROWS") || p.keywords("RANGE") {
		w.frame = &frame{unit: strings.ToUpper(p.advance().text)}
		if p.accept("BETWEEN") {
			w.frame.start = p.parseBound()
			p.expect("AND")
			w.frame.end = p.parseBound()
		} else {
			w.frame.start = p.parseBound()
		}
	}
	return w
}

func (p *parser) parseBound() bound {
	direction := func() string {
		if p.accept("PRECEDING") {
			return "PRECEDING"
		}
		p.expect("FOLLOWING")
		return "FOLLOWING"
	}
	switch {
	case p.accept("UNBOUNDED"):
		return bound{kind: "UNBOUNDED " + direction()}
	case p.accept("CURRENT", "ROW"):
		return bound{kind: "CURRENT ROW"}
	}
	b := bound{n: p.parseValue()}
	b.kind = direction()
	return b
}
