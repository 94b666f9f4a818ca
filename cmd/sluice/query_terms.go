package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice/client"
)

// marker marks the words in the fields of logs that the logs were found by.
type marker struct {
	anywhere *regexp.Regexp            // in every field
	fields   map[string]*regexp.Regexp // in this one
	mark     func(string) string
}

// newMarker returns a marker for terms; nil if there are none.
func newMarker(terms []client.Term, mark func(string) string) *marker {
	words := map[string][]string{}
	for _, t := range terms {
		if t.Term != "" {
			field, _, _ := strings.Cut(t.Key, ".") // a.b is inside the field a
			words[field] = append(words[field], t.Term)
		}
	}
	if len(words) == 0 {
		return nil
	}
	m := &marker{fields: map[string]*regexp.Regexp{}, mark: mark}
	for field, list := range words {
		if field == "" {
			m.anywhere = wordsPattern(list)
		} else {
			m.fields[strings.ToLower(field)] = wordsPattern(append(list, words[""]...))
		}
	}
	return m
}

// wordsPattern matches any of the words, the longest first, with * and ? inside words.
func wordsPattern(words []string) *regexp.Regexp {
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = strings.NewReplacer(`\*`, `[\pL\pN_]*`, `\?`, `[\pL\pN_]`).Replace(regexp.QuoteMeta(w))
	}
	pattern, err := regexp.Compile(`(?i)` + strings.Join(parts, "|"))
	if err != nil { // too much of it
		return nil
	}
	return pattern
}

// in returns the text of a field with the words marked that stand alone in it.
func (m *marker) in(field, text string) string {
	if m == nil {
		return text
	}
	pattern := m.fields[strings.ToLower(field)]
	if pattern == nil {
		pattern = m.anywhere
	}
	if pattern == nil {
		return text
	}
	var b strings.Builder
	at := 0
	for _, found := range pattern.FindAllStringIndex(text, -1) {
		if from, to := found[0], found[1]; from < to && alone(text, from, to) {
			b.WriteString(text[at:from] + m.mark(text[from:to]))
			at = to
		}
	}
	return b.String() + text[at:]
}

// alone reports whether text[from:to] is not a part of a longer word. Chinese has no spaces between words.
func alone(text string, from, to int) bool {
	first, _ := utf8.DecodeRuneInString(text[from:])
	last, _ := utf8.DecodeLastRuneInString(text[:to])
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	return !(letter(first) && letter(before)) && !(letter(last) && letter(after))
}

func letter(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.Is(unicode.Han, r)
}
