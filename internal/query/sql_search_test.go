package query_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	_ "github.com/duckdb/duckdb-go/v2" // the driver
	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/vfs"
)

const wordsConfig = `{"keys": {
	"n": {"type": "long"}, "d": {"type": "double"}, "level": {"type": "text", "token": [" ", "-"]}, "Case": {"type": "text", "token": [" "], "caseSensitive": true},
	"whole": {"type": "text", "token": []}, "chn": {"type": "text", "token": [" "], "chn": true}, "a\"b": {"type": "text", "token": [" "]}
}}`

var (
	wordsKeys     = []string{"n", "d", "level", "Case", "whole", "chn", `a"b`}
	wordsValues   = []string{"", " ", "1", "-5", "1.5", "err", "Err", "disk err", "disk-ERR", "error", "info", "it's", `"`, "a'b'c", "')--", "x\ny", "\\", "登录成功", "ж", "err\u00a0"}
	wordsSearches = []string{
		"level:err", "not level:err", `level:"disk err"`, `level:#"disk err"`, "level:e*", "level:nosuch", "not level:nosuch", "level:*", "not level:*", `level:""`,
		"Case:Err", "Case:err", `whole:"disk err"`, `whole:"it's"`, `whole:"')--"`, `whole:"\""`, `whole:"x` + "\n" + `y"`, "whole:e*", `whole:"\\"`, "chn:登录", "chn:成功 or level:info",
		`"a\"b":err`, "level:err and n > 0", "level:err or d < 1.5", "not (level:err and not whole:info)", "n > 0", "not n > 0", "not (n > 0 or level:err)",
		"__topic__:web", "not __source__:10.0.0.1", "level:err and __topic__:web", "level:ж or whole:a'b'c", "level:err and not level:err", "err", "j.a:1",
	}
)

// wordsRow draws a log whose values come again and again, or hardly ever, or are none that can be shown.
func wordsRow(r *rand.Rand, i int, kind string) segment.Row {
	row := segment.Row{Time: uint32(100 + i), Position: sluice.Position(i), Topic: []string{"", "web"}[r.IntN(2)], Source: fmt.Sprintf("10.0.0.%d", r.IntN(3))}
	for _, k := range wordsKeys {
		v := wordsValues[r.IntN(len(wordsValues))]
		switch {
		case r.IntN(6) == 0:
			continue
		case kind == "few":
			v = wordsValues[4+r.IntN(3)]
		case kind == "unique":
			v += fmt.Sprint(" ", i)
		case kind == "hostile" && r.IntN(20) == 0:
			v = []string{"\xff err", "err\x00", strings.Repeat("err ", 2000), "\xff"}[r.IntN(4)]
		}
		row.Fields = append(row.Fields, sluice.Field{Key: k, Value: v})
	}
	if kind == "hostile" && r.IntN(9) == 0 {
		row.Fields = append(row.Fields, sluice.Field{Key: []string{"LEVEL", "free", "file_row_number"}[r.IntN(3)], Value: "err"})
	}
	return row
}

// TestSearchesAsSQL: what SQL says of the rows of files is what the search says of the logs in them, whatever the segments have in
// their columns, and however their groups are encoded.
func TestSearchesAsSQL(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	engine, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	config, err := index.Parse([]byte(wordsConfig))
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]int{}
	for round := range 12 {
		w := newWordFiles(t, r, config, 3)
		for _, text := range wordsSearches {
			parsed, err := search.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			bound, err := search.Bind(parsed, config)
			if err != nil && text != "err" && text != "j.a:1" {
				t.Fatalf("%s: %v", text, err)
			}
			if err == nil {
				held[text] += w.check(engine, bound, fmt.Sprintf("round %d: %s", round, text))
			}
		}
	}
	for _, text := range wordsSearches {
		if _, bound := held[text]; bound && held[text] == 0 && text != "err" {
			t.Errorf("%s is never SQL", text)
		}
	}
	t.Logf("SQL over segments: %v", held)
}

// wordFiles are segments, as files too.
type wordFiles struct {
	t        *testing.T
	dir      string
	segments []*segment.Segment
}

