package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started is a server run by a test.
type started struct {
	greeting string
	addr     string
	stop     context.CancelFunc
	done     chan error
}

// start runs the program until it greets.
func start(t *testing.T, args ...string) *started {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	s := &started{stop: stop, done: make(chan error, 1)}
	go func() {
		err := run(ctx, args, w, io.Discard)
		_ = w.CloseWithError(errors.Join(err, io.EOF))
		s.done <- err
	}()
	t.Cleanup(func() {
		stop()
		_, _ = io.Copy(io.Discard, r)
	})
	var greeting bytes.Buffer
	for !strings.HasSuffix(greeting.String(), "\n\n") || !strings.Contains(greeting.String(), "access key id") {
		if _, err := io.CopyN(&greeting, r, 1); err != nil {
			t.Fatalf("sluiced stopped after %q: %v", greeting.String(), <-s.done)
		}
	}
	s.greeting = greeting.String()
	s.addr = regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`).FindString(s.greeting)
	return s
}

func (s *started) wait(t *testing.T) error {
	t.Helper()
	s.stop()
	return <-s.done
}

// The first start shows the secret, later ones do not; each prints the real port.
func TestCredentialsAreShownOnce(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--data-dir", dir, "--listen", "127.0.0.1:0", "--storage-min-free-bytes", "0"}
	s := start(t, args...)
	if !strings.Contains(s.greeting, "access key secret") {
		t.Errorf("the first start shows no secret: %q", s.greeting)
	}
	resp, err := http.Get("http://" + s.addr + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("readyz: got status %d", resp.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.wait(t); err != nil {
		t.Errorf("stop: %v", err)
	}

	s = start(t, args...)
	if strings.Contains(s.greeting, "secret") {
		t.Errorf("the second start shows a secret: %q", s.greeting)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// A start that fails keeps no secret that nobody saw.
func TestCredentialsOfAFailedStart(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	dir := t.TempDir()
	if err := run(context.Background(), []string{"--data-dir", dir, "--listen", busy.Addr().String()}, io.Discard, io.Discard); status(err) != 1 {
		t.Fatalf("on a port in use: %v", err)
	}
	s := start(t, "--data-dir", dir, "--listen", "127.0.0.1:0")
	if !strings.Contains(s.greeting, "access key secret") {
		t.Errorf("the first start that works shows no secret: %q", s.greeting)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestGivenCredentialsAreNotShown(t *testing.T) {
	t.Setenv("SLUICE_ROOT_ACCESS_KEY_ID", "given")
	t.Setenv("SLUICE_ROOT_ACCESS_KEY_SECRET", "given-secret")
	s := start(t, "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0")
	if strings.Contains(s.greeting, "secret") || !strings.Contains(s.greeting, "given") {
		t.Errorf("got greeting %q", s.greeting)
	}
	if err := s.wait(t); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// Two servers on one data directory would take each other's files apart.
func TestDataDirectoryBelongsToOneServer(t *testing.T) {
	dir := t.TempDir()
	args := []string{"--data-dir", dir, "--listen", "127.0.0.1:0"}
	s := start(t, args...)
	err := run(context.Background(), args, io.Discard, io.Discard)
	if !errors.Is(err, node.ErrInUse) || status(err) != 1 {
		t.Errorf("second server: got error %v, status %d", err, status(err))
	}
	if err := s.wait(t); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestListenFailureLeavesTheDirectoryFree(t *testing.T) {
	s := start(t, "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	if err := run(context.Background(), []string{"--data-dir", dir, "--listen", s.addr}, io.Discard, io.Discard); err == nil {
		t.Error("two servers listen on one port")
	}
	if err := s.wait(t); err != nil {
		t.Errorf("stop: %v", err)
	}
	again := start(t, "--data-dir", dir, "--listen", "127.0.0.1:0")
	if err := again.wait(t); err != nil {
		t.Errorf("start on the directory after the failure: %v", err)
	}
}

func TestCommandLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sluice.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:1\nlog:\n  level: warn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(want string, wantStatus int, args ...string) {
		t.Helper()
		var out bytes.Buffer
		err := run(context.Background(), args, &out, &out)
		text := out.String()
		if err != nil {
			text += err.Error()
		}
		if status(err) != wantStatus || !strings.Contains(text, want) {
			t.Errorf("%q: got status %d and %q, want status %d and %q", args, status(err), text, wantStatus, want)
		}
	}
	f("sluiced devel", 0, "version")
	f("sluiced devel", 0, "--version")
	f(`"version": "devel`, 0, "version", "-o", "json")
	f("not text or json", 2, "version", "-o", "yaml")
	f("--data-dir", 0, "--help")
	f("the configuration is right", 0, "config", "check")
	f("the configuration is right", 0, "config", "check", "--config", file)
	f("127.0.0.1:1", 0, "config", "print", "--config", file)
	f("127.0.0.1:2", 0, "config", "print", "--config", file, "--listen", "127.0.0.1:2")
	f("log.level", 2, "config", "check", "--log-level", "loud")
	f("log.level", 2, "--log-level", "loud")
	f("none.yaml", 2, "--config", filepath.Join(t.TempDir(), "none.yaml"))
	f("needs the data files", 2, "dump")
	f("none.journal", 1, "dump", filepath.Join(t.TempDir(), "none.journal"))
	f("unknown flag", 2, "--no-such-flag")
	f("unknown command", 2, "serve-me")
	f("unknown command", 2, "config", "burn")
}
