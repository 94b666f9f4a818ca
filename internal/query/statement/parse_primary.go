package statement

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (p *parser) parsePrimary() expr {
	t := p.peek()
	at := node{t.pos}
	switch t.kind {
	case tokenInteger:
		return p.parseInteger(at, "")
	case tokenDecimal:
		p.next++
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			p.fail(t.pos, "the number %s is out of range", t.text)
		}
		return &doubleLit{at, doubleText(f)}
	case tokenString:
		p.next++
		return &stringLit{at, t.text}
	case tokenBinary:
		p.next++
		b, err := hex.DecodeString(strings.Join(strings.Fields(t.text), ""))
		if err != nil {
			p.fail(t.pos, "X'...' holds pairs of hexadecimal digits")
		}
		return &binaryLit{at, b}
	case tokenUnicode:
		p.next++
		return &stringLit{at, p.unescape(t)}
	case tokenSymbol:
		if t.text == "(" {
			return p.parseBracket()
		}
	case tokenWord:
		if !p.peekAt(1).symbol(".") {
			if e := p.parseSpecial(strings.ToUpper(t.text), at); e != nil {
				return e
			}
		}
		return p.parseNamed()
	case tokenQuoted:
		return p.parseNamed()
	}
	p.mismatch("an expression")
	panic("unreachable")
}

func (p *parser) parseInteger(at node, sign string) expr {
	t := p.advance()
	n, err := strconv.ParseInt(sign+t.text, 10, 64)
	if err != nil {
		p.fail(t.pos, "the number %s%s does not fit into a bigint; write it with a decimal point for a double", sign, t.text)
	}
	return &intLit{at, n}
}

// doubleText writes a number so that it is read as a double, there and here: 2.5e0, 1e-07.
func doubleText(f float64) string {
	if s := strconv.FormatFloat(f, 'f', -1, 64); len(s) < 20 {
		return s + "e0"
	}
	return strconv.FormatFloat(f, 'e', -1, 64)
}

