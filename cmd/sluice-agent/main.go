// Command sluice-agent runs the commands, and takes the files, that a Sluice server sends to this machine.
//
//	sluice-agent enroll     make this machine known to a server, with an activation
//	sluice-agent run        serve until SIGTERM; commands under way go on
//	sluice-agent status     what the running agent does
//	sluice-agent doctor     find what is wrong, and what to do about it
//	sluice-agent install    set it up as a service of systemd; uninstall takes that back
//	sluice-agent version    what it was built of, -o json for programs
//
// Exit status: 0 done, 1 failed, 2 for a wrong command line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // schedules have time zones, and machines may have none

	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/version"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == keepCommand { // first: a keeper is started for each command, and is to be small
		if err := runner.Keep(os.Args[2], os.Stdin); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	tune()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sluice-agent:", err)
	}
	os.Exit(status(err))
}

// keepCommand is what the agent calls itself with to keep a command.
const keepCommand = "keep"

// tune makes the process small: it is idle nearly always, on machines that have other things to do.
func tune() {
	const percent, limit = 30, 48 << 20
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// errUsage marks errors of the command line.
var errUsage = errors.New("wrong usage")

type usageError struct{ error }

func (usageError) Is(target error) bool { return target == errUsage }

func misused(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func status(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	return 1
}

// app is the program without the process around it.
type app struct {
	in       io.Reader
	out, err io.Writer
	state    string // directory
	policy   string // file
}

const usage = `Usage: sluice-agent COMMAND [flags]

  enroll      make this machine known to a server, with an activation
  run         serve until SIGTERM; commands under way go on
  status      what the running agent does
  doctor      find what is wrong, and what to do about it
  install     set it up as a service of systemd
  uninstall   take that back
  version     what it was built of, -o json for programs

sluice-agent COMMAND -h lists the flags of a command.
`

// run is the whole program.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	a := &app{in: in, out: out, err: errOut}
	commands := map[string]func(context.Context, *flag.FlagSet, []string) error{
		"enroll": a.enroll, "run": a.run, "status": a.status, "doctor": a.doctor, "install": a.install, "uninstall": a.uninstall,
		"version": a.version, "--version": a.version,
	}
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		fmt.Fprint(out, usage)
		return nil
	}
	if args[0] == "--version" {
		args = []string{"version"}
	}
	command := commands[args[0]]
	if command == nil {
		return misused("unknown command %q, see sluice-agent help", args[0])
	}
	flags := flag.NewFlagSet("sluice-agent "+args[0], flag.ContinueOnError)
	flags.SetOutput(errOut)
	flags.StringVar(&a.state, "state", or(os.Getenv("STATE_DIRECTORY"), defaultState), "`directory` of the identity, the journal and what runs")
	flags.StringVar(&a.policy, "policy", defaultPolicy, "`file` that says what this machine allows")
	return command(ctx, flags, args[1:])
}

// parse reads flags, and wants nothing behind them.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if flags.NArg() > 0 {
		return misused("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (a *app) version(_ context.Context, flags *flag.FlagSet, args []string) error {
	output := flags.String("o", "text", "text or json")
	if err := parse(flags, args); err != nil {
		return err
	}
	switch *output {
	case "text":
		fmt.Fprintln(a.out, version.Current().Line("sluice-agent"))
		return nil
	case "json":
		e := json.NewEncoder(a.out)
		e.SetIndent("", "  ")
		return e.Encode(version.Current())
	}
	return misused("output %q is not text or json", *output)
}
