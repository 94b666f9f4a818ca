//go:build compat

package compat

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	sluiced      = "../../bin/sluiced"
	logDir       = "../../.tools/compat" // server logs, overwritten by the next run
	baseDomain   = "sls.test"
	accessKeyID  = "compat-root"
	accessSecret = "compat-root-secret"
)

// server is a running sluiced on a data directory of its own.
type server struct {
	addr string // host:port
}

// startServer starts bin/sluiced on a free port and stops it when the test ends. Stopping is tested on the way: SIGTERM, exit 0 within
// 10 s (design section 9).
func startServer(t *testing.T) *server {
	t.Helper()
	if err := os.MkdirAll(logDir, 0o755); err != nil {
		t.Fatal(err)
	}
	logName := filepath.Join(logDir, t.Name()+".log")
	logFile, err := os.Create(logName)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		logFile.Close()
		if t.Failed() {
			t.Logf("the server's log is in %s", strings.TrimPrefix(logName, "../../"))
		}
	})

	cmd := exec.Command(sluiced, "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0", "--base-domain", baseDomain)
	cmd.Env = append(os.Environ(), "SLUICE_ROOT_ACCESS_KEY_ID="+accessKeyID, "SLUICE_ROOT_ACCESS_KEY_SECRET="+accessSecret)
	cmd.Stderr = logFile
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	addr := make(chan string, 1)
	go func() {
		findAddr(io.TeeReader(stdout, logFile), addr)
		exited <- cmd.Wait()
	}()
	t.Cleanup(func() { stopServer(t, cmd, exited) })

	select {
	case a := <-addr:
		s := &server{addr: a}
		s.waitReady(t)
		return s
	case <-time.After(20 * time.Second):
		t.Fatal("sluiced did not print its address")
	}
	return nil
}

// findAddr reads what the server prints to the end, and sends the first host:port in it.
func findAddr(r io.Reader, addr chan<- string) {
	pattern := regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if a := pattern.FindString(lines.Text()); a != "" {
			select {
			case addr <- a:
			default: // one is enough
			}
		}
	}
}

func stopServer(t *testing.T, cmd *exec.Cmd, exited <-chan error) {
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("the server is gone: %v", err)
	}
	select {
	case err := <-exited:
		if err != nil {
			t.Errorf("sluiced: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("sluiced did not stop within 10 s of SIGTERM")
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		<-exited
	}
}

// waitReady polls /readyz, as an orchestrator would.
func (s *server) waitReady(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		res, err := http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatal("sluiced did not become ready")
}

// environ is what a client's test runner gets: this process's environment without proxies, and where the server is.
func (s *server) environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(strings.ToLower(kv), "=")
		return strings.HasSuffix(name, "_proxy")
	})
	return append(env, "SLUICE_TEST_ADDR="+s.addr, "SLUICE_TEST_DOMAIN="+baseDomain,
		"SLUICE_TEST_ACCESS_KEY_ID="+accessKeyID, "SLUICE_TEST_ACCESS_KEY_SECRET="+accessSecret,
		"PYTHONDONTWRITEBYTECODE=1")
}
