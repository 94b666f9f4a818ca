package script_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

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
	t        *testing.T
	cmd      *exec.Cmd
	out, err *stream
}

// stream is the lines that a program writes, as they come.
type stream struct {
	t     *testing.T
	lines chan string
}

// start runs a command and watches what it writes.
func (s *shell) start(args ...string) *running {
	s.t.Helper()
	r := &running{t: s.t, cmd: s.command(args...)}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	told, err := r.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { r.cmd.Process.Kill() }) //nolint:errcheck // it may have ended
	r.out, r.err = watch(s.t, out), watch(s.t, told)
	return r
}

func watch(t *testing.T, r io.Reader) *stream {
	s := &stream{t: t, lines: make(chan string, 1000)}
	go func() {
		defer close(s.lines)
		for in := bufio.NewScanner(r); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	return s
}

// patience is how long a test waits before it fails.
const patience = 2 * time.Minute

// expect waits for a line that contains text, past others.
func (s *stream) expect(text string) {
	s.t.Helper()
	timeout := time.After(patience)
	var seen []string
	for {
		select {
		case line, more := <-s.lines:
			if strings.Contains(line, text) {
				return
			}
			if !more {
				s.t.Fatalf("it ended without a line with %q; it said %q", text, seen)
			}
			seen = append(seen, line)
		case <-timeout:
			s.t.Fatalf("no line with %q; there were %q", text, seen)
		}
	}
}

// next waits for a line that has to be exactly this.
func (s *stream) next(want string) {
	s.t.Helper()
	select {
	case line, more := <-s.lines:
		if line != want || !more {
			s.t.Fatalf("line %q, want %q", line, want)
		}
	case <-time.After(patience):
		s.t.Fatalf("no line; want %q", want)
	}
}

// interrupt ends the program the way Ctrl-C does, and expects it to end well.
func (r *running) interrupt() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
	for range r.out.lines { // to the end: Wait closes the pipes
	}
	for range r.err.lines {
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Fatalf("interrupted, it ended with %v", err)
	}
}

// serve starts the server program on a port and a directory, and returns what stops it.
func (s *shell) serve(listen, dir string) (stop func()) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(bin, "sluiced"), "--listen", listen, "--data-dir", dir, "--storage-min-free-bytes", "0")
	cmd.Env = append(os.Environ(), "SLUICE_ROOT_ACCESS_KEY_ID="+testenv.RootID, "SLUICE_ROOT_ACCESS_KEY_SECRET="+testenv.RootSecret)
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			s.t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("the server ended with %v", err)
		}
	})
	s.t.Cleanup(stop)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "listening on") {
		s.t.Fatalf("the server says %q, %v", line, err)
	}
	return stop
}
