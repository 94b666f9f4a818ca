//go:build linux

package runner_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// This test is also the keeper of its commands.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "keep" {
		if err := runner.Keep(os.Args[2], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// bed is a runner with a policy.
type bed struct {
	t *testing.T
	r *runner.Runner
	p *policy.Policy
	o runner.Options
}

func newBed(t *testing.T) *bed {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "runs-") // not t.TempDir, which others may not pass through
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &bed{t: t, p: policy.Default(), o: runner.Options{Dir: dir, Keeper: []string{self, "keep"}, BootID: "boot"}}
	b.p.Root, b.p.Grace = true, policy.Duration(200*time.Millisecond)
	b.again()
	return b
}

// again is what a restart of the agent does.
func (b *bed) again() {
	b.t.Helper()
	var err error
	if b.r, err = runner.New(b.o); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) spec(script string, change ...func(*agentproto.Run)) *runner.Spec {
	run := &agentproto.Run{Type: "RunShellScript", Content: []byte(script), Timeout: 60, Repeat: agentproto.Once, NextRun: 1, User: me(b.t)}
	for _, c := range change {
		c(run)
	}
	return &runner.Spec{Task: &agentproto.Task{Kind: agentproto.TaskRun, Invocation: "t-1", Instance: "mi-1", Run: run}, Run: 1, Policy: b.p, MaxOutput: 1 << 20}
}

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

func (b *bed) begin(s *runner.Spec) runner.Process {
	b.t.Helper()
	p, err := b.r.Prepare(s)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := p.Begin(); err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bed) run(s *runner.Spec) runner.Result {
	b.t.Helper()
	p := b.begin(s)
	<-p.Done()
	b.t.Cleanup(p.Remove)
	return p.Result()
}

// out waits until the output of a run holds a text, and returns it all.
func (b *bed) out(p runner.Process, text string) string {
	b.t.Helper()
	for deadline := time.After(time.Minute); ; {
		raw := make([]byte, p.Kept())
		if _, err := p.ReadAt(raw, 0); err != nil && len(raw) > 0 {
			b.t.Fatal(err)
		}
		if strings.Contains(string(raw), text) {
			return string(raw)
		}
		select {
		case <-p.Changed():
		case <-p.Done():
		case <-deadline:
			b.t.Fatalf("the output is %q after a minute", raw)
		}
	}
}

func code(r runner.Result) int64 {
	if r.ExitCode == nil {
		return -1
	}
	return *r.ExitCode
}

func TestCommands(t *testing.T) {
	b := newBed(t)
	for name, c := range map[string]struct {
		script string
		change func(*agentproto.Run)
		code   int64
		output string
	}{
		"output":                   {"echo out; echo err >&2; echo again", nil, 0, "out\nerr\nagain\n"},
		"exit code":                {"exit 3", nil, 3, ""},
		"signal":                   {"kill -9 $$", nil, 137, ""},
		"interpreter":              {"#!/bin/cat\ntext\n", nil, 0, "#!/bin/cat\ntext\n"},
		"launcher":                 {"text\n", func(r *agentproto.Run) { r.Launcher = `cat {{ ACS::ScriptFileName|Ext(".txt") }}` }, 0, "text\n"},
		"launcher without a place": {"text\n", func(r *agentproto.Run) { r.Launcher = "cat" }, 0, "text\n"},
		"directory":                {"pwd", func(r *agentproto.Run) { r.Directory = "/usr" }, 0, "/usr\n"},
		"no input":                 {"cat", nil, 0, ""},
		"not UTF-8":                {`printf 'a\377b'`, nil, 0, "a\uFFFDb"},
		"clean":                    {"echo $SLUICE_INVOCATION $SLUICE_RUN $HOSTILE", nil, 0, "t-1 1\n"},
		"mask":                     {"echo the secret word and the se; echo cret", func(r *agentproto.Run) { r.Mask = []string{"secret", "word"} }, 0, "the ****** ****** and the se\ncret\n"},
		"mask across writes":       {"printf se; sleep 0.05; printf 'cret\\n'", func(r *agentproto.Run) { r.Mask = []string{"secret"} }, 0, "******\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOSTILE", "not for commands")
			var change []func(*agentproto.Run)
			if c.change != nil {
				change = append(change, c.change)
			}
			r := b.run(b.spec(c.script, change...))
			if r.Outcome != agentproto.Exited || code(r) != c.code || string(r.Output) != c.output {
				t.Errorf("%+v, output %q", r, r.Output)
			}
			if whole := name != "not UTF-8"; r.Whole != whole {
				t.Errorf("whole: %v", r.Whole)
			}
		})
	}
}

