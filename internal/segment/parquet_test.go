package segment_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/vfs"
)

// TestParquet reads segments, built and merged, with a reader of Parquet files that knows nothing of segments.
func TestParquet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, err := objects.OpenDir(vfs.NewMem(), "data")
		if err != nil {
			t.Fatal(err)
		}
		rows := drawRows(t, 60)
		var parts []*segment.Segment
		for i, part := range [][]segment.Row{rows[:len(rows)/2], rows[len(rows)/2:]} {
			b := segment.NewBuilder(drawOptions(t))
			for r := range part {
				b.Add(&part[r])
			}
			if b.Rows() == 0 {
				continue
			}
			info, err := b.Write(t.Context(), store, fmt.Sprint("part", i))
			if err != nil {
				t.Fatal(err)
			}
			s, err := segment.Open(t.Context(), store, segment.NewCache(1<<20), info)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, s)
			checkParquet(t, store, s)
		}
		info, err := segment.Merge(t.Context(), store, "merged", parts, drawOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		merged, err := segment.Open(t.Context(), store, segment.NewCache(1<<20), info)
		if err != nil {
			t.Fatal(err)
		}
		checkParquet(t, store, merged)
	})
}

func checkParquet(t *rapid.T, store objects.Store, s *segment.Segment) {
	raw := make([]byte, s.Info().Parquet)
	if err := store.Get(t.Context(), s.Info().ParquetObject(), raw, 0); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != s.Info().Rows || len(f.RowGroups()) != s.Groups() {
		t.Fatalf("the file has %d rows in %d groups, want %d in %d", f.NumRows(), len(f.RowGroups()), s.Info().Rows, s.Groups())
	}
	for i, group := range f.RowGroups() {
		fetched, err := s.Group(i).Fetch(t.Context(), allOf(s.Group(i)))
		if err != nil {
			t.Fatal(err)
		}
		for c, chunk := range group.ColumnChunks() {
			name := f.Schema().Columns()[c][0]
			values := readChunk(t, chunk)
			if len(values) != len(fetched) {
				t.Fatalf("%s has %d values, want %d", name, len(values), len(fetched))
			}
			for r := range values {
				checkParquetValue(t, name, values[r], &fetched[r])
			}
		}
	}
}

func readChunk(t *rapid.T, chunk parquet.ColumnChunk) (values []parquet.Value) {
	pages := chunk.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if err != nil {
			return values
		}
		buf := make([]parquet.Value, page.NumValues())
		if n, _ := page.Values().ReadValues(buf); n != len(buf) {
			t.Fatalf("read %d of %d values", n, len(buf))
		}
		for _, v := range buf {
			values = append(values, v.Clone())
		}
	}
}

func checkParquetValue(t *rapid.T, name string, got parquet.Value, r *segment.Row) {
	text, has := valueOf(r, name)
	want := "<null>"
	switch name {
	case segment.ColumnTime:
		want = fmt.Sprint(r.Time)
	case segment.ColumnNanos:
		want = fmt.Sprint(r.Nanos)
	case segment.ColumnShard:
		want = fmt.Sprint(r.Shard)
	case segment.ColumnPosition:
		want = fmt.Sprint(int64(r.Position))
	case segment.ColumnIndex:
		want = fmt.Sprint(r.Index)
	case segment.ColumnRest, segment.ColumnShape, segment.ColumnExact:
		return // Fetch has read them
	case "status":
		if v, err := strconv.ParseInt(text, 10, 64); err == nil {
			want = fmt.Sprint(v)
		}
	case "latency":
		if v, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsAny(text, "xni_") {
			want = parquet.DoubleValue(v).String()
		}
	default:
		if has {
			want = strings.ToValidUTF8(text, "\uFFFD")
		}
	}
	if shown := got.String(); shown != want {
		t.Fatalf("%s: got %q, want %q", name, shown, want)
	}
}
