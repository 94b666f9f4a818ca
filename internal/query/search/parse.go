package search

import "strings"

// Parse reads the search part of a statement (reference sls-query 2.1 and 2.2): empty text and * mean everything, words side by
// side are joined by and, not binds tightest, or loosest. Errors are Invalid of "query" and carry the place.
func Parse(search string) (*Query, error) {
	tokens, err := lex(search)
	if err != nil {
		return nil, err
	}
	p := &parser{text: search, tokens: tokens}
	if p.peek().kind == endToken {
		return &Query{All{}}, nil
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != endToken {
		return nil, p.unexpected()
	}
	return &Query{root}, nil
}

// parser walks the tokens by recursive descent; the depth of parentheses and the number of terms are bounded.
type parser struct {
	text   string
	tokens []token
	i      int
	depth  int
	terms  int
}

// peek returns the token that comes next; there is always one, the end being the last.
func (p *parser) peek() token { return p.tokens[p.i] }

// ahead returns the n-th token after the next.
func (p *parser) ahead(n int) token { return p.tokens[min(p.i+n, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.peek()
	if t.kind != endToken {
		p.i++
	}
	return t
}

// unexpected reports the next token.
func (p *parser) unexpected() error {
	t := p.peek()
	hint := ""
	switch {
	case t.kind == endToken:
		hint = "something is missing at the end"
	case t.isOp(":"):
		hint = `if symbol : is in your log,please wrap : with quotation mark "`
	case t.isOp("|"):
		hint = `wrap | with quotation mark " to search for it`
	case t.isKeyword("and"), t.isKeyword("or"), t.isKeyword("not"):
		hint = `a condition is missing; wrap the word with quotation mark " to search for it`
	}
	return syntaxError(p.text, t.at, hint)
}

func (p *parser) or() (Node, error) {
	first, err := p.and()
	nodes := []Node{first}
	for err == nil && p.peek().isKeyword("or") {
		p.take()
		var next Node
		next, err = p.and()
		nodes = append(nodes, next)
	}
	if err != nil {
		return nil, err
	}
	return or(nodes...), nil
}

func (p *parser) and() (Node, error) {
	first, err := p.clause()
	nodes := []Node{first}
	for err == nil {
		t := p.peek()
		if t.kind == endToken || t.isKeyword("or") || t.kind == opToken && t.text != "(" {
			break
		}
		if t.isKeyword("and") {
			p.take()
		}
		var next Node
		next, err = p.clause()
		nodes = append(nodes, next)
	}
	if err != nil {
		return nil, err
	}
	return and(nodes...), nil
}

func (p *parser) clause() (Node, error) {
	negative := false
	for p.peek().isKeyword("not") {
		p.take()
		negative = !negative
	}
	n, err := p.primary()
	if err == nil && negative {
		n = not(n)
	}
	return n, err
}

func (p *parser) primary() (Node, error) {
	t := p.peek()
	switch {
	case t.isOp("("):
		return p.group()
	case t.kind == endToken || t.kind == opToken || t.isKeyword("and") || t.isKeyword("or"):
		return nil, p.unexpected()
	}
	if p.terms++; p.terms > MaxTerms {
		return nil, syntaxError(p.text, t.at, "a search has at most 128 words and conditions")
	}
	if t.kind == starToken {
		p.take()
		return All{}, nil
	}
	if t.kind == wordToken && !t.wild || t.kind == quotedToken {
		if n, err := p.condition(); n != nil || err != nil {
			return n, err
		}
	}
	term, err := p.term()
	return Text{term}, err
}

func (p *parser) group() (Node, error) {
	t := p.take()
	if p.depth++; p.depth > MaxDepth {
		return nil, syntaxError(p.text, t.at, "parentheses nest at most 128 deep")
	}
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.peek().isOp(")") {
		return nil, p.unexpected()
	}
	p.take()
	p.depth--
	return n, nil
}

// condition reads a condition on a field, if that is what the next tokens are; if not, it takes nothing and returns nil.
func (p *parser) condition() (Node, error) {
	field, op := p.peek(), p.ahead(1)
	switch {
	case op.isOp(":") && field.kind == wordToken && strings.EqualFold(field.text, tagField):
		return p.tag()
	case op.isOp(":"):
		p.i += 2
		return p.match(field.text)
	case op.isOp("=", ">", ">=", "<", "<="):
		p.i += 2
		if op.text == "=" && p.peek().kind == starToken {
			p.take()
			return Exists{field.text}, nil
		}
		term, err := p.term()
		return Compare{field.text, op.text, term}, err
	case op.kind == wordToken && op.text == inWord && p.ahead(2).isOp("[", "("):
		return p.within(field.text)
	}
	return nil, nil
}

// tag reads __tag__:name:value.
func (p *parser) tag() (Node, error) {
	p.i += 2
	name := p.peek()
	if name.kind != quotedToken && (name.kind != wordToken || name.wild) {
		return nil, p.unexpected()
	}
	p.take()
	if !p.peek().isOp(":") {
		return nil, p.unexpected()
	}
	p.take()
	return p.match(tagField + ":" + name.text)
}

// match reads what follows a field and its colon.
func (p *parser) match(field string) (Node, error) {
	if p.peek().kind == starToken {
		p.take()
		return Exists{field}, nil
	}
	term, err := p.term()
	if err == nil && term == (Term{}) {
		return Empty{field}, nil
	}
	return Match{field, term}, err
}

// term reads a word, a pattern or a phrase.
func (p *parser) term() (Term, error) {
	t := p.peek()
	switch {
	case t.kind == phraseToken:
		p.take()
		return Term{t.text, Phrase}, nil
	case t.kind == wordToken && t.wild:
		if len(t.text) > MaxWild {
			return Term{}, syntaxError(p.text, t.at, "a word with * or ? has at most 256 bytes")
		}
		p.take()
		return Term{t.text, Pattern}, nil
	case t.kind == quotedToken || t.kind == wordToken && !isKeyword(t.text):
		p.take()
		return Term{t.text, Word}, nil
	}
	return Term{}, p.unexpected()
}

// within reads field in [min max]. Brackets around anything else are no range, and what they hold are words (reference
// sls-query 2.3); a parenthesis around anything else is a group after two words.
func (p *parser) within(field string) (Node, error) {
	opening, low, high, closing := p.ahead(2), p.ahead(3), p.ahead(4), p.ahead(5)
	if low.isNumber() && high.isNumber() && closing.isOp("]", ")") {
		p.i += 6
		return Range{field, low.text, high.text, opening.text == "(", closing.text == ")"}, nil
	}
	if opening.text == "(" {
		return nil, nil
	}
	p.i += 3
	words := []Node{Text{Term{field, Word}}, Text{Term{inWord, Word}}}
	for !p.peek().isOp("]", ")") {
		if p.terms++; p.terms > MaxTerms {
			return nil, syntaxError(p.text, p.peek().at, "a search has at most 128 words and conditions")
		}
		term, err := p.term()
		if err != nil {
			return nil, err
		}
		words = append(words, Text{term})
	}
	p.take()
	return and(words...), nil
}

func (t token) isNumber() bool { return t.kind == wordToken && isNumber(t.text) }
