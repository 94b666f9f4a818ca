package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		goal  string
		value float64
		want  string
	}{
		{"≤ 5", 5, "met"},
		{"≤ 5", 5.1, "**not met**"},
		{"≥ 120", 120, "met"},
		{"≥ 120", 61, "**not met**"},
		{"≤ 20 for 10 GB", 0.3, "met"},
		{"", 1, ""},
	} {
		if got := verdict(c.goal, c.value); got != c.want {
			t.Errorf("verdict(%q, %v) = %q, want %q", c.goal, c.value, got, c.want)
		}
	}
}

func someReport() *Report {
	var r Report
	for _, v := range []float64{100, 130, 125.00049} {
		r.add("search", "ingest", "put until searchable", "MB/CPU s", "≥ 120", v)
	}
	q := weblogs.questions[0].about("7")
	r.asked(weblogs, q).Hot.add(4)
	r.asked(weblogs, q).Hot.add(6.5)
	r.asked(weblogs, q).Cold.add(12)
	return &r
}

func TestTables(t *testing.T) {
	var out strings.Builder
	someReport().print(&out)
	for _, want := range []string{
		"| put until searchable | MB/CPU s | ≥ 120 | 125 | 100 to 130 | met |\n",
		"| ms | goal, hot | hot | cold | 8 users, p99 | DuckDB alone | over it | VictoriaLogs | Loki |  |\n|---|---|---|---|---|---|---|---|---|---|\n",
		"| unique id in its field | ≤ 5 | 5.2 | 12 |  |  |  | 5 | 1600 | **not met** |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no row %q in\n%s", want, &out)
		}
	}
}

// Going through the server may cost a fifth, or 10 ms.
func TestOverFloor(t *testing.T) {
	for _, c := range []struct {
		statement  string
		hot, floor sample
		want       string
	}{
		{"* | SELECT 1", sample{14}, sample{4}, "+10.0"},
		{"* | SELECT 1", sample{14.5}, sample{4}, "**+10.5**"},
		{"* | SELECT 1", sample{119}, sample{100}, "+19.0"},
		{"* | SELECT 1", sample{121}, sample{100}, "**+21.0**"},
		{"* | SELECT 1", sample{9}, sample{100}, "-91.0"},
		{"word", sample{121}, sample{100}, ""},
		{"* | SELECT 1", sample{121}, nil, ""},
	} {
		a := Asked{Statement: c.statement, Hot: c.hot, Floor: c.floor}
		if got := a.overFloor(); got != c.want {
			t.Errorf("%v over %v: %q, want %q", c.hot, c.floor, got, c.want)
		}
	}
}

func TestPage(t *testing.T) {
	const page = "# A\n<!-- numbers: search -->\nold\n<!-- end -->\ntext\n<!-- numbers: hub -->\nkept\n<!-- end -->\nlast\n"
	got, err := someReport().rewrite(page)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, "old") || !strings.Contains(got, "| 125 |") || !strings.HasPrefix(got, "# A\n") {
		t.Errorf("the table is not in its place:\n%s", got)
	}
	if !strings.HasSuffix(got, "<!-- end -->\ntext\n<!-- numbers: hub -->\nkept\n<!-- end -->\nlast\n") {
		t.Errorf("what has no new numbers is not left alone:\n%s", got)
	}
	for _, bad := range []string{"<!-- numbers: nosuch -->\n<!-- end -->\n", "<!-- numbers: hub -->\n", "<!-- numbers: hub"} {
		if _, err := someReport().rewrite(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// The page of this tree has the places that bench -page fills.
func TestThePageHasItsPlaces(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := new(Report).rewrite(string(page)); err != nil {
		t.Error(err)
	}
	for name := range new(Report).tables() {
		if !strings.Contains(string(page), pageBegin+name+pageName) {
			t.Errorf("docs/benchmarks.md does not show the table %q", name)
		}
	}
}

func TestReportsAreReadBack(t *testing.T) {
	r := someReport()
	name, err := r.save(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	back, err := readReport(name)
	if err != nil {
		t.Fatal(err)
	}
	var a, b strings.Builder
	r.print(&a)
	back.print(&b)
	if a.String() != b.String() {
		t.Errorf("%s\nis read back as\n%s", &a, &b)
	}
}
