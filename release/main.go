// Command release makes a version of Sluice: its changelog, and the files that people download.
//
//	changes/*.md ──changelog -write──> CHANGELOG.md ──commit──┐
//	                                                          ▼
//	clean tree ──build──> dist/   archives of programs, pages, units, licences
//	                              an SBOM (CycloneDX) for each archive
//	                              SHA256SUMS, written last: what it lists is whole
//
//	release changelog -version V -date D   show what would be written; with -write, write it
//	release build -version V               make dist/ from the commit that is checked out
//	release notices PROGRAM…               print the licences of what is linked into programs
//
// Invariants:
//   - The bytes of dist/ follow from the commit, the version, and the compilers: no time, name or path of the machine is in them.
//   - Nothing is built from a tree with changes, nor for a version whose changes are not in CHANGELOG.md.
//   - Every module of Go that is linked into a program comes with the text of its licence, or nothing is made.
//
// docs/releases.md says what a version promises, and the steps around this program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// errUsage marks errors of the command line.
var errUsage = errors.New("wrong usage")

func misused(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUsage, fmt.Errorf(format, args...))
}

// run is the whole program, for the project in the current directory.
func run(ctx context.Context, args []string, out io.Writer) error {
	commands := map[string]func(context.Context, *flag.FlagSet, []string, io.Writer) error{
		"changelog": changelogCommand, "build": buildCommand, "notices": noticesCommand,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return misused("say changelog, build or notices")
	}
	flags := flag.NewFlagSet("release "+args[0], flag.ContinueOnError)
	return commands[args[0]](ctx, flags, args[1:], out)
}

func changelogCommand(_ context.Context, flags *flag.FlagSet, args []string, out io.Writer) error {
	v := flags.String("version", "", "the `version` to come, 0.1.0")
	date := flags.String("date", time.Now().UTC().Format(time.DateOnly), "the `day` that it comes out")
	write := flags.Bool("write", false, "write CHANGELOG.md and remove what has gone into it")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	if err := checkVersion(*v); err != nil {
		return err
	}
	if _, err := time.Parse(time.DateOnly, *date); err != nil {
		return misused("date %q is not of the form 2026-11-27", *date)
	}
	c, err := collate(".", *v, *date)
	if err != nil {
		return err
	}
	if !*write {
		_, err := fmt.Fprintf(out, "%s\n(nothing is written: say -write, or WRITE=1 to make)\n", c.section)
		return err
	}
	if err := c.write(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s has %d changes under %s; commit it, and go on with make release VERSION=%s\n", changelogFile, len(c.fragments), *v, *v)
	return err
}

func buildCommand(ctx context.Context, flags *flag.FlagSet, args []string, out io.Writer) error {
	v := flags.String("version", "", "the `version` to build, 0.1.0")
	dir := flags.String("dir", "dist", "the `directory` to make; what an earlier build left there is removed")
	only := flags.String("only", "", "make these alone, a `pattern` of names such as sluice-agent_*_linux_*; the rest is missing then")
	if err := parse(flags, args, 0); err != nil {
		return err
	}
	if err := checkVersion(*v); err != nil {
		return err
	}
	src, err := readSource(ctx, ".", *v)
	if err != nil {
		return err
	}
	return build(ctx, src, *dir, *only, out)
}

func noticesCommand(_ context.Context, flags *flag.FlagSet, args []string, out io.Writer) error {
	if err := parse(flags, args, -1); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return misused("notices needs the programs to read")
	}
	parts, err := partsOf(flags.Args())
	if err != nil {
		return err
	}
	return writeNotices(out, parts)
}

// parse reads flags, and wants n arguments behind them; any number if n is negative.
func parse(flags *flag.FlagSet, args []string, n int) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if n >= 0 && flags.NArg() != n {
		return misused("unexpected argument %q", flags.Arg(n))
	}
	return nil
}
