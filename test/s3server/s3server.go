// Package s3server runs a real S3 server for tests: versitygw over a directory, pinned in the Makefile, built once by make.
//
//	test ──HTTP──> loopback port ──Proxy──> unix socket ──> versitygw ──> Root/BUCKET/KEY, plain files
//	                    └── Cut and Mend: an outage without stopping anything
//
// The gateway itself listens on a socket in a directory of its own, so that no port has to be guessed, and ends with the test
// process, however that ends.
package s3server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Credentials and region of every server.
const (
	AccessKeyID     = "s3-test-key"
	SecretAccessKey = "s3-test-secret"
	Region          = "us-east-1"
)

// Domain is the base domain of virtual-host addresses: BUCKET.s3.test. No resolver knows it, so clients need [Server.Client].
const Domain = "s3.test"

// Server is a running S3 server with no buckets.
type Server struct {
	Endpoint string // http://127.0.0.1:PORT, for path-style addresses
	Addr     string // 127.0.0.1:PORT
	Root     string // the directory: ROOT/BUCKET/KEY is an object's bytes

	proxy  *proxy
	output lockedBuffer
}

// readyWithin is how long the gateway may take to answer. It takes a fraction of a second.
const readyWithin = time.Minute

// Start builds the gateway if that was not done yet, starts it, and stops it when the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s, stop, err := Open(t.Context())
	if err != nil {
		t.Fatalf("start the S3 server: %v", err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop the S3 server: %v", err)
		}
		if t.Failed() {
			t.Logf("the S3 server said:\n%s", s.output.String())
		}
	})
	return s
}

// Open is Start for programs that are no tests. It ends the server when stop is called, or when the program is gone.
func Open(ctx context.Context) (s *Server, stop func() error, err error) {
	binary, err := Binary(ctx)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "s3") // and not t.TempDir: the path of a socket has to be short
	if err != nil {
		return nil, nil, err
	}
	s = &Server{Root: filepath.Join(dir, "root")}
	socket := filepath.Join(dir, "sock")
	removeDir := func() error { return os.RemoveAll(dir) }
	if err := os.Mkdir(s.Root, 0o755); err != nil {
		return nil, nil, errors.Join(err, removeDir())
	}
	kill, err := s.run(binary, socket)
	if err != nil {
		return nil, nil, errors.Join(err, removeDir())
	}
	if s.proxy, err = newProxy("unix", socket); err != nil {
		return nil, nil, errors.Join(err, kill(), removeDir())
	}
	stop = func() error { return errors.Join(s.proxy.close(), kill(), removeDir()) }
	s.Addr = s.proxy.addr()
	s.Endpoint = "http://" + s.Addr
	if err := s.waitReady(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w; it said:\n%s", err, s.output.String()), stop())
	}
	return s, stop, nil
}

// run starts the gateway under a shell that ends it when its own input ends: by kill, or because this process is gone.
func (s *Server) run(binary, socket string) (kill func() error, err error) {
	const watch = `"$@" </dev/null & read -r _; kill $!; wait`
	cmd := exec.Command("sh", "-c", watch, "sh", binary, "--port", socket, "--region", Region, "--virtual-domain", Domain,
		"--access", AccessKeyID, "--secret", SecretAccessKey, "posix", s.Root)
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error {
		err := input.Close()
		_ = cmd.Wait() // its status is that of the shell, which says nothing
		return err
	}, nil
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultTransport.RoundTrip(req); err == nil {
			return res.Body.Close()
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return errors.New("the gateway did not answer in time")
		}
	}
}

// Bucket makes an empty bucket.
func (s *Server) Bucket(t testing.TB, name string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(s.Root, name), 0o755); err != nil {
		t.Fatal(err)
	}
}

// File is where the bytes of an object are, for tests that look at them, or damage them.
func (s *Server) File(bucket, key string) string {
	return filepath.Join(s.Root, bucket, filepath.FromSlash(key))
}

// Cut ends all connections and every new one at once, until Mend: an outage of the network.
func (s *Server) Cut() { s.proxy.cut(true) }

// Mend ends an outage.
func (s *Server) Mend() { s.proxy.cut(false) }

// Client reaches the server under any host name, that is also by virtual-host addresses. Its connections are the caller's to close.
func (s *Server) Client() *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return d.DialContext(ctx, network, s.Addr)
		},
	}}
}

// Binary returns the path of the gateway, which make builds if it is not there.
func Binary(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	cmd := exec.CommandContext(ctx, "make", "--silent", "--no-print-directory", "-C", strings.TrimSpace(string(root)), "s3server")
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MAKE") { // this make is nobody's child
			cmd.Env = append(cmd.Env, kv)
		}
	}
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w:\n%s", err, exit.Stderr)
		}
		return "", fmt.Errorf("make s3server: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], nil
}

// lockedBuffer keeps what a process says.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String returns the end of it.
func (b *lockedBuffer) String() string {
	const most = 3000
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buf.Bytes()[max(0, b.buf.Len()-most):])
}
