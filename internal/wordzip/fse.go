package wordzip

import (
	"encoding/binary"
	"math/bits"
)

// fse is one of the three codes of sequences, made for the sequences of a block: RFC 8878 section 4.1. Numbers of states are given to
// symbols as they are frequent; a state and a symbol to be written give the bits to write and the next state.
type fse struct {
	counts  [maxSymbol]uint32
	shares  [maxSymbol]int // of 1<<log states
	symbols int            // the highest one, plus one
	log     uint           // 0: only one symbol

	states []uint16
	steps  [maxSymbol]step
}

// step tells what writing a symbol does to a state.
type step struct {
	width uint32 // adding a state gives, in the upper half, how many of its bits are written
	find  int32  // added to the rest of the state: where the next one is
}

const (
	maxSymbol = 53
	minLog    = 5
	maxLog    = 8 // all three may have that many
)

// Modes of a code's description.
const (
	modeOne  = 1
	modeFull = 2
)

func (f *fse) mode() byte {
	if f.log == 0 {
		return modeOne
	}
	return modeFull
}

// count makes the code for one of the codes of sequences.
func (f *fse) count(sequences []sequence, which int) {
	clear(f.counts[:])
	for i := range sequences {
		f.counts[sequences[i].codes[which]]++
	}
	different := 0
	for s, n := range f.counts {
		if n > 0 {
			f.symbols = s + 1
			different++
		}
	}
	f.log = 0
	if different > 1 {
		f.log = uint(min(max(bits.Len(uint(len(sequences)))-2, bits.Len(uint(different)), minLog), maxLog))
		f.share(len(sequences))
		f.build()
	}
}

// share gives each symbol its share of the states, one at least.
func (f *fse) share(total int) {
	left := 1 << f.log
	most := 0
	for s, n := range f.counts[:f.symbols] {
		f.shares[s] = 0
		if n > 0 {
			f.shares[s] = max(1, (int(n)<<f.log+total/2)/total)
		}
		left -= f.shares[s]
		if f.shares[s] > f.shares[most] {
			most = s
		}
	}
	if left > 0 || -left < f.shares[most]/2 {
		f.shares[most] += left
		return
	}
	for ; left < 0; left++ { // many rare symbols: the largest shares pay for them
		most = 0
		for s := range f.shares[:f.symbols] {
			if f.shares[s] > f.shares[most] {
				most = s
			}
		}
		f.shares[most]--
	}
}

// build gives states to symbols, spread in the order that decoders expect.
func (f *fse) build() {
	size := 1 << f.log
	var of [1 << maxLog]uint8
	at := 0
	for s, n := range f.shares[:f.symbols] {
		for range n {
			of[at] = uint8(s)
			at = (at + size>>1 + size>>3 + 3) & (size - 1)
		}
	}
	var next [maxSymbol]int
	first := 0
	for s, n := range f.shares[:f.symbols] {
		next[s] = first
		f.steps[s] = step{}
		if n > 0 {
			width := f.log
			if n > 1 {
				width -= uint(bits.Len(uint(n-1))) - 1
			}
			f.steps[s] = step{width: uint32(width<<16) - uint32(n<<width), find: int32(first - n)}
		}
		first += n
	}
	if cap(f.states) < size {
		f.states = make([]uint16, 1<<maxLog)
	}
	f.states = f.states[:size]
	for state, s := range of[:size] {
		f.states[next[s]] = uint16(size + state)
		next[s]++
	}
}

// append appends the description of the code.
func (f *fse) append(dst []byte) []byte {
	if f.log == 0 {
		return append(dst, byte(f.symbols-1))
	}
	w := bitWriter{out: dst}
	w.put(uint64(f.log-minLog), 4)
	left := 1<<f.log + 1
	threshold, width := 1<<f.log, f.log+1
	for s := 0; s < f.symbols && left > 1; s++ {
		n := f.shares[s]
		short := 2*threshold - 1 - left // so many values take a bit less
		left -= n
		v := n + 1
		if v >= threshold {
			v += short
		}
		if v < short {
			w.put(uint64(v), width-1)
		} else {
			w.put(uint64(v), width)
		}
		if n == 0 {
			s = f.appendZeros(&w, s)
		}
		w.flush()
		for left < threshold {
			width--
			threshold >>= 1
		}
	}
	return w.done()
}

// appendZeros tells how many symbols behind s have no share either, and returns the last of them.
func (f *fse) appendZeros(w *bitWriter, s int) int {
	more := 0
	for f.shares[s+1+more] == 0 {
		more++
	}
	s += more
	for ; more >= 3; more -= 3 {
		w.put(3, 2) // 36 bits at most
	}
	w.put(uint64(more), 2)
	return s
}

// first returns the state that stands for a symbol, of which nothing has to be written.
func (f *fse) first(symbol uint8) uint32 {
	if f.log == 0 {
		return 0
	}
	s := &f.steps[symbol]
	width := (s.width + 1<<15) >> 16
	return uint32(f.states[int32((width<<16-s.width)>>width)+s.find])
}

// encode writes a symbol.
func (f *fse) encode(w *bitWriter, state uint32, symbol uint8) uint32 {
	if f.log == 0 {
		return 0
	}
	s := &f.steps[symbol]
	width := (state + s.width) >> 16
	w.put(uint64(state&(1<<width-1)), uint(width))
	return uint32(f.states[int32(state>>width)+s.find])
}

// bitWriter appends bits, the first one lowest.
type bitWriter struct {
	out []byte
	acc uint64
	n   uint // bits in acc, under 8 after flush
}

// put appends the low width bits of v; the others are zero. Between two flushes there is room for 56 bits.
func (w *bitWriter) put(v uint64, width uint) {
	w.acc |= v << (w.n & 63)
	w.n += width
}

func (w *bitWriter) flush() {
	bytes := w.n >> 3
	w.out = binary.LittleEndian.AppendUint64(w.out, w.acc)
	w.out = w.out[:len(w.out)-8+int(bytes)]
	w.acc >>= 8 * bytes
	w.n &= 7
}

// done pads the last byte with zeros.
func (w *bitWriter) done() []byte {
	w.flush()
	if w.n > 0 {
		w.out = append(w.out, byte(w.acc))
	}
	return w.out
}
