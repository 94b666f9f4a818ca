package statement_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/query/statement"
)

const sqlPage = "../../../docs/sql.md"

// The tables of docs/sql.md are made from the function table; -update rewrites them.
func TestSQLPage(t *testing.T) {
	raw, err := os.ReadFile(sqlPage)
	if err != nil {
		t.Fatal(err)
	}
	page := section(t, section(t, string(raw), "functions", functionTables(t)), "unsupported", refusals())
	if *update {
		if err := os.WriteFile(sqlPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(page, string(raw)); diff != "" {
		t.Errorf("docs/sql.md is not what the code says; run this test with -update (-code +page):\n%s", diff)
	}
}

// section replaces what stands between <!-- name --> and <!-- end of name -->.
func section(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
	before, rest, ok := strings.Cut(page, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("docs/sql.md has no section %s", name)
	}
	return before + begin + text + end + after
}

// functionTables is a table for each category, with the signatures and examples of one name in one row.
func functionTables(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	category, last := "", ""
	for _, f := range statement.Functions() {
		if f.Category != category {
			category = f.Category
			fmt.Fprintf(&b, "\n\n### %s\n\n| function | | for example |\n|---|---|---|", category)
		}
		name, _, _ := strings.Cut(f.Signature, "(")
		meaning := f.Meaning
		if meaning == "" {
			t.Errorf("%s has no meaning", name)
		}
		if name == last {
			meaning = ""
		}
		last = name
		fmt.Fprintf(&b, "\n| %s | %s | %s |", code(f.Signature), cell(meaning), example(f.Example))
	}
	return strings.TrimPrefix(b.String(), "\n") + "\n"
}

func example(text string) string {
	expression, result, ok := strings.Cut(text, " → ")
	switch {
	case !ok:
		return ""
	case result == "":
		return code(expression) + " → (empty)"
	}
	return code(expression) + " → " + code(result)
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// code is text in backquotes, where tables of Markdown still see bars.
func code(text string) string { return "`" + cell(text) + "`" }

func refusals() string {
	var b strings.Builder
	for _, r := range statement.Unsupported {
		names := make([]string, len(r.Functions))
		for i, f := range r.Functions {
			names[i] = "`" + f + "`"
		}
		fmt.Fprintf(&b, "- %s: %s.\n", strings.Join(names, ", "), r.Reason)
	}
	return b.String()
}

// Every meaning is of a function that there is.
func TestMeanings(t *testing.T) {
	names := map[string]bool{}
	for _, f := range statement.Functions() {
		name, _, _ := strings.Cut(f.Signature, "(")
		names[name] = true
	}
	for _, name := range statement.MeaningNames() {
		if !names[name] {
			t.Errorf("there is no function %s", name)
		}
	}
}
