package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Build builds a program of this module into a directory, without cgo, and returns its path.
func Build(dir, program string) (string, error) {
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "github.com/sluicelog/sluice/cmd/"+program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return filepath.Join(dir, program), nil
}

// Machine is where a real sluice-agent lives: a directory that other users may pass through, and a policy.
type Machine struct {
	Binary string // of sluice-agent
	State  string
	Policy string // file
	Output io.Writer

	cmd    *exec.Cmd
	exited chan struct{}
	err    error
}

// NewMachine makes a machine with a policy, which ends with the test.
func NewMachine(t testing.TB, binary, policy string, output io.Writer) *Machine {
	t.Helper()
	state, err := os.MkdirTemp("", "sluice-agent-") // not t.TempDir, which other users may not pass through
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{Binary: binary, State: state, Policy: filepath.Join(state, "policy.yaml"), Output: output}
	if err := os.WriteFile(m.Policy, []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Kill()
		os.RemoveAll(state)
	})
	return m
}

// Run runs sluice-agent with a command to its end, and returns what it wrote.
func (m *Machine) Run(ctx context.Context, command string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, m.Binary, append([]string{command, "--state", m.State, "--policy", m.Policy}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("sluice-agent %s: %w\n%s", command, err, out)
	}
	return string(out), err
}

// Enrol enrols the machine.
func (m *Machine) Enrol(ctx context.Context, server, activation, code string, args ...string) error {
	_, err := m.Run(ctx, "enroll", append([]string{"--server", server, "--activation", activation, "--code", code}, args...)...)
	return err
}

// Start starts the agent.
func (m *Machine) Start() error {
	m.cmd = exec.Command(m.Binary, "run", "--state", m.State, "--policy", m.Policy)
	m.cmd.Stdout, m.cmd.Stderr = m.Output, m.Output
	if err := m.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	m.exited = exited
	cmd := m.cmd
	go func() {
		m.err = cmd.Wait()
		close(exited)
	}()
	return nil
}

// PID is the agent's process.
func (m *Machine) PID() int { return m.cmd.Process.Pid }

// Kill ends the agent as a crash would.
func (m *Machine) Kill() {
	if m.cmd == nil {
		return
	}
	_ = m.cmd.Process.Kill()
	<-m.exited
	m.cmd = nil
}

// Stop asks the agent to end, which it does with exit status 0.
func (m *Machine) Stop() error {
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-m.exited:
		m.cmd = nil
		return m.err
	case <-time.After(stopWithin):
		m.Kill()
		return errors.New("the agent did not stop")
	}
}

// Dead reports whether the agent was killed, or stopped.
func (m *Machine) Dead() bool { return m.cmd == nil }
