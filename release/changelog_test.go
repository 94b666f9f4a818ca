package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// project is the root of the project, also for tests that go elsewhere.
var project = func() string {
	path, err := filepath.Abs("..")
	if err != nil {
		panic(err)
	}
	return path
}()

// Every change that waits is as changes/README.md says.
func TestWaitingChanges(t *testing.T) {
	if _, err := readFragments(project); err != nil {
		t.Error(err)
	}
}

func TestParseFragment(t *testing.T) {
	for _, c := range []struct{ file, text, wrong string }{
		{"5-a.added.md", "One.\n", ""},
		{"12-what-it-is.security.md", "Two lines\nof one paragraph.\n", ""},
		{"5-a.md", "One.\n", "NUMBER-what-it-is.KIND.md"},
		{"0-a.added.md", "One.\n", "NUMBER-what-it-is.KIND.md"},
		{"a.added.md", "One.\n", "NUMBER-what-it-is.KIND.md"},
		{"5-What.added.md", "One.\n", "NUMBER-what-it-is.KIND.md"},
		{"5-a-.added.md", "One.\n", "NUMBER-what-it-is.KIND.md"},
		{"5-a.added.md.orig", "One.\n", "NUMBER-what-it-is.KIND.md"},
		{"5-a.new.md", "One.\n", "not one of added"},
		{"99999999999999999999-a.added.md", "One.\n", "no number"},
		{"5-a.added.md", "", "says nothing"},
		{"5-a.added.md", " \n", "says nothing"},
		{"5-a.added.md", strings.Repeat("long ", 200) + "end.\n", "write a page"},
		{"5-a.added.md", "One\r\ntwo.\n", "plain text"},
		{"5-a.added.md", "\xff.\n", "plain text"},
		{"5-a.added.md", "One.\n\nTwo.\n", "one paragraph"},
		{"5-a.added.md", "One. \n", "without spaces"},
		{"5-a.added.md", "# One.\n", "headings"},
		{"5-a.added.md", "One:\n- two.\n", "lists"},
		{"5-a.added.md", "One\n", "full stop"},
	} {
		_, err := parseFragment(c.file, c.text)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s, %q: got %v, want %q", c.file, c.text, err, c.wrong)
		}
	}
}

const emptyChangelog = "# Changelog\n\nAbout.\n\n## Unreleased\n\nThey wait.\n"

// tree writes files below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCollate(t *testing.T) {
	root := tree(t, map[string]string{
		changelogFile: emptyChangelog, "changes/README.md": "How.\n",
		chartFile:                         "name: sluice\nversion: 0.0.0\nappVersion: \"dev\"\nhome: here\n",
		migrationDir + "/" + releasedFile: "# Those that are out.\n", migrationDir + "/0001_a.sql": "CREATE TABLE a (n INTEGER);\n",
		"changes/10-b.added.md": "Ten.\n", "changes/9-z.added.md": "Nine\nin two lines.\n", "changes/9-a.added.md": "Nine, too.\n",
		"changes/3-c.security.md": "Secure.\n", "changes/2-c.fixed.md": "Fixed.\n", "changes/1-c.changed.md": "Changed.\n",
		"changes/1-d.removed.md": "Removed.\n", "changes/1-e.deprecated.md": "Deprecated.\n",
	})
	c, err := collate(root, "0.1.0", "2026-11-27")
	if err != nil {
		t.Fatal(err)
	}
	const first = `## 0.1.0 - 2026-11-27

### Added

- Nine, too.
- Nine
  in two lines.
- Ten.

### Changed

- Changed.

### Deprecated

- Deprecated.

### Removed

- Removed.

### Fixed

- Fixed.

### Security

- Secure.
`
	if c.section != first || c.text != emptyChangelog+"\n"+first {
		t.Errorf("got\n%s\nin\n%s", c.section, c.text)
	}
	if err := c.write(); err != nil {
		t.Fatal(err)
	}
	if got, want := textOf(t, filepath.Join(root, chartFile)), "name: sluice\nversion: \"0.1.0\"\nappVersion: \"0.1.0\"\nhome: here\n"; got != want {
		t.Errorf("the chart is %s", got)
	}
	if _, err := chartOf("version: 0.1.0\n", "0.1.0"); err == nil {
		t.Error("a chart without appVersion was taken")
	}
	if _, err := collate(root, "0.2.0", "2026-12-01"); err == nil || !strings.Contains(err.Error(), "no changes") {
		t.Errorf("a version without changes: got %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "changes/4-next.fixed.md"), []byte("Next.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := collate(root, "0.1.0", "2026-12-01"); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a version that was: got %v", err)
	}
	if _, err := collate(root, "0.2.0-rc.1", "2026-12-01"); err == nil || !strings.Contains(err.Error(), "go on waiting") {
		t.Errorf("a preview: got %v", err)
	}
	if c, err = collate(root, "0.1.1", "2026-12-01"); err != nil {
		t.Fatal(err)
	}
	if want := emptyChangelog + "\n## 0.1.1 - 2026-12-01\n\n### Fixed\n\n- Next.\n\n" + first; c.text != want {
		t.Errorf("the second version: got\n%s\nwant\n%s", c.text, want)
	}
}

