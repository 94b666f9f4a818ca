package index

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxValueBytes is how much of a value is searched (reference sls-query 1.6).
const MaxValueBytes = 512 << 10

// Tokenizer is a way of cutting values into tokens. It never changes.
//
// Chinese has no spaces between words. With chn, a run of Han characters becomes its single characters and its overlapping
// pairs, and Chinese punctuation delimits:
//
//	登录成功 ──> 登 登录 录 录成 成 成功 功
//
// A dictionary would find fewer, better tokens, but the one of the service is not published, and index and query must only
// agree with each other. Pairs find every substring of two characters or more that occurs, so nothing that the service finds
// is missed; single characters find the rest.
type Tokenizer struct {
	class     [256]class
	long      []string // delimiters of two bytes or more, the longest first
	sensitive bool
	chn       bool
	wild      bool // cuts patterns: * and ? are parts of words
	simple    bool // delimiters are single bytes, and there is no Chinese
	number    int
}

// class says what a byte may be. The order matters: below stop, a byte is part of a token whatever follows.
type class uint8

const (
	upper class = 1 << iota // an ASCII letter to lower
	wide                    // the first byte of a character outside ASCII that may have to be folded
	stop                    // a delimiter
	check                   // may begin a long delimiter, or is of a character that chn looks at
)

// NewTokenizer makes the tokenizer that cuts at every delimiter. A delimiter is a character or a longer text that is looked for
// as it stands; where several match, the longest counts. Without delimiters a value is one token. Tokens are lower-cased unless
// caseSensitive.
func NewTokenizer(delimiters []string, caseSensitive, chn bool) *Tokenizer {
	t := &Tokenizer{sensitive: caseSensitive, chn: chn}
	for b := range t.class {
		switch {
		case caseSensitive:
		case b >= 'A' && b <= 'Z':
			t.class[b] = upper
		case beginsCased(byte(b)):
			t.class[b] = wide
		}
		if chn && b >= utf8.RuneSelf {
			t.class[b] |= check
		}
	}
	for _, d := range delimiters {
		switch len(d) {
		case 0:
		case 1:
			t.class[d[0]] |= stop
		default:
			t.class[d[0]] |= check
			t.long = append(t.long, d)
		}
	}
	t.simple = !chn && len(t.long) == 0
	slices.SortFunc(t.long, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return t
}

// CaseSensitive reports whether tokens keep their letters as they came.
func (t *Tokenizer) CaseSensitive() bool { return t.sensitive }

// Number returns the place of t in the FullTextTokenizers of its configuration.
func (t *Tokenizer) Number() int { return t.number }

// delimiter returns the length of the delimiter that s begins with, or 0.
func (t *Tokenizer) delimiter(s string) int {
	c := t.class[s[0]]
	if c&check != 0 {
		for _, d := range t.long {
			if strings.HasPrefix(s, d) {
				return len(d)
			}
		}
		if t.chn && (s[0] == 0xe2 || s[0] == 0xe3 || s[0] == 0xef) {
			if r, size := utf8.DecodeRuneInString(s); isHanPunct(r) {
				return size
			}
		}
	}
	if c&stop != 0 {
		return 1
	}
	return 0
}

// han returns the length of the Han character that s begins with, or 0 if there is none to cut.
func (t *Tokenizer) han(s string) int {
	if !t.chn || s == "" || s[0] < utf8.RuneSelf {
		return 0
	}
	if s[0] >= 0xe5 && s[0] <= 0xe9 && len(t.long) == 0 && len(s) >= 3 && s[1]&0xc0 == 0x80 && s[2]&0xc0 == 0x80 {
		return 3 // U+5000 to U+9FFF: nearly all there is
	}
	if r, size := utf8.DecodeRuneInString(s); isHan(r) && t.delimiter(s) == 0 {
		return size
	}
	return 0
}

func isHan(r rune) bool {
	return r >= 0x3400 && r <= 0x4dbf || r >= 0x4e00 && r <= 0x9fff || r >= 0xf900 && r <= 0xfaff || r >= 0x20000 && r <= 0x3ffff
}

// isHanPunct reports whether r is punctuation as Chinese text has it: the CJK and full-width forms, dashes, quotes, dots.
func isHanPunct(r rune) bool {
	switch {
	case r >= 0x3000 && r <= 0x303f:
		return r < 0x3005 || r > 0x3007 // the iteration mark, the closing mark and the zero are letters
	case r >= 0xff01 && r <= 0xff65:
		return r <= 0xff0f || r >= 0xff1a && r <= 0xff20 || r >= 0xff3b && r <= 0xff40 || r >= 0xff5b
	}
	return r >= 0x2010 && r <= 0x2027
}

// Pieces cuts s at the delimiters and nowhere else, and leaves letters as they are: the parts of a query word, before the
// tokenizer of each field has its say. With wild, * and ? are no delimiters.
func (t *Tokenizer) Pieces(s string, wild bool) []string {
	t = t.as(wild)
	var pieces []string
	start := 0
	for i := 0; i < len(s); {
		n := t.delimiter(s[i:])
		if n == 0 {
			i++
			continue
		}
		if i > start {
			pieces = append(pieces, s[start:i])
		}
		i += n
		start = i
	}
	if start < len(s) {
		pieces = append(pieces, s[start:])
	}
	return pieces
}

// as returns the tokenizer for patterns, if wild. The values it would cut are words of a query: it is not for indexing.
func (t *Tokenizer) as(wild bool) *Tokenizer {
	if !wild {
		return t
	}
	w := *t
	w.wild = true
	w.class['*'], w.class['?'] = 0, 0
	return &w
}

// Cut is a word or a phrase of a query, cut.
type Cut struct {
	Tokens   []string // all that a value must have, whole; may repeat; single characters that a pair holds are left out
	Patterns []string // tokens with * and ?; only of words that may have them
	Units    []string // the words and single Han characters in their order, for phrases
}

// Cut cuts a word or a phrase of a query as the values of a field are cut. With wild, * and ? in s are wildcards.
func (t *Tokenizer) Cut(s string, wild bool) Cut {
	var c Cut
	var scan Scanner
	scan.Reset(t.as(wild), s)
	for {
		token, ok := scan.Next()
		if !ok {
			return c
		}
		token = strings.Clone(token)
		kind := scan.Kind()
		if kind != Pair {
			c.Units = append(c.Units, token)
		}
		switch {
		case wild && strings.ContainsAny(token, "*?"):
			c.Patterns = append(c.Patterns, token)
		case kind != Char:
			c.Tokens = append(c.Tokens, token)
		}
	}
}
