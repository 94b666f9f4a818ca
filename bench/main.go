// Command bench measures a real sluiced, started as a child process on a directory of its own. It writes one JSON file with the facts of
// the machine to bench/results and prints tables; docs/benchmarks.md says how to read them and compares them with the goals.
//
//	bench [-only throughput,copy,latency,recovery,idle,search,visible,tail,bombs,delivery,fresh,crowd,control,trail,lookups,agents] [-runs 3]
//	      [-set weblogs,app,text,hostile] [-records 3000000] [-asks 9] [-cold-asks 3] [-rounds 13]   search
//	      [-delivery-mb 500] [-to http,kafka,s3_json,s3_parquet,syslog,sls] [-tasks 200]             delivery, crowd
//	      [-logstores 10000] [-configs 10000]                                                        control
//	      [-without SLUICED]                                                                         trail
//	      [-events 2000000]                                                                          lookups
//	      [-fleet 1000] [-idle-for 60s]                                                              agents
//	      [-put-mb 4000] [-latency-for 15s] [-journal-gb 2] [-cold]                                  the others
//	      [-page docs/benchmarks.md] [-from bench/results/TIME.json]
//
// The load comes from the same machine, so numbers per processor second of the server are the ones to compare.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type bench struct {
	binary      string
	agent       string // sluice-agent
	dir         string // of the servers' data
	results     string // where reports go
	putMB       float64
	journalGB   float64
	deliveryMB  float64
	to          []string // names of the destinations to deliver to
	tasks       int      // of the crowd
	logstores   int      // of the control plane
	configs     int
	without     string // a server without audit events
	events      int    // of the history to look up in
	latencyFor  time.Duration
	idleFor     time.Duration // how long an idle agent is looked at
	fleet       int           // agents that are connected
	records     int
	asks        int
	coldAsks    int
	rounds      int
	recoverCold bool
	sets        []*dataset
	started     []*server
	drawn       map[*dataset]*bodies
	bodies      *bodies // what scenarios without a search send again and again
	report      Report
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	b := bench{drawn: map[*dataset]*bodies{}}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.binary, "sluiced", "bin/sluiced", "the server to measure")
	flags.StringVar(&b.agent, "sluice-agent", "bin/sluice-agent", "the agent to measure")
	flags.DurationVar(&b.idleFor, "idle-for", time.Minute, "how long an idle agent is looked at")
	flags.IntVar(&b.fleet, "fleet", 1000, "agents that are connected at once")
	flags.StringVar(&b.dir, "dir", ".tools/bench", "where the servers keep their data: on the disk to measure")
	flags.StringVar(&b.results, "results", "bench/results", "where the report is written")
	flags.Float64Var(&b.putMB, "put-mb", 4000, "raw megabytes to put and pull in each run: enough for the server to move logs out of its journal meanwhile")
	flags.Float64Var(&b.journalGB, "journal-gb", 2, "gigabytes of unsealed journal to recover (10 for published numbers)")
	flags.Float64Var(&b.deliveryMB, "delivery-mb", 500, "raw megabytes to deliver to each kind of destination")
	flags.DurationVar(&b.latencyFor, "latency-for", 15*time.Second, "how long latency is measured")
	flags.BoolVar(&b.recoverCold, "cold", false, "recover with nothing of the data in the page cache")
	flags.IntVar(&b.records, "records", 3_000_000, "web logs to search; of other data sets there are a 3rd to a 30th")
	flags.IntVar(&b.asks, "asks", 9, "how often each question is asked hot, and of DuckDB")
	flags.IntVar(&b.coldAsks, "cold-asks", 3, "how often each question is asked cold")
	flags.IntVar(&b.rounds, "rounds", 13, "how often each of eight users asks each question")
	flags.IntVar(&b.tasks, "tasks", 200, "tasks on one logstore, of which half cannot deliver")
	flags.IntVar(&b.logstores, "logstores", 10_000, "logstores of a large project, of ten shards each")
	flags.IntVar(&b.configs, "configs", 10_000, "configurations to write")
	flags.StringVar(&b.without, "without", "", "a server from before there were audit events, to compare with")
	flags.IntVar(&b.events, "events", 2_000_000, "audit events to look up in (10,000,000 for published numbers)")
	to := flags.String("to", strings.Join(destinationNames(), ","), "the destinations to deliver to")
	sets := flags.String("set", "weblogs,app,text,hostile", "the data sets to search")
	runs := flags.Int("runs", 3, "how often each scenario is measured")
	only := flags.String("only", "throughput,copy,latency,recovery,idle,search,visible,tail,bombs,delivery,fresh,crowd,control,trail,lookups,agents", "the scenarios to run")
	page := flags.String("page", "", "also write the numbers into this page: docs/benchmarks.md")
	from := flags.String("from", "", "measure nothing, take the numbers of this report")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *from != "" {
		r, err := readReport(*from)
		if err != nil {
			return err
		}
		return r.show(out, *page)
	}
	if err := b.choose(strings.Split(*sets, ","), strings.Split(*to, ",")); err != nil {
		return err
	}
	b.report.Flags = args
	err := b.measure(ctx, strings.Split(*only, ","), *runs)
	if len(b.report.Results) == 0 {
		return err
	}
	name, saveErr := b.report.save(b.results) // what was measured until an error is worth keeping
	fmt.Fprintf(out, "saved in %s\n", name)
	return errors.Join(err, saveErr, b.report.show(out, *page))
}

