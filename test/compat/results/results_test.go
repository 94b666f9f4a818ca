package results_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/test/compat/results"
)

func row(client, operation string, state results.State) results.Row {
	return results.Row{Client: client, Version: "1.0", Operation: operation, State: state}
}

func read(t *testing.T, files ...[]results.Row) results.Table {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made")
	for i, rows := range files {
		if err := results.Write(dir, string(rune('a'+i)), rows); err != nil {
			t.Fatal(err)
		}
	}
	table, err := results.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

const page = `# Page

<!-- clients -->
| client | version | state | operations |
|---|---|---|---|
| Go | 1.0 | works | get, put |
| Go | 1.0 | partly | copy |
| Go | 1.0 | refused | drop |
| Go | 1.0 | not run: waits an hour | wait |
| Java | 1.0 | works | get |
| Java | 1.0 | fails | put |
<!-- end of clients -->

More.
`

var rows = []results.Row{
	row("Java", "get", results.Works), row("Go", "put", results.Works), row("Go", "get", results.Works), row("Go", "copy", results.Works),
	row("Go", "drop", results.Refused), row("Go", "get", results.Works), row("Java", "put", results.Fails),
	{Client: "Go", Version: "1.0", Operation: "wait", State: results.LeftOut, Note: "waits an hour"},
}

// Rows of many files become the table, whatever their order, and the page says what it was made from.
func TestThePageIsMadeOfTheRows(t *testing.T) {
	table := read(t, rows, []results.Row{row("Go", "copy", results.Refused), row("Java", "put", results.Works), row("Go", "get", results.LeftOut)})
	empty, _, _ := strings.Cut(page, "| client")
	got, err := table.Replace(empty + "<!-- end of clients -->\n\nMore.\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page, got); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
	claims, err := results.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(table, claims); diff != "" {
		t.Errorf("what the page says (-rows +page):\n%s", diff)
	}
	if unproven := table.Unproven(claims); unproven != nil {
		t.Errorf("unproven: %q", unproven)
	}
}

func TestClaimsThatTheRunDidNotShow(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*results.Row)
		want    string // the part behind the client
		unshown string
	}{
		"works no more":    {func(r *results.Row) { r.State = results.Refused }, `Go 1.0, put: the page says "works", the run "refused"`, ""},
		"another version":  {func(r *results.Row) { r.Version = "1.1" }, `Go 1.0, put: the page says "works", the run "not in this"`, "Go 1.1, put: works"},
		"under a new name": {func(r *results.Row) { r.Operation = "push" }, `Go 1.0, put: the page says "works", the run "not in this"`, "Go 1.0, push: works"},
	} {
		t.Run(name, func(t *testing.T) {
			claims := read(t, rows)
			changed := append([]results.Row{}, rows...)
			c.change(&changed[1])
			run := read(t, changed)
			if got := strings.Join(run.Unproven(claims), "\n"); got != c.want {
				t.Errorf("unproven: %s, want %s", got, c.want)
			}
			if got := strings.Join(run.Unsaid(claims), "\n"); got != c.unshown {
				t.Errorf("unsaid: %s, want %s", got, c.unshown)
			}
		})
	}
}

func TestRowsThatAreNone(t *testing.T) {
	for name, line := range map[string]string{
		"not JSON":                  `works`,
		"no client":                 `{"version":"1","operation":"get","state":"works"}`,
		"no version":                `{"client":"Go","operation":"get","state":"works"}`,
		"no operation":              `{"client":"Go","version":"1","state":"works"}`,
		"no such state":             `{"client":"Go","version":"1","operation":"get","state":"perfect"}`,
		"a state that rows make":    `{"client":"Go","version":"1","operation":"get","state":"partly"}`,
		"a list for an operation":   `{"client":"Go","version":"1","operation":"get, put","state":"works"}`,
		"a column in a cell":        `{"client":"Go | C","version":"1","operation":"get","state":"works"}`,
		"a line break in the notes": `{"client":"Go","version":"1","operation":"get","state":"not run","note":"a\nb"}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x.jsonl"), []byte(line+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if table, err := results.Read(dir); err == nil {
				t.Errorf("read %v", table)
			}
		})
	}
	if _, err := results.Read(t.TempDir()); err == nil {
		t.Error("a run without results was read")
	}
}

func TestPagesThatAreNone(t *testing.T) {
	for name, page := range map[string]string{
		"no marks":      "# Page\n",
		"no end":        "<!-- clients -->\n| client | version | state | operations |\n|---|---|---|---|\n",
		"no head":       "<!-- clients -->\n| a |\n<!-- end of clients -->",
		"a row too few": "<!-- clients -->\n| client | version | state | operations |\n|---|---|---|---|\n| Go | 1 | works |\n<!-- end of clients -->",
	} {
		if table, err := results.Parse(page); err == nil {
			t.Errorf("%s: parsed %v", name, table)
		}
	}
}
