// Package tools finds the programs of others that tests run, where `make compat` has put them: ./.tools of the module.
package tools

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the directory of a tool, and fails the test if it is not there.
func Dir(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("the test does not run inside the module")
		}
		dir = parent
	}
	tool := filepath.Join(dir, ".tools", name)
	if _, err := os.Stat(tool); err != nil {
		t.Fatalf("%s is not there: make compat installs it", tool)
	}
	return tool
}
