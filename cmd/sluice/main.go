// Command sluice is the command line of the log service: it manages projects, logstores, shards, consumer groups and access
// keys, and puts, pulls and tails logs.
//
//	flags > SLUICE_* > profile ──settings──> client ──> server
//	                                            │
//	commands: what is asked for goes to stdout, all else to stderr; exit 0 done, 1 failed, 2 misused,
//	3 done, as far as the server could: the answer is incomplete
//
// One file holds one noun's verbs. What they share is in app.go; what went wrong is said in explain.go and nowhere else.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr))
}

// The exit codes.
const (
	exitOK = iota
	exitFailed
	exitMisused
	exitIncomplete
)

// run is the program without the process around it.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp(getenv, stdin, stdout, stderr)
	root := a.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitOK
	case !a.started:
		err = misused(cmd, err)
	}
	return a.fail(ctx, err)
}
