package spl

import (
	"os"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
)

// TestExpressions: every line of testdata/expressions is an expression and its value. Many are the examples of the service.
func TestExpressions(t *testing.T) {
	const file, arrow = "testdata/expressions", "  =>  "
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fields := []sluice.Field{
		{Key: "num", Value: "12"},
		{Key: "txt", Value: "hello world"},
		{Key: "quoted name", Value: "q"},
		{Key: "__tag__:path", Value: "/x"},
		{Key: "decimal", Value: "1.25"},
	}
	var out strings.Builder
	called := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			out.WriteString(line + "\n")
			continue
		}
		text, want, _ := strings.Cut(line, arrow)
		got := evalText(t, text, fields)
		if !*update && got != want {
			t.Errorf("%s = %s, want %s", text, got, want)
		}
		out.WriteString(text + arrow + got + "\n")
		for name := range functions {
			if strings.Contains(text, name+"(") || strings.Contains(text, name+" from") || text == name {
				called[name] = true
			}
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name := range functions {
		if !called[name] {
			t.Errorf("no line calls %s", name)
		}
	}
}

// evalText returns the value of an expression as text, and NULL for none.
func evalText(t *testing.T, text string, fields []sluice.Field) string {
	t.Helper()
	p, err := Parse("* | extend r = " + text + " | project r")
	if err != nil {
		return "error: " + err.Error()
	}
	got := "NULL"
	runner := NewRunner(p, testOptions(), func(fields []sluice.Field) error {
		for _, f := range fields {
			got = f.Value
		}
		return nil
	})
	if err := runner.Row(fields); err != nil {
		return "failed: " + err.Error()
	}
	return got
}
