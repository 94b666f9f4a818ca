package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A migration of metadata that is out was applied somewhere, and never changes. The list beside them has a line for each that was out with a
// version: the version, the file, its SHA-256.
const (
	migrationDir = "internal/meta/sqlite/migrations"
	releasedFile = "RELEASED"
)

// migrations are the steps of metadata below root, and what is known of them.
type migrations struct {
	path string // of the list
	text string // the list
	rest []string
	sums map[string]string // of all files
}

// readMigrations reads the list, and refuses a released migration that has changed or is gone.
func readMigrations(root string) (*migrations, error) {
	dir := filepath.Join(root, migrationDir)
	m := &migrations{path: filepath.Join(dir, releasedFile), sums: map[string]string{}}
	text, err := os.ReadFile(m.path)
	if err != nil {
		return nil, err
	}
	m.text = string(text)
	files, err := filepath.Glob(filepath.Join(dir, "*.sql")) // sorted
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		script, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name := filepath.Base(path)
		m.sums[name] = fmt.Sprintf("%x", sha256.Sum256(script))
		m.rest = append(m.rest, name)
	}
	var wrong []error
	for line := range strings.Lines(m.text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: %q is not a version, a file and a sum", m.path, line)
		}
		version, name, sum := fields[0], fields[1], fields[2]
		if m.sums[name] != sum {
			wrong = append(wrong, fmt.Errorf("%s is out since %s and has changed: take that back, and write another migration", name, version))
		}
		m.rest = slices.DeleteFunc(m.rest, func(s string) bool { return s == name })
	}
	return m, errors.Join(wrong...)
}

// release adds those to the list that are out with a version.
func (m *migrations) release(version string) error {
	for _, name := range m.rest {
		m.text += fmt.Sprintf("%s %s %s\n", version, name, m.sums[name])
	}
	return os.WriteFile(m.path, []byte(m.text), 0o644)
}
