package segment_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/segment"
)

// TestDistinct: what is said of the values of a column agrees with looking at each row, and is what the Parquet file shows.
func TestDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 40)
		rows = append(rows, rows...) // so that values come again
		s := buildRapid(t, drawOptions(t), rows)
		sorted := sortRows(rows)
		column := rapid.SampledFrom(append([]string{segment.ColumnTopic, segment.ColumnSource, "__tag__:host", "absent"}, hostileKeys...)).Draw(t, "column")
		if isReserved(column) {
			return
		}
		for i := range s.Groups() {
			g := s.Group(i)
			part := sorted[:g.Rows()]
			sorted = sorted[g.Rows():]
			values, ok, err := g.Distinct(t.Context(), column, 30)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				continue
			}
			want, got := map[string]int{}, map[string]int{}
			for r := range part {
				if v, ok := valueOf(&part[r], column); ok {
					want[v]++
				}
			}
			for _, v := range values {
				got[v.Text] = v.Rows
			}
			if diff := cmp.Diff(want, got); diff != "" || len(got) != len(values) {
				t.Fatalf("%d values of %s (-want +got)\n%s", len(values), column, diff)
			}
		}
	})
}

// What Distinct knows of columns, by what is in them.
func TestDistinctKnows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var rows []segment.Row
	for i := range 600 {
		fields := []sluice.Field{
			{Key: "few", Value: []string{"", "a", "b b"}[r.IntN(3)]},
			{Key: "many", Value: strings.Repeat("x", r.IntN(40))},
			{Key: "unique", Value: strings.Repeat("y", i)},
			{Key: "broken", Value: []string{"a", "\xff"}[r.IntN(2)]},
			{Key: "status", Value: "200"},
			{Key: "in some groups", Value: "z"},
		}
		if i >= 300 {
			fields = fields[:5]
		}
		rows = append(rows, segment.Row{Time: uint32(i), Fields: fields})
	}
	s := build(t, memoryStore(t), "s", segment.Options{Columns: []segment.Column{{Name: "status", Kind: segment.Long}}, GroupRows: 200}, rows)
	for column, want := range map[string][]bool{
		"few": {true, true, true}, "many": {false, false, false}, "unique": {false, false, false}, "broken": {false, false, false},
		"status": {false, false, false}, "in some groups": {true, true, true}, "absent": {true, true, true}, segment.ColumnTopic: {true, true, true},
	} {
		var got []bool
		for i := range s.Groups() {
			values, ok, err := s.Group(i).Distinct(t.Context(), column, 30)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ok)
			for _, v := range values {
				if !utf8.ValidString(v.Text) || v.Rows <= 0 || v.Rows > 200 {
					t.Errorf("%s has %q in %d rows", column, v.Text, v.Rows)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", column, diff)
		}
	}
}
