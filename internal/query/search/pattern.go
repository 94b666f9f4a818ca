package search

import (
	"strings"
	"unicode/utf8"
)

// WordPattern is a word with wildcards: * stands for any characters, ? for exactly one. It never changes.
type WordPattern struct {
	text  string
	parts []part // what stands between the stars; one alone is the whole word
}

// part is text without stars.
type part struct {
	text  string
	holes bool // with ?
}

func newPattern(text string) *WordPattern {
	p := &WordPattern{text: text}
	for _, s := range strings.Split(text, "*") {
		p.parts = append(p.parts, part{s, strings.Contains(s, "?")})
	}
	return p
}

func (p *WordPattern) String() string { return Term{p.text, Pattern}.String() }

// Prefix returns what every word that matches begins with.
func (p *WordPattern) Prefix() string {
	if i := strings.IndexAny(p.text, "*?"); i >= 0 {
		return p.text[:i]
	}
	return p.text
}

// Match reports whether the pattern matches the whole word. The time it takes grows with the word, not with what the stars
// could stand for: each part is taken where it comes first, and a later place would only leave less for the rest.
func (p *WordPattern) Match(word string) bool {
	last := len(p.parts) - 1
	n := p.parts[0].prefix(word)
	if n < 0 {
		return false
	}
	word = word[n:]
	if last == 0 {
		return word == ""
	}
	for _, part := range p.parts[1:last] {
		end := part.find(word)
		if end < 0 {
			return false
		}
		word = word[end:]
	}
	return p.parts[last].suffix(word)
}

// prefix returns the length of the prefix of s that p matches, or -1.
func (p part) prefix(s string) int {
	if !p.holes {
		if strings.HasPrefix(s, p.text) {
			return len(p.text)
		}
		return -1
	}
	i := 0
	for _, r := range p.text {
		got, size := utf8.DecodeRuneInString(s[i:])
		if size == 0 || r != '?' && (r != got || got == utf8.RuneError && size == 1) {
			return -1
		}
		i += size
	}
	return i
}

// find returns the end of the first place in s that p matches, or -1.
func (p part) find(s string) int {
	if !p.holes {
		if i := strings.Index(s, p.text); i >= 0 {
			return i + len(p.text)
		}
		return -1
	}
	for start := 0; ; {
		if n := p.prefix(s[start:]); n >= 0 {
			return start + n
		}
		_, size := utf8.DecodeRuneInString(s[start:])
		if size == 0 {
			return -1
		}
		start += size
	}
}

// suffix reports whether p matches a suffix of s.
func (p part) suffix(s string) bool {
	if !p.holes {
		return strings.HasSuffix(s, p.text)
	}
	start := len(s)
	for range p.text {
		_, size := utf8.DecodeLastRuneInString(s[:start])
		if size == 0 {
			return false
		}
		start -= size
	}
	return p.prefix(s[start:]) == len(s)-start
}
