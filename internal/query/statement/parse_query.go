package statement

import (
	"slices"
	"strconv"
	"strings"
)

// parseQuery: [WITH ...] body [ORDER BY ...] [LIMIT ...]
func (p *parser) parseQuery() *query {
	defer p.enter()()
	q := &query{pos: p.peek().pos}
	if p.accept("WITH") {
		if p.accept("RECURSIVE") {
			p.refuse(q.pos, "WITH RECURSIVE is not supported")
		}
		q.with = list(p, p.parseCTE)
	}
	q.body = p.parseBody()
	if p.accept("ORDER", "BY") {
		q.orderBy = list(p, p.parseSortItem)
	}
	q.limit = p.parseLimit()
	return q
}

// list reads elements between commas.
func list[T any](p *parser, element func() T) []T {
	all := []T{element()}
	for p.acceptSymbol(",") {
		all = append(all, element())
	}
	return all
}

func (p *parser) parseCTE() cte {
	c := cte{name: p.parseIdent("a name")}
	if p.peek().symbol("(") {
		c.columns = p.parseNames()
	}
	p.expect("AS")
	p.expectSymbol("(")
	c.query = p.parseQuery()
	p.expectSymbol(")")
	return c
}

// parseNames: (a, b)
func (p *parser) parseNames() []ident {
	p.expectSymbol("(")
	names := list(p, func() ident { return p.parseIdent("a name") })
	p.expectSymbol(")")
	return names
}

func (p *parser) parseIdent(what string) ident {
	t := p.peek()
	if t.kind == tokenQuoted || t.kind == tokenWord && !reserved[strings.ToUpper(t.text)] {
		p.next++
		return ident{pos: t.pos, text: t.text, quoted: t.kind == tokenQuoted}
	}
	if t.kind == tokenString {
		p.fail(t.pos, "mismatched input %s; names are written in double quotes: %s", p.text[t.pos:t.end], quoteName(t.text))
	}
	p.mismatch(what)
	panic("unreachable")
}

// parseLimit: [OFFSET m] LIMIT n | LIMIT ALL | LIMIT offset,n | LIMIT n OFFSET m
func (p *parser) parseLimit() *limit {
	var l *limit
	at := func() *limit {
		if l == nil {
			l = &limit{pos: p.peek().pos, count: -1}
		}
		return l
	}
	offset := func() {
		if pos := p.peek().pos; p.accept("OFFSET") {
			at().offset, l.offsetPos = p.parseCount(), pos
			if !p.accept("ROWS") {
				p.accept("ROW")
			}
		}
	}
	offset()
	if p.keywords("LIMIT") {
		at()
		p.next++
		pos := p.peek().pos
		switch {
		case p.accept("ALL"):
		default:
			l.count = p.parseCount()
			if p.acceptSymbol(",") {
				l.offset, l.offsetPos = l.count, pos
				l.count = p.parseCount()
			}
		}
		if l.offsetPos == 0 {
			offset()
		}
	}
	return l
}

func (p *parser) parseCount() int64 {
	t := p.peek()
	if t.kind != tokenInteger {
		p.mismatch("a number")
	}
	p.next++
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		p.fail(t.pos, "the number %s is too large", t.text)
	}
	return n
}

// parseBody: terms joined by UNION and EXCEPT; INTERSECT binds tighter.
func (p *parser) parseBody() body {
	return p.parseSetOps([]string{"UNION", "EXCEPT"}, func() body {
		return p.parseSetOps([]string{"INTERSECT"}, p.parseBodyPrimary)
	})
}

func (p *parser) parseSetOps(ops []string, term func() body) body {
	left := term()
	for {
		t := p.peek()
		op := strings.ToUpper(t.text)
		if t.kind != tokenWord || !slices.Contains(ops, op) {
			return left
		}
		defer p.enter()()
		p.next++
		s := &setOp{pos: t.pos, op: op, left: left, all: p.accept("ALL")}
		if !s.all {
			p.accept("DISTINCT")
		}
		s.right = term()
		left = s
	}
}

func (p *parser) parseBodyPrimary() body {
	switch t := p.peek(); {
	case t.word("SELECT"):
		return p.parseSelect()
	case t.word("VALUES"):
		p.next++
		return &values{pos: t.pos, rows: list(p, p.parseValuesRow)}
	case t.word("TABLE"):
		p.refuse(t.pos, "TABLE is not supported; write SELECT * FROM")
	case t.symbol("("):
		p.next++
		q := p.parseQuery()
		p.expectSymbol(")")
		return q
	}
	p.mismatch("SELECT")
	panic("unreachable")
}

func (p *parser) parseValuesRow() []expr {
	e := p.parseExpr()
	if r, ok := e.(*rowLit); ok {
		return r.elems
	}
	return []expr{e}
}

func (p *parser) parseSelect() *selection {
	defer p.enter()()
	s := &selection{pos: p.advance().pos}
	if s.distinct = p.accept("DISTINCT"); !s.distinct {
		p.accept("ALL")
	}
	s.items = list(p, p.parseItem)
	if p.accept("FROM") {
		s.from = list(p, p.parseRelation)
	}
	if p.accept("WHERE") {
		s.where = p.parseExpr()
	}
	if p.accept("GROUP", "BY") {
		s.groupBy = &groupBy{sets: list(p, p.parseGroupSet)}
	}
	if p.accept("HAVING") {
		s.having = p.parseExpr()
	}
	return s
}

func (p *parser) parseItem() item {
	t := p.peek()
	if p.acceptSymbol("*") {
		return item{pos: t.pos, star: true}
	}
	if p.peekAt(1).symbol(".") && p.peekAt(2).symbol("*") {
		table := p.parseIdent("a table")
		p.next += 2
		return item{pos: t.pos, star: true, table: &table}
	}
	it := item{pos: t.pos, expr: p.parseExpr()}
	if p.accept("AS") {
		name := p.parseIdent("a name")
		it.alias = &name
	} else if p.startsAlias() {
		name := p.parseIdent("a name")
		it.alias = &name
	}
	return it
}

// startsAlias: a name that may follow without AS.
func (p *parser) startsAlias() bool {
	t := p.peek()
	return t.kind == tokenQuoted || t.kind == tokenWord && !reserved[strings.ToUpper(t.text)] && !t.word("OFFSET")
}

func (p *parser) parseGroupSet() groupSet {
	exprs := func() []expr {
		if p.peek().symbol("(") {
			if p.peekAt(1).symbol(")") {
				p.next += 2
				return nil
			}
		}
		e := p.parseExpr()
		if r, ok := e.(*rowLit); ok {
			return r.elems
		}
		return []expr{e}
	}
	bracketed := func(kind string) groupSet {
		p.expectSymbol("(")
		sets := list(p, exprs)
		p.expectSymbol(")")
		return groupSet{kind: kind, sets: sets}
	}
	switch {
	case p.keywords("ROLLUP") && p.peekAt(1).symbol("("):
		p.next++
		return bracketed("ROLLUP")
	case p.keywords("CUBE") && p.peekAt(1).symbol("("):
		p.next++
		return bracketed("CUBE")
	case p.accept("GROUPING", "SETS"):
		return bracketed("GROUPING SETS")
	}
	return groupSet{sets: [][]expr{exprs()}}
}

func (p *parser) parseSortItem() sortItem {
	s := sortItem{expr: p.parseExpr()}
	if s.desc = p.accept("DESC"); !s.desc {
		p.accept("ASC")
	}
	if p.accept("NULLS") {
		first := p.accept("FIRST")
		if !first {
			p.expect("LAST")
		}
		s.nullsFirst = &first
	}
	return s
}
