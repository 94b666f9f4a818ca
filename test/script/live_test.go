package script_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/node"
	"github.com/sluicelog/sluice/internal/testenv"
)

// shell runs the command line against one server, for what a script cannot do: talk to a program that goes on running.
type shell struct {
	t    *testing.T
	url  string // of the server
	home string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	return &shell{t: t, url: testenv.Start(t).URL(), home: t.TempDir()}
}

func (s *shell) command(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(bin, "sluice"), args...)
	cmd.Env = []string{
		"HOME=" + s.home, "PATH=" + os.Getenv("PATH"),
		"SLUICE_ENDPOINT=" + s.url, "SLUICE_ACCESS_KEY_ID=" + testenv.RootID, "SLUICE_ACCESS_KEY_SECRET=" + testenv.RootSecret,
	}
	return cmd
}

// ok runs a command that has to succeed.
func (s *shell) ok(stdin string, args ...string) {
	s.t.Helper()
	cmd := s.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// running is a program that goes on.
type running struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string // of the stream that is watched
}

// start runs a command and watches its standard output, or with stderr its standard error.
func (s *shell) start(stderr bool, args ...string) *running {
	s.t.Helper()
	r := &running{t: s.t, cmd: s.command(args...), lines: make(chan string, 1000)}
	pipe, err := r.cmd.StdoutPipe()
	if stderr {
		r.cmd.Stdout = nil
		pipe, err = r.cmd.StderrPipe()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { r.cmd.Process.Kill() }) //nolint:errcheck // it may have ended
	go func() {
		defer close(r.lines)
		for in := bufio.NewScanner(pipe); in.Scan(); {
			r.lines <- in.Text()
		}
	}()
	return r
}

// patience is how long a test waits before it fails.
const patience = 30 * time.Second

// expect waits for a line that contains text, past others.
func (r *running) expect(text string) {
	r.t.Helper()
	timeout := time.After(patience)
	var seen []string
	for {
		select {
		case line, more := <-r.lines:
			if strings.Contains(line, text) {
				return
			}
			if !more {
				r.t.Fatalf("it ended without a line with %q; it said %q", text, seen)
			}
			seen = append(seen, line)
		case <-timeout:
			r.t.Fatalf("no line with %q; there were %q", text, seen)
		}
	}
}

// next waits for a line that has to be exactly this.
func (r *running) next(want string) {
	r.t.Helper()
	select {
	case line, more := <-r.lines:
		if line != want || !more {
			r.t.Fatalf("line %q, want %q", line, want)
		}
	case <-time.After(patience):
		r.t.Fatalf("no line; want %q", want)
	}
}

// interrupt ends the program the way Ctrl-C does, and expects it to end well.
func (r *running) interrupt() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
	for range r.lines { // to the end: Wait closes the pipe
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Fatalf("interrupted, it ended with %v", err)
	}
}

func TestTailFollowsThroughSplitsAndMerges(t *testing.T) {
	s := newShell(t)
	s.ok("", "project", "create", "web")
	s.ok("", "logstore", "create", "web/st", "--shards", "2")
	s.ok("one\n", "put", "web/st", "--hash-key", "00")
	s.ok("two\n", "put", "web/st", "--hash-key", "ff")
	tail := s.start(false, "tail", "-f", "web/st", "-o", "raw")
	tail.next("one")
	tail.next("two")
	s.ok("three\n", "put", "web/st", "--hash-key", "00")
	tail.next("three")
	s.ok("", "shard", "split", "web/st", "0")
	s.ok("four\n", "put", "web/st", "--hash-key", "70")
	tail.next("four")
	s.ok("", "shard", "merge", "web/st", "2")
	s.ok("five\n", "put", "web/st", "--hash-key", "01")
	tail.next("five")
	s.ok("six\n", "put", "web/st", "--hash-key", "fe")
	tail.next("six")
	tail.interrupt()
}

func TestTailOrdersShardsByTimeOfReceipt(t *testing.T) {
	s := newShell(t)
	s.ok("", "project", "create", "web")
	s.ok("", "logstore", "create", "web/st", "--shards", "4")
	want := []string{}
	for i, key := range []string{"ff", "00", "80", "40", "c0", "00", "ff"} {
		line := strings.Repeat("x", i+1)
		s.ok(line+"\n", "put", "web/st", "--hash-key", key)
		want = append(want, line)
	}
	for n := range len(want) + 1 {
		var out bytes.Buffer
		cmd := s.command("tail", "web/st", "-o", "raw", "-n", string(rune('0'+n)))
		cmd.Stdout = &out
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Fields(out.String()), want[len(want)-n:]; strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("tail -n %d: %q, want %q", n, got, want)
		}
	}
}

func TestPutDoesNotHoldBackWhatASlowInputGives(t *testing.T) {
	s := newShell(t)
	s.ok("", "project", "create", "web")
	s.ok("", "logstore", "create", "web/st")
	tail := s.start(false, "tail", "-f", "web/st", "-o", "raw")
	put := s.command("put", "web/st", "--linger", "10ms")
	in, err := put.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := put.Start(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"first", "second"} {
		if _, err := io.WriteString(in, line+"\n"); err != nil {
			t.Fatal(err)
		}
		tail.next(line) // while the input is still open
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := put.Wait(); err != nil {
		t.Fatal(err)
	}
	tail.interrupt()
}

// startAhead starts a server whose clock is two hours ahead.
func startAhead(t *testing.T) (url string) {
	c := config.Default()
	c.DataDir, c.Root = t.TempDir(), config.Root{AccessKeyID: testenv.RootID, AccessKeySecret: testenv.RootSecret}
	n, err := node.Open(t.Context(), c, node.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, n.Close()); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

func TestClockSkewIsExplained(t *testing.T) {
	s := &shell{t: t, url: startAhead(t), home: t.TempDir()}
	out, err := s.command("project", "list").CombinedOutput()
	if err == nil {
		t.Fatal("a clock two hours off was accepted")
	}
	if !strings.Contains(string(out), "2h0m0s behind the server's") {
		t.Errorf("the difference is not told:\n%s", out)
	}
	out, err = s.command("status").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "2h0m0s behind the server's") {
		t.Errorf("status, %v:\n%s", err, out)
	}
}

func TestDemo(t *testing.T) {
	s := newShell(t)
	logs := t.TempDir()
	file := filepath.Join(logs, "machine.log")
	if err := os.WriteFile(file, []byte("booted\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(logs, "unreadable.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	demo := s.start(true, "demo", "--save-profile", "try", "--files", filepath.Join(logs, "*.log"))
	demo.expect("generated here")
	demo.expect("tail -f demo/access")
	demo.expect("not there yet")
	access := s.start(false, "--profile", "try", "tail", "-f", "demo/access")
	access.expect(`"__topic__":"generated"`)
	syslog := s.start(false, "--profile", "try", "tail", "-f", "demo/syslog", "-o", "raw")
	syslog.next("booted")
	added, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer added.Close()
	if _, err := added.WriteString("went on\n"); err != nil {
		t.Fatal(err)
	}
	syslog.next("went on")
	demo.interrupt()
	access.interrupt()
	syslog.interrupt()
	again := s.start(true, "demo", "--files", filepath.Join(logs, "*.log"))
	again.expect("tail -f demo/access")
	again.interrupt()
}

func TestTheBinaryStaysSmall(t *testing.T) {
	info, err := os.Stat(filepath.Join(bin, "sluice"))
	if err != nil {
		t.Fatal(err)
	}
	const most = 20 << 20 // with symbols
	if info.Size() > most {
		t.Errorf("the command line has %d bytes; people copy it to every machine", info.Size())
	}
}
