package index

import (
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// Kind is what a token is.
type Kind uint8

// The kinds. Words and Chars, in their order, are the units of a value that a phrase is about; a Pair is two Chars once more.
const (
	Word Kind = iota // what stands between delimiters, or a Han character alone
	Char             // one Han character of a run
	Pair             // two neighbouring Han characters
)

// Scanner cuts one value after the other. It allocates only to grow a buffer that it keeps. The zero Scanner is ready for Reset.
type Scanner struct {
	t     *Tokenizer
	value string
	pos   int // where the next token is looked for
	start int
	end   int
	kind  Kind
	inRun bool   // pos continues a run of Han characters
	buf   []byte // the token, where folding changed it
	stops []uint64
}

// Reset begins a value. Only its first [MaxValueBytes] are cut.
func (s *Scanner) Reset(t *Tokenizer, value string) {
	s.t, s.value, s.pos, s.kind, s.inRun = t, value, 0, Word, false
	if len(value) > MaxValueBytes {
		end := MaxValueBytes
		for end > MaxValueBytes-utf8.UTFMax && !utf8.RuneStart(value[end]) {
			end--
		}
		s.value = value[:end]
	}
}

// Next returns the next token. It is valid until the next call of Next or Reset: who keeps it clones it.
func (s *Scanner) Next() (token string, ok bool) {
	if s.kind == Char && s.pair() {
		return s.value[s.start:s.end], true
	}
	t, v, i := s.t, s.value, s.pos
	for i < len(v) { // delimiters
		c := t.class[v[i]]
		if c < stop {
			break
		}
		n := 1
		if c >= check {
			if n = t.delimiter(v[i:]); n == 0 {
				break
			}
		}
		i += n
		s.inRun = false
	}
	if i >= len(v) {
		s.pos = i
		return "", false
	}
	s.start, s.kind = i, Word
	if t.chn && v[i] >= utf8.RuneSelf && s.char(i) {
		return v[i:s.end], true
	}
	s.inRun = false
	var seen class
	for i < len(v) {
		c := t.class[v[i]]
		if c >= stop {
			if c < check {
				break
			}
			n := t.part(v, i, s.start)
			if n == 0 {
				break
			}
			i += n - 1
		}
		seen |= c
		i++
	}
	s.end, s.pos = i, i
	if seen&(upper|wide) == 0 || t.sensitive {
		return v[s.start:i], true
	}
	if seen&wide == 0 {
		s.buf = s.buf[:0]
		for k := s.start; k < i; k++ {
			s.buf = append(s.buf, v[k]|byte(t.class[v[k]]&upper)<<5) // the bit that tells a from A
		}
	} else {
		s.buf = appendFold(s.buf[:0], v[s.start:i])
	}
	return unsafe.String(unsafe.SliceData(s.buf), len(s.buf)), true
}

// Each calls emit with each token of value, in order; a token is valid during the call. It says what Next would say, and is quicker
// where delimiters are single bytes and letters are those of ASCII: how long a token is cannot be foreseen, so bytes are looked at 64 at
// once, without a branch for each.
func (s *Scanner) Each(t *Tokenizer, value string, emit func(token []byte)) {
	s.Reset(t, value)
	if !t.simple || !s.eachSimple(emit) {
		s.Reset(t, value)
		for token, ok := s.Next(); ok; token, ok = s.Next() {
			emit(unsafe.Slice(unsafe.StringData(token), len(token)))
		}
	}
}

// eachSimple returns false, before any token, if the value is not so simple.
func (s *Scanner) eachSimple(emit func(token []byte)) bool {
	v := unsafe.Slice(unsafe.StringData(s.value), len(s.value))
	s.stops = s.stops[:0]
	var seen class
	for from := 0; from < len(v); from += 64 {
		var stops uint64
		for k, b := range v[from:min(from+64, len(v))] {
			c := s.t.class[b]
			seen |= c
			stops |= uint64(c&stop) / uint64(stop) << (k & 63)
		}
		s.stops = append(s.stops, stops)
	}
	if seen&wide != 0 {
		return false
	}
	if seen&upper != 0 {
		s.buf = append(s.buf[:0], v...)
		for i, b := range s.buf {
			s.buf[i] = b | byte(s.t.class[b]&upper)<<5 // the bit that tells a from A
		}
		v = s.buf
	}
	start := 0 // of the token that has not ended yet
	for i, stops := range s.stops {
		for ; stops != 0; stops &= stops - 1 {
			at := 64*i + bits.TrailingZeros64(stops)
			if at > start {
				emit(v[start:at])
			}
			start = at + 1
		}
	}
	if start < len(v) {
		emit(v[start:])
	}
	return true
}

// Kind returns what the last token is.
func (s *Scanner) Kind() Kind { return s.kind }

// Span returns where in the value the last token stands, before folding.
func (s *Scanner) Span() (start, end int) { return s.start, s.end }

// part returns how many bytes at v[i], which want a closer look, belong to the token begun at start; 0 if it ends there.
func (t *Tokenizer) part(v string, i, start int) int {
	if t.delimiter(v[i:]) > 0 {
		return 0
	}
	if !t.chn || v[i] < utf8.RuneSelf {
		return 1
	}
	if i > start && t.han(v[i:]) > 0 {
		return 0
	}
	_, size := utf8.DecodeRuneInString(v[i:])
	return size
}

// char takes the Han character at i, if there is one. In a pattern, a character before a wildcard begins a word.
func (s *Scanner) char(i int) bool {
	n := s.t.han(s.value[i:])
	if n == 0 || s.t.wild && i+n < len(s.value) && (s.value[i+n] == '*' || s.value[i+n] == '?') {
		return false
	}
	s.end, s.pos = i+n, i+n
	if s.inRun || s.t.han(s.value[s.end:]) > 0 {
		s.kind = Char
	}
	s.inRun = true
	return true
}

// pair takes the last token, one character of a run, together with the next one.
func (s *Scanner) pair() bool {
	n := s.t.han(s.value[s.pos:])
	if n == 0 {
		return false
	}
	s.kind, s.end = Pair, s.pos+n
	return true
}