// A command that takes more memory than the policy gives fails, whichever of its processes it is, and its result says what the limit is; one that takes
// less, and one without a limit, does not.
func TestMemory(t *testing.T) {
	b := newBed(t)
	const greedy = "head -c 100000000 /dev/zero | tail -c 80000000 > /dev/null"
	for _, c := range []struct {
		what, script string
		limit        policy.Size
		code         int64 // -1: any but 0
		output, info string
	}{
		{"without a limit", greedy, 0, 0, "", ""},
		{"too much", greedy, 64 << 20, -1, "memory", "64 MiB of memory"},
		{"little", "echo fine", 64 << 20, 0, "fine", ""},
		{"another failure", "echo no; exit 3", 64 << 20, 3, "no", "the exit code is 3"},
		{"a limit that is lifted", "ulimit -S -v unlimited; " + greedy, 64 << 20, -1, "", "64 MiB of memory"},
		{"an interpreter", "#!/bin/cat\ntext", 64 << 20, 0, "text", ""},
		{"the command is what it says", `tr '\0' ' ' < /proc/$$/cmdline`, 64 << 20, 0, "/bin/sh /", ""},
	} {
		b.p.MaxMemory = c.limit
		r := b.run(b.spec(c.script))
		if r.Outcome != agentproto.Exited || code(r) != c.code && (c.code >= 0 || code(r) == 0) || !strings.Contains(string(r.Output), c.output) ||
			!strings.Contains(r.ErrorInfo, c.info) || (r.ErrorCode == policy.Nonzero) != (c.info != "") {
			t.Errorf("%s: %+v, exit code %d, output %q", c.what, r, code(r), r.Output)
		}
	}
}

func TestRefused(t *testing.T) {
	b := newBed(t)
	for want, change := range map[string]func(*agentproto.Run){
		policy.NoAccount:     func(r *agentproto.Run) { r.User = "nobody-at-all" },
		policy.NoDirectory:   func(r *agentproto.Run) { r.Directory = "/no/such/directory" },
		policy.NotApplicable: func(r *agentproto.Run) { r.Type = "RunBatScript" },
	} {
		if r := b.r.Check(b.spec("true", change)); r == nil || r.Code != want {
			t.Errorf("%v, want %s", r, want)
		}
	}
	b.p.Root = false
	if os.Geteuid() == 0 {
		if r := b.r.Check(b.spec("true")); r == nil || r.Code != policy.NoAccount {
			t.Errorf("root: %v", r)
		}
	}
}

// Commands run as their user, with nothing of the agent's.
func TestOtherUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become others")
	}
	b := newBed(t)
	nobody := func(r *agentproto.Run) { r.User = "nobody" }
	r := b.run(b.spec("id -un; id -Gn; ls -l /proc/self/fd | grep -c pulse; cat "+b.o.Dir+"/*/result* 2>&1 | grep -c denied; touch "+b.o.Dir+"/x || echo no", nobody))
	if got := string(r.Output); !strings.HasPrefix(got, "nobody\n") || !strings.HasSuffix(got, "no\n") || strings.Contains(got, "root") {
		t.Errorf("%q", got)
	}
	b.p.Root = false
	if r := b.run(b.spec("id -un", func(r *agentproto.Run) { r.User = "" })); string(r.Output) != "nobody\n" {
		t.Errorf("the default user: %+v %q", r, r.Output)
	}
	r = b.run(b.spec("true", nobody, func(r *agentproto.Run) { r.Directory = b.o.Dir + "/../" + filepath.Base(closed(t)) }))
	if r.Outcome != agentproto.Errored || r.ErrorCode != policy.NoDirectory {
		t.Errorf("a directory that is not open to the user: %+v", r)
	}
}

// closed is a directory that others may not enter, beside those of runs.
func closed(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "closed-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	return dir
}

// What ignores being asked is killed, with all that it started, also what left its session.
func TestKillsTrees(t *testing.T) {
	b := newBed(t)
	const script = `
		trap '' TERM HUP INT
		setsid sh -c 'trap "" TERM; echo away $$; while :; do sleep 0.05; done' &
		sh -c 'trap "" TERM; echo near $$; while :; do sleep 0.05; done' &
		( ( exec setsid sleep 1000 ) & )
		echo main $$
		while :; do sleep 0.05; done`
	for name, cgroups := range map[string]bool{"with cgroups": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			if cgroups && b.r.Cgroups() == "" {
				t.Skip("there are no cgroups of version 2 here")
			}
			r := b.r
			if !cgroups {
				r = b.r.WithoutCgroups()
			}
			p, err := r.Prepare(b.spec(script, func(r *agentproto.Run) { r.KillTree = true }))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(p.Remove)
			if err := p.Begin(); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"away", "near", "main"} {
				b.out(p, text)
			}
			p.Stop()
			p.Stop()
			<-p.Done()
			if r := p.Result(); r.Outcome != agentproto.Terminated || r.ErrorCode != "" {
				t.Errorf("%+v", r)
			}
			for line := range strings.Lines(string(p.Result().Output)) {
				pid, _ := strconv.Atoi(strings.Fields(line)[1])
				if alive(pid) {
					t.Errorf("%s is still there", strings.TrimSpace(line))
				}
			}
		})
	}
}