func newWordFiles(t *testing.T, r *rand.Rand, config *index.Config, n int) *wordFiles {
	w := &wordFiles{t: t, dir: t.TempDir()}
	store, err := objects.OpenDir(vfs.OS{}, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	columns := []segment.Column{{Name: "n", Kind: segment.Long}, {Name: "d", Kind: segment.Double}}
	for i := range n {
		b := segment.NewBuilder(segment.Options{Columns: columns, GroupRows: 20 + r.IntN(100), MaxColumns: 7 + r.IntN(4)})
		kinds := [][]string{{"few"}, {"repeated"}, {"few", "unique"}, {"few", "repeated"}, {"hostile"}}[r.IntN(5)]
		for row := range 1 + r.IntN(300) {
			drawn := wordsRow(r, row, kinds[row/50%len(kinds)])
			b.Add(&drawn)
		}
		info, err := b.Write(t.Context(), store, fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		s, err := segment.Open(t.Context(), store, segment.NewCache(1<<20), info)
		if err != nil {
			t.Fatal(err)
		}
		w.segments = append(w.segments, s)
	}
	return w
}

// check compares the rows that SQL finds with those that match, and returns over how many segments there is SQL.
func (w *wordFiles) check(engine *sql.DB, bound *search.Bound, what string) int {
	w.t.Helper()
	c := query.NewSQLSearch(bound)
	var held []*segment.Segment
	for _, s := range w.segments {
		if c.Holds(w.t.Context(), s, 0) {
			held = append(held, s)
		}
	}
	for _, s := range held { // when all of them have added to it
		where := c.SQL()
		want, got := w.matching(s, bound), w.found(engine, s, where)
		if diff := cmp.Diff(want, got); diff != "" {
			w.t.Fatalf("%s\nof segment %s: %s\n(-search +SQL)\n%s", what, s.Info().Name, where, diff)
		}
	}
	return len(held)
}

// matching are the positions of the logs that a search asks for.
func (w *wordFiles) matching(s *segment.Segment, bound *search.Bound) (rows []int64) {
	var log index.Log
	for i := range s.Groups() {
		g := s.Group(i)
		every := roaring.New()
		every.AddRange(0, uint64(g.Rows()))
		logs, err := g.Fetch(w.t.Context(), every)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, l := range logs {
			log.Set(append([]sluice.Field{{Key: index.SourceField, Value: l.Source}, {Key: index.TopicField, Value: l.Topic}}, l.Fields...))
			if bound.Match(&log) {
				rows = append(rows, int64(l.Position))
			}
		}
	}
	slices.Sort(rows)
	return rows
}

// found are the positions of the logs of which SQL is true.
func (w *wordFiles) found(engine *sql.DB, s *segment.Segment, where string) (rows []int64) {
	w.t.Helper()
	text := "SELECT __position__ FROM read_parquet('" + filepath.Join(w.dir, s.Info().ParquetObject()) + "')"
	if where != "" {
		text += " WHERE " + where
	}
	result, err := engine.QueryContext(w.t.Context(), text)
	if err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
	defer result.Close()
	for result.Next() {
		var n int64
		if err := result.Scan(&n); err != nil {
			w.t.Fatal(err)
		}
		rows = append(rows, n)
	}
	slices.Sort(rows)
	if err := result.Err(); err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// readsOfParquet counts what is read of Parquet objects.
type readsOfParquet struct {
	objects.Store
	n int
}

func (r *readsOfParquet) Get(ctx context.Context, name string, p []byte, offset int64) error {
	if strings.HasSuffix(name, ".parquet") {
		r.n++
	}
	return r.Store.Get(ctx, name, p, offset)
}

// For a word that few logs have, nothing of a column is read, and the search is left to the index.
func TestRareWordsAreNoSQL(t *testing.T) {
	config, err := index.Parse([]byte(wordsConfig))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := objects.OpenDir(vfs.OS{}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	tokens := func(value string, emit func([]byte)) {
		for _, token := range strings.Fields(value) {
			emit([]byte(token))
		}
	}
	b := segment.NewBuilder(segment.Options{Columns: []segment.Column{{Name: "level", Tokens: tokens}}})
	for i := range 1000 {
		level := "info"
		switch {
		case i%100 == 0:
			level = "disk err"
		case i%2 == 0:
			level = "warning"
		}
		b.Add(&segment.Row{Time: uint32(i), Position: sluice.Position(i), Fields: []sluice.Field{{Key: "level", Value: level}}})
	}
	info, err := b.Write(t.Context(), dir, "s")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]struct{ holds, reads bool }{
		"level:err": {}, "level:nosuch": {}, `level:"disk err"`: {}, "level:err or level:nosuch": {}, "level:err and level:info": {},
		"level:warning": {true, true}, "not level:info": {true, true}, "level:*": {true, true}, "level:err or level:info": {true, true},
		"level:e*": {false, true}, `level:""`: {false, true},
	} {
		store := &readsOfParquet{Store: dir}
		s, err := segment.Open(t.Context(), store, segment.NewCache(1<<20), info)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := search.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		bound, err := search.Bind(parsed, config)
		if err != nil {
			t.Fatal(err)
		}
		if holds := query.NewSQLSearch(bound).Holds(t.Context(), s, 100); holds != want.holds || store.n > 0 != want.reads {
			t.Errorf("%s: is SQL: %v; %d reads of the column", text, holds, store.n)
		}
	}
}
