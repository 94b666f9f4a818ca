package search

import (
	"slices"

	"github.com/sluicelog/sluice/internal/index"
)

// Bind finds out what a query means for an index configuration. Errors are Invalid of "query": a field that is not indexed, a
// word for a field of numbers, a word of too many tokens.
func Bind(q *Query, config *index.Config) (*Bound, error) {
	b := binder{config: config, tokenizers: config.FullTextTokenizers(), seen: map[Highlighted]bool{}}
	root, err := b.bind(q.Root)
	if err != nil {
		return nil, err
	}
	return &Bound{Root: root, Terms: b.terms, config: config}, nil
}

type binder struct {
	config     *index.Config
	tokenizers []*index.Tokenizer
	negative   bool // under an odd number of nots
	terms      []Highlighted
	seen       map[Highlighted]bool // what is in terms
	tokens     int                  // so far
}

func (b *binder) bind(n Node) (Node, error) {
	switch n := n.(type) {
	case And:
		nodes, err := b.bindAll(n)
		return and(nodes...), err
	case Or:
		nodes, err := b.bindAll(n)
		return or(nodes...), err
	case Not:
		b.negative = !b.negative
		inner, err := b.bind(n.Node)
		b.negative = !b.negative
		return not(inner), err
	case Text:
		return b.text(n.Term)
	case Match:
		return b.match(n)
	case Compare:
		return b.compare(n)
	case Range:
		return b.within(n)
	case Exists:
		field, err := b.field(n.Field)
		return HasField{field}, err
	case Empty:
		field, err := b.field(n.Field)
		return EmptyField{field}, err
	}
	return All{}, nil // the one leaf that is left
}

func (b *binder) bindAll(nodes []Node) ([]Node, error) {
	bound := make([]Node, len(nodes))
	for i, n := range nodes {
		var err error
		if bound[i], err = b.bind(n); err != nil {
			return bound, err
		}
	}
	return bound, nil
}

func (b *binder) field(name string) (index.Field, error) {
	field, ok := b.config.Field(name)
	if !ok {
		return field, invalid(`key (%s) is not config as key value config,if symbol : is in your log,please wrap : with quotation mark "`, name)
	}
	return field, nil
}

// text binds a term that names no field. Each piece of a word may stand in a field of its own; a phrase stands in one.
func (b *binder) text(term Term) (Node, error) {
	pieces := b.config.Words().Pieces(term.Text, term.Kind == Pattern)
	if len(pieces) > MaxTokens {
		return nil, tooManyTokens(len(pieces))
	}
	for _, piece := range pieces {
		b.highlight("", piece)
	}
	if term.Kind == Phrase {
		return b.inText(term, pieces)
	}
	nodes := make([]Node, len(pieces))
	for i, piece := range pieces {
		var err error
		if nodes[i], err = b.inText(Term{piece, term.Kind}, pieces[i:i+1]); err != nil {
			return nil, err
		}
	}
	return and(nodes...), nil
}

func (b *binder) inText(term Term, pieces []string) (Node, error) {
	if len(pieces) == 0 {
		return All{}, nil
	}
	n := InText{Term: term, Tests: make([]*Test, len(b.tokenizers))}
	most := 0
	for i, t := range b.tokenizers {
		var all index.Cut
		for _, piece := range pieces {
			cut := t.Cut(piece, term.Kind == Pattern)
			all.Tokens = append(all.Tokens, cut.Tokens...)
			all.Patterns = append(all.Patterns, cut.Patterns...)
			all.Units = append(all.Units, cut.Units...)
		}
		test, err := newTest(all, term.Kind)
		if err != nil {
			return nil, err
		}
		if test != nil {
			n.Tests[i] = test
			most = max(most, test.size())
		}
	}
	return n, b.spend(most)
}

