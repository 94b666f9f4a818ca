package segment_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/vfs"
)

// The published numbers are of 3,000,000 rows and a directory: go test -bench . -rows 3000000 -dir DIR. A segment that is there
// is not built again.
var (
	benchRows = flag.Int("rows", 3*122880, "rows in the segment that is searched by benchmarks")
	benchDir  = flag.String("dir", "", "where to keep it; a temporary directory if empty")
)

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func openStore(t testing.TB, dir string) objects.Store {
	if dir == "" {
		dir = t.TempDir()
	}
	d, err := objects.OpenDir(vfs.OS{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// BenchmarkBuild builds segments of one group each.
func BenchmarkBuild(b *testing.B) {
	for _, rows := range []int{15360, 122880} {
		all := packRows(newWeblogs(1), rows)
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			store := openStore(b, "")
			o := weblogsOptions()
			builder := segment.NewBuilder(o)
			var info segment.Info
			before := cpu()
			for b.Loop() {
				builder.Reset(o)
				all.each(builder.Add)
				var err error
				if info, err = builder.Write(b.Context(), store, "built"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(info.Bytes)*float64(b.N)/1e6/(cpu()-before).Seconds(), "MB/cpu-s")
			b.ReportMetric(float64(info.Parquet)/float64(rows), "parquet-B/row")
			b.ReportMetric(float64(info.Index)/float64(rows), "index-B/row")
		})
	}
}

// packedRows holds rows in one piece of memory, as a decoder of log groups does, so that the collector has nothing to follow.
type packedRows struct {
	rows  []segment.Row // without fields
	keys  []string
	text  string
	sizes []int32 // of values
}

func packRows(w *weblogs, n int) *packedRows {
	p := &packedRows{}
	var text strings.Builder
	for range n {
		r := w.row()
		p.keys = p.keys[:0]
		for _, f := range r.Fields {
			p.keys = append(p.keys, f.Key)
			text.WriteString(f.Value)
			p.sizes = append(p.sizes, int32(len(f.Value)))
		}
		r.Fields = nil
		p.rows = append(p.rows, r)
	}
	p.text = text.String()
	return p
}

func (p *packedRows) each(add func(*segment.Row)) {
	fields := make([]sluice.Field, len(p.keys))
	text, sizes := p.text, p.sizes
	var r segment.Row
	for i := range p.rows {
		r = p.rows[i]
		for j, k := range p.keys {
			fields[j] = sluice.Field{Key: k, Value: text[:sizes[j]]}
			text = text[sizes[j]:]
		}
		sizes = sizes[len(p.keys):]
		r.Fields = fields
		add(&r)
	}
}

// benchSegments builds the segments that are searched, one for each eight groups, or finds them.
func benchSegments(b *testing.B, store objects.Store) (infos []segment.Info, needles []string) {
	var kept struct {
		Rows    int
		Infos   []segment.Info
		Needles []string
	}
	if size, err := store.Size(b.Context(), "bench/kept"); err == nil {
		raw := make([]byte, size)
		if err := errors.Join(store.Get(b.Context(), "bench/kept", raw, 0), json.Unmarshal(raw, &kept)); err != nil {
			b.Fatal(err)
		}
	}
	if kept.Rows == *benchRows {
		return kept.Infos, kept.Needles
	}
	w := newWeblogs(1)
	o := weblogsOptions()
	for done := 0; done < *benchRows; {
		builder := segment.NewBuilder(o)
		for ; done < *benchRows && builder.Rows() < 8*122880; done++ {
			r := w.row()
			builder.Add(&r)
			if done%(*benchRows/10) == 7 {
				needles = append(needles, r.Fields[8].Value)
			}
		}
		info, err := builder.Write(b.Context(), store, fmt.Sprintf("bench/%d", len(infos)))
		if err != nil {
			b.Fatal(err)
		}
		infos = append(infos, info)
	}
	kept.Rows, kept.Infos, kept.Needles = *benchRows, infos, needles
	raw, err := json.Marshal(kept)
	if err == nil {
		err = store.Put(b.Context(), "bench/kept", raw)
	}
	if err != nil {
		b.Fatal(err)
	}
	return infos, needles
}

// BenchmarkQuery asks the questions of docs/benchmarks.md that are answered without SQL. hot: from the cache; cold: an empty cache,
// over files in the kernel's.
func BenchmarkQuery(b *testing.B) {
	store := openStore(b, *benchDir)
	infos, needles := benchSegments(b, store)
	for _, c := range []struct {
		name string
		run  func(ctx context.Context, groups []*segment.Group, i int) (int, error)
	}{
		{"id", func(ctx context.Context, groups []*segment.Group, i int) (int, error) {
			return fetchID(ctx, groups, needles[i%len(needles)])
		}},
		{"newest", fetchNewest},
		{"count", countWord},
		{"bitmap", countBitmaps},
		{"histogram", histogram},
		{"status", func(ctx context.Context, groups []*segment.Group, _ int) (int, error) {
			return countRange(ctx, groups, "status", 500, 599)
		}},
		{"bytes", func(ctx context.Context, groups []*segment.Group, _ int) (int, error) {
			return countRange(ctx, groups, "bytes", 1000, 1999)
		}},
	} {
		for _, hot := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/hot=%v", c.name, hot), func(b *testing.B) {
				groups := openGroups(b, store, infos)
				n := 0
				before := cpu()
				for i := 0; b.Loop(); i++ {
					if !hot {
						groups = openGroups(b, store, infos)
					}
					var err error
					if n, err = c.run(b.Context(), groups, i); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric((cpu()-before).Seconds()*1e3/float64(b.N), "cpu-ms/op")
				b.ReportMetric(float64(n), "rows")
			})
		}
	}
}