// unescape reads the escapes of U&'...': \ and four digits, \+ and six, \\.
func (p *parser) unescape(t token) string {
	var b strings.Builder
	for s := t.text; s != ""; {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if strings.HasPrefix(s, `\`) {
			b.WriteByte('\\')
			s = s[1:]
			continue
		}
		digits := 4
		if strings.HasPrefix(s, "+") {
			s, digits = s[1:], 6
		}
		if len(s) < digits {
			p.fail(t.pos, `an escape of U&'...' is \ with 4 digits or \+ with 6`)
		}
		n, err := strconv.ParseUint(s[:digits], 16, 32)
		if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
			p.fail(t.pos, `\%s is not a character`, s[:digits])
		}
		b.WriteRune(rune(n))
		s = s[digits:]
	}
	return b.String()
}

// parseBracket: (expr), (a, b) as a row, (query), (a, b) -> expr
func (p *parser) parseBracket() expr {
	at := node{p.peek().pos}
	if n := p.lambdaParams(); n >= 0 {
		p.next++
		var params []ident
		if n > 0 {
			params = list(p, func() ident { return p.parseIdent("a name") })
		}
		p.expectSymbol(")")
		p.expectSymbol("->")
		return &lambda{at, params, p.parseExpr()}
	}
	p.expectSymbol("(")
	if _, ok := p.peekQuery(); ok {
		q := p.parseQuery()
		p.expectSymbol(")")
		return &subquery{at, q}
	}
	exprs := list(p, p.parseExpr)
	p.expectSymbol(")")
	if len(exprs) == 1 {
		return exprs[0]
	}
	return &rowLit{at, exprs}
}

// lambdaParams counts the names of "(a, b) ->", or returns -1 if something else comes.
func (p *parser) lambdaParams() int {
	n := 0
	for i := 1; ; i++ {
		t := p.peekAt(i)
		switch {
		case t.symbol(")"):
			if p.peekAt(i + 1).symbol("->") {
				return n
			}
			return -1
		case t.kind == tokenWord || t.kind == tokenQuoted:
			n++
		case !t.symbol(","):
			return -1
		}
	}
}

// parseSpecial reads the forms that begin with a word of their own; nil if w begins none.
func (p *parser) parseSpecial(w string, at node) expr {
	n := p.peekAt(1)
	switch w {
	case "NULL":
		p.next++
		return &nullLit{at}
	case "TRUE", "FALSE":
		p.next++
		return &boolLit{at, w == "TRUE"}
	case "CASE":
		p.next++
		return p.parseCase(at)
	case "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP":
		p.next++
		if p.acceptSymbol("(") {
			p.expectSymbol(")")
		}
		return &call{node: at, name: strings.ToLower(w)}
	case "INTERVAL":
		if n.kind == tokenString || n.symbol("-") || n.symbol("+") {
			p.next++
			return p.parseInterval(at)
		}
	case "DATE", "TIME", "TIMESTAMP", "JSON", "DOUBLE", "BIGINT", "VARCHAR", "BOOLEAN":
		if n.kind == tokenString {
			p.next += 2
			typ, _ := typeNamed(w)
			return &typedLit{at, typ, n.text}
		}
	case "ARRAY":
		if n.symbol("[") {
			p.next++
			return &arrayLit{at, p.parseElems()}
		}
	}
	if n.symbol("(") {
		return p.parseSpecialCall(w, at)
	}
	return nil
}

func (p *parser) parseElems() []expr {
	p.expectSymbol("[")
	if p.acceptSymbol("]") {
		return nil
	}
	elems := list(p, p.parseExpr)
	p.expectSymbol("]")
	return elems
}

// parseSpecialCall reads the functions whose arguments have a grammar of their own.
func (p *parser) parseSpecialCall(w string, at node) expr {
	start := p.next
	p.next += 2
	done := func(e expr) expr {
		p.expectSymbol(")")
		return e
	}
	switch w {
	case "EXISTS":
		return done(&exists{at, p.parseQuery()})
	case "CAST", "TRY_CAST":
		x := p.parseExpr()
		p.expect("AS")
		return done(&cast{at, x, p.parseType(), w == "TRY_CAST"})
	case "EXTRACT":
		f := p.parseIdent("a field of time")
		p.expect("FROM")
		return done(&extract{at, strings.ToLower(f.text), p.parseExpr()})
	case "POSITION":
		part := p.parseValue()
		p.expect("IN")
		return done(&call{node: at, name: "strpos", args: []expr{p.parseValue(), part}})
	case "ROW":
		return done(&rowLit{at, list(p, p.parseExpr)})
	case "SUBSTRING":
		c := &call{node: at, name: "substr", args: list(p, p.parseExpr)}
		if len(c.args) == 1 && p.accept("FROM") {
			c.args = append(c.args, p.parseExpr())
			if p.accept("FOR") {
				c.args = append(c.args, p.parseExpr())
			}
		}
		return done(c)
	case "NORMALIZE":
		c := &call{node: at, name: "normalize", args: []expr{p.parseExpr()}}
		if p.acceptSymbol(",") {
			t := p.advance()
			if t.kind != tokenWord && t.kind != tokenString {
				p.next--
				p.mismatch("NFC, NFD, NFKC or NFKD")
			}
			c.args = append(c.args, &stringLit{node{t.pos}, strings.ToUpper(t.text)})
		}
		return done(c)
	}
	p.next = start
	return nil
}

// parseCase reads what follows CASE.
func (p *parser) parseCase(at node) expr {
	c := &caseExpr{node: at}
	if !p.keywords("WHEN") {
		c.operand = p.parseExpr()
	}
	for p.accept("WHEN") {
		w := when{cond: p.parseExpr()}
		p.expect("THEN")
		w.then = p.parseExpr()
		c.whens = append(c.whens, w)
	}
	if len(c.whens) == 0 {
		p.mismatch("WHEN")
	}
	if p.accept("ELSE") {
		c.orElse = p.parseExpr()
	}
	p.expect("END")
	return c
}

var intervalUnits = []string{"second", "minute", "hour", "day", "week", "month", "quarter", "year"}

// parseInterval reads what follows INTERVAL: [+|-] 'n' unit
func (p *parser) parseInterval(at node) expr {
	i := &intervalLit{node: at}
	if i.negative = p.acceptSymbol("-"); !i.negative {
		p.acceptSymbol("+")
	}
	t := p.advance()
	if t.kind != tokenString {
		p.next--
		p.mismatch("a number in single quotes")
	}
	value := strings.TrimSpace(t.text)
	if n, ok := strings.CutPrefix(value, "-"); ok {
		i.negative, value = !i.negative, n
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || f < 0 || f > 1e9 || strings.ContainsAny(value, "eExXnN+_") {
		p.fail(t.pos, "an interval is a number in single quotes and a unit, as in interval '2' day")
	}
	i.value = value
	u := p.advance()
	i.unit = strings.TrimSuffix(strings.ToLower(u.text), "s")
	if u.kind != tokenWord || !slices.Contains(intervalUnits, i.unit) {
		p.next--
		p.mismatch("second, minute, hour, day, week, month, quarter or year")
	}
	if i.unit != "second" && strings.Contains(value, ".") {
		p.fail(t.pos, "only intervals of seconds have a fraction")
	}
	if p.keywords("TO") {
		p.refuse(p.peek().pos, "intervals of several units are not supported; add them: interval '1' day + interval '2' hour")
	}
	return i
}
