package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func agentMain(t *testing.T, stdin string, args ...string) (out, errOut string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	err := run(t.Context(), args, strings.NewReader(stdin), &o, &e)
	if err != nil {
		e.WriteString(err.Error())
	}
	return o.String(), e.String(), status(err)
}

func TestUsage(t *testing.T) {
	state := t.TempDir()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 0, "Usage:"},
		{"help", 0, "Usage:"},
		{"version", 0, "sluice-agent devel"},
		{"--version", 0, "(go1."},
		{"version -o json", 0, `"version": "devel`},
		{"version -o yaml", 2, "not text or json"},
		{"serve", 2, "unknown command"},
		{"run extra", 2, "unexpected argument"},
		{"run --no-such-flag", 2, "no-such-flag"},
		{"enroll --server a:1", 2, "sluice instance activate"},
		{"enroll --server a:1 --activation a", 2, "SLUICE_ACTIVATION_CODE"},
		{"enroll --server a:1 --activation a --tag =x", 2, "a tag has a key"},
		{"run --state " + state, 1, "sluice-agent enroll"},
		{"status --state " + state, 1, "sluice-agent enroll"},
		{"doctor --state " + state, 1, "something is wrong"},
		{"uninstall --root " + state, 1, "not installed"},
	} {
		out, errOut, code := agentMain(t, "", strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errOut, c.says) {
			t.Errorf("%s: %d\n%s%s", c.args, code, out, errOut)
		}
	}
}

// install writes what it says, keeps a policy that is there, and uninstall takes the unit back.
func TestInstall(t *testing.T) {
	root := t.TempDir()
	out, errOut, code := agentMain(t, "", "install", "--root", root, "--state", "/srv/agent")
	if code != 0 {
		t.Fatal(out, errOut)
	}
	unit, err := os.ReadFile(filepath.Join(root, unitPath))
	if err != nil || !strings.Contains(string(unit), "run --state /srv/agent\n") || !strings.Contains(string(unit), "KillMode=process") {
		t.Errorf("%s, %v", unit, err)
	}
	policyPath := filepath.Join(root, defaultPolicy)
	if _, errOut, code := agentMain(t, "", "doctor", "--policy", policyPath, "--state", root); strings.Contains(errOut, "policy") || code != 1 {
		t.Errorf("%d %s", code, errOut)
	}
	if err := os.WriteFile(policyPath, []byte("root: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errOut, code := agentMain(t, "", "install", "--root", root); code != 0 {
		t.Error(errOut)
	}
	if raw, err := os.ReadFile(policyPath); err != nil || string(raw) != "root: true\n" {
		t.Errorf("%s, %v", raw, err)
	}
	if _, errOut, code := agentMain(t, "", "uninstall", "--root", root); code != 0 {
		t.Error(errOut)
	}
	if _, err := os.Stat(filepath.Join(root, unitPath)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// systemd is told on the socket that it names.
func TestNotify(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "2000")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	notify("READY=1")
	go watchdog(ctx)
	buf := make([]byte, 100)
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
		n, err := l.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("%q, %v", buf[:n], err)
		}
	}
}

func TestOneAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "LOCK")
	unlock, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(path); err == nil || !strings.Contains(err.Error(), "another sluice-agent") {
		t.Errorf("%v", err)
	}
	unlock()
	unlock, err = lock(path)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// The agent builds for the systems that it is for.
func TestBuilds(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the standard library for each of them")
	}
	for _, system := range []string{"darwin/arm64", "windows/amd64"} {
		goos, goarch, _ := strings.Cut(system, "/")
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", os.DevNull, ".")
		cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", system, err, out)
		}
	}
}
