//go:build linux

package runner_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// open is a directory that everybody may write to, and pass through.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "files-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	return dir
}

func (b *bed) file(f agentproto.File) *runner.Spec {
	if f.Mode == "" {
		f.Mode = "0644"
	}
	f.Timeout = 60
	return &runner.Spec{Task: &agentproto.Task{Kind: agentproto.TaskFile, Invocation: "f-1", File: &f}, Run: 1, Policy: b.p}
}

// send sends a file, and returns the code of what came of it; "" if it is there.
func (b *bed) send(f agentproto.File) string {
	b.t.Helper()
	p, err := b.r.Prepare(b.file(f))
	if err != nil {
		return err.(*policy.Refusal).Code //nolint:errorlint // it is one
	}
	if err := p.Begin(); err != nil {
		b.t.Fatal(err)
	}
	<-p.Done()
	r := p.Result()
	if (r.Outcome == agentproto.Exited) != (r.ErrorCode == "") {
		b.t.Errorf("%+v", r)
	}
	return r.ErrorCode
}

func TestFiles(t *testing.T) {
	b := newBed(t)
	dir := openDir(t)
	user := me(t)
	for _, c := range []struct {
		name string
		file agentproto.File
		code string
	}{
		{"plain", agentproto.File{Name: "a", Directory: dir, Content: []byte("one"), Owner: user}, ""},
		{"taken", agentproto.File{Name: "a", Directory: dir, Content: []byte("two"), Owner: user}, policy.FileExists},
		{"overwritten", agentproto.File{Name: "a", Directory: dir, Content: []byte("three"), Owner: user, Overwrite: true, Mode: "600"}, ""},
		{"a new directory", agentproto.File{Name: "b", Directory: dir + "/x/y", Content: []byte("b"), Owner: user}, ""},
		{"over a directory", agentproto.File{Name: "x", Directory: dir, Owner: user, Overwrite: true}, policy.FileExists},
		{"empty", agentproto.File{Name: "empty", Directory: dir, Owner: user}, ""},
		{"below a file", agentproto.File{Name: "c", Directory: dir + "/a", Owner: user}, policy.FilePath},
		{"a path for a name", agentproto.File{Name: "../a", Directory: dir, Owner: user}, policy.FileName},
		{"dots for a name", agentproto.File{Name: "..", Directory: dir, Owner: user}, policy.FileName},
		{"relative", agentproto.File{Name: "a", Directory: "tmp", Owner: user}, policy.FilePath},
		{"mode", agentproto.File{Name: "a", Directory: dir, Owner: user, Mode: "4755"}, policy.FileAuthority},
		{"owner", agentproto.File{Name: "a", Directory: dir, Owner: "nobody-at-all"}, policy.NoAccount},
		{"group", agentproto.File{Name: "a", Directory: dir, Owner: user, Group: "no-such-group"}, policy.NoGroup},
		{"long name", agentproto.File{Name: strings.Repeat("n", 255), Directory: dir, Owner: user}, ""},
	} {
		if got := b.send(c.file); got != c.code {
			t.Errorf("%s: %q, want %q", c.name, got, c.code)
		}
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(raw) != "three" {
		t.Errorf("%q, %v", raw, err)
	}
	if st, err := os.Stat(filepath.Join(dir, "a")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s is left", e.Name())
		}
	}
}

// A name that is a link is replaced, not followed; a link out of a directory of the policy leads nowhere.
func TestFilesAndLinks(t *testing.T) {
	b := newBed(t)
	dir, victim := openDir(t), filepath.Join(openDir(t), "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link(victim, "link")
	link(filepath.Dir(victim), "out")
	link("..", "up")
	if got := b.send(agentproto.File{Name: "link", Directory: dir, Content: []byte("new"), Owner: me(t), Overwrite: true}); got != "" {
		t.Errorf("%q", got)
	}
	b.p.Directories = []string{dir}
	for _, c := range []struct{ directory, code string }{
		{dir, ""},
		{dir + "/new", ""},
		{dir + "/out", policy.FilePath},
		{dir + "/out/new", policy.FilePath},
		{dir + "/up", policy.FilePath},
		{dir + "/../x", policy.FilePath},
		{filepath.Dir(victim), policy.FilePath},
		{"/", policy.FilePath},
	} {
		if got := b.send(agentproto.File{Name: "victim", Directory: c.directory, Content: []byte("new"), Owner: me(t), Overwrite: true}); got != c.code {
			t.Errorf("%s: %q, want %q", c.directory, got, c.code)
		}
	}
	if raw, err := os.ReadFile(victim); err != nil || string(raw) != "mine" {
		t.Errorf("%q, %v", raw, err)
	}
}

// Files are written with the rights of their owners: what they may not write, the agent does not write for them.
func TestFilesOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become others")
	}
	b := newBed(t)
	b.p.Root = false
	dir, root := openDir(t), closed(t)
	if got := b.send(agentproto.File{Name: "a", Directory: dir, Content: []byte("a"), Owner: "nobody"}); got != "" {
		t.Errorf("%q", got)
	}
	st, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	if sys := st.Sys().(*syscall.Stat_t); sys.Uid != nobody {
		t.Errorf("it belongs to %d", sys.Uid)
	}
	for want, f := range map[string]agentproto.File{
		policy.FilePath:      {Name: "a", Directory: root + "/below", Owner: "nobody"},
		policy.NoAccount:     {Name: "a", Directory: dir, Owner: "root"},
		policy.FileAuthority: {Name: "a", Directory: dir, Owner: "nobody", Group: "root"},
		policy.FileFailed:    {Name: "a", Directory: "/etc", Owner: "nobody"},
	} {
		if got := b.send(f); got != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, os.ModeSticky|0o777); err != nil { //nolint:gosec // as /tmp is
		t.Fatal(err)
	}
	if got := b.send(agentproto.File{Name: "mine", Directory: dir, Owner: "nobody", Overwrite: true}); got != policy.FileFailed {
		t.Errorf("a file of root was replaced: %q", got)
	}
	if os.Geteuid() != 0 { // the thread that was another ended with it
		t.Error("the agent is another user now")
	}
}

// After a restart, a file that was being written is there or is not, and that is what is said.
func TestFilesAfterARestart(t *testing.T) {
	b := newBed(t)
	dir := openDir(t)
	f := agentproto.File{Name: "a", Directory: dir, Content: []byte("one"), Owner: me(t)}
	if p := b.r.Attach(runner.Ref{}, b.file(f)); p.Result().ErrorCode != policy.Restarted {
		t.Errorf("%+v", p.Result())
	}
	b.send(f)
	if p := b.r.Attach(runner.Ref{}, b.file(f)); p.Result().Outcome != agentproto.Exited {
		t.Errorf("%+v", p.Result())
	}
	f.Content = []byte("other")
	if p := b.r.Attach(runner.Ref{}, b.file(f)); p.Result().ErrorCode != policy.Restarted {
		t.Errorf("%+v", p.Result())
	}
}
