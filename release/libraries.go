package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// libraries says which libraries of the system programs need, and of which version at least; "" if they need none.
func libraries(programs []string) (string, error) {
	var b strings.Builder
	for _, path := range programs {
		needs, err := needsOf(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		if len(needs) > 0 {
			fmt.Fprintf(&b, "%s needs %s, or newer.\n", filepath.Base(path), strings.Join(needs, ", "))
		}
	}
	return b.String(), nil
}

// needsOf lists the newest version of each family of symbols that a program takes from shared libraries, as GLIBC_2.34. Programs that are
// not ELF, or are linked statically, need none.
func needsOf(path string) ([]string, error) {
	f, err := elf.Open(path)
	var other *elf.FormatError
	if errors.As(err, &other) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols, err := f.ImportedSymbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	newest := map[string]string{}
	for _, s := range symbols {
		family, version, found := strings.Cut(s.Version, "_")
		if found && semver.IsValid("v"+version) && semver.Compare("v"+version, "v"+newest[family]) > 0 {
			newest[family] = version
		}
	}
	var needs []string
	for family, version := range newest {
		needs = append(needs, family+"_"+version)
	}
	slices.Sort(needs)
	return needs, nil
}
