package catalog

import (
	"bytes"
	"math/big"

	"github.com/sluicelog/sluice"
)

// keyRange is a part of the key space, [begin, end); an end of MaxHashKey belongs to it.
type keyRange struct {
	begin, end sluice.HashKey
}

var wholeSpace = keyRange{end: sluice.MaxHashKey}

func compareKeys(a, b sluice.HashKey) int { return bytes.Compare(a[:], b[:]) }

// divide cuts r into n parts that cover it and differ in width by at most one key; nil if there are fewer than two keys for
// each. One would not do: a part [MaxHashKey, MaxHashKey] would leave the part before it with an end that looks like its own.
func (r keyRange) divide(n int) []keyRange {
	begin, width := new(big.Int).SetBytes(r.begin[:]), r.width()
	if n < 1 || width.Cmp(big.NewInt(2*int64(n))) < 0 {
		return nil
	}
	parts := make([]keyRange, n)
	next := r.begin
	for i := range parts {
		cut := new(big.Int).Mul(width, big.NewInt(int64(i+1)))
		cut.Div(cut, big.NewInt(int64(n))).Add(cut, begin)
		parts[i].begin = next
		if i == n-1 {
			parts[i].end = r.end
		} else {
			cut.FillBytes(next[:])
			parts[i].end = next
		}
	}
	return parts
}

// cut divides r at a key strictly inside it; nil if at is not.
func (r keyRange) cut(at sluice.HashKey) []keyRange {
	if compareKeys(r.begin, at) >= 0 || compareKeys(at, r.end) >= 0 {
		return nil
	}
	return []keyRange{{r.begin, at}, {at, r.end}}
}

// width returns the number of keys in r.
func (r keyRange) width() *big.Int {
	w := new(big.Int).SetBytes(r.end[:])
	if r.end == sluice.MaxHashKey {
		w.Add(w, big.NewInt(1))
	}
	return w.Sub(w, new(big.Int).SetBytes(r.begin[:]))
}
