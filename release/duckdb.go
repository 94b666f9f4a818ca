package main

import (
	"debug/elf"
	"embed"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// What the module of DuckDB's libraries leaves out is in duckdb/, for one version of it.
const (
	duckdbModules = "github.com/duckdb/duckdb-go-bindings/lib/"
	duckdbModule  = "v0.10500.0"
	duckdbVersion = "1.5.0"
)

// duckdbTerms are the licences of parts of DuckDB whose texts offer a choice, of which one is taken, or are of several parts at once.
var duckdbTerms = map[string][]string{
	"concurrentqueue": {"BSD-2-Clause"},
	"icu":             {"ICU", "Unicode-DFS-2016"},
	"mbedtls":         {"Apache-2.0"},
	"ska_sort":        {"BSL-1.0"},
	"snappy":          {"BSD-3-Clause"},
	"utf8proc":        {"MIT", "Unicode-DFS-2015"},
}

//go:embed duckdb/*.txt
var duckdbTexts embed.FS

// duckdb is DuckDB itself as a part, with what is compiled into it, for a program that links m.
func duckdb(m *debug.Module) (part, error) {
	if m.Version != duckdbModule {
		return part{}, fmt.Errorf("%s is %s, and release/duckdb has the licences of %s: look for what has changed in them, and in release/duckdb.go", m.Path, m.Version, duckdbModule)
	}
	p := part{name: "DuckDB", version: duckdbVersion, url: "pkg:github/duckdb/duckdb@v" + duckdbVersion}
	files, err := duckdbTexts.ReadDir("duckdb")
	if err != nil {
		return p, err
	}
	for _, f := range files {
		text, err := duckdbTexts.ReadFile(path.Join("duckdb", f.Name()))
		if err != nil {
			return p, err
		}
		terms := []license{{file: f.Name(), text: string(text)}}
		if name := strings.TrimSuffix(f.Name(), ".txt"); name != "duckdb" {
			p.inside = append(p.inside, part{name: name, licenses: terms, terms: duckdbTerms[name]})
		} else {
			p.licenses = terms
		}
	}
	return p, nil
}

// benchmarks are parts of names in the generators of TPC-H and TPC-DS. They are in the libraries of the module, under terms by which no
// release may have them; linkers take them only where something refers to them.
var benchmarks = regexp.MustCompile(`(?i)tpch|tpcds|dbgen|dsdgen`)

// noBenchmarks looks into a server, by the names that it exports, for code that it must not have.
func noBenchmarks(program string) error {
	f, err := elf.Open(program)
	if err != nil {
		return err
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return err
	}
	engine := false
	for _, s := range symbols {
		engine = engine || strings.Contains(s.Name, "duckdb")
		if benchmarks.MatchString(s.Name) {
			return fmt.Errorf("%s has %s in it, which is of a benchmark that may not be handed on", filepath.Base(program), s.Name)
		}
	}
	if !engine {
		return fmt.Errorf("%s exports no name of DuckDB: what of it is in there cannot be told", filepath.Base(program))
	}
	return nil
}
