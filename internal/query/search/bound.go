package search

import (
	"fmt"
	"math"
	"strings"

	"github.com/sluicelog/sluice/internal/index"
)

// Bound is a query as one index configuration understands it. Its tree is made of And, Or, Not and All over the leaves below.
type Bound struct {
	Root  Node
	Terms []Highlighted // the words that a log is found by, for clients to mark; those under not are no such words

	config *index.Config
}

// String prints the tree for people.
func (b *Bound) String() string { return b.Root.String() }

// Highlighted is a word, and the name that the query gave for its field, "" for the whole log.
type Highlighted struct {
	Field, Term string
}

// Leaves of a Bound.
type (
	// InField is true if the field has a value that passes the test. The tokenizer of the field cuts it.
	InField struct {
		Field index.Field
		Test  *Test
	}
	// InText is true if the value or the name of some field passes the test that goes with the tokenizer which cuts it: see
	// FullText of the configuration.
	InText struct {
		Term  Term    // the piece of a word, or the phrase
		Tests []*Test // by the number of the tokenizer; nil: nothing that it cuts can pass
	}
	// LongRange is true if the field is a long of Min to Max, both included. Min > Max is never true.
	LongRange struct {
		Field    index.Field
		Min, Max int64
	}
	// DoubleRange is true if the field is a double of Min to Max. Without a bound it is infinite.
	DoubleRange struct {
		Field            index.Field
		Min, Max         float64
		MinOpen, MaxOpen bool // the bound itself is outside
	}
	// HasField is true if the field is there.
	HasField struct{ Field index.Field }
	// EmptyField is true if the field is there and its value is empty.
	EmptyField struct{ Field index.Field }
)

// Test is what one value must hold once it is cut: every one of Tokens, for every one of Patterns a token that it matches, and the
// units of Phrase one after another, if there are any: of a phrase, Tokens are what an index can be asked for first. There is at
// least one token or pattern.
type Test struct {
	Tokens   []string
	Patterns []*WordPattern
	Phrase   []string // two or more
}

func (InField) rank() rank     { return rankLeaf }
func (InText) rank() rank      { return rankLeaf }
func (LongRange) rank() rank   { return rankLeaf }
func (DoubleRange) rank() rank { return rankLeaf }
func (HasField) rank() rank    { return rankLeaf }
func (EmptyField) rank() rank  { return rankLeaf }

func (n InField) String() string    { return fieldText(n.Field.String()) + ":" + n.Test.String() }
func (n InText) String() string     { return n.Term.String() }
func (n HasField) String() string   { return fieldText(n.Field.String()) + ":*" }
func (n EmptyField) String() string { return fieldText(n.Field.String()) + `:""` }

func (n LongRange) String() string {
	return fmt.Sprintf("%s in [%d %d]", fieldText(n.Field.String()), n.Min, n.Max)
}

func (n DoubleRange) String() string {
	opening, closing := "[", "]"
	if n.MinOpen {
		opening = "("
	}
	if n.MaxOpen {
		closing = ")"
	}
	return fmt.Sprintf("%s in %s%v %v%s", fieldText(n.Field.String()), opening, n.Min, n.Max, closing)
}

func (t *Test) String() string {
	if len(t.Phrase) > 0 {
		return Term{strings.Join(t.Phrase, " "), Phrase}.String()
	}
	var words []string
	for _, token := range t.Tokens {
		words = append(words, Term{token, Word}.String())
	}
	for _, p := range t.Patterns {
		words = append(words, p.String())
	}
	if len(words) == 1 {
		return words[0]
	}
	return "(" + strings.Join(words, " and ") + ")"
}

func (t *Test) size() int { return len(t.Tokens) + len(t.Patterns) + len(t.Phrase) }

// Has reports whether x is within the range.
func (n DoubleRange) Has(x float64) bool {
	return (x > n.Min || !n.MinOpen && x == n.Min) && (x < n.Max || !n.MaxOpen && x == n.Max)
}

var anyDouble = DoubleRange{Min: math.Inf(-1), Max: math.Inf(1)}
