package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// accepted are the licences of which programs that people may pass on freely can be made. Another one is for people to read first.
var accepted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ICU", "ISC", "MIT", "MPL-2.0", "Unicode-DFS-2015", "Unicode-DFS-2016", "Unlicense", "Zlib", "0BSD"}

// linked are the modules that the programs for Linux are made of.
func linked(t *testing.T) map[module.Version]*debug.Module {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=Module", "./cmd/sluiced", "./cmd/sluice", "./cmd/sluice-agent")
	cmd.Dir = project
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[module.Version]*debug.Module{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Module *struct{ Path, Version string }
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && p.Module.Version != "" {
			found[module.Version{Path: p.Module.Path, Version: p.Module.Version}] = &debug.Module{Path: p.Module.Path, Version: p.Module.Version}
		}
	}
}

// All that is linked has its licence, one that is known and accepted, and so has what is compiled into DuckDB.
func TestLicences(t *testing.T) {
	parts, err := readParts(runtime.Version(), linked(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) < 50 {
		t.Errorf("only %d parts were found", len(parts))
	}
	inside := 0
	all := slices.Clone(parts)
	for _, p := range parts {
		inside += len(p.inside)
		all = append(all, p.inside...)
	}
	for _, p := range all {
		ids := p.ids()
		if len(ids) == 0 {
			t.Errorf("%s %s has terms that are not known:\n%.300s", p.name, p.version, p.licenses[0].text)
		}
		for _, id := range ids {
			if !slices.Contains(accepted, id) {
				t.Errorf("%s %s is under %s", p.name, p.version, id)
			}
		}
	}
	if inside < 20 {
		t.Errorf("%d parts are inside DuckDB: the texts are missing", inside)
	}
	var b strings.Builder
	if err := writeNotices(&b, parts); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"  DuckDB " + duckdbVersion + ": MIT\n", "    in it icu: ", "Stichting DuckDB Foundation", "  modernc.org/sqlite ", "(SQLITE-LICENSE)", "zstd in DuckDB"} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("the notices do not have %q", text)
		}
	}
}

// A new DuckDB, or a module without a licence, stops a release.
func TestPartsAreRefused(t *testing.T) {
	one := func(m debug.Module) map[module.Version]*debug.Module {
		return map[module.Version]*debug.Module{{Path: m.Path, Version: m.Version}: &m}
	}
	if _, err := duckdb(&debug.Module{Path: duckdbModules + "linux-amd64", Version: "v0.99999.0"}); err == nil || !strings.Contains(err.Error(), "look for what has changed") {
		t.Errorf("another DuckDB: got %v", err)
	}
	if _, err := readParts("go1.26", one(debug.Module{Path: "example.com/none", Version: "v1.0.0"})); err == nil || !strings.Contains(err.Error(), "go mod download") {
		t.Errorf("a module that is not there: got %v", err)
	}
	cache := t.TempDir()
	t.Setenv("GOMODCACHE", cache)
	t.Setenv("GOFLAGS", "-mod=mod") // whatever is set, the cache is read
	bare := filepath.Join(cache, "example.com", "!bare@v1.0.0")
	if err := errors.Join(os.MkdirAll(filepath.Join(bare, "testdata"), 0o755), os.WriteFile(filepath.Join(bare, "testdata", "LICENSE"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := readParts("go1.26", one(debug.Module{Path: "example.com/Bare", Version: "v1.0.0"})); err == nil || !strings.Contains(err.Error(), "nobody may hand it on") {
		t.Errorf("a module without a licence: got %v", err)
	}
}

func TestLicenseNames(t *testing.T) {
	for name, want := range map[string]bool{
		"LICENSE": true, "license.md": true, "LICENCE.txt": true, "COPYING": true, "SQLITE-LICENSE": true, "LICENSE-APACHE": true, "LICENSE_MIT": true, "NOTICE": true, "LICENSE.libyaml": true,
		"LICENSE.go": false, "licensecheck": false, "copying.py": false, "README.md": false, "copyright-notice.html": false,
	} {
		if got := licenseName.MatchString(name) && !sourceName.MatchString(name); got != want {
			t.Errorf("%s: got %t, want %t", name, got, want)
		}
	}
}

// This test needs what the C library has, and says so; text needs nothing.
func TestLibraries(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("text ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := libraries([]string{text}); err != nil || got != "" {
		t.Errorf("a text: got %q, %v", got, err)
	}
	if runtime.GOOS != "linux" {
		t.Skip("programs of other systems are not ELF")
	}
	if exec.Command("getconf", "GNU_LIBC_VERSION").Run() != nil {
		t.Skip("the C library is another one")
	}
	want := regexp.MustCompile(`^both needs GLIBC_2\.[0-9.]+, or newer\.\n$`)
	if got, err := libraries([]string{library(t, "both", "#include <math.h>\ndouble f(double x) { return cosh(x); }"), text}); err != nil || !want.MatchString(got) {
		t.Errorf("got %q, %v", got, err)
	}
}

// library compiles a shared library.
func library(t *testing.T, name, source string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("gcc", "-shared", "-fPIC", "-x", "c", "-o", path, "-", "-lm")
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return path
}

// A server with code of the benchmarks in it is not released, nor one that cannot be looked into.
func TestNoBenchmarks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("libraries of other systems are not ELF")
	}
	for source, says := range map[string]string{
		"int duckdb_open(void) { return 0; }":                                                    "",
		"int duckdb_open(void) { return 0; } int tpch_dbgen(void) { return 0; }":                 "tpch_dbgen",
		"int duckdb_open(void) { return 0; } int _ZN5tpcds13DSDGenWrapperEv(void) { return 0; }": "DSDGen",
		"int other(void) { return 0; }":                                                          "cannot be told",
	} {
		err := noBenchmarks(library(t, "server", source))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: got %v, want %q", source, err, says)
		}
	}
}
