package search

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/index"
)

// Mark is a part of the value of a field, in bytes, that a query asks for.
type Mark struct {
	Field      string
	Start, End int
}

// Highlight returns the parts of a log that the words, phrases and numbers of the query find, by field and place; marks do not
// overlap. What stands under not is never marked, nor are names of fields and leaves that are written with escapes.
func (b *Bound) Highlight(l *index.Log) []Mark {
	h := highlighter{Bound: b, log: l}
	h.visit(b.Root)
	slices.SortFunc(h.marks, func(x, y Mark) int {
		return cmp.Or(strings.Compare(x.Field, y.Field), cmp.Compare(x.Start, y.Start))
	})
	var marks []Mark
	for _, m := range h.marks {
		if n := len(marks) - 1; n >= 0 && marks[n].Field == m.Field && m.Start < marks[n].End {
			marks[n].End = max(marks[n].End, m.End)
		} else {
			marks = append(marks, m)
		}
	}
	return marks
}

type highlighter struct {
	*Bound
	log   *index.Log
	marks []Mark
}

func (h *highlighter) visit(n Node) {
	switch n := n.(type) {
	case And:
		for _, operand := range n {
			h.visit(operand)
		}
	case Or:
		for _, operand := range n {
			h.visit(operand)
		}
	case InField:
		if value, start, ok := h.place(n.Field); ok {
			h.test(n.Test, n.Field.Tokenizer, n.Field.Name, value, start)
		}
	case InText:
		for _, f := range h.log.Fields() {
			if values, _ := h.config.FullText(f.Key); values != nil {
				h.test(n.Tests[values.Number()], values, f.Key, f.Value, 0)
			}
		}
	case LongRange:
		h.number(n, n.Field)
	case DoubleRange:
		h.number(n, n.Field)
	}
}

// place returns the value of a field, and where in the field of the log it stands.
func (h *highlighter) place(f index.Field) (value string, start int, ok bool) {
	value, ok = f.Value(h.log)
	if !ok || f.Path == "" {
		return value, 0, ok
	}
	parent, _ := h.log.Value(f.Name)
	leaf, _ := index.FindLeaf(parent, f.Path)
	return value, leaf.Start, leaf.Start >= 0
}

func (h *highlighter) number(n Node, f index.Field) {
	if value, start, ok := h.place(f); ok && h.match(n, h.log) {
		h.mark(f.Name, start, start+len(value))
	}
}

// test marks what a value that passes the test passes it by. The value stands at start in the field.
func (h *highlighter) test(test *Test, tokenizer *index.Tokenizer, field, value string, start int) {
	scan := &h.log.Scanner
	if !test.match(scan, tokenizer, value) {
		return
	}
	phrase := follower{phrase: test.Phrase}
	var units []int // where they begin
	scan.Reset(tokenizer, value)
	for {
		token, ok := scan.Next()
		if !ok {
			return
		}
		from, to := scan.Span()
		switch {
		case len(test.Phrase) > 0:
			if scan.Kind() == index.Pair {
				continue
			}
			units = append(units, from)
			if phrase.next(token) {
				h.mark(field, start+units[len(units)-len(test.Phrase)], start+to)
			}
		case test.finds(token):
			h.mark(field, start+from, start+to)
		}
	}
}

func (t *Test) finds(token string) bool {
	if _, ok := t.token(token); ok {
		return true
	}
	return slices.ContainsFunc(t.Patterns, func(p *WordPattern) bool { return p.Match(token) })
}

func (h *highlighter) mark(field string, start, end int) {
	h.marks = append(h.marks, Mark{field, start, end})
}
