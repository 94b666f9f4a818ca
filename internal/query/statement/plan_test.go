package statement_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/query/statement"
)

func mustPlan(t *testing.T, text string, o statement.Options) *statement.Plan {
	t.Helper()
	s, err := statement.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(schema, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLimited(t *testing.T) {
	for text, want := range map[string]int{
		"select 1":                         statement.DefaultLimit,
		"select 1 limit 5":                 0,
		"select 1 limit all":               0,
		"select 1 offset 3":                0,
		"(select 1 limit 5)":               statement.DefaultLimit,
		"select * from (select 1 limit 5)": statement.DefaultLimit,
	} {
		if got := mustPlan(t, text, options).Limited; got != want {
			t.Errorf("%s: limited is %d, want %d", text, got, want)
		}
	}
}

func TestSession(t *testing.T) {
	s, err := statement.Parse("set session mode=scan; set session parallel_sql=true; select 1")
	if err != nil {
		t.Fatal(err)
	}
	want := []statement.Setting{{Name: "mode", Value: "scan"}, {Name: "parallel_sql", Value: "true"}}
	if diff := cmp.Diff(want, s.Session()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Offsets of zones that keep theirs are added; the others are left to the engine's calendar.
func TestZones(t *testing.T) {
	for zone, calendarOnly := range map[string]bool{"Asia/Shanghai": false, "UTC": false, "Europe/Berlin": true} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		sql := mustPlan(t, "select date_trunc('hour', __time__)", statement.Options{Location: loc}).DuckDB(map[string]statement.Relation{"log": {SQL: "log"}})
		if got := !strings.Contains(sql, "make_timestamp"); got != calendarOnly {
			t.Errorf("%s: %s", zone, sql)
		}
	}
}

// A problem points at its place, in characters.
func TestProblem(t *testing.T) {
	_, err := statement.Parse("select '日志',\n  数量 from")
	var p *statement.Problem
	if !errors.As(err, &p) {
		t.Fatalf("got %v", err)
	}
	if p.Line != 2 || p.Column != 10 || p.Offset != len("select '日志',\n  数量 from") {
		t.Errorf("got %+v", *p)
	}
}

// A statement is planned, and a plan printed, by many at once.
func TestConcurrentUse(t *testing.T) {
	text := "select zip_with(array[status], array[1], (a, b) -> a + b), map_filter(map(array[method || ip], array[1]), (k, v) -> v > 1), " +
		"date_format(__time__, '%H') as t, count(*) from log group by 3, 1, 2"
	s, err := statement.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	shared := mustPlan(t, text, options)
	want := shared.DuckDB(map[string]statement.Relation{"log": {SQL: "log"}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			own, err := s.Plan(schema, options)
			if err != nil {
				t.Error(err)
				return
			}
			for _, p := range []*statement.Plan{own, shared} {
				if got := p.DuckDB(map[string]statement.Relation{"log": {SQL: "log"}}); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
		})
	}
	wg.Wait()
}

// Each function that is refused is refused for its reason, and none of them is in the table.
func TestUnsupported(t *testing.T) {
	supported := map[string]bool{}
	for _, f := range statement.Functions() {
		name, _, _ := strings.Cut(f.Signature, "(")
		supported[name] = true
	}
	for _, r := range statement.Unsupported {
		for _, name := range r.Functions {
			if supported[name] {
				t.Errorf("%s is in both tables", name)
			}
			if got := plan("select " + name + "(method)"); !strings.Contains(got, r.Reason) {
				t.Errorf("%s: %s", name, got)
			}
		}
	}
}

func TestParseType(t *testing.T) {
	for text, want := range map[string]string{
		"bigint":                             "bigint",
		"INT":                                "bigint",
		"real":                               "double",
		"double precision":                   "double",
		"varchar(10)":                        "varchar(10)",
		"decimal(10,2)":                      "decimal(10,2)",
		"timestamp with time zone":           "timestamp with time zone",
		"array<map<varchar, array(double)>>": "array(map(varchar, array(double)))",
		"row(a bigint, varchar, b row(c double))": `row("a" bigint, varchar, "b" row("c" double))`,
		"interval day to second":                  "interval",
	} {
		got, err := statement.ParseType(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "uuid", "array", "array(a, b)", "map(bigint)", "decimal(50)", "bigint x", "varchar('a')"} {
		if got, err := statement.ParseType(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
}
