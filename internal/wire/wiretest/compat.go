// Package wiretest is what the tests of dialects share.
package wiretest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const compatFile = "../../../docs/compat.md" // from the directory of a dialect

// Action is one row of a dialect's table in docs/compat.md.
type Action struct {
	Name string
	Row  string // the line of the table
}

// CompatPage fails unless the section of docs/compat.md between the comments "name" and "end of name" is a table of the actions, followed by
// what the comments of the dialect's package say differs from the service. With update it writes the section instead.
//
// A comment tells of actions by name and from a line that begins with "Differs:" to the next empty one:
//
//	// GetThing, ListThings: how they are called
//	// Differs: things are red here.
func CompatPage(t *testing.T, update bool, name, header string, actions []Action) {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
	raw, err := os.ReadFile(compatFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(raw), begin)
	old, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no section %s", compatFile, begin)
	}
	want := section(t, header, actions)
	if update {
		if err := os.WriteFile(compatFile, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, old); diff != "" {
		t.Errorf("run this test with -update (-code +page):\n%s", diff)
	}
}

// section is a table of actions, and the differences.
func section(t *testing.T, header string, actions []Action) string {
	t.Helper()
	differs := comments(t)
	var table, notes strings.Builder
	table.WriteString(header)
	for _, a := range actions {
		table.WriteString(a.Row)
		for _, text := range differs[a.Name] {
			fmt.Fprintf(&notes, "- **%s**: %s\n", a.Name, text)
		}
	}
	return table.String() + "\n" + notes.String()
}

var (
	promise = regexp.MustCompile(`(?m)^// ((?:[A-Z][A-Za-z]+, )*[A-Z][A-Za-z]+): [^\n]*\n((?://[^\n]*\n)*)`)
	differ  = regexp.MustCompile(`(?s)Differs: (.*?)(?:\n\n|\z)`)
)

// comments reads what the comments of the package say differs, by action.
func comments(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range promise.FindAllStringSubmatch(string(raw), -1) {
			text := strings.TrimSpace(regexp.MustCompile(`(?m)^// ?`).ReplaceAllString(m[2], ""))
			for _, d := range differ.FindAllStringSubmatch(text, -1) {
				for name := range strings.SplitSeq(m[1], ", ") {
					all[name] = append(all[name], strings.Join(strings.Fields(d[1]), " "))
				}
			}
		}
	}
	return all
}
