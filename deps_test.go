package sluice_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Who may import whom (ARCHITECTURE.md has the picture; imports point down). Only edges that would hurt are rules here.
//
// Packages are named below the module, "." is the module's root, and patterns are those of path.Match.

// noCgo: a tool that people copy to a machine, and the path that a log takes to the disk, stay free of cgo.
var noCgo = []string{"client", "cmd/sluice", "cmd/sluice-agent", "internal/ingest", "internal/shard"}

// mayImport lists all that a package may import of this module, itself or through others.
var mayImport = map[string][]string{
	".":                        {},
	"internal/vfs":             {},
	"internal/version":         {},
	"internal/lz4block":        {},
	"internal/config":          {},
	"internal/quota":           {},
	"internal/wal":             {"internal/vfs"},
	"internal/shard":           {".", "internal/vfs", "internal/wal"},
	"internal/sign":            {"."},
	"internal/logpb":           {"."},
	"internal/logline":         {"."},
	"internal/meta":            {"."},
	"internal/iam/policy":      {},
	"internal/control":         {".", "internal/meta"},
	"internal/index":           {"."},
	"internal/query/search":    {".", "internal/index"},
	"internal/query/spl":       {"."},
	"internal/query/statement": {"."},
	"internal/objects":         {"internal/vfs"},
	"internal/objects/s3store": {"internal/objects", "internal/vfs"},
	"internal/wordzip":         {},
	"internal/segment":         {".", "internal/objects", "internal/vfs", "internal/wordzip"},
	"internal/agentproto":      {},
	"internal/trail":           {"."},
	"internal/trail/operation": {".", "internal/trail"},
	"internal/trail/shape":     {".", "internal/trail"},
	"internal/schedule":        {},
	"client":                   {".", "internal/sign", "internal/logline", "internal/logpb"},
	"client/sluicelog":         {".", "client", "internal/sign", "internal/logline", "internal/logpb"},

	"internal/agent/journal":  {"internal/vfs"},
	"internal/agent/policy":   {"internal/agentproto"},
	"internal/agent/runner":   {"internal/agentproto", "internal/agent/policy"},
	"internal/agent/identity": {"internal/agentproto"},
	"internal/agent/machine":  {"internal/agentproto"},
	"internal/agent": {
		"internal/agentproto", "internal/agent/journal", "internal/agent/policy", "internal/agent/runner", "internal/schedule", "internal/vfs",
	},
	"cmd/sluice-agent": { // what people trust with root is to be read in an afternoon
		"internal/agentproto", "internal/agent", "internal/agent/journal", "internal/agent/policy", "internal/agent/runner", "internal/agent/identity",
		"internal/agent/machine", "internal/schedule", "internal/vfs", "internal/version", "packaging/systemd",
	},

	"internal/delivery/sink":         {"."},
	"internal/delivery/sink/post":    {".", "internal/delivery/sink", "internal/delivery/sink/tlsconf"},
	"internal/delivery/sink/tlsconf": {".", "internal/delivery/sink"},
	"internal/delivery/egress":       {".", "internal/delivery/sink"},
	"internal/delivery/category":     {},
	"internal/delivery/encode":       {".", "internal/delivery/sink", "internal/index", "internal/logpb"},
	"internal/delivery/pipeline": {
		".", "internal/delivery/encode", "internal/delivery/sink", "internal/index", "internal/logpb", "internal/query/search",
	},
	"internal/delivery/object":    {".", "internal/delivery/encode", "internal/delivery/sink", "internal/index", "internal/logpb"},
	"internal/delivery/ownership": {"."},

	"internal/trail/bucket":             {},
	"internal/trail/courier/digesttest": {},
	"internal/collector": {
		".", "client", "internal/sign", "internal/logline", "internal/logpb", "internal/vfs", "internal/index", "internal/delivery/sink",
		"internal/delivery/encode", "internal/delivery/sink/tlsconf", "internal/delivery/sink/syslogsink",
	},
}

// sinks are the packages of destinations, and notSinks what they do not see of the server.
const sinks = "internal/delivery/sink/*sink"

var notSinks = []string{"internal/meta", "internal/shard", "internal/catalog", "internal/ingest", "internal/delivery"}

// standalone are what a command line runs without a server, and so without linking what keeps the logs of one.
var standalone = []string{"cmd/sluice", "internal/collector/*"}

var notStandalone = []string{
	"internal/meta", "internal/shard", "internal/catalog", "internal/ingest", "internal/delivery", "internal/auth", "internal/query", "internal/server", "internal/node",
}

