package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
)

func parse(t *testing.T, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTasks(t *testing.T) {
	run := func(r agentproto.Run) *agentproto.Task {
		if r.Timeout == 0 {
			r.Timeout = 60
		}
		if r.Repeat == "" {
			r.Repeat = agentproto.Once
		}
		return &agentproto.Task{Kind: agentproto.TaskRun, Caller: "7", Run: &r}
	}
	file := func(f agentproto.File) *agentproto.Task {
		return &agentproto.Task{Kind: agentproto.TaskFile, Caller: "7", File: &f}
	}
	for _, c := range []struct {
		policy string
		task   *agentproto.Task
		code   string
	}{
		{"", run(agentproto.Run{}), ""},
		{"", run(agentproto.Run{User: "deploy"}), ""},
		{"", run(agentproto.Run{User: "root"}), policy.NoAccount},
		{"root: true", run(agentproto.Run{User: "root"}), ""},
		{"defaultUser: root", run(agentproto.Run{}), policy.NoAccount},
		{"{root: true, defaultUser: root}", run(agentproto.Run{}), ""},
		{"users: [deploy]", run(agentproto.Run{User: "deploy"}), ""},
		{"users: [deploy]", run(agentproto.Run{User: "www"}), policy.NoAccount},
		{"users: [deploy]", run(agentproto.Run{}), ""},
		{"signers: [k-1]", run(agentproto.Run{}), ""},
		{"signers: [k-2]", run(agentproto.Run{}), policy.NotApplicable},
		{"callers: ['7']", run(agentproto.Run{}), ""},
		{"callers: ['8']", run(agentproto.Run{}), policy.NotApplicable},
		{"directories: [/srv]", run(agentproto.Run{Directory: "/srv/app"}), ""},
		{"directories: [/srv]", run(agentproto.Run{Directory: "/srv"}), ""},
		{"directories: [/srv]", run(agentproto.Run{Directory: "/srv/../etc"}), policy.NoDirectory},
		{"directories: [/srv]", run(agentproto.Run{Directory: "/srvx"}), policy.NoDirectory},
		{"directories: [/srv]", run(agentproto.Run{Directory: "srv"}), policy.NoDirectory},
		{"maxTimeout: 1m", run(agentproto.Run{Timeout: 60}), ""},
		{"maxTimeout: 1m", run(agentproto.Run{Timeout: 61}), policy.NotApplicable},
		{"schedules: false", run(agentproto.Run{Repeat: agentproto.EveryReboot}), policy.NotApplicable},
		{"schedules: false", run(agentproto.Run{}), ""},
		{"", run(agentproto.Run{Container: "c"}), policy.NoContainers},
		{"", file(agentproto.File{Directory: "/etc", Owner: "root"}), policy.FileAuthority},
		{"root: true", file(agentproto.File{Directory: "/etc", Owner: "root"}), ""},
		{"files: false", file(agentproto.File{Directory: "/tmp"}), policy.FileAuthority},
		{"directories: [/srv]", file(agentproto.File{Directory: "/etc"}), policy.FilePath},
	} {
		r := parse(t, c.policy).Task(c.task, "k-1")
		if got := ""; r != nil {
			got = r.Code
			if got != c.code {
				t.Errorf("%s: %v, want %q", c.policy, r, c.code)
			}
		} else if c.code != "" {
			t.Errorf("%s: allowed %+v, want %q", c.policy, c.task, c.code)
		}
	}
}

// A link out of an allowed directory does not widen it.
func TestLinks(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(inside, "out")); err != nil {
		t.Fatal(err)
	}
	p := policy.Default()
	p.Directories = []string{inside}
	for path, want := range map[string]bool{
		inside: true, inside + "/new/deeper": true, inside + "/out": false, inside + "/out/new": false, inside + "/out/inside": true, dir: false,
	} {
		if got := p.Within(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestParse(t *testing.T) {
	p := parse(t, "maxOutput: 2MiB\nmaxSpool: 1GB\ngrace: 90s\nmaxRuns: 3\n")
	if p.MaxOutput != 2<<20 || p.MaxSpool != 1e9 || time.Duration(p.Grace) != 90*time.Second || p.MaxRuns != 3 || p.Root {
		t.Errorf("%+v", p)
	}
	for text, want := range map[string]string{
		"rooot: true":           "rooot",
		"maxOutput: many":       "4096, 16MiB",
		"grace: soon":           "90s or 24h",
		"maxRuns: 0":            "maxRuns",
		"maxMemory: 1MiB":       "16 MiB",
		"maxMemory: -1":         "size",
		"directories: [a]":      "not absolute",
		"maxOutput: 99999999GB": "4096, 16MiB",
	} {
		if _, err := policy.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestLoad(t *testing.T) {
	if p, err := policy.Load(filepath.Join(t.TempDir(), "none")); err != nil || p.Root {
		t.Errorf("no file: %v, %v", p, err)
	}
	if _, err := policy.Load(t.TempDir()); err == nil {
		t.Error("a directory was taken for a policy")
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("root: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := policy.Load(path); err != nil || !p.Root {
		t.Errorf("%v, %v", p, err)
	}
	if err := os.Chmod(path, 0o666); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	if _, err := policy.Load(path); err == nil || !strings.Contains(err.Error(), "chmod go-w") {
		t.Errorf("a policy that everybody may write: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("root: true\nusers: [a, b]\nmaxOutput: 1MiB\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, err := policy.Parse(raw); err == nil && (p.MaxRuns < 1 || p.MaxOutput < 1) {
			t.Errorf("%+v", p)
		}
	})
}