// What is out stays as it was: with a migration that has changed since, there is no other version.
func TestReleasedMigrations(t *testing.T) {
	if _, err := readMigrations(project); err != nil {
		t.Error(err)
	}
	const first, second = migrationDir + "/0001_a.sql", migrationDir + "/0002_b.sql"
	root := tree(t, map[string]string{migrationDir + "/" + releasedFile: "# Those that are out.\n", first: "CREATE TABLE a (n INTEGER);\n"})
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, version := range []string{"0.1.0", "0.1.1", "0.2.0"} { // with one, none and one more
		m, err := readMigrations(root)
		if err := errors.Join(err, m.release(version)); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			write(second, "CREATE TABLE b (n INTEGER);\n")
		}
	}
	list := regexp.MustCompile(`^# .*\n0\.1\.0 0001_a\.sql [0-9a-f]{64}\n0\.2\.0 0002_b\.sql [0-9a-f]{64}\n$`)
	if got := textOf(t, filepath.Join(root, migrationDir, releasedFile)); !list.MatchString(got) {
		t.Errorf("the list is %s", got)
	}
	write(first, "CREATE TABLE a (n INTEGER, m INTEGER);\n")
	if _, err := readMigrations(root); err == nil || !strings.Contains(err.Error(), "0001_a.sql is out since 0.1.0 and has changed") {
		t.Errorf("a changed migration: got %v", err)
	}
	if err := os.Remove(filepath.Join(root, first)); err != nil {
		t.Fatal(err)
	}
	if _, err := readMigrations(root); err == nil || !strings.Contains(err.Error(), "0001_a.sql is out") {
		t.Errorf("a migration that is gone: got %v", err)
	}
}

func TestInsertWantsItsPlace(t *testing.T) {
	for _, text := range []string{"# Changelog\n", emptyChangelog + emptyChangelog} {
		if _, err := insert(text, "## 0.1.0 - 2026-11-27\n"); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// On a copy of the project, the command shows everything that waits and changes nothing; told to write, it moves all of it.
func TestChangelogOfTheProject(t *testing.T) {
	root := t.TempDir()
	copyFile(t, changelogFile, root)
	copyFile(t, chartFile, root)
	for _, dir := range []string{fragmentDir, migrationDir} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join(project, dir))); err != nil {
			t.Fatal(err)
		}
	}
	waiting, err := readFragments(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(waiting) == 0 {
		t.Skip("nothing waits just now")
	}
	const version = "999.0.0"
	t.Chdir(root)
	before := textOf(t, changelogFile)
	shown := release(t, "changelog", "-version", version, "-date", "2026-11-27")
	if textOf(t, changelogFile) != before {
		t.Error("the changelog was written without -write")
	}
	if left, err := readFragments("."); err != nil || len(left) != len(waiting) {
		t.Errorf("%d of %d changes are left by a look: %v", len(left), len(waiting), err)
	}
	release(t, "changelog", "-version", version, "-date", "2026-11-27", "-write")
	after := textOf(t, changelogFile)
	if !hasVersion(after, version) {
		t.Error("the version is not in the changelog")
	}
	// Item by item: the lines of a change are those of its file.
	items := regexp.MustCompile(`\n  `).ReplaceAllString(after, "\n")
	for _, f := range waiting {
		if !strings.Contains(items, "\n- "+f.text+"\n") || !strings.Contains(shown, strings.SplitN(f.text, "\n", 2)[0]) {
			t.Errorf("%s is missing", f.path)
		}
	}
	if m, err := readMigrations("."); err != nil || len(m.rest) > 0 || !strings.Contains(m.text, " 0001_init.sql ") {
		t.Errorf("the migrations that are out are %v, %v", m, err)
	}
	left, err := filepath.Glob(fragmentDir + "/*")
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "README.md" {
		t.Errorf("left in changes: %v, %v", left, err)
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"", "say changelog, build or notices"},
		{"publish", "say changelog, build or notices"},
		{"changelog", "say which version"},
		{"changelog -version v0.1.0", "not of the form"},
		{"changelog -version 0.1", "not of the form"},
		{"changelog -version 0.1.0+build", "not of the form"},
		{"changelog -version 0.01.0", "not of the form"},
		{"changelog -version 0.1.0 -date tomorrow", "not of the form"},
		{"changelog -version 0.1.0 extra", "unexpected argument"},
		{"build", "say which version"},
		{"build -version latest", "not of the form"},
		{"notices", "needs the programs"},
	} {
		err := run(t.Context(), strings.Fields(c.args), &bytes.Buffer{})
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: got %v, want %q", c.args, err, c.says)
		}
	}
}

// release runs the program in the current directory.
func release(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(context.WithoutCancel(t.Context()), args, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func textOf(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// copyFile copies a file of the project to its place below root, as readable as it is.
func copyFile(t *testing.T, name, root string) {
	t.Helper()
	path := filepath.Join(root, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(textOf(t, filepath.Join(project, name))), fs.FileMode(0o644)))
	if err != nil {
		t.Fatal(err)
	}
}
