package aws

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the section of docs/compat.md")

const (
	compatFile = "../../../docs/compat.md"
	begin, end = "<!-- cloudtrail -->\n", "<!-- end of cloudtrail -->"
)

// TestCompatPage: the page lists the operations, and what the comments say they do and how they differ.
func TestCompatPage(t *testing.T) {
	raw, err := os.ReadFile(compatFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(raw), begin)
	old, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no section %s", compatFile, begin)
	}
	want := section(t)
	if *update {
		if err := os.WriteFile(compatFile, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, old); diff != "" {
		t.Errorf("run this test with -update (-code +page):\n%s", diff)
	}
}

// section is a table of operations, and the differences.
func section(t *testing.T) string {
	differs := comments(t)
	var b, notes strings.Builder
	b.WriteString("| operation | permission | on |\n|---|---|---|\n")
	for _, table := range tables {
		for _, o := range table {
			on := "`*`"
			if o.trail != "" {
				on = "`trail/NAME`"
			}
			fmt.Fprintf(&b, "| %s | `%s:%s` | %s |\n", o.name, service, o.name, on)
			for _, text := range differs[o.name] {
				fmt.Fprintf(&notes, "- **%s**: %s\n", o.name, text)
			}
		}
	}
	return b.String() + "\n" + notes.String()
}

var (
	promise = regexp.MustCompile(`(?m)^// ((?:[A-Z][A-Za-z]+, )*[A-Z][A-Za-z]+): [^\n]*\n((?://[^\n]*\n)*)`)
	differ  = regexp.MustCompile(`(?s)Differs: (.*?)(?:\n\n|\z)`)
)

// comments reads what the comments of the package say differs, by operation.
func comments(t *testing.T) map[string][]string {
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
