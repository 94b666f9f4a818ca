package segment

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// bitWriter appends bits, the first one lowest.
type bitWriter struct {
	out []byte
	acc uint64
	n   uint // bits in acc, under 32
}

// put appends the low width bits of v; the others must be zero. width is at most 32.
func (w *bitWriter) put(v uint64, width uint) {
	w.acc |= v << (w.n & 63)
	w.n += width
	if w.n >= 32 {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.acc))
		w.acc >>= 32
		w.n -= 32
	}
}

// unary appends n zeros and a one.
func (w *bitWriter) unary(n uint32) {
	for ; n >= 31; n -= 31 {
		w.put(0, 31)
	}
	w.put(1<<n, uint(n)+1)
}

// done pads the last byte with zeros.
func (w *bitWriter) done() []byte {
	for ; w.n > 0; w.n -= min(w.n, 8) {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
	}
	return w.out
}

// bitReader reads what bitWriter wrote. Past the end it reads zeros, and over tells.
type bitReader struct {
	in  []byte
	pos uint64 // in bits
}

// peek returns at least 57 bits from the position on.
func (r *bitReader) peek() uint64 {
	at := r.pos >> 3
	if at+8 <= uint64(len(r.in)) {
		return binary.LittleEndian.Uint64(r.in[at:]) >> (r.pos & 7)
	}
	var v uint64
	for i := uint64(0); i < 8 && at+i < uint64(len(r.in)); i++ {
		v |= uint64(r.in[at+i]) << (8 * i)
	}
	return v >> (r.pos & 7)
}

func (r *bitReader) get(width uint) uint64 {
	v := r.peek() & (1<<width - 1)
	r.pos += uint64(width)
	return v
}

// unary reads zeros up to a one. It ends at the end of the input at the latest.
func (r *bitReader) unary() uint32 {
	var n uint32
	for !r.over() {
		if v := r.peek(); v != 0 {
			zeros := uint32(bits.TrailingZeros64(v))
			r.pos += uint64(zeros) + 1
			return n + zeros
		}
		n += 56
		r.pos += 56
	}
	return n
}

// over reports whether more bits were read than there are.
func (r *bitReader) over() bool { return r.pos > 8*uint64(len(r.in)) }

var errMalformed = errors.New("malformed")

// scanner reads the numbers and strings of a directory. The first thing that is not there makes all later reads yield zeros,
// and err tells; sizes are believed only as far as bytes are there to fill them.
type scanner struct {
	in  []byte
	err error
}

func (s *scanner) fail() {
	s.in, s.err = nil, errMalformed
}

func (s *scanner) uint() uint64 {
	v, n := binary.Uvarint(s.in)
	if n <= 0 {
		s.fail()
		return 0
	}
	s.in = s.in[n:]
	return v
}

func (s *scanner) int() int64 {
	v, n := binary.Varint(s.in)
	if n <= 0 {
		s.fail()
		return 0
	}
	s.in = s.in[n:]
	return v
}

// upTo reads a number that is at most limit.
func (s *scanner) upTo(limit uint64) int {
	v := s.uint()
	if v > limit {
		s.fail()
		return 0
	}
	return int(v)
}

// count reads the number of things that take at least one byte each.
func (s *scanner) count() int { return s.upTo(uint64(len(s.in))) }

func (s *scanner) bytes(n int) []byte {
	if n < 0 || n > len(s.in) {
		s.fail()
		return nil
	}
	b := s.in[:n:n]
	s.in = s.in[n:]
	return b
}

func (s *scanner) text() string { return string(s.bytes(s.count())) }

func (s *scanner) fixed32() uint32 {
	if b := s.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (s *scanner) fixed64() uint64 {
	if b := s.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// end checks that all was read.
func (s *scanner) end() error {
	if s.err == nil && len(s.in) > 0 {
		s.fail()
	}
	return s.err
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
