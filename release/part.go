package main

import (
	"cmp"
	"debug/buildinfo"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/google/licensecheck"
	"golang.org/x/mod/module"
)

// part is something of others that is linked into programs: a module of Go, Go itself, DuckDB.
type part struct {
	name     string
	version  string
	url      string // a package URL, as scanners for vulnerabilities know it
	licenses []license
	terms    []string // the licences, where people have to read for them; nil to find them in the texts
	inside   []part   // what is compiled into it, with neither version nor URL known
}

// license is a file with terms or notices of a part.
type license struct {
	file string // below the part
	of   string // of what inside the part it is; "" for the part itself
	text string
}

// ids are the licences of the part itself, by the identifiers of SPDX, sorted. A file of which less than three quarters are words of known
// licences has none.
func (p part) ids() []string {
	if p.terms != nil {
		return p.terms
	}
	const enough = 75 // percent; headings and names of authors are the rest
	var ids []string
	for _, l := range p.licenses {
		found := licensecheck.Scan([]byte(l.text))
		if l.of != "" || found.Percent < enough {
			continue
		}
		for _, m := range found.Match {
			if !m.IsURL && !slices.Contains(ids, m.ID) {
				ids = append(ids, m.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// partsOf lists the parts of others in programs, by name. It reads what Go noted in the programs, and the licences in the cache of modules
// that they were built from. A part without any licence is an error.
func partsOf(programs []string) ([]part, error) {
	found := map[module.Version]*debug.Module{}
	version := ""
	for _, path := range programs {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return nil, err
		}
		version = info.GoVersion
		for _, m := range info.Deps {
			if m.Replace != nil {
				return nil, fmt.Errorf("%s has %s replaced by %s: a version is built of what go.mod says", path, m.Path, m.Replace.Path)
			}
			found[module.Version{Path: m.Path, Version: m.Version}] = m
		}
	}
	return readParts(version, found)
}

func readParts(goVersion string, modules map[module.Version]*debug.Module) ([]part, error) {
	cache, err := goEnv("GOMODCACHE")
	if err != nil {
		return nil, err
	}
	root, err := goEnv("GOROOT")
	if err != nil {
		return nil, err
	}
	number := strings.TrimPrefix(goVersion, "go")
	golang := part{name: "Go", version: number, url: "pkg:golang/stdlib@" + number}
	if golang.licenses, err = findLicenses(root, false); err != nil {
		return nil, err
	}
	parts := []part{golang}
	for key, m := range modules {
		p, err := modulePart(cache, key)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
		if strings.HasPrefix(m.Path, duckdbModules) {
			if p, err = duckdb(m); err != nil {
				return nil, err
			}
			parts = append(parts, p)
		}
	}
	for _, p := range parts {
		if len(p.licenses) == 0 {
			return nil, fmt.Errorf("no licence of %s %s is found: without one nobody may hand it on", p.name, p.version)
		}
	}
	slices.SortFunc(parts, func(a, b part) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.version, b.version))
	})
	return parts, nil
}

// modulePart reads the licences of a module from the cache.
func modulePart(cache string, m module.Version) (part, error) {
	path, err := module.EscapePath(m.Path)
	if err != nil {
		return part{}, err
	}
	version, err := module.EscapeVersion(m.Version)
	if err != nil {
		return part{}, err
	}
	p := part{name: m.Path, version: m.Version, url: "pkg:golang/" + m.Path + "@" + m.Version}
	p.licenses, err = findLicenses(filepath.Join(cache, path+"@"+version), true)
	if err != nil {
		return p, fmt.Errorf("%s %s (go mod download fetches it): %w", m.Path, m.Version, err)
	}
	return p, nil
}

var (
	licenseName = regexp.MustCompile(`(?i)^([a-z0-9]+[-_])?(licen[cs]es?|copying|copyright|notices?|unlicense)([-_. ].*)?$`)
	sourceName  = regexp.MustCompile(`(?i)\.(go|s|c|h|py|sh|json|ya?ml|tmpl|html)$`) // that a program is called copying.go says nothing
)

const maxLicense = 1 << 20

// findLicenses reads the files below dir, or in it, that are called as licences are.
func findLicenses(dir string, below bool) ([]license, error) {
	var list []license
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			if path != dir && (!below || e.Name() == "testdata" || e.Name() == "vendor") {
				return filepath.SkipDir
			}
			return nil
		case !licenseName.MatchString(e.Name()) || sourceName.MatchString(e.Name()) || !e.Type().IsRegular():
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		l, err := readLicense(path)
		l.file = filepath.ToSlash(rel)
		if inner := filepath.Dir(rel); inner != "." {
			l.of = filepath.ToSlash(inner)
		}
		list = append(list, l)
		return err
	})
	return list, err
}

func readLicense(path string) (license, error) {
	if info, err := os.Stat(path); err != nil {
		return license{}, err
	} else if info.Size() > maxLicense {
		return license{}, fmt.Errorf("%s has %d bytes, which is no licence", path, info.Size())
	}
	text, err := os.ReadFile(path)
	return license{text: string(text)}, err
}

// goEnv is what the go command has for a variable.
func goEnv(name string) (string, error) {
	out, err := exec.Command("go", "env", name).Output()
	return strings.TrimSpace(string(out)), err
}
