package segment_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice/internal/segment"
)

// TestRange: ranges of numbers agree with parsing the text of each row.
func TestRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 80)
		o := drawOptions(t)
		o.MaxColumns = 100
		s := buildRapid(t, o, rows)
		column := rapid.SampledFrom([]string{"status", "latency"}).Draw(t, "column")
		lo, hi := drawBound(t, "lo"), drawBound(t, "hi")
		sorted := sortRows(rows)
		for i := range s.Groups() {
			g := s.Group(i)
			want := roaring.New()
			for r := range g.Rows() {
				text, ok := valueOf(&sorted[r], column)
				if ok && inRange(column, text, lo, hi) {
					want.Add(uint32(r))
				}
			}
			sorted = sorted[g.Rows():]
			got, err := g.Range(t.Context(), column, lo, hi)
			if err != nil {
				t.Fatal(err)
			}
			checkMatch(t, fmt.Sprintf("%s from %+v to %+v", column, lo, hi), got, want)
		}
	})
}

func drawBound(t *rapid.T, name string) segment.Bound {
	v := rapid.OneOf(
		rapid.SampledFrom([]float64{0, 1, 1.5, -3, 7, 100000, 0.12, math.Inf(1), math.Inf(-1), -5}),
		rapid.Float64Range(-4, 4),
	).Draw(t, name)
	b := segment.Bound{Value: v, Open: rapid.Bool().Draw(t, name+" open"), None: rapid.IntRange(0, 4).Draw(t, name+" none") == 0}
	switch {
	case v >= 9e18:
		b.Long = math.MaxInt64
	case v <= -9e18:
		b.Long = math.MinInt64
	default:
		b.Long = int64(v)
	}
	return b
}

func inRange(column, text string, lo, hi segment.Bound) bool {
	if column == "status" {
		v, err := strconv.ParseInt(text, 10, 64)
		return err == nil && (lo.None || v > lo.Long || v == lo.Long && !lo.Open) && (hi.None || v < hi.Long || v == hi.Long && !hi.Open)
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "xni_") {
		return false
	}
	return (lo.None || v > lo.Value || v == lo.Value && !lo.Open) && (hi.None || v < hi.Value || v == hi.Value && !hi.Open)
}

// TestTimes: the rows of a time span are a range of rows.
func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 80)
		s := buildRapid(t, drawOptions(t), rows)
		second := rapid.Int64Range(98, 106).Draw(t, "second")
		sorted := sortRows(rows)
		for i := range s.Groups() {
			g := s.Group(i)
			part := sorted[:g.Rows()]
			sorted = sorted[g.Rows():]
			times, err := g.Times(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := uint32(0)
			for r := range part {
				if int64(part[r].Time) < second {
					want++
				}
				if got, want := times[r], int64(part[r].Time)*1e9+int64(part[r].Nanos); got != want {
					t.Fatalf("time of row %d: got %d, want %d", r, got, want)
				}
			}
			if got, err := g.RowAt(t.Context(), second); err != nil || got != want {
				t.Fatalf("first row not before %d: got %d, %v, want %d", second, got, err, want)
			}
			if first, last := g.First().UnixNano(), g.Last().UnixNano(); first != times[0] || last != times[len(times)-1] {
				t.Fatalf("from %d to %d, want %d to %d", first, last, times[0], times[len(times)-1])
			}
		}
	})
}

// TestTokens: tokens with a prefix agree with looking at each row, if the answer is complete, and are never wrong.
func TestTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 80)
		s := buildRapid(t, drawOptions(t), rows)
		sorted := sortRows(rows)
		column := rapid.SampledFrom([]string{"message", "latency", "a.b", segment.ColumnTopic}).Draw(t, "column")
		prefix := rapid.SampledFrom([]string{"", "h", "1", "lo", "zz"}).Draw(t, "prefix")
		even := func(token []byte) bool { return len(token)%2 == 0 }
		for i := range s.Groups() {
			g := s.Group(i)
			want := roaring.New()
			for r := range g.Rows() {
				if text, ok := valueOf(&sorted[r], column); ok {
					splitWords(text, func(token []byte) {
						if strings.HasPrefix(string(token), prefix) && even(token) {
							want.Add(uint32(r))
						}
					})
				}
			}
			sorted = sorted[g.Rows():]
			got, complete, err := g.Tokens(t.Context(), column, []byte(prefix), even)
			if err != nil {
				t.Fatal(err)
			}
			if wrong := roaring.AndNot(got, want); !wrong.IsEmpty() || complete && !got.Equals(want) {
				t.Fatalf("%s:%s*: got %v, complete: %v, want %v", column, prefix, got, complete, want)
			}
		}
	})
}

// TestManyRows does what rows of every kind of posting list, page and dictionary need: a full group of web logs.
func TestManyRows(t *testing.T) {
	if testing.Short() {
		t.Skip("builds 150,000 rows")
	}
	const n = 150_000
	w := newWeblogs(7)
	rows := make([]segment.Row, n)
	for i := range rows {
		rows[i] = w.row()
	}
	s := build(t, memoryStore(t), "s", weblogsOptions(), rows)
	if s.Groups() != 2 {
		t.Fatalf("got %d groups, want 2", s.Groups())
	}
	from := 0
	for i := range s.Groups() {
		g := s.Group(i)
		part := rows[from : from+g.Rows()]
		from += g.Rows()
		for _, c := range []struct{ column, token string }{
			{"message", "timeout"},
			{"message", "id"},
			{"uri", "api"},
			{"uri", "0"},
			{"uri", "17"},
			{"uri", "49999"},
			{"host", "web-07"},
			{"method", "get"},
			{"ua", "curl"},
			{"trace_id", part[77].Fields[8].Value},
			{"remote_addr", part[777].Fields[1].Value},
			{"message", lastWord(part[7777].Fields[9].Value)},
			{"trace_id", "absent"},
		} {
			checkToken(t, g, part, c.column, c.token)
		}
		some := roaring.BitmapOf(0, 1, 5000, 70_000, uint32(g.Rows()-1))
		some.RemoveRange(uint64(g.Rows()), n)
		fetched, err := g.Fetch(t.Context(), some)
		if err != nil {
			t.Fatal(err)
		}
		for j, row := range some.ToArray() {
			if fmt.Sprint(fetched[j]) != fmt.Sprint(part[row]) {
				t.Errorf("row %d: got %v, want %v", row, fetched[j], part[row])
			}
		}
	}
}

func lastWord(message string) string { return message[strings.LastIndexByte(message, '=')+1:] }

func checkToken(t *testing.T, g *segment.Group, part []segment.Row, column, token string) {
	t.Helper()
	want := roaring.New()
	for r := range part {
		if v, ok := valueOf(&part[r], column); ok && hasToken(v, []byte(token)) {
			want.Add(uint32(r))
		}
	}
	found, err := g.Token(t.Context(), column, []byte(token))
	if err != nil {
		t.Fatal(err)
	}
	if want.GetCardinality() >= 16 && !found.Exact {
		t.Errorf("%s:%s is in %d rows and is not exact", column, token, want.GetCardinality())
	}
	if found.Exact && !found.Rows.Equals(want) {
		t.Errorf("%s:%s: got exactly %d rows, want %d", column, token, found.Rows.GetCardinality(), want.GetCardinality())
	}
	verified, err := g.Filter(t.Context(), column, found.Rows, func(v string) bool { return hasToken(v, []byte(token)) })
	if err != nil || !verified.Equals(want) {
		t.Errorf("%s:%s verified: got %d rows, %v, want %d", column, token, verified.GetCardinality(), err, want.GetCardinality())
	}
}