// alive reports whether a process is there and not a zombie.
func alive(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(raw), ") Z ")
}

func TestTimeout(t *testing.T) {
	b := newBed(t)
	b.p.Grace = policy.Duration(time.Minute) // it does what it is asked, however busy the machine is
	never := filepath.Join(t.TempDir(), "never")
	if err := syscall.Mkfifo(never, 0o600); err != nil {
		t.Fatal(err)
	}
	r := b.run(b.spec("trap 'echo asked; exit 1' TERM; echo begun; while :; do read x < "+never+"; done 2>/dev/null", func(r *agentproto.Run) { r.Timeout = 3 }))
	if r.Outcome != agentproto.TimedOut || string(r.Output) != "begun\nasked\n" || r.Took < 3*time.Second {
		t.Errorf("%+v %q", r, r.Output)
	}
}

// A command that leaves something behind is over when it is, and what it left goes on.
func TestLeftBehind(t *testing.T) {
	b := newBed(t)
	r := b.run(b.spec("sleep 1000 & echo $!"))
	if r.Outcome != agentproto.Exited {
		t.Fatalf("%+v", r)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(r.Output)))
	if err != nil || !alive(pid) {
		t.Errorf("%q: %v", r.Output, err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

// A fork bomb ends at its limit, and with its timeout, and takes nobody else with it.
func TestForkBomb(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the limit is one of a user, who has to have nothing else")
	}
	b := newBed(t)
	b.p.MaxProcesses = 60
	r := b.run(b.spec(`bomb() { bomb | bomb & bomb; }; { bomb & } 2>/dev/null; while :; do :; done`, func(r *agentproto.Run) {
		r.User, r.Timeout, r.KillTree = "nobody", 2, true
	}))
	if r.Outcome != agentproto.TimedOut || r.ErrorCode == policy.NotKilled { // the shell forks once, and so cannot end for want of processes
		t.Errorf("%+v", r)
	}
	if out, _ := exec.Command("pgrep", "-fc", b.o.Dir).Output(); strings.TrimSpace(string(out)) != "0" {
		t.Errorf("%s processes are left", bytes.TrimSpace(out))
	}
}

// Ten gigabytes of output cost neither memory nor disk, and the record has both ends.
func TestEndlessOutput(t *testing.T) {
	size := int64(10 << 30)
	if testing.Short() {
		size = 100 << 20
	}
	b := newBed(t)
	s := b.spec(fmt.Sprintf("echo first; head -c %d /dev/zero; echo; echo last", size))
	s.Task.Run.Timeout = 600
	p := b.begin(s)
	t.Cleanup(p.Remove)
	<-p.Done()
	r := p.Result()
	total := size + int64(len("first\n\nlast\n"))
	if r.Outcome != agentproto.Exited || !bytes.HasPrefix(r.Output, []byte("first\n")) || !bytes.HasSuffix(r.Output, []byte("\nlast\n")) ||
		int64(len(r.Output))+r.Dropped != total || r.Kept != s.MaxOutput || p.Kept() != s.MaxOutput || r.Whole {
		t.Errorf("%d of %d dropped, %d kept, %s %d", r.Dropped, total, r.Kept, r.Outcome, code(r))
	}
	raw := make([]byte, 10)
	if _, err := p.ReadAt(raw, 0); err != nil || string(raw) != "first\n\x00\x00\x00\x00" {
		t.Errorf("%q, %v", raw, err)
	}
}

// A keeper goes on without its agent: the one that comes after finds the run, or what came of it.
func TestAttach(t *testing.T) {
	b := newBed(t)
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	s := b.spec("echo one; read x < " + gate + "; echo two; exit 5")
	first := b.begin(s)
	b.out(first, "one")
	ref := first.Ref()
	b.again()
	p := b.r.Attach(ref, s)
	b.out(p, "one")
	if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	want := func(p runner.Process) {
		t.Helper()
		<-p.Done()
		if r := p.Result(); r.Outcome != agentproto.Exited || code(r) != 5 || string(r.Output) != "one\ntwo\n" {
			t.Errorf("%+v", r)
		}
	}
	want(p)
	b.again()
	last := b.r.Attach(ref, s)
	want(last)
	last.Remove()
	if p := b.r.Attach(ref, s); p.Result().ErrorCode != policy.Restarted {
		t.Errorf("what is gone: %+v", p.Result())
	}
}

// Attached runs can be stopped; those of a boot before are lost, whoever has their numbers now.
func TestStopAttached(t *testing.T) {
	b := newBed(t)
	s := b.spec("echo here; exec sleep 1000")
	first := b.begin(s)
	b.out(first, "here")
	b.again()
	other := first.Ref()
	other.Boot = "before"
	if p := b.r.Attach(other, s); p.Result().ErrorCode != policy.Restarted {
		t.Errorf("of another boot: %+v", p.Result())
	}
	reused := first.Ref()
	reused.Start = "1"
	b.r.Attach(reused, s).Stop() // a process of that number, but another one
	p := b.r.Attach(first.Ref(), s)
	select {
	case <-p.Done():
		t.Fatal("a keeper was stopped that was taken for another")
	default:
	}
	p.Stop()
	<-p.Done()
	if r := p.Result(); r.Outcome != agentproto.Terminated {
		t.Errorf("%+v", r)
	}
	p.Remove()
}

// A keeper that is killed takes its command with it, and the run is not said to have ended by itself.
func TestKilledKeeper(t *testing.T) {
	b := newBed(t)
	p := b.begin(b.spec("echo $$; exec sleep 1000"))
	t.Cleanup(p.Remove)
	pid, err := strconv.Atoi(strings.TrimSpace(b.out(p, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.Ref().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if r := p.Result(); r.Outcome != agentproto.Errored || r.ErrorCode != policy.Interrupted {
		t.Errorf("%+v", r)
	}
	for deadline := time.Now().Add(time.Minute); alive(pid); {
		if time.Now().After(deadline) {
			t.Fatal("the command goes on")
		}
	}
}

// Before Begin nothing runs: neither when the run is abandoned nor when the agent is gone.
func TestNothingBeforeBegin(t *testing.T) {
	b := newBed(t)
	mark := filepath.Join(t.TempDir(), "mark")
	s := b.spec("echo ran > " + mark)
	p, err := b.r.Prepare(s)
	if err != nil {
		t.Fatal(err)
	}
	ref := p.Ref()
	p.Abandon()
	if q := b.r.Attach(ref, s); q.Result().ErrorCode != policy.Restarted {
		t.Errorf("%+v", q.Result())
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it ran")
	}
	if entries, err := os.ReadDir(b.o.Dir); err != nil || len(entries) > 0 {
		t.Errorf("%v is left, %v", entries, err)
	}
}

// Directories of runs that nobody knows any more go.
func TestClean(t *testing.T) {
	b := newBed(t)
	p := b.begin(b.spec("true"))
	<-p.Done()
	q := b.begin(b.spec("true"))
	<-q.Done()
	forgotten := b.begin(b.spec("echo $$; exec sleep 1000"))
	pid, err := strconv.Atoi(strings.TrimSpace(b.out(forgotten, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	b.again()
	if err := b.r.Clean(map[string]bool{p.Ref().Dir: true}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		entries, err := os.ReadDir(b.o.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 1 && entries[0].Name() == p.Ref().Dir {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v are left", entries)
		}
	}
	if alive(pid) {
		t.Error("what was forgotten runs on")
	}
	p.Remove()
}

var _ io.ReaderAt = runner.Process(nil)

// What does not go when it is killed, as in the hands of a dead file system, does not hold its run up for ever. A frozen process stands in for one.
func TestCannotBeKilled(t *testing.T) {
	const freezer = "/sys/fs/cgroup/freezer" // of cgroups version 1: version 2 lets frozen processes be killed
	if testing.Short() {
		t.Skip("it waits for what never comes")
	}
	group, err := os.MkdirTemp(freezer, "sluice-test-")
	if err != nil {
		t.Skip("nothing can be frozen here")
	}
	set := func(name, value string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(group, name), []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	b := newBed(t)
	p := b.begin(b.spec("echo $$; exec sleep 1000"))
	t.Cleanup(p.Remove)
	pid := strings.TrimSpace(b.out(p, "\n"))
	t.Cleanup(func() {
		set("freezer.state", "THAWED")
		for os.Remove(group) != nil { // until the process has gone
			time.Sleep(time.Millisecond)
		}
	})
	set("cgroup.procs", pid)
	set("freezer.state", "FROZEN")
	p.Stop()
	<-p.Done()
	if r := p.Result(); r.Outcome != agentproto.Terminated || r.ErrorCode != policy.NotKilled {
		t.Errorf("%+v", r)
	}
}
