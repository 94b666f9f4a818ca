package segment_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/vfs"
)

// TestMerge merges segments built under different options, twice, and looks for every row, and for tokens.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, err := objects.OpenDir(vfs.NewMem(), "data")
		if err != nil {
			t.Fatal(err)
		}
		rows := drawRows(t, 120)
		for i := range rows {
			rows[i].Position = sluice.Position(i) // rows of merged groups are told apart by it
		}
		cache := segment.NewCache(1 << 20)
		open := func(info segment.Info, err error) *segment.Segment {
			if err != nil {
				t.Fatal(err)
			}
			s, err := segment.Open(t.Context(), store, cache, info)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		var parts []*segment.Segment
		for from := 0; from < len(rows); {
			to := rapid.IntRange(from+1, len(rows)).Draw(t, "to")
			b := segment.NewBuilder(drawOptions(t))
			for i := range rows[from:to] {
				b.Add(&rows[from:to][i])
			}
			parts = append(parts, open(b.Write(t.Context(), store, fmt.Sprintf("part%d", len(parts)))))
			from = to
		}
		o := drawOptions(t)
		o.Config = uint64(rapid.IntRange(0, 1).Draw(t, "config"))
		half := rapid.IntRange(0, len(parts)).Draw(t, "half")
		if half > 0 {
			first := open(segment.Merge(t.Context(), store, "first", parts[:half], drawOptions(t)))
			parts = append(parts[half:], first)
		}
		merged := open(segment.Merge(t.Context(), store, "merged", parts, o))
		checkMerged(t, merged, rows)
	})
}

func checkMerged(t *rapid.T, s *segment.Segment, rows []segment.Row) {
	if got := int(s.Info().Rows); got != len(rows) {
		t.Fatalf("info says %d rows, want %d", got, len(rows))
	}
	if got, want := s.Info().Bytes, rawBytes(rows); got != want {
		t.Fatalf("info says %d bytes, want %d", got, want)
	}
	var fetched []segment.Row
	column := rapid.SampledFrom(hostileKeys).Draw(t, "column")
	token := []byte(rapid.SampledFrom([]string{"get", "hello", "0", "1.50", "bad", "absent"}).Draw(t, "token"))
	for i := range s.Groups() {
		g := s.Group(i)
		part, err := g.Fetch(t.Context(), allOf(g))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sortRows(part), part, rowsEqual); diff != "" {
			t.Fatalf("group %d is not sorted:\n%s", i, diff)
		}
		fetched = append(fetched, part...)
		wantToken, wantExists := roaring.New(), roaring.New()
		for r := range part {
			if value, ok := valueOf(&part[r], column); ok {
				wantExists.Add(uint32(r))
				if hasToken(value, token) {
					wantToken.Add(uint32(r))
				}
			}
		}
		checkFind(t, g, part, column, token, wantToken, wantExists)
	}
	slices.SortFunc(fetched, func(a, b segment.Row) int { return int(a.Position - b.Position) })
	if diff := cmp.Diff(rows, fetched, rowsEqual); diff != "" {
		t.Fatalf("rows differ (-added +merged):\n%s", diff)
	}
}

// TestMergeManyRows merges enough rows for columns to turn out to hold different values while they are read.
func TestMergeManyRows(t *testing.T) {
	w := newWeblogs(11)
	store := memoryStore(t)
	o := weblogsOptions()
	var rows []segment.Row
	var parts []*segment.Segment
	for i := range 5 {
		part := make([]segment.Row, 700)
		for j := range part {
			part[j] = w.row()
		}
		rows = append(rows, part...)
		parts = append(parts, build(t, store, fmt.Sprint("part", i), o, part))
	}
	info, err := segment.Merge(t.Context(), store, "merged", parts, weblogsOptions())
	if err != nil {
		t.Fatal(err)
	}
	merged := open(t, store, info)
	if merged.Groups() != 1 {
		t.Errorf("got %d groups, want 1", merged.Groups())
	}
	if diff := cmp.Diff(rows, all(t, merged), rowsEqual); diff != "" {
		t.Errorf("rows differ (-added +merged):\n%s", diff)
	}
	for _, token := range []string{"timeout", "id", "absent", lastWord(rows[1234].Fields[9].Value)} {
		checkToken(t, merged.Group(0), rows, "message", token)
	}
}

func rawBytes(rows []segment.Row) int64 {
	n := 0
	for _, r := range rows {
		n += 8 + len(r.Source) + len(r.Topic)
		for _, f := range append(slices.Clone(r.Tags), r.Fields...) {
			n += len(f.Key) + len(f.Value)
		}
	}
	return int64(n)
}
