// Command sluiced is the server: it takes logs in from the SDKs of Simple Log Service, keeps them on disk, and gives them out.
//
//	sluiced                 serve until SIGTERM or Ctrl-C
//	sluiced config check    say whether the configuration is right
//	sluiced config print    show what it comes to, secrets hidden
//	sluiced restore BACKUP  bring a backup back, into an empty data directory
//	sluiced trail verify DIR  say whether the audit events are as they were written
//	sluiced dump FILE…      show what data files hold
//	sluiced version
//
// Exit status: 0 after a stop that was asked for, 1 when something failed, 2 for a wrong command line or configuration.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/version"
)

func main() {
	runtime.LockOSThread() // the first thread stands for the process, and stays as it was started; see package behind
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	ended := make(chan error)
	go func() { ended <- run(ctx, os.Args[1:], os.Stdout, os.Stderr) }()
	err := <-ended
	if err != nil {
		fmt.Fprintln(os.Stderr, "sluiced:", err)
	}
	os.Exit(status(err))
}

// errUsage marks errors of the command line and the configuration.
var errUsage = errors.New("wrong usage")

func status(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	return 1
}

// usage is err as an error of the command line or the configuration.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return markedError{err}
}

// markedError is an error that is also errUsage, without its words.
type markedError struct{ error }

func (e markedError) Is(target error) bool { return target == errUsage }
func (e markedError) Unwrap() error        { return e.error }

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c := config.Default()
	root := &cobra.Command{
		Use:           "sluiced",
		Short:         "A log service that SDKs of Simple Log Service write to and read from",
		Args:          noArgs,
		Version:       version.Current().Version, // gives --version
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate(version.Current().Line("sluiced") + "\n")
	c.Flags(root.PersistentFlags())
	resolve := func(cmd *cobra.Command) error { return usage(c.Resolve(cmd.Flags(), os.LookupEnv)) }
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := resolve(cmd); err != nil {
			return err
		}
		return serve(cmd.Context(), c, stdout, stderr)
	}
	root.AddCommand(configCommand(c, resolve, stdout), restoreCommand(c, resolve, stdout), trailCommand(stdout, stderr), dumpCommand(stdout), versionCommand(stdout))
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("unknown command %q, see %s --help", args[0], cmd.CommandPath()))
	}
	return nil
}
