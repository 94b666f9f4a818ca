package segment

import (
	"encoding/binary"
	"math/bits"

	"github.com/RoaringBitmap/roaring/v2"
)

/*
A posting list is an ascending list of numbers under a limit (rows of a group, or entries of a dictionary), as the gaps between them in
Rice codes: the low k bits of a gap as they are, the rest in unary. Rows of a word are near enough to independent for that to cost within
a few percent of their entropy at any density, so there is one form for words in a third of the rows and in sixteen of them. Of more than
half, the others are listed.

	byte 0: k, plus 128 if the numbers listed are those that are not in the list     then: per gap, unary(gap >> k), k low bits
*/

const postingsComplement = 128

// appendPostings appends the list; how many it holds and the limit are to be kept by the caller. A full list takes no bytes.
func appendPostings(dst []byte, list []uint32, limit uint32) []byte {
	n := uint32(len(list))
	if n == limit {
		return dst
	}
	flags := byte(0)
	if n > limit/2 {
		list = complement(list, limit)
		flags, n = postingsComplement, limit-n
	}
	k := riceWidth(n, limit)
	w := bitWriter{out: append(dst, flags|byte(k))}
	next := uint32(0)
	for _, v := range list {
		gap := v - next
		next = v + 1
		w.unary(gap >> k)
		w.put(uint64(gap&(1<<k-1)), k)
	}
	return w.done()
}

// riceWidth is the best number of low bits for n of limit numbers: about log2 of ln 2 times the mean gap.
func riceWidth(n, limit uint32) uint {
	if n == 0 {
		return 0
	}
	mean := uint64(limit-n) * 710 / 1024 / uint64(n)
	return uint(max(0, bits.Len64(mean)-1))
}

func complement(list []uint32, limit uint32) []uint32 {
	others := make([]uint32, 0, int(limit)-len(list))
	next := uint32(0)
	for _, v := range list {
		for ; next < v; next++ {
			others = append(others, next)
		}
		next = v + 1
	}
	for ; next < limit; next++ {
		others = append(others, next)
	}
	return others
}

// readPostings reads a list of n numbers under limit.
func readPostings(in []byte, n, limit uint32) (*roaring.Bitmap, error) {
	if n > limit || limit > maxGroupRows {
		return nil, errMalformed
	}
	if n == limit {
		all := roaring.New()
		all.AddRange(0, uint64(limit))
		return all, nil
	}
	if len(in) == 0 || in[0]&^postingsComplement > 17 {
		return nil, errMalformed
	}
	k, listed := uint(in[0]&^postingsComplement), n
	if in[0]&postingsComplement != 0 {
		listed = limit - n
	}
	words := make([]uint64, (limit+63)/64)
	if !markGaps(words, in[1:], k, listed, limit) {
		return nil, errMalformed
	}
	rows := roaring.FromDense(words, true)
	if in[0]&postingsComplement != 0 {
		rows.Flip(0, uint64(limit))
	}
	return rows, nil
}

// markGaps sets the bits of n numbers under limit, given as gaps. It decodes as many gaps from one load as are whole in it.
func markGaps(words []uint64, in []byte, k uint, n, limit uint32) bool {
	r := bitReader{in: in}
	mask := uint64(1)<<k - 1
	next := uint64(0)
	for n > 0 {
		v, left := r.peek(), uint(57)
		for n > 0 {
			zeros := uint(bits.TrailingZeros64(v))
			size := zeros + 1 + k
			if size > left {
				break
			}
			next += uint64(zeros)<<k | v>>(zeros+1)&mask
			if next >= uint64(limit) {
				return false
			}
			words[next>>6] |= 1 << (next & 63)
			next++
			v >>= size
			left -= size
			n--
		}
		if left < 57 {
			r.pos += uint64(57 - left)
			continue
		}
		next += uint64(r.unary())<<k | r.get(k) // a gap longer than one load
		if next >= uint64(limit) || r.over() {
			return false
		}
		words[next>>6] |= 1 << (next & 63)
		next++
		n--
	}
	return !r.over()
}

/*
A slice is a set of pairs of a token's hash and a place where the token may be (a page of rows, or an entry of a dictionary), for
tokens too rare to keep their text. Hashes are sorted and stored as a quotient and a remainder:

	uvarint pairs · byte quotient bits q · byte remainder bits r · byte place bits p
	quotients    for each of 2^q quotients in order: a one for each of its pairs, then a zero
	pairs        r bits of remainder, p bits of place, in the same order

A token that is not there is taken for one that is with a probability of about 2^-r. Slices of a column divide its hashes by their
highest bits, so that a look-up reads some kilobytes.
*/
type rarePair struct {
	hash  uint64
	place uint32
}

