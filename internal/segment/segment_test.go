package segment_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/vfs"
)

func memoryStore(t testing.TB) *objects.Dir {
	t.Helper()
	d, err := objects.OpenDir(vfs.NewMem(), "data")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func build(t testing.TB, store objects.Store, name string, o segment.Options, rows []segment.Row) *segment.Segment {
	t.Helper()
	b := segment.NewBuilder(o)
	add(b, rows)
	info, err := b.Write(t.Context(), store, name)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, store, info)
}

// add adds rows, and says which have the keys of the one before.
func add(b *segment.Builder, rows []segment.Row) {
	keys := func(r *segment.Row) (all []string) {
		for _, f := range append(slices.Clone(r.Tags), r.Fields...) {
			all = append(all, f.Key)
		}
		return append(all, fmt.Sprint(len(r.Tags)))
	}
	for i := range rows {
		r := rows[i]
		r.Same = i > 0 && slices.Equal(keys(&r), keys(&rows[i-1]))
		b.Add(&r)
	}
}

func open(t testing.TB, store objects.Store, info segment.Info) *segment.Segment {
	t.Helper()
	s, err := segment.Open(t.Context(), store, segment.NewCache(64<<20), info)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all fetches every row.
func all(t testing.TB, s *segment.Segment) []segment.Row {
	t.Helper()
	var out []segment.Row
	for i := range s.Groups() {
		g := s.Group(i)
		rows := roaring.New()
		rows.AddRange(0, uint64(g.Rows()))
		got, err := g.Fetch(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, got...)
	}
	return out
}

var rowsEqual = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(segment.Row{}, "Derived")}

func sortRows(rows []segment.Row) []segment.Row {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b segment.Row) int {
		for _, c := range []int64{
			int64(a.Time) - int64(b.Time), int64(a.Nanos) - int64(b.Nanos), int64(a.Shard) - int64(b.Shard),
			int64(a.Position - b.Position), int64(a.Index - b.Index),
		} {
			if c != 0 {
				return int(max(-1, min(1, c)))
			}
		}
		return 0
	})
	return sorted
}

// drawValue draws values that are likely to break something.
func drawValue(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "0", "-0", "007", "1", "1.50", "1.5", "0.120", "-3.000", "1e5", "1E5", "+4", "9223372036854775807",
			"9223372036854775808", "nan", "inf", "0x10", " 1", "1_000", ".5", "5.", "1.7976931348623157e308", "1e999",
			"12345678901234567890.123", "0.1234567890123456789", "GET", "hello world", "Hello, World", "a\x00b", "\xff\xfe",
			"ok \xc3\x28 bad", "中文 日志", "{\"a\":1}", "\"\\\n\t\u2028", strings.Repeat("long ", 300),
		}),
		rapid.StringN(0, 20, 40),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.IntRange(0, 300), func(i int) string { return fmt.Sprintf("%d.%02d", i/100, i%100) }),
		rapid.Map(rapid.IntRange(-5, 5), func(i int) string { return fmt.Sprint(i) }),
	).Draw(t, "value")
}

var hostileKeys = []string{
	"", "status", "latency", "message", "Message", "__time__", "__rest__", "__topic__", "__source__", "__tag__:host", "__shape__",
	"a.b", "key with space", "\xff", "nul\x00", "\"quoted\"", strings.Repeat("k", 300), "中", "rare", "host",
}

func drawFields(t *rapid.T, most int) []sluice.Field {
	var fields []sluice.Field
	for range rapid.IntRange(0, most).Draw(t, "fields") {
		fields = append(fields, sluice.Field{Key: rapid.SampledFrom(hostileKeys).Draw(t, "key"), Value: drawValue(t)})
	}
	return fields
}

func drawRows(t *rapid.T, most int) []segment.Row {
	rows := make([]segment.Row, rapid.IntRange(1, most).Draw(t, "rows"))
	usual := drawFields(t, 6)
	for i := range rows {
		r := &rows[i]
		r.Shard = sluice.ShardID(rapid.IntRange(0, 2).Draw(t, "shard"))
		r.Position = sluice.Position(rapid.Int64Range(0, 1<<62).Draw(t, "position"))
		r.Index = rapid.IntRange(0, 5).Draw(t, "index")
		r.Time = rapid.Uint32Range(100, 104).Draw(t, "time")
		r.Nanos = rapid.SampledFrom([]uint32{0, 1, 999_999_999}).Draw(t, "nanos")
		r.Topic, r.Source = rapid.SampledFrom([]string{"", "t", "\xfft", "a b"}).Draw(t, "topic"), drawValue(t)
		r.Tags = drawFields(t, 2)
		if rapid.Bool().Draw(t, "usual") {
			for _, f := range usual {
				r.Fields = append(r.Fields, sluice.Field{Key: f.Key, Value: drawValue(t)})
			}
		} else {
			r.Fields = drawFields(t, 6)
		}
	}
	return rows
}

func drawOptions(t *rapid.T) segment.Options {
	return segment.Options{
		Columns: []segment.Column{
			{Name: "status", Kind: segment.Long},
			{Name: "latency", Kind: segment.Double, Tokens: splitWords},
			{Name: "message", Tokens: splitWords},
			{Name: segment.ColumnTopic, Kind: segment.Long, Tokens: splitWords},
		},
		Other:      func(string) segment.Tokenize { return splitWords },
		MaxColumns: rapid.IntRange(1, 12).Draw(t, "max columns"),
		GroupRows:  rapid.IntRange(1, 100).Draw(t, "group rows"),
	}
}

