package search

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/index"
)

// Match reports whether the log is one that the query asks for. It allocates nothing unless a JSON leaf has escapes. Goroutines
// may share b, not l.
func (b *Bound) Match(l *index.Log) bool { return b.match(b.Root, l) }

func (b *Bound) match(n Node, l *index.Log) bool {
	switch n := n.(type) {
	case And:
		for _, operand := range n {
			if !b.match(operand, l) {
				return false
			}
		}
		return true
	case Or:
		for _, operand := range n {
			if b.match(operand, l) {
				return true
			}
		}
		return false
	case Not:
		return !b.match(n.Node, l)
	case InField:
		value, ok := n.Field.Value(l)
		return ok && n.Test.match(&l.Scanner, n.Field.Tokenizer, value)
	case InText:
		return b.inText(n, l)
	case LongRange:
		value, _ := n.Field.Value(l)
		x, ok := index.ParseLong(value)
		return ok && x >= n.Min && x <= n.Max
	case DoubleRange:
		value, _ := n.Field.Value(l)
		x, ok := index.ParseDouble(value)
		return ok && n.Has(x)
	case HasField:
		_, ok := n.Field.Value(l)
		return ok
	case EmptyField:
		value, ok := n.Field.Value(l)
		return ok && value == ""
	}
	return true // All
}

func (b *Bound) inText(n InText, l *index.Log) bool {
	for _, f := range l.Fields() {
		values, name := b.config.FullText(f.Key)
		if values != nil && n.Tests[values.Number()].match(&l.Scanner, values, f.Value) ||
			name != nil && n.Tests[name.Number()].match(&l.Scanner, name, f.Key) {
			return true
		}
	}
	return false
}

// match reports whether a value passes the test. A test that is nil has nothing to find, and finds nothing.
func (t *Test) match(scan *index.Scanner, tokenizer *index.Tokenizer, value string) bool {
	if t == nil || tokenizer.CaseSensitive() && len(t.Tokens) > 0 && !strings.Contains(value, t.Tokens[0]) {
		return false
	}
	tokens, patterns := newWanted(len(t.Tokens)), newWanted(len(t.Patterns))
	phrase := follower{phrase: t.Phrase, found: len(t.Phrase) == 0}
	scan.Reset(tokenizer, value)
	for {
		if tokens.none() && patterns.none() && phrase.found {
			return true
		}
		token, ok := scan.Next()
		if !ok {
			return false
		}
		if i, ok := t.token(token); ok {
			tokens.found(i)
		}
		for i, p := range t.Patterns {
			if patterns.wants(i) && p.Match(token) {
				patterns.found(i)
			}
		}
		if !phrase.found && scan.Kind() != index.Pair {
			phrase.found = phrase.next(token)
		}
	}
}

// token returns the place of a token among those of the test.
func (t *Test) token(token string) (i int, ok bool) {
	if len(t.Tokens) <= 4 {
		for i, want := range t.Tokens {
			if want == token {
				return i, true
			}
		}
		return 0, false
	}
	return slices.BinarySearch(t.Tokens, token)
}

// wanted is a set of numbers below MaxTokens: what is still to be found.
type wanted [MaxTokens / 64]uint64

func newWanted(n int) (w wanted) {
	for i := range n {
		w[i/64] |= 1 << (i % 64)
	}
	return w
}

func (w *wanted) wants(i int) bool { return w[i/64]&(1<<(i%64)) != 0 }
func (w *wanted) found(i int)      { w[i/64] &^= 1 << (i % 64) }
func (w *wanted) none() bool       { return *w == wanted{} }

// follower follows a phrase through the units of a value. All places where the phrase may have begun are followed at once: bit i
// of open says that the first i+1 units of the phrase are the last i+1 units seen.
type follower struct {
	phrase []string
	open   wanted
	found  bool
}

// next takes the next unit and reports whether the phrase ends with it.
func (f *follower) next(unit string) bool {
	var open wanted
	for i, want := range f.phrase {
		if want == unit && (i == 0 || f.open.wants(i-1)) {
			open[i/64] |= 1 << (i % 64)
		}
	}
	f.open = open
	return open.wants(len(f.phrase) - 1)
}
