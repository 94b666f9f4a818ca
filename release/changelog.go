package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	changelogFile = "CHANGELOG.md"
	chartFile     = "packaging/helm/sluice/Chart.yaml"
)

// unreleased is the heading under which the changelog says where the changes wait that are in no version yet.
const unreleased = "## Unreleased\n"

// changelog is what a version adds to CHANGELOG.md.
type changelog struct {
	root      string
	version   string
	section   string // heading and changes of the version
	text      string // CHANGELOG.md with the section in it
	chart     string // Chart.yaml of the version
	fragments []fragment
	steps     *migrations
}

// collate makes the section of a version from the changes that wait below root, and changes no file.
func collate(root, version, date string) (*changelog, error) {
	if isPreview(version) {
		return nil, fmt.Errorf("%s comes before its version: until that, changes go on waiting", version)
	}
	fragments, err := readFragments(root)
	if err != nil {
		return nil, err
	}
	steps, err := readMigrations(root)
	if err != nil {
		return nil, err
	}
	if len(fragments) == 0 {
		return nil, fmt.Errorf("%s has no changes: a version without any would say nothing to those who wonder whether to take it", fragmentDir)
	}
	old, err := os.ReadFile(filepath.Join(root, changelogFile))
	if err != nil {
		return nil, err
	}
	if hasVersion(string(old), version) {
		return nil, fmt.Errorf("%s has version %s already", changelogFile, version)
	}
	c := &changelog{root: root, version: version, section: section(version, date, fragments), fragments: fragments, steps: steps}
	if c.text, err = insert(string(old), c.section); err != nil {
		return nil, err
	}
	chart, err := os.ReadFile(filepath.Join(root, chartFile))
	if err != nil {
		return nil, err
	}
	c.chart, err = chartOf(string(chart), version)
	return c, err
}

var chartVersion = regexp.MustCompile(`(?m)^(version|appVersion): .*$`)

// chartOf is a chart with a version: chart and program are given together.
func chartOf(text, version string) (string, error) {
	if n := len(chartVersion.FindAllString(text, -1)); n != 2 {
		return "", fmt.Errorf("%s has %d lines with version and appVersion, not one of each", chartFile, n)
	}
	return chartVersion.ReplaceAllString(text, `${1}: "`+version+`"`), nil
}

// section is a version in Markdown.
func section(version, date string, fragments []fragment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s - %s\n", version, date)
	kind := -1
	for _, f := range fragments {
		if f.kind != kind {
			kind = f.kind
			fmt.Fprintf(&b, "\n### %s\n\n", strings.ToUpper(kinds[kind][:1])+kinds[kind][1:])
		}
		fmt.Fprintf(&b, "- %s\n", strings.ReplaceAll(f.text, "\n", "\n  "))
	}
	return b.String()
}

// insert puts a section above the newest version of a changelog, and below what is unreleased.
func insert(text, section string) (string, error) {
	head, rest, found := strings.Cut(text, unreleased)
	if !found || strings.Contains(rest, unreleased) {
		return "", fmt.Errorf("%s does not have the heading %q once", changelogFile, strings.TrimSpace(unreleased))
	}
	note, versions := rest, ""
	if at := strings.Index(rest, "\n## "); at >= 0 {
		note, versions = rest[:at], rest[at:]
	}
	return head + unreleased + strings.TrimRight(note, "\n") + "\n\n" + section + versions, nil
}

// hasVersion says whether a changelog has a section of the version, with a date.
func hasVersion(text, version string) bool {
	heading := regexp.MustCompile(`(?m)^## ` + regexp.QuoteMeta(version) + ` - \d{4}-\d\d-\d\d$`)
	return heading.MatchString(text)
}

// write writes the changelog and the chart, notes which migrations are out with it, and then removes the changes that went into it: what is cut short leaves
// changes twice, and none lost.
func (c *changelog) write() error {
	path := filepath.Join(c.root, changelogFile)
	if err := os.WriteFile(path+".new", []byte(c.text), 0o644); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	if err := os.WriteFile(filepath.Join(c.root, chartFile), []byte(c.chart), 0o644); err != nil {
		return err
	}
	if err := c.steps.release(c.version); err != nil {
		return err
	}
	for _, f := range c.fragments {
		if err := os.Remove(f.path); err != nil {
			return err
		}
	}
	return nil
}