// show prints a report, and writes it into a page if that is not "".
func (r *Report) show(out io.Writer, page string) error {
	r.print(out)
	if page == "" {
		return nil
	}
	return r.writePage(page)
}

// choose takes the data sets and the destinations of these names.
func (b *bench) choose(sets, to []string) error {
	for _, name := range to {
		if !slices.Contains(destinationNames(), name) {
			return fmt.Errorf("there is no destination %q; there are %s", name, strings.Join(destinationNames(), ", "))
		}
	}
	b.to = to
	for _, name := range sets {
		i := slices.IndexFunc(datasets, func(d *dataset) bool { return d.name == name })
		if i < 0 {
			return fmt.Errorf("there is no data set %q; there are weblogs, app, text and hostile", name)
		}
		b.sets = append(b.sets, datasets[i])
	}
	return nil
}

// measure runs the scenarios of these names so often.
func (b *bench) measure(ctx context.Context, names []string, runs int) error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	if err := b.clean(); err != nil {
		return err
	}
	var err error
	if b.report.Machine, err = inspect(b.dir); err != nil {
		return err
	}
	if load := b.report.Machine.Load; load > 0.5 {
		fmt.Fprintf(os.Stderr, "the machine is busy (load average %.1f): latencies and rates over the clock will say little\n", load)
	}
	b.report.Time, b.report.Version = time.Now().UTC(), version(b.binary)
	if b.bodies, err = draw(b.dir, weblogs, 600); err != nil { // about 100 MB raw
		return err
	}
	err = b.scenarios(ctx, names, runs)
	for _, drawn := range b.drawn {
		err = errors.Join(err, drawn.close())
	}
	return errors.Join(err, b.bodies.close(), b.clean())
}

// scenarios runs each scenario the number of times, all of them once before any of them again, so that a slow spell of the machine
// does not fall on one of them alone.
func (b *bench) scenarios(ctx context.Context, names []string, runs int) error {
	type scenario struct {
		name    string
		measure func(context.Context) error
	}
	all := []scenario{
		{"throughput", b.throughput},
		{"latency", b.latency},
		{"copy", b.copyData},
		{"recovery", b.recovery},
		{"idle", b.idle},
		{"search", b.search},
		{"visible", b.visible},
		{"tail", b.tail},
		{"bombs", b.bomb},
		{"delivery", b.delivery},
		{"fresh", b.fresh},
		{"crowd", b.crowd},
		{"control", b.control},
		{"trail", b.trail},
		{"lookups", b.lookups},
		{"agents", b.agentsMeasured},
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("there is no scenario %q", name)
		}
	}
	var errs []error
	for run := range runs {
		for _, s := range all {
			if !slices.Contains(names, s.name) || ctx.Err() != nil {
				continue
			}
			fmt.Fprintf(os.Stderr, "run %d of %d: %s\n", run+1, runs, s.name)
			if err := s.measure(ctx); err != nil {
				err = fmt.Errorf("%s: %w (the server's log: %s)", s.name, err, filepath.Join(b.dir, "sluiced.log"))
				fmt.Fprintln(os.Stderr, err)
				errs = append(errs, err, b.clean()) // the others are worth measuring all the same
			}
		}
	}
	return errors.Join(errs...)
}

// bodiesOf draws the log groups of a data set, once.
func (b *bench) bodiesOf(d *dataset) (*bodies, error) {
	if b.drawn[d] == nil {
		drawn, err := draw(b.dir, d, max(1, b.records/d.share/d.groupRecords))
		if err != nil {
			return nil, fmt.Errorf("draw %s: %w", d.name, err)
		}
		b.drawn[d] = drawn
	}
	return b.drawn[d], nil
}

func version(binary string) string {
	out, err := exec.Command(binary, "version").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