const (
	sliceTarget     = 8192 // pairs in a slice, about
	remainderBits   = 5
	maxSliceBits    = 16
	maxQuotientBits = 24
)

// sliceShape says how n pairs are divided: into 2^slices slices with 2^quotients quotients each.
func sliceShape(n int) (slices, quotients uint) {
	for n>>slices > sliceTarget*3/2 && slices < maxSliceBits {
		slices++
	}
	per := n >> slices
	if per > 1 {
		quotients = uint(bits.Len(uint(per*3/4)) - 1)
		if per*3/4 > 1<<quotients*3/2 {
			quotients++
		}
	}
	return slices, quotients
}

// appendSlice appends the pairs of one slice, which are sorted by hash and whose hashes agree in the highest sliceBits bits.
func appendSlice(dst []byte, pairs []rarePair, sliceBits, quotientBits, placeBits uint) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(pairs)))
	dst = append(dst, byte(quotientBits), remainderBits, byte(placeBits))
	w := bitWriter{out: dst}
	i := 0
	for q := range uint64(1) << quotientBits {
		for ; i < len(pairs) && quotient(pairs[i].hash, sliceBits, quotientBits) == q; i++ {
			w.put(1, 1)
		}
		w.put(0, 1)
	}
	w = bitWriter{out: w.done()}
	for _, p := range pairs {
		w.put(remainder(p.hash, sliceBits+quotientBits, remainderBits), remainderBits)
		w.put(uint64(p.place), placeBits)
	}
	return w.done()
}

func quotient(hash uint64, sliceBits, width uint) uint64 { return remainder(hash, sliceBits, width) }

// remainder cuts width bits out of a hash, skip bits from its top.
func remainder(hash uint64, skip, width uint) uint64 {
	return hash << skip >> (64 - width)
}

// rareSlice is a slice ready for look-ups.
type rareSlice struct {
	pairs                            uint64
	quotientBits, remBits, placeBits uint
	quotients, entries               []byte
}

func readSlice(in []byte) (*rareSlice, error) {
	s := scanner{in: in}
	n := s.uint()
	head := s.bytes(3)
	if s.err != nil {
		return nil, s.err
	}
	r := &rareSlice{pairs: n, quotientBits: uint(head[0]), remBits: uint(head[1]), placeBits: uint(head[2])}
	if r.quotientBits > maxQuotientBits || r.remBits > 32 || r.placeBits > 20 || n > uint64(len(in))*8 {
		return nil, errMalformed
	}
	r.quotients = s.bytes(int((n + 1<<r.quotientBits + 7) / 8))
	r.entries = s.bytes(int((n*uint64(r.remBits+r.placeBits) + 7) / 8))
	return r, s.end()
}

// find calls visit with each place where a token with this hash may be.
func (r *rareSlice) find(hash uint64, sliceBits uint, visit func(place uint32)) {
	q := quotient(hash, sliceBits, r.quotientBits)
	want := remainder(hash, sliceBits+r.quotientBits, r.remBits)
	at, ok := afterZeros(r.quotients, q)
	if !ok {
		return
	}
	width := r.remBits + r.placeBits
	ones := bitReader{in: r.quotients, pos: at}
	pairs := bitReader{in: r.entries, pos: (at - q) * uint64(width)}
	for ones.get(1) == 1 && !ones.over() && !pairs.over() {
		pair := pairs.get(width)
		if pair&(1<<r.remBits-1) == want {
			visit(uint32(pair >> r.remBits))
		}
	}
}

// afterZeros returns the position behind the n-th zero bit, 0 if n is 0.
func afterZeros(in []byte, n uint64) (pos uint64, ok bool) {
	if n == 0 {
		return 0, true
	}
	at := 0
	for ; at+8 <= len(in); at += 8 {
		zeros := uint64(64 - bits.OnesCount64(binary.LittleEndian.Uint64(in[at:])))
		if zeros >= n {
			break
		}
		n -= zeros
	}
	for ; at < len(in); at++ {
		zeros := uint64(8 - bits.OnesCount8(in[at]))
		if zeros < n {
			n -= zeros
			continue
		}
		for bit := range 8 {
			if in[at]>>bit&1 == 0 {
				if n--; n == 0 {
					return uint64(at)*8 + uint64(bit) + 1, true
				}
			}
		}
	}
	return 0, false
}
