package duck_test

import (
	"database/sql"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// writeParquet writes the result of a query, by an engine without walls.
func writeParquet(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("COPY (" + query + ") TO '" + strings.ReplaceAll(path, "'", "''") + "' (FORMAT parquet)"); err != nil {
		t.Fatal(err)
	}
}

// A table of old files, new files with another column and type, and a tail in memory reads as one.
func TestPartsOfManyShapes(t *testing.T) {
	dir := t.TempDir()
	old1, old2, young := filepath.Join(dir, "it's old.parquet"), filepath.Join(dir, "old2.parquet"), filepath.Join(dir, "new.parquet")
	writeParquet(t, old1, "SELECT 1 AS __time__, '200' AS f1 UNION ALL SELECT 2, 'oops'")
	writeParquet(t, old2, "SELECT 3 AS __time__, '404' AS f1")
	writeParquet(t, young, `SELECT i::BIGINT AS __time__, 500 + i AS status, 'x' AS "a""b" FROM range(4, 8) t(i)`)
	table := duck.Table{
		Columns: []statement.Column{
			{Name: "__time__", Type: statement.TypeOf(statement.Bigint)},
			{Name: "status", Type: statement.TypeOf(statement.Bigint)},
			{Name: "info.a", Type: statement.TypeOf(statement.Varchar)},
		},
		Parts: []duck.Part{
			{Files: []string{old1, old2}, Names: []string{"__time__", "f1", ""}},
			{Files: []string{young}, Names: []string{"__time__", "status", `a"b`}, Where: `"__time__" > 4 AND "__time__" < 7`},
			{Names: []string{"__time__", "s", "t"}, Rows: &duck.Rowset{Len: 2, Columns: []duck.Vector{
				{Name: "__time__", Ints: []int64{8, 9}},
				{Name: "unused", Doubles: []float64{1, 2}},
				{Name: "s", Ints: []int64{1, 0}, Null: []bool{false, true}},
				{Name: "t", Texts: []string{"y", "z"}},
			}}},
		},
	}
	e := open(t, duck.Options{ReadDirs: []string{dir}})
	got, err := run(t.Context(), e, `select __time__, status, "info.a" order by __time__`, table)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"1", "200", "null"},
		{"2", "null", "null"},
		{"3", "404", "null"},
		{"5", "505", "x"},
		{"6", "506", "x"},
		{"8", "1", "y"},
		{"9", "null", "z"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, err := run(t.Context(), e, "select count(*)", table); err != nil || got[0][0] != "7" {
		t.Errorf("count(*) is %v, %v", got, err)
	}
}

// The files of one part need to have in common what is read of them, and nothing else.
func TestFilesOfOnePart(t *testing.T) {
	dir := t.TempDir()
	a, b, c := filepath.Join(dir, "a.parquet"), filepath.Join(dir, "b.parquet"), filepath.Join(dir, "c.parquet")
	writeParquet(t, a, "SELECT 1::BIGINT AS __time__, 10::BIGINT AS n, 'x' AS other, 2.5 AS only_a, 'u' AS \"D\"")
	writeParquet(t, b, "SELECT 7.5::DOUBLE AS other, 20::BIGINT AS n, 2::BIGINT AS __time__, 'v' AS d")
	writeParquet(t, c, "SELECT 30::BIGINT AS n, 3::BIGINT AS __time__")
	table := duck.Table{
		Columns: []statement.Column{
			{Name: "__time__", Type: statement.TypeOf(statement.Bigint)},
			{Name: "n", Type: statement.TypeOf(statement.Bigint)},
		},
		Parts: []duck.Part{{Files: []string{a, b, c}, Names: []string{"__time__", "n"}, Where: `"__time__" >= 1`}},
	}
	e := open(t, duck.Options{ReadDirs: []string{dir}})
	got, err := run(t.Context(), e, `select __time__, n from log order by n desc`, table)
	if diff := cmp.Diff([][]string{{"3", "30"}, {"2", "20"}, {"1", "10"}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if got, err := run(t.Context(), e, "select count(*)", table); err != nil || got[0][0] != "3" {
		t.Errorf("count(*) is %v, %v", got, err)
	}
}

func TestEmptyTable(t *testing.T) {
	e := open(t, duck.Options{})
	table := duck.Table{Columns: five.Columns}
	if got, err := run(t.Context(), e, "select count(*), max(n), min(s)", table); err != nil || cmp.Diff([][]string{{"0", "null", "null"}}, got) != "" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := run(t.Context(), e, "select count(*)", table); err != nil || got[0][0] != "0" {
		t.Errorf("got %v, %v", got, err)
	}
}

// A chunk of the engine has 2048 rows.
func TestManyRowsInMemory(t *testing.T) {
	e := open(t, duck.Options{})
	rows := &duck.Rowset{Len: 10_000, Columns: []duck.Vector{{Name: "n", Ints: make([]int64, 10_000)}}}
	for i := range rows.Columns[0].Ints {
		rows.Columns[0].Ints[i] = int64(i)
	}
	table := duck.Table{
		Columns: []statement.Column{{Name: "n", Type: statement.TypeOf(statement.Bigint)}},
		Parts:   []duck.Part{{Names: []string{"n"}, Rows: rows}, {Names: []string{"n"}, Rows: rows}},
	}
	got, err := run(t.Context(), e, "select count(*), sum(n), max(n)", table)
	if err != nil || cmp.Diff([][]string{{"20000", "99990000", "9999"}}, got) != "" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestFileOutsideOfTheDirectories(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.parquet")
	writeParquet(t, path, "SELECT 1 AS n")
	e := open(t, duck.Options{ReadDirs: []string{t.TempDir()}})
	table := duck.Table{
		Columns: []statement.Column{{Name: "n", Type: statement.TypeOf(statement.Bigint)}},
		Parts:   []duck.Part{{Files: []string{path}, Names: []string{"n"}}},
	}
	if _, err := run(t.Context(), e, "select n", table); sluice.KindOf(err) != sluice.Internal {
		t.Errorf("got %v", err)
	}
}

// Of a file, the rows that count may be named by their numbers.
func TestRowsByNumber(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.parquet")
	writeParquet(t, path, "SELECT i AS n FROM range(10000) t(i)")
	table := duck.Table{
		Columns: []statement.Column{{Name: "n", Type: statement.TypeOf(statement.Bigint)}},
		Parts: []duck.Part{
			{Files: []string{path}, Names: []string{"n"}, Only: roaring.BitmapOf(9999, 3, 4097)},
			{Files: []string{path}, Names: []string{"n"}, Only: roaring.New()},
			{Files: []string{path}, Names: []string{"n"}, Where: `"n" < 2`},
		},
	}
	e := open(t, duck.Options{ReadDirs: []string{dir}})
	got, err := run(t.Context(), e, "select n order by n", table)
	if diff := cmp.Diff([][]string{{"0"}, {"1"}, {"3"}, {"4097"}, {"9999"}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if got, err := run(t.Context(), e, "select count(*)", table); err != nil || got[0][0] != "5" {
		t.Errorf("count(*) is %v, %v", got, err)
	}
}

// The numbers of rows of a large file, those that count and those that do not, come in several texts of bits.
func TestManyRowsByNumber(t *testing.T) {
	const stretch = 1 << 20
	dir := t.TempDir()
	path := filepath.Join(dir, "x.parquet")
	writeParquet(t, path, "SELECT i AS n FROM range(3500000) t(i)")
	e := open(t, duck.Options{ReadDirs: []string{dir}})
	r := rand.New(rand.NewPCG(4, 4))
	for range 6 {
		only := roaring.New()
		for _, edge := range []uint32{0, 7, 8, stretch - 1, stretch, stretch + 1, 2*stretch - 1, 2 * stretch, 3*stretch - 1, 3*stretch + 4, 3_499_999} {
			if r.IntN(3) == 0 {
				only.Add(edge)
			}
		}
		for range r.IntN(3) { // of some stretches there may be none
			from := uint64(r.IntN(4)) * stretch
			for range 1000 {
				only.Add(uint32(min(from+r.Uint64N(stretch), 3_499_999)))
			}
		}
		table := duck.Table{
			Columns: []statement.Column{{Name: "n", Type: statement.TypeOf(statement.Bigint)}},
			Parts:   []duck.Part{{Files: []string{path}, Names: []string{"n"}, Only: only, Count: int64(only.GetCardinality())}},
		}
		got, err := run(t.Context(), e, "select n order by n limit 100000", table)
		if err != nil {
			t.Fatal(err)
		}
		want := [][]string{}
		for _, n := range only.ToArray() {
			want = append(want, []string{strconv.FormatUint(uint64(n), 10)})
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
		table.Parts[0] = duck.Part{Files: []string{path}, Names: []string{"n"}, Except: only, Where: `"n" < 3200000`}
		left := 3_200_000 - only.Rank(3_199_999)
		if got, err := run(t.Context(), e, "select count(n)", table); err != nil || got[0][0] != strconv.FormatUint(left, 10) {
			t.Fatalf("without %d rows: %v, %v, want %d", only.GetCardinality(), got, err, left)
		}
	}
}