func openGroups(b *testing.B, store objects.Store, infos []segment.Info) []*segment.Group {
	cache := segment.NewCache(256 << 20)
	var groups []*segment.Group
	for _, info := range infos {
		s, err := segment.Open(b.Context(), store, cache, info)
		if err != nil {
			b.Fatal(err)
		}
		for i := range s.Groups() {
			groups = append(groups, s.Group(i))
		}
	}
	return groups
}

func fetchID(ctx context.Context, groups []*segment.Group, id string) (int, error) {
	n := 0
	for _, g := range groups {
		m, err := g.Token(ctx, "trace_id", []byte(id))
		if err != nil {
			return 0, err
		}
		if m.Rows.IsEmpty() {
			continue
		}
		found, err := g.Filter(ctx, "trace_id", m.Rows, func(v string) bool { return v == id })
		if err != nil {
			return 0, err
		}
		rows, err := g.Fetch(ctx, found)
		if err != nil {
			return 0, err
		}
		n += len(rows)
	}
	return n, nil
}

func fetchNewest(ctx context.Context, groups []*segment.Group, _ int) (int, error) {
	g := groups[len(groups)-1]
	m, err := g.Token(ctx, "message", []byte("timeout"))
	if err != nil {
		return 0, err
	}
	first, err := m.Rows.Select(uint32(m.Rows.GetCardinality() - 100))
	if err != nil {
		return 0, err
	}
	m.Rows.RemoveRange(0, uint64(first))
	rows, err := g.Fetch(ctx, m.Rows)
	return len(rows), err
}

func countWord(ctx context.Context, groups []*segment.Group, _ int) (int, error) {
	n := 0
	for _, g := range groups {
		rows, ok, err := g.Count(ctx, "message", []byte("timeout"))
		if err != nil || !ok {
			return 0, fmt.Errorf("not exact, or %w", err)
		}
		n += rows
	}
	return n, nil
}

func countBitmaps(ctx context.Context, groups []*segment.Group, _ int) (int, error) {
	n := 0
	for _, g := range groups {
		m, err := g.Token(ctx, "message", []byte("timeout"))
		if err != nil {
			return 0, err
		}
		n += int(m.Rows.GetCardinality())
	}
	return n, nil
}

// histogram counts "timeout and failed and not success" by minute.
func histogram(ctx context.Context, groups []*segment.Group, _ int) (int, error) {
	minutes := map[int64]int{}
	total := 0
	for _, g := range groups {
		var rows [3]*roaring.Bitmap
		for i, word := range []string{"timeout", "failed", "success"} {
			m, err := g.Token(ctx, "message", []byte(word))
			if err != nil {
				return 0, err
			}
			rows[i] = m.Rows
		}
		rows[0].And(rows[1])
		rows[0].AndNot(rows[2])
		from := uint32(0)
		for minute := g.First().Unix() / 60; int(from) < g.Rows(); minute++ {
			to, err := g.RowAt(ctx, (minute+1)*60)
			if err != nil {
				return 0, err
			}
			n := int(rows[0].CardinalityInRange(uint64(from), uint64(to)))
			minutes[minute] += n
			total += n
			from = to
		}
	}
	return total, nil
}

func countRange(ctx context.Context, groups []*segment.Group, column string, lo, hi int64) (int, error) {
	n := 0
	for _, g := range groups {
		m, err := g.Range(ctx, column, segment.Bound{Long: lo}, segment.Bound{Long: hi})
		if err != nil {
			return 0, err
		}
		n += int(m.Rows.GetCardinality())
	}
	return n, nil
}

// BenchmarkMerge merges eight segments whose groups are too small to be copied, and two whose groups are full.
func BenchmarkMerge(b *testing.B) {
	for _, c := range []struct {
		name       string
		parts, per int
	}{{"small", 8, 15360}, {"full", 2, 122880}} {
		b.Run(c.name, func(b *testing.B) {
			store := openStore(b, "")
			o := weblogsOptions()
			w := newWeblogs(1)
			cache := segment.NewCache(64 << 20)
			var parts []*segment.Segment
			for i := range c.parts {
				builder := segment.NewBuilder(o)
				packRows(w, c.per).each(builder.Add)
				info, err := builder.Write(b.Context(), store, fmt.Sprint("part", i))
				if err != nil {
					b.Fatal(err)
				}
				s, err := segment.Open(b.Context(), store, cache, info)
				if err != nil {
					b.Fatal(err)
				}
				parts = append(parts, s)
			}
			var info segment.Info
			before := cpu()
			for b.Loop() {
				var err error
				if info, err = segment.Merge(b.Context(), store, "merged", parts, o); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(info.Bytes)*float64(b.N)/1e6/(cpu()-before).Seconds(), "MB/cpu-s")
		})
	}
}
