package statement_test

import (
	"os"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// Every line of testdata/hostile.txt reaches for something that is not the caller's, or for the engine behind the dialect, and
// is refused.
func TestHostile(t *testing.T) {
	raw, err := os.ReadFile("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		s, err := statement.Parse(line)
		if err == nil {
			var p *statement.Plan
			if p, err = s.Plan(schema, options); err == nil {
				t.Errorf("accepted: %s\n%s", line, p.DuckDB(map[string]statement.Relation{}))
				continue
			}
		}
		if k := sluice.KindOf(err); k != sluice.Invalid && k != sluice.Unsupported {
			t.Errorf("%s: %v: %v", line, k, err)
		}
	}
}

// Large and deep statements are refused before they cost anything.
func TestTooLarge(t *testing.T) {
	nested := func(open, in, end string, n int) string { return strings.Repeat(open, n) + in + strings.Repeat(end, n) }
	for name, text := range map[string]string{
		"length":            "select '" + strings.Repeat("a", 1<<20) + "'",
		"ten megabytes":     "select " + strings.Repeat("1,", 5<<20) + "1",
		"words":             "select " + strings.Repeat("1,", 60_000) + "1",
		"brackets":          "select " + nested("(", "1", ")", 1000),
		"many brackets":     "select " + nested("(", "1", ")", 100_000),
		"subqueries":        "select * from " + nested("(select * from ", "log", ")", 1000),
		"scalar subqueries": nested("(select ", "1", ")", 1000),
		"calls":             "select " + nested("lower(", "'a'", ")", 1000),
		"case":              "select " + nested("case when true then ", "1", " end", 1000),
		"not":               "select " + nested("not ", "true", "", 1000),
		"signs":             "select " + nested("- ", "1", "", 1000),
		"sum":               "select " + nested("1 + ", "1", "", 1000),
		"arrays":            "select " + nested("array[", "1", "]", 1000),
		"subscripts":        "select method" + strings.Repeat("[1]", 1000),
		"fields":            "select (1)" + strings.Repeat(".a", 1000),
		"zones":             "select now()" + strings.Repeat(" at time zone 'UTC'", 1000),
		"types":             "select cast(1 as " + nested("array(", "bigint", ")", 1000) + ")",
		"lambdas":           "select " + nested("transform(array[1], x -> ", "1", ")", 1000),
		"unions":            "select 1" + strings.Repeat(" union select 1", 1000),
		"joins":             "select 1 from log" + strings.Repeat(" cross join log", 1000),
		"repeated":          "select " + nested("substr(method, ", "status", ")", 30),
		"growing text":      "select " + nested("width_bucket(", "latency", ", latency, latency, status)", 20),
	} {
		s, err := statement.Parse(text)
		if err == nil {
			_, err = s.Plan(schema, options)
		}
		if k := sluice.KindOf(err); k != sluice.Invalid {
			t.Errorf("%s: %v: %.200v", name, k, err)
		}
	}
}

// What is long and not deep is served.
func TestLarge(t *testing.T) {
	for name, text := range map[string]string{
		"in":    "select count(*) where status in (" + strings.Repeat("1,", 10_000) + "1)",
		"or":    "select count(*) where " + strings.Repeat("status = 1 or ", 5_000) + "false",
		"items": "select " + strings.Repeat("status,", 1_000) + "1",
		"deep":  "select " + strings.Repeat("(", 50) + "1" + strings.Repeat(")", 50),
	} {
		if out := plan(text); strings.HasPrefix(out, "error") {
			t.Errorf("%s: %.200s", name, out)
		}
	}
}
