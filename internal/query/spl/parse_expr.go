package spl

import (
	"slices"
	"strings"
)

// Expressions, loosest first: or, and, not, predicates (= in like ...), ||, + -, * / %, sign, at time zone, [ ].

func (p *parser) parseExpr() expr {
	defer p.enter()()
	return p.parseLogic("or", func() expr {
		return p.parseLogic("and", p.parseNot)
	})
}

func (p *parser) parseLogic(op string, term func() expr) expr {
	terms := []expr{term()}
	for p.acceptWord(op) {
		terms = append(terms, term())
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return &logic{op == "or", terms}
}

func (p *parser) parseNot() expr {
	if !p.acceptWord("not") {
		return p.parsePredicate()
	}
	defer p.enter()()
	return &not{p.parseNot()}
}

var comparisons = []string{"=", "<>", "!=", "<", "<=", ">", ">="}

func (p *parser) parsePredicate() expr {
	x := p.parseValue()
	if t := p.peek(); t.isSymbol(comparisons...) {
		p.take()
		op := t.text
		if op == "!=" {
			op = "<>"
		}
		return &comparison{op, x, p.parseValue()}
	}
	if p.acceptWord("is") {
		return p.parseIs(x)
	}
	negated := p.peek().isWord("not") && p.ahead(1).isWord("between", "in", "like")
	if negated {
		p.take()
	}
	var e expr
	switch {
	case p.acceptWord("between"):
		lo := p.parseValue()
		p.expectWord("and")
		e = &between{x, lo, p.parseValue()}
	case p.acceptWord("in"):
		p.expectSymbol("(")
		e = &in{x, list(p, p.parseExpr)}
		p.expectSymbol(")")
	case p.acceptWord("like"):
		l := &like{x: x, pattern: p.parseValue()}
		if p.acceptWord("escape") {
			l.escape = p.parseValue()
		}
		e = l
	default:
		return x
	}
	if negated {
		return &not{e}
	}
	return e
}

// parseIs: [not] null, [not] distinct from x
func (p *parser) parseIs(x expr) expr {
	negated := p.acceptWord("not")
	var e expr
	if p.acceptWord("distinct") {
		p.expectWord("from")
		e, negated = &isSame{x, p.parseValue()}, !negated
	} else {
		if !p.acceptWord("null") {
			p.unexpected("null, or distinct from,")
		}
		e = &isNull{x}
	}
	if negated {
		return &not{e}
	}
	return e
}

// parseValue reads what is joined by ||.
func (p *parser) parseValue() expr {
	parts := []expr{p.parseSum()}
	for p.acceptSymbol("||") {
		parts = append(parts, p.parseSum())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &concat{parts}
}

func (p *parser) parseSum() expr { return p.parseArithmetic(p.parseProduct, "+", "-") }

func (p *parser) parseProduct() expr { return p.parseArithmetic(p.parseSigned, "*", "/", "%") }

func (p *parser) parseArithmetic(operand func() expr, ops ...string) expr {
	e := operand()
	for p.peek().isSymbol(ops...) {
		op := p.take().text[0]
		e = &arithmetic{op, e, operand()}
	}
	return e
}

func (p *parser) parseSigned() expr {
	switch {
	case p.acceptSymbol("-"):
		defer p.enter()()
		return &negative{p.parseSigned()}
	case p.acceptSymbol("+"):
		defer p.enter()()
		return p.parseSigned()
	}
	e := p.parsePrimary()
	for {
		switch {
		case p.acceptSymbol("["):
			e = &subscript{e, p.parseExpr()}
			p.expectSymbol("]")
		case p.peek().isWord("at") && p.ahead(1).isWord("time"):
			p.take()
			p.take()
			p.expectWord("zone")
			e = &zoned{e, p.parsePrimary()}
		default:
			return e
		}
	}
}

func (p *parser) parsePrimary() expr {
	defer p.enter()()
	switch t := p.peek(); {
	case t.kind == numberToken:
		p.take()
		return constant{textOf(t.text).number()}
	case t.kind == stringToken:
		p.take()
		return constant{textOf(t.text)}
	case p.startsLambda():
		return p.parseLambda()
	case t.isSymbol("("):
		p.take()
		e := p.parseExpr()
		p.expectSymbol(")")
		return e
	case t.kind == quotedToken:
		return &field{p.name()}
	case t.kind == wordToken:
		return p.parseWord()
	}
	p.unexpected("a value")
	panic("unreachable")
}

// reserved words cannot be bare names of fields.
var reserved = []string{
	"and", "or", "not", "in", "is", "like", "between", "as", "by", "case", "when", "then", "else", "end", "escape", "from",
}

func (p *parser) parseWord() expr {
	t, next := p.peek(), p.ahead(1)
	word := strings.ToLower(t.text)
	if read := p.special(word, next); read != nil {
		p.take()
		return read()
	}
	if next.isSymbol("(") {
		return p.parseCall()
	}
	if slices.Contains(reserved, word) {
		p.unexpected("a value (a field of that name is put in double quotes)")
	}
	p.take()
	if next.pos == t.end && next.isSymbol(".", ":") {
		p.fail(t, "a name with '%s' in it is put in double quotes", next.text)
	}
	if place := slices.Index(p.params, t.text); place >= 0 {
		return &variable{place}
	}
	return &field{t.text}
}

// special returns what reads on behind a word that has a syntax of its own, nil for any other.
func (p *parser) special(word string, next token) func() expr {
	switch word {
	case "null":
		return func() expr { return constant{null} }
	case "true", "false":
		return func() expr { return constant{boolOf(word == "true")} }
	case "current_timestamp", "localtimestamp":
		return func() expr { return &call{f: functions["now"]} }
	case "case":
		return p.parseCase
	}
	switch {
	case word == "current_date" && !next.isSymbol("("):
		return func() expr { return &call{f: functions[word]} }
	case word == "array" && next.isSymbol("["):
		return p.parseArray
	case word == "date" && next.kind == stringToken:
		return func() expr { return p.parseTimeLiteral(dayKind) }
	case word == "timestamp" && next.kind == stringToken:
		return func() expr { return p.parseTimeLiteral(momentKind) }
	case !next.isSymbol("("):
		return nil
	}
	switch word {
	case "if":
		return p.parseIf
	case "cast", "try_cast":
		return p.parseCast
	case "try":
		return p.parseTry
	case "extract":
		return p.parseExtract
	case "position":
		return p.parsePosition
	}
	return nil
}

// parseCase: case [x] when a then b ... [else c] end
func (p *parser) parseCase() expr {
	c := &cases{}
	if !p.peek().isWord("when") {
		c.operand = p.parseExpr()
	}
	for p.acceptWord("when") {
		condition := p.parseExpr()
		p.expectWord("then")
		c.whens = append(c.whens, when{condition, p.parseExpr()})
	}
	if len(c.whens) == 0 {
		p.unexpected("when")
	}
	if p.acceptWord("else") {
		c.orElse = p.parseExpr()
	}
	p.expectWord("end")
	return c
}

// parseIf: (condition, a[, b])
func (p *parser) parseIf() expr {
	p.expectSymbol("(")
	condition := p.parseExpr()
	p.expectSymbol(",")
	c := &cases{whens: []when{{condition, p.parseExpr()}}}
	if p.acceptSymbol(",") {
		c.orElse = p.parseExpr()
	}
	p.expectSymbol(")")
	return c
}

// parseCast: (x as type). What cannot be cast is NULL, so that cast and try_cast are the same.
func (p *parser) parseCast() expr {
	p.expectSymbol("(")
	x := p.parseExpr()
	p.expectWord("as")
	c := &cast{x, p.parseType()}
	p.expectSymbol(")")
	return c
}

// parseTry: (x). Nothing raises errors, so that try has nothing to do.
func (p *parser) parseTry() expr {
	p.expectSymbol("(")
	x := p.parseExpr()
	p.expectSymbol(")")
	return x
}

func (p *parser) parseArray() expr {
	p.expectSymbol("[")
	l := &listLit{}
	if !p.peek().isSymbol("]") {
		l.elems = list(p, p.parseExpr)
	}
	p.expectSymbol("]")
	return l
}

// parseExtract: (year from x)
func (p *parser) parseExtract() expr {
	p.expectSymbol("(")
	t := p.peek()
	name := strings.ToLower(t.text)
	if t.kind != wordToken || timeParts[name] == nil {
		p.unexpected("a part of a time, like year or hour,")
	}
	p.take()
	p.expectWord("from")
	c := &call{functions[name], []expr{p.parseExpr()}}
	p.expectSymbol(")")
	return c
}

// parsePosition: (part in text)
func (p *parser) parsePosition() expr {
	p.expectSymbol("(")
	part := p.parseValue()
	p.expectWord("in")
	c := &call{functions["strpos"], []expr{p.parseValue(), part}}
	p.expectSymbol(")")
	return c
}

func (p *parser) parseTimeLiteral(to kind) expr {
	t := p.take()
	if _, ok := textOf(t.text).time(shanghai); !ok {
		p.fail(t, "not a time like '2006-01-02 15:04:05'")
	}
	return &cast{constant{textOf(t.text)}, castType{kind: to}}
}
