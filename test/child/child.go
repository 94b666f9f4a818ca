// Package child runs the real sluiced binary as a child process, for tests and benchmarks that want what users run: another
// process, its own memory, real signals. Tests that need no process of its own use internal/testenv.
package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"
)

// Options say how to start a server. Binary and DataDir are required.
type Options struct {
	Binary       string        // path of sluiced
	DataDir      string        // made if needed, and left behind
	BaseDomain   string        // ["sls.test"]
	AccessKeyID  string        // of the root credential, which the first start on a data directory creates
	AccessSecret string        //
	Args         []string      // further flags
	Env          []string      // further environment, NAME=value
	Output       io.Writer     // what the server prints and logs; nil discards it
	ReadyWithin  time.Duration // [1m] how long recovery may take
}

// stopWithin is six times what the run contract gives a server to drain: a server that waits 7 s for its last requests, as it may, has 3 s left
// for the rest, which is no measure where tests run beside each other.
const stopWithin = time.Minute

// Server is a running sluiced.
type Server struct {
	Addr       string        // host:port
	PID        int           //
	ReadyAfter time.Duration // from the start of the process until /readyz said yes

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process is gone and err is set
	err    error         // of cmd.Wait
}

// Start starts a server on a free port of the loopback interface and returns when it is ready.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.BaseDomain == "" {
		o.BaseDomain = "sls.test"
	}
	if o.ReadyWithin == 0 {
		o.ReadyWithin = time.Minute
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	if _, isFile := o.Output.(*os.File); !isFile {
		o.Output = &lockedWriter{w: o.Output} // two goroutines copy to it, one for each stream of the process
	}
	ctx, cancel := context.WithTimeout(ctx, o.ReadyWithin)
	defer cancel()

	args := append([]string{"--data-dir", o.DataDir, "--listen", "127.0.0.1:0", "--base-domain", o.BaseDomain}, o.Args...)
	cmd := exec.Command(o.Binary, args...)
	cmd.Env = append(os.Environ(), "SLUICE_ROOT_ACCESS_KEY_ID="+o.AccessKeyID, "SLUICE_ROOT_ACCESS_KEY_SECRET="+o.AccessSecret)
	cmd.Env = append(cmd.Env, o.Env...)
	cmd.Stderr = o.Output
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Binary, err)
	}
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", o.Binary, err)
	}
	s := &Server{PID: cmd.Process.Pid, cmd: cmd, exited: make(chan struct{})}
	addr := make(chan string, 1)
	go func() {
		defer close(s.exited)
		findAddr(io.TeeReader(stdout, o.Output), addr)
		s.err = cmd.Wait()
	}()
	if err := s.waitReady(ctx, addr); err != nil {
		return nil, errors.Join(err, s.Kill())
	}
	s.ReadyAfter = time.Since(started)
	return s, nil
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

var addrPattern = regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`)

// findAddr sends the first address that the server prints, and reads on until it closes its output.
func findAddr(r io.Reader, addr chan<- string) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if a := addrPattern.FindString(lines.Text()); a != "" {
			select {
			case addr <- a:
			default: // one is enough
			}
		}
	}
	_, _ = io.Copy(io.Discard, r) // a line too long for the scanner must not block the server
}

// waitReady polls /readyz, as an orchestrator would.
func (s *Server) waitReady(ctx context.Context, addr <-chan string) error {
	select {
	case s.Addr = <-addr:
	case <-s.exited:
		return fmt.Errorf("sluiced did not start: %w", s.err)
	case <-ctx.Done():
		return errors.New("sluiced did not print its address")
	}
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		if ready(ctx, s.Addr) {
			return nil
		}
		select {
		case <-poll.C:
		case <-s.exited:
			return fmt.Errorf("sluiced stopped before it was ready: %w", s.err)
		case <-ctx.Done():
			return errors.New("sluiced did not become ready in time")
		}
	}
}

func ready(ctx context.Context, addr string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// Stop asks the server to stop and checks what the run contract promises: exit status 0, in [stopWithin].
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("sluiced is gone: %w", errors.Join(err, s.err))
	}
	select {
	case <-s.exited:
		if s.err != nil {
			return fmt.Errorf("stop sluiced: %w", s.err)
		}
		return nil
	case <-time.After(stopWithin):
		return errors.Join(fmt.Errorf("sluiced did not stop within %v of SIGTERM", stopWithin), s.Kill())
	}
}

// Kill ends the server as a crash would, without a chance to clean up.
func (s *Server) Kill() error {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill sluiced: %w", err)
	}
	<-s.exited
	return nil
}
