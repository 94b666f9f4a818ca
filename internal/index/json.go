package index

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// LeafKind is what a leaf of a JSON value is.
type LeafKind uint8

// The kinds.
const (
	StringLeaf LeafKind = iota
	NumberLeaf
	BoolLeaf
)

// Leaf is a scalar inside a JSON object.
type Leaf struct {
	Value string // the text: without quotes and escapes; numbers as they are written; true or false
	Kind  LeafKind
	Start int // where the text begins in the JSON value, or -1 if escapes make it stand there otherwise
}

// MaxLeafDepth is how deep leaves are looked for, whatever max_depth says.
const MaxLeafDepth = 128

// Leaves calls visit for each leaf of the JSON object in value, in order, with its dotted path, which is valid during the call.
// Arrays and all they hold are passed over, and so is null. Where value stops being JSON the leaves end; a string that is cut
// off by the end of value counts as far as it goes (reference sls-query 1.5 and the example of partial JSON behind it). A number
// at the very end does not: nobody knows how it went on. Names without quotes are read too. Visit returns false to stop.
func Leaves(value string, visit func(path []byte, leaf Leaf) bool) {
	r := leafReader{visit: visit}
	r.read(value)
}

// FindLeaf returns the leaf of that path; of several, the last.
func FindLeaf(value, path string) (leaf Leaf, ok bool) {
	if end := strings.LastIndexByte(path, '.') + 1; !strings.Contains(value, path[end:]) && !strings.Contains(value, `\`) {
		return Leaf{}, false // most logs do not have a rare leaf: the name is not even there
	}
	r := leafReader{want: path}
	r.read(value)
	return r.found, r.ok
}

// leafReader walks a JSON value. Its methods return false where the walk ends: the JSON does, or visit said so.
type leafReader struct {
	s     string
	i     int
	path  []byte
	room  [64]byte // for path, mostly
	visit func(path []byte, leaf Leaf) bool

	// Without visit, one leaf is looked for.
	want  string
	found Leaf
	ok    bool
}

func (r *leafReader) read(value string) {
	r.s, r.path = value[:min(len(value), MaxValueBytes)], r.room[:0]
	if r.space(); r.next('{') {
		r.object(1)
	}
}

func (r *leafReader) leaf(l Leaf) bool {
	if r.visit != nil {
		return r.visit(r.path, l)
	}
	if string(r.path) == r.want {
		r.found, r.ok = l, true
	}
	return true
}

// object reads what follows a brace.
func (r *leafReader) object(depth int) bool {
	parent := len(r.path)
	if r.space(); r.next('}') {
		return true
	}
	for {
		r.space()
		name, ok := r.name()
		if !ok {
			return false
		}
		if depth > 1 {
			r.path = append(r.path, '.')
		}
		r.path = append(r.path, name...)
		if r.space(); !r.next(':') {
			return false
		}
		if r.space(); !r.member(depth) {
			return false
		}
		r.path = r.path[:parent]
		r.space()
		if r.next('}') {
			return true
		}
		if !r.next(',') {
			return false
		}
	}
}

// member reads the value of a name.
func (r *leafReader) member(depth int) bool {
	if r.i == len(r.s) {
		return false
	}
	switch r.s[r.i] {
	case '{':
		if depth == MaxLeafDepth {
			return r.skip()
		}
		r.i++
		return r.object(depth + 1)
	case '[':
		return r.skip()
	case '"':
		text, start, closed := r.quoted()
		return r.leaf(Leaf{text, StringLeaf, start}) && closed
	}
	return r.literal()
}

// literal reads a number, true, false or null.
func (r *leafReader) literal() bool {
	start := r.i
	for r.i < len(r.s) && strings.IndexByte(",}] \t\r\n", r.s[r.i]) < 0 {
		r.i++
	}
	text := r.s[start:r.i]
	switch {
	case text == "null":
		return true
	case text == "true" || text == "false":
		return r.leaf(Leaf{text, BoolLeaf, start})
	case r.i == len(r.s) || !isDecimal(text):
		return false
	}
	return r.leaf(Leaf{text, NumberLeaf, start})
}

// name reads the name of a member.
func (r *leafReader) name() (name string, ok bool) {
	if r.i < len(r.s) && r.s[r.i] == '"' {
		name, _, ok = r.quoted()
		return name, ok
	}
	start := r.i
	for r.i < len(r.s) && strings.IndexByte(":,{}[]\" \t\r\n", r.s[r.i]) < 0 {
		r.i++
	}
	return r.s[start:r.i], r.i > start
}

// quoted reads a string from its quote on. Closed is false if the value ends first.
func (r *leafReader) quoted() (text string, start int, closed bool) {
	r.i++
	start = r.i
	bent := false
	for r.i < len(r.s) && r.s[r.i] != '"' {
		if r.s[r.i] == '\\' {
			bent = true
			r.i++
		}
		r.i++
	}
	closed = r.i < len(r.s)
	end := min(r.i, len(r.s))
	r.i = min(end+1, len(r.s))
	text = r.s[start:end]
	if bent {
		return unescape(text), -1, closed
	}
	if !closed {
		text = wholeRunes(text)
	}
	return text, start, closed
}

// unescape resolves the escapes of a JSON string. One that is wrong or cut off ends the text.
func unescape(s string) string {
	text := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			text = append(text, s[i])
			i++
			continue
		}
		if i+1 == len(s) {
			break
		}
		if s[i+1] == 'u' {
			r, size := unescapeRune(s[i:])
			if size == 0 {
				break
			}
			text = utf8.AppendRune(text, r)
			i += size
			continue
		}
		plain := strings.IndexByte(escapes, s[i+1])
		if plain < 0 {
			break
		}
		text = append(text, escaped[plain])
		i += 2
	}
	return string(text)
}

// What stands behind a backslash, and what it means.
const (
	escapes = `"\/bfnrt`
	escaped = "\"\\/\b\f\n\r\t"
)

// unescapeRune reads \uXXXX, or two of them that are surrogates of each other. A size of 0 is none.
func unescapeRune(s string) (r rune, size int) {
	r, ok := hexRune(s)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := hexRune(s[6:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
			return utf16.DecodeRune(r, low), 12
		}
	}
	return r, 6 // a surrogate alone becomes U+FFFD where it is appended
}

func hexRune(s string) (r rune, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil
}

func wholeRunes(s string) string {
	for n := len(s); n > 0 && n > len(s)-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n-1]) {
			if !utf8.FullRuneInString(s[n-1:]) {
				return s[:n-1]
			}
			break
		}
	}
	return s
}

// skip passes over an array or an object.
func (r *leafReader) skip() bool {
	for depth := 0; r.i < len(r.s); {
		switch r.s[r.i] {
		case '"':
			r.quotedSkip()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		r.i++
		if depth == 0 {
			return true
		}
	}
	return false
}

func (r *leafReader) quotedSkip() {
	for r.i++; r.i < len(r.s) && r.s[r.i] != '"'; r.i++ {
		if r.s[r.i] == '\\' {
			r.i++
		}
	}
	r.i = min(r.i+1, len(r.s))
}

func (r *leafReader) space() {
	for r.i < len(r.s) && (r.s[r.i] == ' ' || r.s[r.i] == '\t' || r.s[r.i] == '\n' || r.s[r.i] == '\r') {
		r.i++
	}
}

// next takes b, if it is what comes next.
func (r *leafReader) next(b byte) bool {
	if r.i < len(r.s) && r.s[r.i] == b {
		r.i++
		return true
	}
	return false
}
