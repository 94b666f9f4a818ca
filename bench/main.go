// Command bench measures a real sluiced, started as a child process on a directory of its own, with the web-log data set. It
// writes one JSON file with the facts of the machine to bench/results and prints a table; docs/benchmarks.md says how to read
// them and compares them with the goals.
//
//	bench [-runs 3] [-only throughput,latency,recovery,idle] [-put-mb 4000] [-journal-gb 2] [-cold] [-latency-for 15s] [-dir .tools]
//
// The load comes from the same machine, so numbers per processor second of the server are the ones to compare.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type bench struct {
	binary     string
	dir        string // of the servers' data
	putMB      float64
	journalGB  float64
	latencyFor time.Duration
	cold       bool
	started    []*server
	bodies     []body
	report     Report
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var b bench
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.binary, "sluiced", "bin/sluiced", "the server to measure")
	flags.StringVar(&b.dir, "dir", ".tools/bench", "where the servers keep their data: on the disk to measure")
	flags.Float64Var(&b.putMB, "put-mb", 4000, "raw megabytes to put and pull in each run: enough for the server to move logs out of its journal meanwhile")
	flags.Float64Var(&b.journalGB, "journal-gb", 2, "gigabytes of unsealed journal to recover (10 for published numbers)")
	flags.DurationVar(&b.latencyFor, "latency-for", 15*time.Second, "how long latency is measured")
	flags.BoolVar(&b.cold, "cold", false, "empty the kernel's page cache before recovery (needs root)")
	runs := flags.Int("runs", 3, "how often each scenario is measured")
	only := flags.String("only", "throughput,latency,recovery,idle", "the scenarios to run")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	if err := b.clean(); err != nil {
		return err
	}
	machine, err := inspect(b.dir)
	if err != nil {
		return err
	}
	if machine.Load > 0.5 {
		fmt.Fprintf(os.Stderr, "the machine is busy (load average %.1f): latencies and rates over the clock will say little\n", machine.Load)
	}
	b.report = Report{Time: time.Now().UTC(), Version: version(b.binary), Machine: machine, Flags: args}
	if b.bodies, err = makeBodies(600); err != nil { // about 100 MB raw, sent again and again
		return err
	}
	if err := errors.Join(b.scenarios(ctx, strings.Split(*only, ","), *runs), b.clean()); err != nil {
		return err
	}
	name, err := b.report.save()
	if err != nil {
		return err
	}
	b.report.table(os.Stdout)
	fmt.Printf("\nsaved in %s\n", name)
	return nil
}

// scenarios runs each scenario the number of times, all of them once before any of them again, so that a slow spell of the machine
// does not fall on one of them alone.
func (b *bench) scenarios(ctx context.Context, names []string, runs int) error {
	all := []struct {
		name    string
		measure func(context.Context) error
	}{
		{"throughput", b.throughput}, {"latency", b.latency}, {"recovery", b.recovery}, {"idle", b.idle},
	}
	for run := range runs {
		for _, s := range all {
			if !slices.Contains(names, s.name) {
				continue
			}
			fmt.Fprintf(os.Stderr, "run %d of %d: %s\n", run+1, runs, s.name)
			if err := s.measure(ctx); err != nil {
				return fmt.Errorf("%s: %w (the server's log: %s)", s.name, err, filepath.Join(b.dir, "sluiced.log"))
			}
		}
	}
	return nil
}

func version(binary string) string {
	out, err := exec.Command(binary, "version").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