// newTest returns nil if there is nothing to test.
func newTest(cut index.Cut, kind TermKind) (*Test, error) {
	if n := max(len(cut.Tokens)+len(cut.Patterns), len(cut.Units)); n > MaxTokens {
		return nil, tooManyTokens(n)
	} else if n == 0 {
		return nil, nil
	}
	test := &Test{Tokens: cut.Tokens}
	for _, p := range cut.Patterns {
		test.Patterns = append(test.Patterns, newPattern(p))
	}
	if kind == Phrase && len(cut.Units) > 1 {
		test.Phrase = cut.Units
	}
	slices.Sort(test.Tokens)
	test.Tokens = slices.Compact(test.Tokens)
	return test, nil
}

func tooManyTokens(n int) error {
	return invalid("a word or phrase of the search has %d tokens, at most %d are allowed", n, MaxTokens)
}

// spend counts tokens: what matching one log costs grows with them.
func (b *binder) spend(tokens int) error {
	if b.tokens += tokens; b.tokens > MaxBound {
		return invalid("the words and phrases of the search have more than %d tokens together", MaxBound)
	}
	return nil
}

// match binds field:term.
func (b *binder) match(n Match) (Node, error) {
	field, err := b.field(n.Field)
	if err != nil {
		return nil, err
	}
	if numeric(field) {
		if n.Kind != Word || !isNumber(n.Text) {
			return nil, invalid("key (%s) is of type %s: its value must be a number without wildcards, not %s", n.Field, field.Type, n.Term)
		}
		b.highlight(n.Field, n.Text)
		return numbers(field, &bound{n.Text, false}, &bound{n.Text, false}), nil
	}
	return b.inField(n.Field, field, n.Term)
}

func (b *binder) inField(name string, field index.Field, term Term) (Node, error) {
	test, err := newTest(field.Tokenizer.Cut(term.Text, term.Kind == Pattern), term.Kind)
	if err != nil {
		return nil, err
	}
	if test == nil {
		return HasField{field}, nil
	}
	for _, piece := range field.Tokenizer.Pieces(term.Text, term.Kind == Pattern) {
		b.highlight(name, piece)
	}
	return InField{field, test}, b.spend(test.size())
}

// compare binds field op term. What cannot be compared are words (reference sls-query 2.3), but for key=word on text, which
// people write for key:word.
func (b *binder) compare(n Compare) (Node, error) {
	field, indexed := b.config.Field(n.Field)
	switch {
	case indexed && n.Op == "=" && n.Term == Term{}:
		return EmptyField{field}, nil
	case indexed && n.Op == "=" && !numeric(field):
		return b.inField(n.Field, field, n.Term)
	case !indexed || !numeric(field) || n.Kind != Word || !isNumber(n.Text):
		return b.bind(And{Text{Term{n.Field, Word}}, Text{Term{n.Op, Word}}, Text{n.Term}})
	}
	if n.Op == "=" {
		b.highlight(n.Field, n.Text)
	}
	low, high := &bound{n.Text, n.Op == ">"}, &bound{n.Text, n.Op == "<"}
	switch n.Op {
	case ">", ">=":
		high = nil
	case "<", "<=":
		low = nil
	}
	return numbers(field, low, high), nil
}

// within binds field in [min max].
func (b *binder) within(n Range) (Node, error) {
	field, indexed := b.config.Field(n.Field)
	if !indexed || !numeric(field) {
		return b.bind(And{Text{Term{n.Field, Word}}, Text{Term{inWord, Word}}, Text{Term{n.Min, Word}}, Text{Term{n.Max, Word}}})
	}
	return numbers(field, &bound{n.Min, n.MinOpen}, &bound{n.Max, n.MaxOpen}), nil
}

func (b *binder) highlight(field, term string) {
	if h := (Highlighted{field, term}); !b.negative && !b.seen[h] {
		b.seen[h] = true
		b.terms = append(b.terms, h)
	}
}

func numeric(f index.Field) bool { return f.Type == index.Long || f.Type == index.Double }