// onlyFrom lists the only importers of packages that sit at the top; both sides are patterns. Tests may import what they like.
var onlyFrom = map[string][]string{
	"internal/node":    {"cmd/sluiced", "internal/testenv"}, // it knows every part
	"internal/server":  {"internal/node"},
	"internal/wire/*":  {"internal/node"}, // and so never each other
	"internal/testenv": {},
	"cmd/*":            {},
}

func TestImports(t *testing.T) {
	m := listModule(t)

	t.Run("the words import the standard library alone", func(t *testing.T) {
		for _, dep := range m.reach(t, ".") {
			if p := m.all[dep]; !p.Standard && m.local(dep) != "." {
				t.Errorf("the root package imports %s", dep)
			}
		}
	})
	t.Run("no cgo", func(t *testing.T) {
		for _, name := range noCgo {
			for _, dep := range m.reach(t, name) {
				if p := m.all[dep]; len(p.CgoFiles) > 0 && !p.Standard {
					t.Errorf("%s links %s, which uses cgo", name, dep)
				}
			}
		}
	})
	t.Run("parts import nothing above them", func(t *testing.T) {
		for name, allowed := range mayImport {
			for _, dep := range m.reach(t, name) {
				if local := m.local(dep); local != "" && local != name && !slices.Contains(allowed, local) {
					t.Errorf("%s imports %s", name, local)
				}
			}
		}
	})
	t.Run("sinks see neither the engine nor each other", func(t *testing.T) {
		for _, name := range m.names() {
			if !match(sinks, name) {
				continue
			}
			for _, dep := range m.reach(t, name) {
				if local := m.local(dep); local != name && (match(sinks, local) || slices.Contains(notSinks, local)) {
					t.Errorf("%s imports %s", name, local)
				}
			}
		}
	})
	t.Run("collectors and the command line link no server", func(t *testing.T) {
		for _, name := range m.names() {
			if !slices.ContainsFunc(standalone, func(p string) bool { return match(p, name) }) {
				continue
			}
			for _, dep := range m.reach(t, name) {
				if local := m.local(dep); slices.Contains(notStandalone, local) {
					t.Errorf("%s imports %s", name, local)
				}
			}
		}
	})
	t.Run("the top is imported by main alone", func(t *testing.T) {
		for _, importer := range m.names() {
			for _, dep := range m.all[m.path(importer)].Imports {
				for pattern, allowed := range onlyFrom {
					if match(pattern, m.local(dep)) && !slices.ContainsFunc(allowed, func(p string) bool { return match(p, importer) }) {
						t.Errorf("%s imports %s", importer, m.local(dep))
					}
				}
			}
		}
	})
}

func match(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// module is what go list says of this module and all it needs.
type module struct {
	root string
	all  map[string]listed
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	CgoFiles   []string
}

func listModule(t *testing.T) *module {
	t.Helper()
	lookAtSources(t)
	root, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		t.Fatal(err)
	}
	m := &module{root: strings.TrimSpace(string(root)), all: map[string]listed{}}
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,CgoFiles", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return m
		} else if err != nil {
			t.Fatal(err)
		}
		m.all[p.ImportPath] = p
	}
}

// lookAtSources looks at each Go file, so that go test does not reuse an old verdict: its cache knows what a test read itself, not what
// go list read for it.
func lookAtSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name != "." && strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || name == "data"):
			return filepath.SkipDir
		case filepath.Ext(name) == ".go":
			_, err = os.Stat(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// path turns a name below the module into an import path.
func (m *module) path(name string) string { return path.Join(m.root, name) }

// local is the inverse of path; "" for packages of other modules.
func (m *module) local(importPath string) string {
	if importPath == m.root {
		return "."
	}
	if rest, ok := strings.CutPrefix(importPath, m.root+"/"); ok {
		return rest
	}
	return ""
}

// names lists the packages of this module.
func (m *module) names() []string {
	var names []string
	for p := range m.all {
		if name := m.local(p); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// reach lists the package and all it imports, itself or through others.
func (m *module) reach(t *testing.T, name string) []string {
	t.Helper()
	if _, ok := m.all[m.path(name)]; !ok {
		t.Errorf("a rule names %s, and there is no such package", name)
	}
	seen := map[string]bool{}
	var visit func(string)
	visit = func(p string) {
		if !seen[p] {
			seen[p] = true
			for _, dep := range m.all[p].Imports {
				visit(dep)
			}
		}
	}
	visit(m.path(name))
	var deps []string
	for p := range seen {
		deps = append(deps, p)
	}
	slices.Sort(deps)
	return deps
}
