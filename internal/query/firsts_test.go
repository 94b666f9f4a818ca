package query_test

import (
	"math/rand/v2"
	"testing"

	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// TestFirstKeysTakeLittle looks for a few logs in many groups of segments: what is held does not grow with the number of groups.
func TestFirstKeysTakeLittle(t *testing.T) {
	s := newSegmented(t)
	r := rand.New(rand.NewPCG(7, 7))
	for range 40 {
		s.write(r, 20)
		if err := s.index.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f := query.Filter{Ref: catalogtest.Ref, Search: "*", Range: query.Range{To: 1 << 62}}
	const n = 100
	for _, reverse := range []bool{false, true} {
		found, held, err := s.indexed.First(t.Context(), f, n, reverse)
		if most := 2*n + 64; found != n || held > most || err != nil {
			t.Errorf("reverse %v: %d keys, of %d that are held, want %d of %d at most: %v", reverse, found, held, n, most, err)
		}
	}
}
