package wordzip

import (
	"encoding/binary"
	"math/bits"
)

// words is a text cut into words, each with what stands between it and the next one, and where words were seen last.
type words struct {
	src    []byte
	starts []uint32 // of the words, and the end of the text
	hashes []uint32
	next   int // the first word that is not in the tables

	base  uint32 // what was added to places in the tables: lower ones are of earlier texts
	one   [1 << oneBits]uint32
	two   [1 << twoBits]uint32
	three [1 << threeBits]uint32
}

// Entries of the tables. Words are few, and their threes are many.
const (
	oneBits   = 12
	twoBits   = 15
	threeBits = 16
)

// isWord says which bytes are parts of words; the others end them.
var isWord = func() (table [256]uint64) {
	for b := range table {
		if b >= 0x80 || b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' {
			table[b] = 1
		}
	}
	return table
}()

// cut begins a text.
func (w *words) cut(src []byte, head int, sizes []int32) {
	w.base += uint32(len(w.src)) // more than the place of any word of the text before
	if w.base > 1<<31 {
		clear(w.one[:])
		clear(w.two[:])
		clear(w.three[:])
		w.base = 0
	}
	if w.base == 0 {
		w.base = 1 // 0 is an empty entry
	}
	w.src, w.next = src, 0
	w.starts, w.hashes = w.starts[:0], w.hashes[:0]
	if sizes == nil {
		w.cutValue(head, len(src))
	}
	at := head
	for _, n := range sizes {
		w.cutValue(at, at+int(n))
		at += int(n)
	}
	w.starts = append(w.starts, uint32(len(src)))
}

// cutValue cuts src[i:end]. It looks at up to 64 bytes at once: how long a word is nobody can foresee, a processor neither.
func (w *words) cutValue(i, end int) {
	start, inWord := i, false
	for i < end {
		n := min(64, end-i)
		var word uint64 // bits of the bytes that are parts of words
		for k, c := range w.src[i : i+n] {
			word |= isWord[c] << (k & 63)
		}
		begins := word &^ (word << 1)
		if inWord {
			begins &^= 1
		}
		for ; begins != 0; begins &= begins - 1 {
			at := i + bits.TrailingZeros64(begins)
			if at > start {
				w.add(start, at)
			}
			start = at
		}
		inWord = word>>(n-1) != 0
		i += n
	}
	if end > start {
		w.add(start, end)
	}
}

func (w *words) add(start, end int) {
	w.starts = append(w.starts, uint32(start))
	w.hashes = append(w.hashes, hash(w.src, start, end))
}

// hash is the hash of src[from:to]. Only collisions depend on it, and they cost a byte or two.
func hash(src []byte, from, to int) uint32 {
	const a, b = 0x9e3779b97f4a7c15, 0xff51afd7ed558ccd
	h := uint64(to - from)
	for ; to-from > 8; from += 8 {
		h = (h ^ binary.LittleEndian.Uint64(src[from:])) * a
		h ^= h >> 32
	}
	var last uint64
	if from+8 <= len(src) {
		last = binary.LittleEndian.Uint64(src[from:]) << (64 - 8*uint(to-from)) // what comes before does not matter
	} else {
		for _, c := range src[from:to] {
			last = last>>8 | uint64(c)<<56
		}
	}
	h = (h ^ last) * b
	return uint32(h >> 32)
}

// match gives to the literals and matches that src[from:to] is made of.
func (w *words) match(to *block, from, end int) {
	to.reset()
	i := w.next
	literals := from // where those begin that wait
	at := from       // where matches are looked for
	for i < len(w.hashes) && int(w.starts[i]) < end {
		pos := int(w.starts[i])
		if pos < at { // inside of a match
			w.insert(i)
			i++
			continue
		}
		length, offset := w.find(i, pos, end, to.rep, pos > literals)
		if length == 0 {
			i++
			continue
		}
		to.add(w.src[literals:pos], length, offset)
		at = pos + length
		literals = at
		i++
	}
	w.next = i
	to.literals = append(to.literals, w.src[literals:end]...)
}

func (w *words) keys(i int) (one, two, three uint32) {
	const a = 0x9e3779b1
	h := w.hashes[i]
	one = h >> (32 - oneBits)
	if i+1 < len(w.hashes) {
		h = (h*5 + w.hashes[i+1]) * a
	}
	two = h >> (32 - twoBits)
	if i+2 < len(w.hashes) {
		h = (h*5 + w.hashes[i+2]) * a
	}
	return one, two, h >> (32 - threeBits)
}

// insert says that word i, which is inside of a match, is the last one of its kind. Where it stands alone matters little.
func (w *words) insert(i int) {
	_, two, three := w.keys(i)
	at := w.base + w.starts[i]
	w.two[two], w.three[three] = at, at
}

const minMatch = 4

// find looks for the best match of what begins with word i, at pos, and inserts the word.
func (w *words) find(i, pos, end int, rep uint32, repeat bool) (length int, offset uint32) {
	one, two, three := w.keys(i)
	at := w.base + uint32(pos)
	inOne, inTwo, inThree := w.one[one], w.two[two], w.three[three]
	w.one[one], w.two[two], w.three[three] = at, at, at

	if repeat && rep != 0 && int(rep) <= pos {
		if n := matching(w.src[pos-int(rep):], w.src[pos:end]); n >= 2*minMatch {
			return n, rep // hardly takes any bits
		}
	}
	last := uint32(0)
	for words, c := range [...]uint32{inThree, inTwo, inOne} {
		if c < w.base || c == last {
			continue
		}
		last = c
		from := int(c - w.base)
		n := matching(w.src[from:], w.src[pos:end])
		if n < minMatch || pos+n < int(w.starts[min(i+3-words, len(w.hashes))]) && pos+n < end {
			continue // not all the words of this table
		}
		offset := uint32(pos - from)
		if 9*n <= 2*(bits.Len32(offset)+6) {
			continue
		}
		return w.whole(i, pos, n), offset
	}
	return 0, 0
}

// whole shortens a match of word i and those behind it, at pos, that ends inside of a word which has been seen before as a whole.
func (w *words) whole(i, pos, n int) int {
	for i < len(w.hashes) && int(w.starts[i+1]) <= pos+n {
		i++
	}
	if i == len(w.hashes) || int(w.starts[i]) <= pos || int(w.starts[i]) == pos+n {
		return n
	}
	c := w.one[w.hashes[i]>>(32-oneBits)]
	word := w.src[w.starts[i]:w.starts[i+1]]
	if c >= w.base && int(w.starts[i])-pos >= minMatch && matching(w.src[c-w.base:], word) == len(word) {
		return int(w.starts[i]) - pos
	}
	return n
}

// matching returns how many bytes a and b begin with in common; b is not longer than a.
func matching(a, b []byte) int {
	n := 0
	for n+8 <= len(b) {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
