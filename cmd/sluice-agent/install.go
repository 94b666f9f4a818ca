package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sluicelog/sluice/packaging/systemd"
)

// Where a service lives, below --root.
const (
	unitPath   = "/etc/systemd/system/sluice-agent.service"
	binaryPath = "/usr/local/bin/sluice-agent"
)

// firstPolicy is the policy file of a machine that has none: what the defaults are, to be read and changed.
const firstPolicy = `# What the server may have done on this machine; no server can widen it. sluice-agent doctor checks it, docs/howto/agent-on-machines.md explains it.
# It is read again for each task.

# Commands and files as root.
root: false

# Who commands may run as, and files may belong to. Empty: everybody but root.
users: []

# Who runs commands that name nobody.
# defaultUser: nobody

# Commands work in, and files go to, these and what is below them. Empty: wherever their user may.
directories: []
`

// install puts the program, the unit and a policy where they belong, and starts the service.
func (a *app) install(ctx context.Context, flags *flag.FlagSet, args []string) error {
	root := flags.String("root", "/", "`directory` to install below; the service is started only with /")
	if err := parse(flags, args); err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		return fmt.Errorf("install sets up systemd, and this is %s: have sluice-agent run started as a service", runtime.GOOS)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	at := func(path string) string { return filepath.Join(*root, path) }
	if err := copyFile(self, at(binaryPath), 0o755); err != nil {
		return err
	}
	if err := writeFile(at(unitPath), a.unit(), 0o644); err != nil {
		return err
	}
	if _, err := os.Stat(at(a.policy)); errors.Is(err, os.ErrNotExist) {
		if err := writeFile(at(a.policy), firstPolicy, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.out, "installed %s, %s and %s\n", at(binaryPath), at(unitPath), at(a.policy))
	if *root != "/" {
		return nil
	}
	return a.systemctl(ctx, [][]string{{"daemon-reload"}, {"enable", "--now", "sluice-agent.service"}})
}

// unit is the unit, with the flags that differ from what it has.
func (a *app) unit() string {
	line := "ExecStart=" + binaryPath + " run"
	if a.state != defaultState && os.Getenv("STATE_DIRECTORY") == "" {
		line += " --state " + a.state
	}
	if a.policy != defaultPolicy {
		line += " --policy " + a.policy
	}
	return strings.Replace(systemd.AgentUnit, "ExecStart="+binaryPath+" run", line, 1)
}

// uninstall stops the service and removes its unit. Identity, journal and policy stay.
func (a *app) uninstall(ctx context.Context, flags *flag.FlagSet, args []string) error {
	root := flags.String("root", "/", "`directory` that it was installed below")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *root == "/" {
		if err := a.systemctl(ctx, [][]string{{"disable", "--now", "sluice-agent.service"}}); err != nil {
			fmt.Fprintln(a.err, err)
		}
	}
	err := os.Remove(filepath.Join(*root, unitPath))
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("it is not installed")
	}
	if err == nil && *root == "/" {
		err = a.systemctl(ctx, [][]string{{"daemon-reload"}})
	}
	fmt.Fprintf(a.out, "removed the service; %s, %s and the program stay\n", a.state, a.policy)
	return err
}

func (a *app) systemctl(ctx context.Context, calls [][]string) error {
	for _, args := range calls {
		cmd := exec.CommandContext(ctx, "systemctl", args...)
		cmd.Stdout, cmd.Stderr = a.out, a.err
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("systemctl %s: %w", strings.Join(args, " "), err)
		}
	}
	return nil
}

func writeFile(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), mode)
}

// copyFile copies a program over one that may be running: beside it, and then in its place.
func copyFile(from, to string, mode os.FileMode) error {
	if from == to {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Chmod(mode), out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}
