package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is a kind of lexical token.
type tokenKind uint8

const (
	endToken    tokenKind = iota
	wordToken             // plain, maybe with wildcards
	quotedToken           // "…"
	phraseToken           // #"…"
	starToken             // * alone
	opToken               // : = > >= < <= ( ) [ ] |, in text
)

// span is a part of the text, in bytes.
type span struct{ start, end int }

type token struct {
	kind tokenKind
	text string // without quotes and escapes
	wild bool   // a word with wildcards
	at   span
}

// Words that mean something in some places.
const (
	tagField = "__tag__"
	inWord   = "in" // in lower case only
)

func isKeyword(s string) bool {
	return strings.EqualFold(s, "and") || strings.EqualFold(s, "or") || strings.EqualFold(s, "not")
}

// isWordRune reports whether r may stand in a word as it is.
func isWordRune(r rune) bool { return !unicode.IsSpace(r) && !strings.ContainsRune(`"():|=<>[]*?`, r) }

// escapes reports whether s begins with an escape. A backslash before anything else is a backslash.
func escapes(s string) bool { return len(s) > 1 && s[0] == '\\' && (s[1] == '"' || s[1] == '\\') }

// lex cuts the text into tokens. The last is the end.
func lex(text string) ([]token, error) {
	if len(text) > MaxBytes {
		return nil, invalid("the search has %d bytes, at most %d are allowed", len(text), MaxBytes)
	}
	if !utf8.ValidString(text) {
		return nil, invalid("the search is not UTF-8")
	}
	var tokens []token
	for i := 0; ; {
		rest := strings.TrimLeftFunc(text[i:], unicode.IsSpace)
		i = len(text) - len(rest)
		if rest == "" {
			return append(tokens, token{kind: endToken, at: span{i, i}}), nil
		}
		t, err := lexToken(text, i)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		i = t.at.end
	}
}

func lexToken(text string, i int) (token, error) {
	switch rest := text[i:]; {
	case rest[0] == '"':
		return lexQuoted(text, i, i+1, quotedToken)
	case strings.HasPrefix(rest, `#"`):
		return lexQuoted(text, i, i+2, phraseToken)
	case strings.HasPrefix(rest, ">=") || strings.HasPrefix(rest, "<="):
		return token{kind: opToken, text: rest[:2], at: span{i, i + 2}}, nil
	case strings.IndexByte("():|=<>[]", rest[0]) >= 0:
		return token{kind: opToken, text: rest[:1], at: span{i, i + 1}}, nil
	}
	t := lexWord(text, i)
	switch {
	case t.text == "*":
		t.kind = starToken
	case t.text[0] == '*' || t.text[0] == '?':
		return token{}, syntaxError(text, t.at, "a word cannot begin with * or ?; to find the end of a word use SQL, like '%"+
			strings.Trim(t.text, "*?")+"'")
	}
	return t, nil
}

// lexQuoted reads from the byte after the opening quote.
func lexQuoted(text string, start, i int, kind tokenKind) (token, error) {
	var b strings.Builder
	for ; i < len(text); i++ {
		switch {
		case escapes(text[i:]):
			i++
		case text[i] == '"':
			return token{kind: kind, text: b.String(), at: span{start, i + 1}}, nil
		}
		b.WriteByte(text[i])
	}
	return token{}, syntaxError(text, span{start, len(text)}, `the quotation mark is never closed`)
}

func lexWord(text string, start int) token {
	var b strings.Builder
	t := token{kind: wordToken}
	i := start
	for i < len(text) {
		if escapes(text[i:]) {
			b.WriteByte(text[i+1])
			i += 2
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '*' || r == '?' {
			t.wild = true
		} else if !isWordRune(r) {
			break
		}
		b.WriteString(text[i : i+size])
		i += size
	}
	t.text, t.at = b.String(), span{start, i}
	return t
}

// syntaxError words an error as the service does (reference sls-query 2.5), with a hint behind it. Columns count characters
// from 1; the second is the one after the place.
func syntaxError(text string, at span, hint string) error {
	from := utf8.RuneCountInString(text[:at.start]) + 1
	to := from + utf8.RuneCountInString(text[at.start:at.end])
	near := text[at.start:at.end]
	if near == "" {
		near = "EOF"
	}
	if runes := []rune(near); len(runes) > maxNear {
		near = string(runes[:maxNear]) + "…"
	}
	if hint != "" {
		hint = ", " + hint
	}
	return invalid("ErrorType:OLSQueryParseError.ErrorMessage:syntax error error position is from column:%d to column:%d,error near < %s >%s",
		from, to, near, hint)
}

// maxNear is how many characters of the text an error repeats.
const maxNear = 40

func (t token) isOp(texts ...string) bool { return t.kind == opToken && slices.Contains(texts, t.text) }

func (t token) isKeyword(word string) bool {
	return t.kind == wordToken && strings.EqualFold(t.text, word)
}

// isNumber reports whether s is a number as queries write them: a sign, digits, a fraction.
func isNumber(s string) bool {
	s = strings.TrimLeft(s[:min(len(s), 1)], "+-") + s[min(len(s), 1):]
	whole, fraction, dot := strings.Cut(s, ".")
	return allDigits(whole) && (!dot || allDigits(fraction))
}

func allDigits(s string) bool {
	return s != "" && strings.TrimLeft(s, "0123456789") == ""
}
