package statement

import (
	"slices"
	"strconv"
	"strings"
)

// parseRelation: a table with the joins behind it.
func (p *parser) parseRelation() relation {
	defer p.enter()()
	left := p.parseSampled()
	for {
		j := p.parseJoinKind()
		if j == nil {
			return left
		}
		defer p.enter()() // a chain of joins is as deep as it is long
		j.left = left
		if j.kind == "CROSS" {
			j.right = p.parseSampled()
		} else {
			j.right = p.parseRelation()
			p.parseJoinCondition(j)
		}
		left = j
	}
}

func (p *parser) parseJoinKind() *join {
	t := p.peek()
	j := &join{pos: t.pos}
	switch {
	case p.accept("CROSS", "JOIN"):
		j.kind = "CROSS"
	case p.accept("JOIN"), p.accept("INNER", "JOIN"):
		j.kind = "INNER"
	case t.word("LEFT"), t.word("RIGHT"), t.word("FULL"):
		j.kind = strings.ToUpper(p.advance().text)
		p.accept("OUTER")
		p.expect("JOIN")
	case t.word("NATURAL"):
		p.refuse(t.pos, "NATURAL JOIN is not supported; name the columns with USING")
	default:
		return nil
	}
	return j
}

func (p *parser) parseJoinCondition(j *join) {
	switch {
	case p.accept("ON"):
		j.on = p.parseExpr()
	case p.accept("USING"):
		j.using = p.parseNames()
	default:
		p.mismatch("ON or USING")
	}
}

func (p *parser) parseSampled() relation {
	r := p.parseTable()
	if !p.keywords("TABLESAMPLE") {
		return r
	}
	pos := p.advance().pos
	t, ok := r.(*tableName)
	if !ok {
		p.fail(pos, "TABLESAMPLE stands behind the name of a table only")
	}
	s := &sample{method: strings.ToUpper(p.advance().text)}
	if !slices.Contains([]string{"BERNOULLI", "SYSTEM"}, s.method) {
		p.next--
		p.mismatch("BERNOULLI or SYSTEM")
	}
	p.expectSymbol("(")
	if n := p.peek(); n.kind != tokenInteger && n.kind != tokenDecimal {
		p.mismatch("a number of percent")
	}
	s.percent = p.advance().text
	if f, err := strconv.ParseFloat(s.percent, 64); err != nil || f > 100 {
		p.fail(pos, "TABLESAMPLE takes 0 to 100 percent")
	}
	p.expectSymbol(")")
	t.sample = s
	return r
}

// parseTable: a name, a query, an unnest or a relation in brackets, with its alias.
func (p *parser) parseTable() relation {
	t := p.peek()
	switch {
	case t.word("UNNEST"):
		return p.parseUnnest()
	case t.word("LATERAL"), t.word("TABLE"):
		p.refuse(t.pos, "%s is not supported", strings.ToUpper(t.text))
	case t.symbol("("):
		p.next++
		var r relation
		if p.startsQuery() {
			r = &derived{pos: t.pos, query: p.parseQuery()}
		} else {
			r = p.parseRelation()
		}
		p.expectSymbol(")")
		return p.withAlias(r)
	}
	name := p.parseIdent("a table")
	if p.peek().symbol("(") {
		p.fail(p.peek().pos, "functions that return tables are not supported; FROM takes tables, queries and UNNEST")
	}
	if p.peek().symbol(".") {
		p.fail(p.peek().pos, "tables are named without a schema")
	}
	return p.withAlias(&tableName{pos: name.pos, name: name})
}

// startsQuery looks behind brackets for the word that makes them hold a query.
func (p *parser) startsQuery() bool {
	for i := 0; ; i++ {
		t := p.peekAt(i)
		if !t.symbol("(") {
			return t.word("SELECT") || t.word("WITH") || t.word("VALUES")
		}
	}
}

func (p *parser) parseUnnest() relation {
	u := &unnest{pos: p.advance().pos}
	p.expectSymbol("(")
	u.exprs = list(p, p.parseExpr)
	p.expectSymbol(")")
	u.ordinality = p.accept("WITH", "ORDINALITY")
	return p.withAlias(u)
}

func (p *parser) withAlias(r relation) relation {
	if p.keywords("TABLESAMPLE") {
		return r
	}
	if !p.accept("AS") && !p.startsAlias() {
		return r
	}
	a := &alias{name: p.parseIdent("a name")}
	if p.peek().symbol("(") {
		a.columns = p.parseNames()
	}
	switch r := r.(type) {
	case *tableName:
		r.alias = a
	case *derived:
		r.alias = a
	case *unnest:
		r.alias = a
	case *join:
		p.fail(a.name.pos, "a join in brackets takes no name; name its tables")
	}
	return r
}
