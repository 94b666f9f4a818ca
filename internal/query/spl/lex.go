package spl

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
)

type tokenKind uint8

const (
	endToken    tokenKind = iota
	wordToken             // a bare name or a keyword; a colon may stand inside, as in __tag__:path
	quotedToken           // "name"
	stringToken           // 'text'
	numberToken           // 42, 4.2, 42e0
	symbolToken
)

// token is a piece of the text. Text is what it stands for: quotes are gone, and doubled ones are single.
type token struct {
	kind     tokenKind
	text     string
	pos, end int
}

// symbols, longest first.
var symbols = []string{
	"->", "<>", "!=", "<=", ">=", "||", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", "|", ";", ":", ".", "$",
}

type lexer struct {
	text string
	pos  int
}

// tokens cuts the whole text and drops comments: -- to the end of the line, and /* */.
func tokens(text string) []token {
	l := &lexer{text: text}
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		l.fail(0, "the pipeline is not UTF-8 text")
	}
	var all []token
	for {
		l.skipBlank()
		t := l.next()
		all = append(all, t)
		if t.kind == endToken {
			return all
		}
	}
}

func (l *lexer) fail(pos int, format string, args ...any) {
	fail(sluice.Invalid, l.text, pos, format, args...)
}

func (l *lexer) skipBlank() {
	for {
		rest := strings.TrimLeftFunc(l.text[l.pos:], unicode.IsSpace)
		l.pos = len(l.text) - len(rest)
		switch {
		case strings.HasPrefix(rest, "--"):
			line, _, _ := strings.Cut(rest, "\n")
			l.pos += len(line)
		case strings.HasPrefix(rest, "/*"):
			comment, _, closed := strings.Cut(rest, "*/")
			if !closed {
				l.fail(l.pos, "a comment begins here and does not end; close it with */")
			}
			l.pos += len(comment) + 2
		default:
			return
		}
	}
}

func (l *lexer) next() token {
	start, rest := l.pos, l.text[l.pos:]
	if rest == "" {
		return token{kind: endToken, pos: start, end: start}
	}
	switch c := rest[0]; {
	case c == '\'':
		return l.quoted(stringToken)
	case c == '"':
		return l.quoted(quotedToken)
	case c == '`':
		l.fail(start, "names are quoted with double quotes, not with back quotes")
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return l.number()
	}
	if n := wordLen(rest); n > 0 {
		l.pos += n
		return token{kind: wordToken, text: rest[:n], pos: start, end: l.pos}
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			l.pos += len(s)
			return token{kind: symbolToken, text: s, pos: start, end: l.pos}
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	l.fail(start, "%q cannot stand here; names with special characters are put in double quotes, texts in single quotes", r)
	panic("unreachable")
}

// quoted reads to the partner of the quote at l.pos; two in a row stand for one, and nothing else is an escape.
func (l *lexer) quoted(kind tokenKind) token {
	start, quote := l.pos, l.text[l.pos]
	var b strings.Builder
	for i := start + 1; i < len(l.text); i++ {
		switch {
		case l.text[i] != quote:
			b.WriteByte(l.text[i])
		case i+1 < len(l.text) && l.text[i+1] == quote:
			b.WriteByte(quote)
			i++
		default:
			l.pos = i + 1
			return token{kind: kind, text: b.String(), pos: start, end: l.pos}
		}
	}
	l.fail(start, "the quote %c is not closed", quote)
	panic("unreachable")
}

func (l *lexer) number() token {
	start := l.pos
	digits := func() {
		for l.pos < len(l.text) && isDigit(l.text[l.pos]) {
			l.pos++
		}
	}
	digits()
	if strings.HasPrefix(l.text[l.pos:], ".") {
		l.pos++
		digits()
	}
	if rest := l.text[l.pos:]; len(rest) > 1 && (rest[0] == 'e' || rest[0] == 'E') {
		sign := 1
		if rest[1] == '+' || rest[1] == '-' {
			sign = 2
		}
		if len(rest) > sign && isDigit(rest[sign]) {
			l.pos += sign
			digits()
		}
	}
	if wordLen(l.text[l.pos:]) > 0 {
		l.fail(start, "a name that begins with a digit is put in double quotes")
	}
	return token{kind: numberToken, text: l.text[start:l.pos], pos: start, end: l.pos}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isWordStart: letters of any script, since people name fields in their language.
func isWordStart(r rune) bool { return r == '_' || r != utf8.RuneError && unicode.IsLetter(r) }

func isWordPart(r rune) bool { return isWordStart(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// wordLen returns the length of the word that s begins with. A colon belongs to a word if one goes on behind it.
func wordLen(s string) int {
	for i, r := range s {
		switch {
		case i == 0 && !isWordStart(r):
			return 0
		case isWordPart(r):
		case r == ':':
			if next, _ := utf8.DecodeRuneInString(s[i+1:]); !isWordPart(next) {
				return i
			}
		default:
			return i
		}
	}
	return len(s)
}
