package statement

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
)

type tokenKind uint8

const (
	tokenEnd     tokenKind = iota
	tokenWord              // a bare name or a keyword
	tokenQuoted            // "name"
	tokenString            // 'text'
	tokenBinary            // X'0A'
	tokenUnicode           // U&'\0041'
	tokenInteger           // 42
	tokenDecimal           // 4.2, 42e0
	tokenSymbol            // an operator or a bracket
)

// token is a piece of the text. Text is what it stands for: quotes are gone and doubled ones are single.
type token struct {
	kind     tokenKind
	text     string
	pos, end int
}

// symbols, longest first.
var symbols = []string{
	"->", "<>", "!=", "<=", ">=", "||", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".", ";", "?", ":",
}

type lexer struct {
	text string
	pos  int
}

// tokens cuts the whole text. Comments (-- to the end of the line, and /* */) are dropped: nothing of them can reach the
// engine, since what it gets is printed anew.
func tokens(text string) []token {
	l := &lexer{text: text}
	l.checkText()
	var all []token
	for {
		l.skipBlank()
		t := l.next()
		all = append(all, t)
		if t.kind == tokenEnd {
			return all
		}
		if len(all) > maxTokens {
			l.fail(t.pos, "the statement has more than %d words and signs", maxTokens)
		}
	}
}

func (l *lexer) checkText() {
	for i, r := range l.text {
		if r == utf8.RuneError && !strings.HasPrefix(l.text[i:], string(utf8.RuneError)) {
			l.fail(i, "the statement is not valid UTF-8")
		}
		if r == 0 {
			l.fail(i, "the statement holds a NUL character")
		}
	}
}

func (l *lexer) fail(pos int, format string, args ...any) {
	fail(sluice.Invalid, l.text, pos, syntaxPrefix, format, args...)
}

func (l *lexer) rest() string { return l.text[l.pos:] }

func (l *lexer) skipBlank() {
	for {
		l.pos += len(l.rest()) - len(strings.TrimLeftFunc(l.rest(), unicode.IsSpace))
		switch rest := l.rest(); {
		case strings.HasPrefix(rest, "--"):
			if i := strings.IndexAny(rest, "\r\n"); i >= 0 {
				l.pos += i
			} else {
				l.pos = len(l.text)
			}
		case strings.HasPrefix(rest, "/*"):
			i := strings.Index(rest[2:], "*/")
			if i < 0 {
				l.fail(l.pos, "a comment begins here and does not end; close it with */")
			}
			l.pos += 2 + i + 2
		default:
			return
		}
	}
}

func (l *lexer) next() token {
	start, rest := l.pos, l.rest()
	if rest == "" {
		return token{kind: tokenEnd, pos: start, end: start}
	}
	switch c := rest[0]; {
	case c == '\'':
		return l.quoted(tokenString, start)
	case c == '"':
		return l.quoted(tokenQuoted, start)
	case c == '`':
		l.fail(start, "names are quoted with double quotes, not with back quotes")
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return l.number()
	case len(rest) > 1 && (c == 'x' || c == 'X') && rest[1] == '\'':
		l.pos++
		return l.quoted(tokenBinary, start)
	case len(rest) > 2 && (c == 'u' || c == 'U') && rest[1] == '&' && rest[2] == '\'':
		l.pos += 2
		return l.quoted(tokenUnicode, start)
	}
	if r, _ := utf8.DecodeRuneInString(rest); isWordStart(r) {
		l.pos += wordLen(rest)
		return token{kind: tokenWord, text: l.text[start:l.pos], pos: start, end: l.pos}
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			l.pos += len(s)
			return token{kind: tokenSymbol, text: s, pos: start, end: l.pos}
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	l.fail(start, "mismatched input '%c'", r)
	panic("unreachable")
}

// quoted reads from the quote at l.pos to its partner; two in a row stand for one.
func (l *lexer) quoted(kind tokenKind, start int) token {
	quote := l.text[l.pos]
	var b strings.Builder
	for i := l.pos + 1; i < len(l.text); i++ {
		switch {
		case l.text[i] != quote:
			b.WriteByte(l.text[i])
		case i+1 < len(l.text) && l.text[i+1] == quote:
			b.WriteByte(quote)
			i++
		default:
			l.pos = i + 1
			if kind == tokenQuoted && b.Len() == 0 {
				l.fail(start, `a name in double quotes is empty; texts are written in single quotes: ''`)
			}
			return token{kind: kind, text: b.String(), pos: start, end: l.pos}
		}
	}
	l.fail(start, "the quote %c is not closed", quote)
	panic("unreachable")
}

func (l *lexer) number() token {
	start, kind := l.pos, tokenInteger
	digits := func() {
		for l.pos < len(l.text) && isDigit(l.text[l.pos]) {
			l.pos++
		}
	}
	digits()
	if l.pos < len(l.text) && l.text[l.pos] == '.' {
		kind = tokenDecimal
		l.pos++
		digits()
	}
	if rest := l.rest(); len(rest) > 1 && (rest[0] == 'e' || rest[0] == 'E') {
		sign := 1
		if rest[1] == '+' || rest[1] == '-' {
			sign = 2
		}
		if len(rest) > sign && isDigit(rest[sign]) {
			kind = tokenDecimal
			l.pos += sign
			digits()
		}
	}
	if r, _ := utf8.DecodeRuneInString(l.rest()); isWordStart(r) {
		l.fail(start, "a name must not start with a digit; put it in double quotes")
	}
	return token{kind: kind, text: l.text[start:l.pos], pos: start, end: l.pos}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isWordStart: letters of any script, since people name columns in their language.
func isWordStart(r rune) bool { return r == '_' || r != utf8.RuneError && unicode.IsLetter(r) }

func wordLen(s string) int {
	for i, r := range s {
		if !isWordStart(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			return i
		}
	}
	return len(s)
}
