package search

import (
	"fmt"
	"strings"
)

// Query is a search as it was written.
type Query struct {
	Root Node
}

// String returns text that parses to the same query.
func (q *Query) String() string { return q.Root.String() }

// Node is a part of a query: an operator, or a leaf of either tree.
type Node interface {
	fmt.Stringer
	rank() rank
}

// rank says what needs parentheses inside what.
type rank int

const (
	rankOr rank = iota
	rankAnd
	rankNot
	rankLeaf
)

// Operators.
type (
	All struct{}       // every log
	And []Node         // two or more, none of them an And
	Or  []Node         // two or more, none of them an Or
	Not struct{ Node } // of anything but a Not
)

// TermKind is how a term is written.
type TermKind uint8

// The kinds.
const (
	Word    TermKind = iota // plain or quoted: tokens in any order
	Pattern                 // plain, with * and ?
	Phrase                  // #"…": tokens one after another
)

// Term is what a log is searched for.
type Term struct {
	Text string // without quotes and escapes
	Kind TermKind
}

// Leaves of a Query.
type (
	// Text looks for the term in the whole log.
	Text struct{ Term }
	// Match looks for the term in a field.
	Match struct {
		Field string
		Term
	}
	// Compare compares a field with a number. If either is no number, it stands for words.
	Compare struct {
		Field string
		Op    string // = > >= < <=
		Term
	}
	// Range asks for a number between two others, or, if the field holds none, stands for words.
	Range struct {
		Field            string
		Min, Max         string
		MinOpen, MaxOpen bool // the bound itself is outside
	}
	// Exists asks for the field, whatever its value.
	Exists struct{ Field string }
	// Empty asks for the field with an empty value.
	Empty struct{ Field string }
)

func (All) rank() rank     { return rankLeaf }
func (And) rank() rank     { return rankAnd }
func (Or) rank() rank      { return rankOr }
func (Not) rank() rank     { return rankNot }
func (Text) rank() rank    { return rankLeaf }
func (Match) rank() rank   { return rankLeaf }
func (Compare) rank() rank { return rankLeaf }
func (Range) rank() rank   { return rankLeaf }
func (Exists) rank() rank  { return rankLeaf }
func (Empty) rank() rank   { return rankLeaf }

func (All) String() string       { return "*" }
func (n And) String() string     { return join(n, " and ", rankAnd) }
func (n Or) String() string      { return join(n, " or ", rankOr) }
func (n Not) String() string     { return "not " + inside(n.Node, rankNot) }
func (n Match) String() string   { return fieldText(n.Field) + ":" + n.Term.String() }
func (n Compare) String() string { return fieldText(n.Field) + " " + n.Op + " " + n.Term.String() }
func (n Exists) String() string  { return fieldText(n.Field) + ":*" }
func (n Empty) String() string   { return fieldText(n.Field) + `:""` }

func (n Range) String() string {
	opening, closing := "[", "]"
	if n.MinOpen {
		opening = "("
	}
	if n.MaxOpen {
		closing = ")"
	}
	return fieldText(n.Field) + " in " + opening + n.Min + " " + n.Max + closing
}

func (t Term) String() string {
	switch {
	case t.Kind == Phrase:
		return "#" + Quote(t.Text)
	case t.Kind == Pattern:
		return escaper.Replace(t.Text)
	case isPlain(t.Text):
		return t.Text
	}
	return Quote(t.Text)
}

func join(nodes []Node, operator string, r rank) string {
	var b strings.Builder
	for i, n := range nodes {
		if i > 0 {
			b.WriteString(operator)
		}
		b.WriteString(inside(n, r))
	}
	return b.String()
}

// inside prints n as an operand of an operator of rank r.
func inside(n Node, r rank) string {
	if n.rank() > r {
		return n.String()
	}
	return "(" + n.String() + ")"
}

// and joins nodes; of none it makes All.
func and(nodes ...Node) Node {
	var flat And
	for _, n := range nodes {
		if inner, ok := n.(And); ok {
			flat = append(flat, inner...)
		} else {
			flat = append(flat, n)
		}
	}
	switch len(flat) {
	case 0:
		return All{}
	case 1:
		return flat[0]
	}
	return flat
}

// or joins one node or more.
func or(nodes ...Node) Node {
	var flat Or
	for _, n := range nodes {
		if inner, ok := n.(Or); ok {
			flat = append(flat, inner...)
		} else {
			flat = append(flat, n)
		}
	}
	if len(flat) == 1 {
		return flat[0]
	}
	return flat
}

// not turns n around.
func not(n Node) Node {
	if inner, ok := n.(Not); ok {
		return inner.Node
	}
	return Not{n}
}

func fieldText(name string) string {
	if isPlain(name) && !strings.EqualFold(name, tagField) {
		return name
	}
	return Quote(name)
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Quote is s as a word of a search that has no meaning but its text: its tokens, or all of it where a field has no delimiters.
func Quote(s string) string { return `"` + escaper.Replace(s) + `"` }

// isPlain reports whether s can be written without quotes and still be the same word.
func isPlain(s string) bool {
	if s == "" || s[0] == '#' || s == inWord || isKeyword(s) {
		return false
	}
	for _, r := range s {
		if !isWordRune(r) || r == '\\' {
			return false
		}
	}
	return true
}
