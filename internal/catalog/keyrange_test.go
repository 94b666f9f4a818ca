package catalog

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
)

func TestDivideTheWholeSpace(t *testing.T) {
	for n := 1; n <= maxCreateShards; n++ {
		checkCover(t, wholeSpace, wholeSpace.divide(n), n)
	}
	half := wholeSpace.divide(2)[0].end.String()
	if want := "80000000000000000000000000000000"; half != want { // reference sls-api 5.4
		t.Errorf("2 shards meet at %s, want %s", half, want)
	}
	third := wholeSpace.divide(3)[0].end.String()
	if want := "55555555555555555555555555555555"; third != want {
		t.Errorf("the first of 3 shards ends at %s, want %s", third, want)
	}
}

func TestDivideAnyRange(t *testing.T) {
	key := rapid.Custom(func(t *rapid.T) (k sluice.HashKey) {
		copy(k[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "key"))
		if rapid.Bool().Draw(t, "high") { // ranges at the upper end are the odd ones
			for i := range 15 {
				k[i] = 0xff
			}
		}
		return k
	})
	rapid.Check(t, func(t *rapid.T) {
		r := keyRange{key.Draw(t, "begin"), key.Draw(t, "end")}
		if compareKeys(r.begin, r.end) >= 0 {
			r.begin, r.end = r.end, r.begin
		}
		if rapid.Bool().Draw(t, "last") {
			r.end = sluice.MaxHashKey
		}
		n := rapid.IntRange(1, 300).Draw(t, "n")
		parts := r.divide(n)
		if parts == nil {
			if r.width().Cmp(big.NewInt(2*int64(n))) >= 0 {
				t.Fatalf("%v cannot be divided by %d", r, n)
			}
			return
		}
		checkCover(t, r, parts, n)
	})
}

func TestCut(t *testing.T) {
	key := func(s string) sluice.HashKey {
		k, err := sluice.ParseHashKey(s)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	r := keyRange{key("40"), key("80")}
	for at, ok := range map[string]bool{"00": false, "40": false, "400000000001": true, "7fff": true, "80": false, "ff": false} {
		parts := r.cut(key(at))
		if (parts != nil) != ok {
			t.Errorf("cut at %s gives %v, want a cut: %v", at, parts, ok)
		}
		if ok {
			checkCover(t, r, parts, 2)
		}
	}
}

// checkCover fails unless parts are n non-empty ranges that cover r without gap or overlap.
func checkCover(t interface{ Fatalf(string, ...any) }, r keyRange, parts []keyRange, n int) {
	if len(parts) != n {
		t.Fatalf("%d parts, want %d", len(parts), n)
	}
	next := r.begin
	for i, p := range parts {
		if p.begin != next || compareKeys(p.begin, p.end) >= 0 {
			t.Fatalf("part %d of %v is %v, want a range that begins at %v", i, r, p, next)
		}
		if p.end == sluice.MaxHashKey && i < n-1 {
			t.Fatalf("part %d of %d ends at the end of the key space", i, n)
		}
		next = p.end
	}
	if next != r.end {
		t.Fatalf("the parts of %v end at %v", r, next)
	}
}
