package segment_test

import (
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice/internal/segment"
)

// TestRestIsFound: whatever a row has that no column holds is among its rest, by key and by token.
func TestRestIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 80)
		o := drawOptions(t)
		s := buildRapid(t, o, rows)
		rows = sortRows(rows)
		var columns []string
		for _, c := range s.Columns() {
			columns = append(columns, c.Name)
		}
		token := []byte(rapid.SampledFrom([]string{"get", "hello", "world", "0", "1.50", "007", "bad", "long", "absent", "-3.000"}).Draw(t, "token"))
		for i := range s.Groups() {
			g := s.Group(i)
			checkRest(t, g, columns, rows[:g.Rows()], token)
			rows = rows[g.Rows():]
		}
	})
}

func checkRest(t *rapid.T, g *segment.Group, columns []string, rows []segment.Row, token []byte) {
	keys, err := g.RestKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rest, err := g.Rest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in, err := g.InRest(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if roaring.AndNot(in, rest).GetCardinality() > 0 {
		t.Fatalf("rows %v have %q in their rest, rows %v have a rest", in, token, rest)
	}
	for r := range rows {
		for _, f := range rows[r].Fields {
			if slices.Contains(columns, f.Key) && !isReserved(f.Key) {
				continue
			}
			if !slices.Contains(keys, f.Key) {
				t.Fatalf("field %q of row %d is neither in a column nor in the rest, which has %q", f.Key, r, keys)
			}
			with, err := g.RestField(t.Context(), f.Key)
			if err != nil {
				t.Fatal(err)
			}
			if !with.Contains(uint32(r)) {
				t.Fatalf("row %d has the field %q, found in %v", r, f.Key, with)
			}
			if f.Key != "status" && hasToken(f.Value, token) && !in.Contains(uint32(r)) { // status is not indexed
				t.Fatalf("row %d has %q in field %q, found in %v", r, token, f.Key, in)
			}
		}
	}
}
