package spl

import (
	"hash/fnv"
	"math"
	"math/bits"
)

// sketch counts distinct values: exactly as long as they are few, then by HyperLogLog with a standard error of 2.3 % (reference
// sls-query 3.5).
type sketch struct {
	few       map[uint64]struct{} // hashes
	registers []uint8             // instead of few
}

const (
	sketchBits = 11
	sketchSize = 1 << sketchBits
	sketchFew  = 256
)

func (s *sketch) add(args []value) int {
	if args[0].isNull() {
		return 0
	}
	h := hash64(args[0].key())
	if s.registers != nil {
		s.note(h)
		return 0
	}
	before := len(s.few)
	if s.few == nil {
		s.few = map[uint64]struct{}{}
	}
	s.few[h] = struct{}{}
	if len(s.few) <= sketchFew {
		return (len(s.few) - before) * 24
	}
	s.registers = make([]uint8, sketchSize)
	for h := range s.few {
		s.note(h)
	}
	s.few = nil
	return sketchSize
}

// note remembers the longest run of zeros behind each of the first bits.
func (s *sketch) note(h uint64) {
	i := h >> (64 - sketchBits)
	zeros := uint8(bits.LeadingZeros64(h<<sketchBits|1<<(sketchBits-1))) + 1
	s.registers[i] = max(s.registers[i], zeros)
}

func (s *sketch) result() value {
	if s.registers == nil {
		return intOf(int64(len(s.few)))
	}
	sum, empty := 0.0, 0.0
	for _, r := range s.registers {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			empty++
		}
	}
	const m = float64(sketchSize)
	estimate := 0.7213 / (1 + 1.079/m) * m * m / sum
	if estimate <= 2.5*m && empty > 0 {
		estimate = m * math.Log(m/empty)
	}
	return intOf(int64(math.Round(estimate)))
}

// hash64 is FNV-1a, with its bits mixed once more so that all of them depend on all of the text.
func hash64(s string) uint64 {
	f := fnv.New64a()
	f.Write([]byte(s)) // never fails
	h := f.Sum64()
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
