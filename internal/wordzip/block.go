package wordzip

import (
	"math/bits"

	"github.com/klauspost/compress/huff0"
)

// block is the literals and the matches of one block, and how they are written.
type block struct {
	literals  []byte
	sequences []sequence
	rep       uint32 // the offset of the last match; 0 before the first of a frame
	tables    [3]fse
	huffman   huff0.Scratch
	started   bool
}

// sequence is some literals and a match behind them.
type sequence struct {
	literals, match uint32 // lengths
	offset          uint32 // as zstd writes it: 1 repeats the last one, others are 3 more than they say
	codes           [3]uint8
}

func (b *block) begin() { b.rep = 0 }

func (b *block) reset() { b.literals, b.sequences = b.literals[:0], b.sequences[:0] }

// add adds a match behind literals.
func (b *block) add(literals []byte, length int, offset uint32) {
	b.literals = append(b.literals, literals...)
	s := sequence{literals: uint32(len(literals)), match: uint32(length), offset: offset + 3}
	if offset == b.rep && len(literals) > 0 {
		s.offset = 1
	}
	b.rep = offset
	s.codes = [3]uint8{literalCode(s.literals), uint8(bits.Len32(s.offset) - 1), matchCode(s.match)}
	b.sequences = append(b.sequences, s)
}

// append appends what the block holds as a compressed block, without its header.
func (b *block) append(dst []byte) []byte {
	dst = b.appendLiterals(dst)
	n := len(b.sequences)
	switch {
	case n < 128:
		dst = append(dst, byte(n))
	case n < 0x7f00:
		dst = append(dst, byte(n>>8+128), byte(n))
	default:
		dst = append(dst, 255, byte(n-0x7f00), byte((n-0x7f00)>>8))
	}
	if n == 0 {
		return dst
	}
	modes := len(dst)
	dst = append(dst, 0)
	for i := range b.tables {
		t := &b.tables[i]
		t.count(b.sequences, i)
		dst[modes] |= t.mode() << (6 - 2*i)
		dst = t.append(dst)
	}
	return b.appendSequences(dst)
}

// appendLiterals appends the section of literals: compressed, or as they are.
func (b *block) appendLiterals(dst []byte) []byte {
	n := len(b.literals)
	if !b.started {
		b.started = true
		b.huffman.Reuse = huff0.ReusePolicyNone
	}
	if n >= 64 {
		const four = 1024 // so many and more are four streams
		var packed []byte
		var err error
		if n < four {
			packed, _, err = huff0.Compress1X(b.literals, &b.huffman)
		} else {
			packed, _, err = huff0.Compress4X(b.literals, &b.huffman)
		}
		if err == nil && len(packed)+5 < n {
			return append(appendPackedHeader(dst, n, len(packed), n >= four), packed...)
		}
	}
	switch { // raw
	case n < 32:
		dst = append(dst, byte(n<<3))
	case n < 1<<12:
		dst = append(dst, byte(1<<2|n<<4), byte(n>>4))
	default:
		dst = append(dst, byte(3<<2|n<<4), byte(n>>4), byte(n>>12))
	}
	return append(dst, b.literals...)
}

func appendPackedHeader(dst []byte, n, packed int, four bool) []byte {
	const compressed = 2
	width, format := uint(10), uint64(0)
	switch {
	case four && max(n, packed) >= 1<<14:
		width, format = 18, 3
	case four && max(n, packed) >= 1<<10:
		width, format = 14, 2
	case four:
		format = 1
	}
	h := compressed | format<<2 | uint64(n)<<4 | uint64(packed)<<(4+width)
	for i := uint(0); i < (4+2*width+7)/8; i++ {
		dst = append(dst, byte(h>>(8*i)))
	}
	return dst
}

// appendSequences appends the bits of all sequences, the last one first: a decoder reads them from the end.
func (b *block) appendSequences(dst []byte) []byte {
	w := bitWriter{out: dst}
	lits, offs, mats := &b.tables[0], &b.tables[1], &b.tables[2]
	var states [3]uint32
	for i := len(b.sequences) - 1; i >= 0; i-- {
		s := &b.sequences[i]
		if i == len(b.sequences)-1 {
			for t := range states {
				states[t] = b.tables[t].first(s.codes[t])
			}
		} else {
			states[1] = offs.encode(&w, states[1], s.codes[1])
			states[2] = mats.encode(&w, states[2], s.codes[2])
			states[0] = lits.encode(&w, states[0], s.codes[0])
		}
		w.flush()
		w.put(uint64(s.literals-literalBase[s.codes[0]]), uint(literalBits[s.codes[0]]))
		w.put(uint64(s.match-matchBase[s.codes[2]]), uint(matchBits[s.codes[2]]))
		w.flush()
		w.put(uint64(s.offset)&(1<<s.codes[1]-1), uint(s.codes[1]))
	}
	w.flush()
	for _, t := range [...]int{2, 1, 0} {
		w.put(uint64(states[t])&(1<<b.tables[t].log-1), b.tables[t].log)
	}
	w.put(1, 1) // says where the bits end
	return w.done()
}

// The codes of lengths, RFC 8878 section 3.1.1.3.2.1.1: a base, and how many bits are added to it.
var (
	literalBase, literalBits = codes(0, []uint8{
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	})
	matchBase, matchBits = codes(3, []uint8{
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	})
)

func codes(base uint32, widths []uint8) ([]uint32, []uint8) {
	var bases []uint32
	for _, w := range widths {
		bases = append(bases, base)
		base += 1 << w
	}
	return bases, widths
}

// Codes of the lengths that are most frequent; of longer ones a code is one for each power of two.
var (
	shortLiteral = shortCodes(literalBase, 64)
	shortMatch   = shortCodes(matchBase, 131)
)

func shortCodes(bases []uint32, n uint32) []uint8 {
	short := make([]uint8, n)
	code := uint8(0)
	for v := bases[0]; v < n; v++ {
		for int(code)+1 < len(bases) && bases[code+1] <= v {
			code++
		}
		short[v] = code
	}
	return short
}

func literalCode(n uint32) uint8 {
	if n < uint32(len(shortLiteral)) {
		return shortLiteral[n]
	}
	return uint8(bits.Len32(n)) + 18
}

func matchCode(n uint32) uint8 {
	if n < uint32(len(shortMatch)) {
		return shortMatch[n]
	}
	return uint8(bits.Len32(n-3)) + 35
}
