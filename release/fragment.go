package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const fragmentDir = "changes"

// kinds are the kinds of changes, in the order in which a version lists them.
var kinds = []string{"added", "changed", "deprecated", "removed", "fixed", "security"}

// fragment is one change that users notice, from a file of changes/.
type fragment struct {
	path  string
	issue int
	name  string // what it is, of the file's name
	kind  int    // in kinds
	text  string // without the end of line at its end
}

var fragmentName = regexp.MustCompile(`^([1-9][0-9]*)-([a-z0-9]+(?:-[a-z0-9]+)*)\.([a-z]+)\.md$`)

// A change is told in a sentence or two; who needs more writes a page and links to it.
const maxFragment = 1000 // bytes

// readFragments reads the changes that wait below root, by kind, issue and name. Its error names every file that is not as changes/README.md says.
func readFragments(root string) ([]fragment, error) {
	entries, err := os.ReadDir(filepath.Join(root, fragmentDir))
	if err != nil {
		return nil, err
	}
	var list []fragment
	var wrong []error
	for _, e := range entries {
		if e.Name() == "README.md" {
			continue
		}
		path := filepath.Join(fragmentDir, e.Name())
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return nil, err
		}
		f, err := parseFragment(e.Name(), string(text))
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", path, err))
		}
		f.path = filepath.Join(root, path)
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b fragment) int {
		if c := a.kind - b.kind; c != 0 {
			return c
		}
		if c := a.issue - b.issue; c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return list, errors.Join(wrong...)
}

// parseFragment reads one change from the name and the text of its file.
func parseFragment(file, text string) (fragment, error) {
	m := fragmentName.FindStringSubmatch(file)
	if m == nil {
		return fragment{}, fmt.Errorf("the name is not NUMBER-what-it-is.KIND.md, in lower case")
	}
	f := fragment{name: m[2], kind: slices.Index(kinds, m[3]), text: strings.TrimSuffix(text, "\n")}
	if f.kind < 0 {
		return f, fmt.Errorf("kind %q is not one of %s", m[3], strings.Join(kinds, ", "))
	}
	var err error
	if f.issue, err = strconv.Atoi(m[1]); err != nil {
		return f, fmt.Errorf("%s is no number of an issue", m[1])
	}
	return f, checkText(f.text)
}

// checkText says why a text cannot be one item of a list.
func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("it says nothing")
	case len(text) > maxFragment:
		return fmt.Errorf("%d bytes are more than the %d that a change is told in: write a page, and link to it", len(text), maxFragment)
	case !utf8.ValidString(text) || strings.ContainsAny(text, "\r\t\x00"):
		return errors.New("it is not plain text in UTF-8 with spaces and line feeds")
	}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "" || line != strings.TrimSpace(line):
			return fmt.Errorf("%q: it is one paragraph, of lines without spaces at either end", line)
		case strings.HasPrefix(line, "#") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "```"):
			return fmt.Errorf("%q: it becomes one item of a list, and has no headings, lists or blocks", line)
		}
	}
	if !strings.HasSuffix(text, ".") {
		return errors.New("it does not end with a full stop")
	}
	return nil
}
