package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/agent"
	"github.com/sluicelog/sluice/internal/agent/identity"
	"github.com/sluicelog/sluice/internal/agent/machine"
	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/version"
	"github.com/sluicelog/sluice/internal/vfs"
)

// Names in the state directory.
const (
	lockName    = "LOCK"
	socketName  = "agent.sock"
	journalName = "journal"
	runsName    = "runs"
	machineName = "machine-id"
)

// run serves.
func (a *app) run(ctx context.Context, flags *flag.FlagSet, args []string) error {
	jsonLog := flags.Bool("log-json", false, "write the log as JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.err, nil))
	if *jsonLog {
		log = slog.New(slog.NewJSONHandler(a.err, nil))
	}
	id, err := identity.Load(a.state)
	if err != nil {
		return err
	}
	if err := passable(a.state); err != nil {
		return fmt.Errorf("the state directory: %w", err)
	}
	unlock, err := lock(filepath.Join(a.state, lockName))
	if err != nil {
		return err
	}
	defer unlock()
	served, err := a.open(id, log)
	if err != nil {
		return err
	}
	stop, err := a.serveStatus(served)
	if err != nil {
		return err
	}
	defer stop()
	if p, err := policy.Load(a.policy); err != nil {
		log.Error("the policy allows nothing", "error", err)
	} else {
		log.Info("started", "version", version.Current().Version, "instance", id.Instance(), "server", id.Server(), "root", p.Root)
	}
	notify("READY=1\nSTATUS=instance " + id.Instance())
	go watchdog(ctx)
	context.AfterFunc(ctx, func() { notify("STOPPING=1") })
	return served.Run(ctx)
}

// open opens the agent on this machine.
func (a *app) open(id *identity.Identity, log *slog.Logger) (*agent.Agent, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	boot := machine.BootID()
	runs, err := runner.New(runner.Options{Dir: filepath.Join(a.state, runsName), Keeper: []string{self, keepCommand}, BootID: boot})
	if err != nil {
		return nil, fmt.Errorf("the directory of runs: %w", err)
	}
	described, err := a.machine()
	if err != nil {
		return nil, err
	}
	return agent.Open(agent.Options{
		Instance: id.Instance(), Keys: id.Keys(), Machine: described, BootID: boot, Files: vfs.OS{}, Dir: filepath.Join(a.state, journalName),
		Runner: runs, Policy: func() (*policy.Policy, error) { return policy.Load(a.policy) }, Renew: id, Logger: log,
		Dial: func(ctx context.Context, now func() time.Time) (net.Conn, error) { return id.Dial(ctx, now) },
	})
}

// machine describes this machine. One without an id of its own gets one, which is kept.
func (a *app) machine() (m agentproto.Machine, err error) {
	if m = machine.Describe(version.Current().Version); m.MachineID != "" {
		return m, nil
	}
	name := filepath.Join(a.state, machineName)
	raw, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(a.state, 0o711); err != nil {
			return m, err
		}
		raw = []byte(rand.Text())
		err = os.WriteFile(name, raw, 0o600)
	}
	m.MachineID = strings.TrimSpace(string(raw))
	return m, err
}

// serveStatus answers sluice-agent status, on a socket that only the agent's user may open.
func (a *app) serveStatus(served *agent.Agent) (stop func(), err error) {
	path := filepath.Join(a.state, socketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of a process before: we have the lock
		return nil, err
	}
	l, err := listen(path)
	if err != nil {
		return nil, fmt.Errorf("the socket for status: %w", err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			const patience = 5 * time.Second
			_ = conn.SetDeadline(time.Now().Add(patience))
			_ = json.NewEncoder(conn).Encode(served.Status())
			conn.Close()
		}
	}()
	return func() { l.Close() }, nil
}

// listen makes a socket that is never open to others, not even for a moment.
func listen(path string) (net.Listener, error) {
	defer private()()
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}
