package spl

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
)

var update = flag.Bool("update", false, "write what the fixtures under testdata expect anew")

// noon is the clock of the tests.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, shanghai)

func testOptions() Options { return Options{Now: func() time.Time { return noon }} }

// A fixture is a text of cases with blank lines between them. A case is a pipeline and rows, each a JSON object in a line of its
// own; then ----; then the rows that leave, or the error. Lines with # are comments.
type fixtureCase struct {
	comment  string
	pipeline string
	rows     []string
	want     string
}

func readFixture(t *testing.T, file string) []fixtureCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []fixtureCase
	for text := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		head, want, ok := strings.Cut(text, "----")
		if !ok {
			t.Fatalf("%s: no ---- in\n%s", file, text)
		}
		var c fixtureCase
		for line := range strings.Lines(head) {
			switch {
			case strings.HasPrefix(line, "#"):
				c.comment += line
			case strings.HasPrefix(line, "{"):
				c.rows = append(c.rows, strings.TrimSuffix(line, "\n"))
			default:
				c.pipeline += line
			}
		}
		c.pipeline = strings.TrimSuffix(c.pipeline, "\n")
		c.want = strings.Trim(want, "\n")
		cases = append(cases, c)
	}
	return cases
}

func TestFixtures(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var out []string
			for _, c := range readFixture(t, file) {
				got := runCase(t, c)
				if !*update && got != c.want {
					t.Errorf("%s\n%s", c.pipeline, cmp.Diff(c.want, got))
				}
				out = append(out, c.comment+strings.Join(append([]string{c.pipeline}, c.rows...), "\n")+"\n----\n"+got+"\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join(out, "\n")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// runCase returns what a case gives, as the fixture has it.
func runCase(t *testing.T, c fixtureCase) string {
	t.Helper()
	p, err := Parse(c.pipeline)
	if err != nil {
		var e *sluice.Error
		if !errors.As(err, &e) || e.Noun != "query" {
			t.Errorf("Parse(%q) = %#v, not an error of the query", c.pipeline, err)
		}
		return e.Kind.String() + ": " + strings.TrimPrefix(err.Error(), "ErrorType:SyntaxError.ErrorMessage:")
	}
	var out []string
	runner := NewRunner(p, testOptions(), func(fields []sluice.Field) error {
		out = append(out, rowJSON(fields))
		return nil
	})
	for _, row := range c.rows {
		if err := runner.Row(rowFields(t, row)); err != nil {
			out = append(out, "failed: "+err.Error())
		}
	}
	if err := runner.Finish(); err != nil {
		out = append(out, "failed: "+err.Error())
	}
	if len(out) == 0 {
		return "(nothing)"
	}
	return strings.Join(out, "\n")
}

// rowFields reads an object of texts, in its order.
func rowFields(t *testing.T, row string) []sluice.Field {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(row))
	var fields []sluice.Field
	for i := 0; ; i++ {
		token, err := dec.Token()
		if err != nil {
			t.Fatalf("%v in %s", err, row)
		}
		switch {
		case token == json.Delim('{'):
		case token == json.Delim('}'):
			return fields
		case i%2 == 1:
			fields = append(fields, sluice.Field{Key: token.(string)})
		default:
			fields[len(fields)-1].Value = token.(string)
		}
	}
}

func rowJSON(fields []sluice.Field) string {
	var parts []string
	for _, f := range fields {
		parts = append(parts, fmt.Sprintf("%s:%s", appendJSONString(nil, f.Key), appendJSONString(nil, f.Value)))
	}
	return "{" + strings.Join(parts, ",") + "}"
}