// TestRoundTrip: what was added comes back, byte for byte, in order.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 60)
		s := buildRapid(t, drawOptions(t), rows)
		if diff := cmp.Diff(sortRows(rows), fetchRapid(t, s), rowsEqual); diff != "" {
			t.Fatalf("rows differ (-added +fetched):\n%s", diff)
		}
	})
}

func buildRapid(t *rapid.T, o segment.Options, rows []segment.Row) *segment.Segment {
	store, err := objects.OpenDir(vfs.NewMem(), "data")
	if err != nil {
		t.Fatal(err)
	}
	b := segment.NewBuilder(o)
	add(b, rows)
	info, err := b.Write(t.Context(), store, "s")
	if err != nil {
		t.Fatal(err)
	}
	s, err := segment.Open(t.Context(), store, segment.NewCache(1<<20), info)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := segment.Find(t.Context(), store, "s"); err != nil || found != info {
		t.Fatalf("found %+v, %v, want %+v", found, err, info)
	}
	if int(info.Rows) != len(rows) {
		t.Fatalf("info says %d rows, want %d", info.Rows, len(rows))
	}
	return s
}

func fetchRapid(t *rapid.T, s *segment.Segment) []segment.Row {
	var out []segment.Row
	for i := range s.Groups() {
		g := s.Group(i)
		rows := roaring.New()
		rows.AddRange(0, uint64(g.Rows()))
		got, err := g.Fetch(t.Context(), rows)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, got...)
	}
	return out
}

// valueOf is what a column of a row holds: the first field or tag of that name.
func valueOf(r *segment.Row, column string) (string, bool) {
	switch column {
	case segment.ColumnTopic:
		return r.Topic, true
	case segment.ColumnSource:
		return r.Source, true
	}
	for _, f := range r.Tags {
		if segment.TagPrefix+f.Key == column {
			return f.Value, true
		}
	}
	for _, f := range r.Fields {
		if f.Key == column {
			return f.Value, true
		}
	}
	return "", false
}

func hasToken(value string, token []byte) bool {
	found := false
	splitWords(value, func(t []byte) { found = found || bytes.Equal(t, token) })
	return found
}

// TestFind: tokens, existence and values agree with looking at each row.
func TestFind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := drawRows(t, 80)
		o := drawOptions(t)
		s := buildRapid(t, o, rows)
		sorted := sortRows(rows)
		column := rapid.SampledFrom(append([]string{segment.ColumnTopic, segment.ColumnSource, "__tag__:host", "absent"}, hostileKeys...)).Draw(t, "column")
		token := []byte(rapid.SampledFrom([]string{"get", "hello", "world", "0", "1.50", "007", "bad", "long", "absent", "-3.000"}).Draw(t, "token"))
		for i := range s.Groups() {
			g := s.Group(i)
			part := sorted[:g.Rows()]
			sorted = sorted[g.Rows():]
			wantToken, wantExists := roaring.New(), roaring.New()
			for r := range part {
				value, ok := valueOf(&part[r], column)
				if ok {
					wantExists.Add(uint32(r))
				}
				if ok && hasToken(value, token) {
					wantToken.Add(uint32(r))
				}
			}
			checkFind(t, g, part, column, token, wantToken, wantExists)
		}
	})
}

func checkFind(t *rapid.T, g *segment.Group, part []segment.Row, column string, token []byte, wantToken, wantExists *roaring.Bitmap) {
	exists, err := g.Exists(t.Context(), column)
	if err != nil {
		t.Fatal(err)
	}
	if isReserved(column) {
		return // shown in the rest column under a name that is a column of ours: not found by name
	}
	checkMatch(t, "exists "+column, exists, wantExists)
	found, err := g.Token(t.Context(), column, token)
	if err != nil {
		t.Fatal(err)
	}
	if column != "status" { // not indexed
		checkMatch(t, fmt.Sprintf("%s:%s", column, token), found, wantToken)
	}
	verified, err := g.Filter(t.Context(), column, found.Rows, func(v string) bool { return hasToken(v, token) })
	if err != nil {
		t.Fatal(err)
	}
	if !verified.Equals(wantToken) {
		t.Fatalf("%s:%s verified: got %v, want %v", column, token, verified, wantToken)
	}
	if n, ok, err := g.Count(t.Context(), column, token); err != nil || ok && n != int(wantToken.GetCardinality()) {
		t.Fatalf("count of %s:%s: got %d, %v, want %d", column, token, n, err, wantToken.GetCardinality())
	}
	err = g.Values(t.Context(), column, allOf(g), func(row uint32, value string) {
		if want, ok := valueOf(&part[row], column); !ok || want != value {
			t.Fatalf("%s of row %d: got %q, want %q", column, row, value, want)
		}
		wantExists.Remove(row)
	})
	if err != nil || !wantExists.IsEmpty() {
		t.Fatalf("no value of %s in rows %v: %v", column, wantExists, err)
	}
}

func isReserved(column string) bool {
	return slices.Contains([]string{"__time__", "__rest__", "__shape__"}, column)
}

func allOf(g *segment.Group) *roaring.Bitmap {
	rows := roaring.New()
	rows.AddRange(0, uint64(g.Rows()))
	return rows
}

func checkMatch(t *rapid.T, what string, got segment.Match, want *roaring.Bitmap) {
	if got.Exact && !got.Rows.Equals(want) {
		t.Fatalf("%s: got exactly %v, want %v", what, got.Rows, want)
	}
	if missing := roaring.AndNot(want, got.Rows); !missing.IsEmpty() {
		t.Fatalf("%s: %v are not among the candidates %v", what, missing, got.Rows)
	}
}
