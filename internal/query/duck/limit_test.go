package duck_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// million is a table that is expensive to combine with itself.
func million() duck.Table {
	n := make([]int64, 1_000_000)
	for i := range n {
		n[i] = int64(i)
	}
	return duck.Table{
		Columns: []statement.Column{{Name: "n", Type: statement.TypeOf(statement.Bigint)}},
		Parts:   []duck.Part{{Names: []string{"n"}, Rows: &duck.Rowset{Len: len(n), Columns: []duck.Vector{{Name: "n", Ints: n}}}}},
	}
}

// bombs run for hours if nobody stops them.
var bombs = []string{
	"select count(*) from log a, log b, log c where a.n + b.n + c.n = 7",
	"select sum(a.n * b.n) over (order by a.n) from log a, log b",
	"select max(cardinality(transform(sequence(n, n + 7999), x -> array_max(transform(sequence(1, 9999), y -> x * y)))))",
	"select max(cardinality(filter(sequence(n, n + 7999), x -> contains(sequence(n, n + 7999), x + 1))))",
}

func TestCancel(t *testing.T) {
	e := open(t, duck.Options{})
	table := million()
	for _, text := range bombs {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err := run(ctx, e, text, table)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s\ngot %v, want the error of the context", text, err)
		}
		if got, err := run(t.Context(), e, "select count(*)", table); err != nil || got[0][0] != "1000000" {
			t.Errorf("the next statement: %v, %v", got, err)
		}
	}
}

// These would be slow in the engine's own way; here they are not.
func TestPatternsOfManyStars(t *testing.T) {
	e := open(t, duck.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := strings.Repeat("a", 3000)
	for _, text := range []string{
		"select '" + a + "' like '%a%a%a_a%a%a%a%b'",
		"select s || '" + a + "' like '%a%a%a%a%a%a%b' || s from log",
		"select '" + a + "' like '%a%a!%%a%a%a%a%b' escape '!'",
		"select regexp_like('" + a + "', '(a+)+b')",
	} {
		got, err := run(ctx, e, text, five)
		if err != nil || got[0][0] != "false" {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestMemory(t *testing.T) {
	e := open(t, duck.Options{MemoryBytes: 50 << 20, Threads: 2})
	table := million()
	_, err := run(t.Context(), e, "select cast(a.n as varchar) || 'a long enough text to fill memory', count(*) from log a group by 1 order by 2 desc, 1", table)
	if sluice.KindOf(err) != sluice.TooLarge {
		t.Errorf("got %v", err)
	}
	if got, err := run(t.Context(), e, "select count(*)", table); err != nil || got[0][0] != "1000000" {
		t.Errorf("the next statement: %v, %v", got, err)
	}
}

func TestSpill(t *testing.T) {
	e := open(t, duck.Options{MemoryBytes: 100 << 20, Threads: 1, TempDir: t.TempDir()})
	got, err := run(t.Context(), e, "select count(*) from (select cast(a.n as varchar) || 'a long enough text to fill memory' as t, count(*) from log a group by 1) where t > ''", million())
	if err != nil || got[0][0] != "1000000" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestResultBytes(t *testing.T) {
	e := open(t, duck.Options{MaxResultBytes: 10_000})
	table := million()
	plan, err := planOf("select n limit 100000", table)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := e.Run(t.Context(), plan, map[string]duck.Table{"log": table})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	bytes := 0
	for rows.Next() {
		bytes += len(`"n":"",`) + len(rows.Row()[0])
	}
	if !rows.Truncated() || rows.Err() != nil || bytes > 10_000 || bytes < 9_000 {
		t.Errorf("%d bytes, truncated %v, %v", bytes, rows.Truncated(), rows.Err())
	}
}

// Statements wait for their turn, and stop waiting when they are given up.
func TestMaxQueries(t *testing.T) {
	e := open(t, duck.Options{MaxQueries: 1})
	plan, err := planOf("select n", five)
	if err != nil {
		t.Fatal(err)
	}
	first, err := e.Run(t.Context(), plan, map[string]duck.Table{"log": five})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := e.Run(ctx, plan, map[string]duck.Table{"log": five}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second statement ran: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t.Context(), e, "select 1", five); err != nil {
		t.Error(err)
	}
}

// A sketch of a million values is off by a few percent at most, also when it is put together from many.
func TestSketches(t *testing.T) {
	e := open(t, duck.Options{})
	got, err := run(t.Context(), e, "select cardinality(merge(h)) between 950000 and 1050000, max(cardinality(h)) between 95000 and 105000 "+
		"from (select n % 10 as k, approx_set(n) as h from log group by n % 10)", million())
	if err != nil || got[0][0] != "true" || got[0][1] != "true" {
		t.Errorf("got %v, %v", got, err)
	}
}

// Percentiles of few rows are exact, those of many, and of tables joined, by a digest.
func TestPercentiles(t *testing.T) {
	e := open(t, duck.Options{})
	table := million()
	for text, want := range map[string]string{
		"select approx_percentile(n, 0.99), approx_percentile(cast(n as double), array[0, 0.5])":              "[989999 [0.0,499999.0]]",
		"select approx_percentile(n, 0.5) between 490000 and 510000 from log a cross join (values 1) as b(x)": "[true]",
	} {
		if got, err := run(t.Context(), e, text, table); err != nil || fmt.Sprint(got[0]) != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for range 8 {
		table.Parts = append(table.Parts, table.Parts[0])
	}
	plan, err := planOf("select approx_percentile(n, 0.99)", table)
	if err != nil {
		t.Fatal(err)
	}
	for rows, want := range map[int64]string{0: "approx_quantile", 8 << 20: "quantile_disc", 8<<20 + 1: "approx_quantile"} {
		if sql := plan.DuckDB(map[string]statement.Relation{"log": {SQL: "log", Rows: rows}}); !strings.Contains(sql, " "+want+"(") {
			t.Errorf("%d rows: %s", rows, sql)
		}
	}
	got, err := run(t.Context(), e, "select approx_percentile(n, 0.99) between 985000 and 995000", table)
	if err != nil || got[0][0] != "true" {
		t.Errorf("got %v, %v", got, err)
	}
}

// Groups that are too large for functions over lists are refused; maps of many keys take no quadratic time.
func TestLargeGroups(t *testing.T) {
	e := open(t, duck.Options{})
	table := million()
	table.Parts = append(table.Parts, table.Parts[0])
	if _, err := run(t.Context(), e, "select numeric_histogram(10, n)", table); sluice.KindOf(err) != sluice.Invalid {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := run(ctx, e, "select cardinality(map_agg(n, n)), cardinality(multimap_agg(n, n)), cardinality(histogram(n)) from log where n < 200000", table)
	if err != nil || cmp.Diff([][]string{{"200000", "200000", "200000"}}, got) != "" {
		t.Errorf("got %v, %v", got, err)
	}
}
