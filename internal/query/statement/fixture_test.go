package statement_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/statement"
)

var update = flag.Bool("update", false, "rewrite the outputs of testdata by what is printed now")

// schema is what the fixtures read.
var schema = statement.Schema{
	Log: []statement.Column{
		{Name: "__time__", Type: statement.TypeOf(statement.Bigint)},
		{Name: "method", Type: statement.TypeOf(statement.Varchar)},
		{Name: "status", Type: statement.TypeOf(statement.Bigint)},
		{Name: "latency", Type: statement.TypeOf(statement.Double)},
		{Name: "info.latency", Type: statement.TypeOf(statement.Double)},
		{Name: "tags", Type: statement.TypeOf(statement.Varchar)},
		{Name: "ip", Type: statement.TypeOf(statement.Varchar)},
	},
	Logstore: func(name string) ([]statement.Column, error) {
		if columns := logstores[name]; columns != nil {
			return columns, nil
		}
		return nil, sluice.Errorf(sluice.NotFound, "logstore", "logstore %s does not exist", name)
	},
}

var logstores = map[string][]statement.Column{"users": {
	{Name: "uid", Type: statement.TypeOf(statement.Bigint)},
	{Name: "name", Type: statement.TypeOf(statement.Varchar)},
	{Name: "ip", Type: statement.TypeOf(statement.Varchar)},
}}

var options = statement.Options{From: 1_700_000_000, To: 1_700_003_600, Now: time.Unix(1_700_002_000, 500_000_000)}

// fixtures runs the cases of the files that match: blank lines separate cases, ---- the input from the output.
func fixtures(t *testing.T, pattern string, run func(input string) string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, text := range strings.Split(strings.TrimSpace(string(raw)), "\n\n") {
				input, want, _ := strings.Cut(text, "\n----\n")
				got := run(input)
				out = append(out, input+"\n----\n"+got)
				if diff := cmp.Diff(want, got); diff != "" && !*update {
					t.Errorf("%s\n(-want +got)\n%s", input, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// plan prints what becomes of a statement: inputs, columns, and the engine's SQL.
func plan(text string) string {
	s, err := statement.Parse(text)
	if err != nil {
		return "error: " + err.Error()
	}
	p, err := s.Plan(schema, options)
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	tables := map[string]statement.Relation{}
	for _, in := range p.Inputs {
		tables[in.Key] = statement.Relation{SQL: `"` + in.Key + `"`}
		fmt.Fprintf(&b, "read %s %s", in.Key, strings.Join(in.Columns, ","))
		if in.Shift != 0 {
			fmt.Fprintf(&b, " shift %d", in.Shift)
		}
		if in.Time.From != nil {
			fmt.Fprintf(&b, " from %d", *in.Time.From)
		}
		if in.Time.To != nil {
			fmt.Fprintf(&b, " to %d", *in.Time.To)
		}
		b.WriteByte('\n')
	}
	columns := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		columns[i] = c.Name + " " + c.Type.String()
	}
	fmt.Fprintf(&b, "%s\n%s", strings.Join(columns, ", "), p.DuckDB(tables))
	return b.String()
}

func TestPlan(t *testing.T)   { fixtures(t, "testdata/plan/*.txt", plan) }
func TestErrors(t *testing.T) { fixtures(t, "testdata/errors/*.txt", plan) }
