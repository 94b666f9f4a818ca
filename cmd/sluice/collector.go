package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/collector/predefined"
)

func (a *app) collectorCommand() *cobra.Command {
	return parent("collector", "Pull audit events, logs and messages of other services", a.collectorRun(), a.collectorCheck())
}

// collectorFile is the flag that names the configuration.
func collectorFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", "", "`file` of the configuration, YAML or JSON")
	_ = cmd.MarkFlagRequired("file")
}

// openCollector makes a collector of the configuration in a file. clean removes its temporary files.
func (a *app) openCollector(file string, once bool) (c *collector.Collector, clean func(), err error) {
	config, err := collector.Load(file, a.getenv)
	if err != nil {
		return nil, nil, err
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, nil, err
	}
	spool, err := os.MkdirTemp("", "sluice-collector-")
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	c, err = collector.New(config, collector.Options{
		Kinds:   predefined.Services(),
		Outputs: predefined.Outputs(predefined.Place{Env: predefined.Env(spool, "sluice"), ConfigDir: dir, FilesDir: dir}),
		Dir:     config.StateDir(file), Now: a.now, Once: once,
		Tell: func(l collector.Line) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(a.err, tty.VisibleLines(l.String()))
		},
	})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(spool))
	}
	return c, func() { _ = os.RemoveAll(spool) }, nil
}

func (a *app) collectorRun() *cobra.Command {
	var file string
	var once bool
	cmd := &cobra.Command{
		Use:   "run -f FILE",
		Short: "Run a collector until it is stopped",
		Long: `Run the services of a configuration: pull what is new every minute, and send it to their outputs.

The log goes to standard error. The collector may be killed at any moment, and goes on where it was when it is started again: its state is
in the directory state beside FILE, unless FILE says otherwise. One collector may use it at a time.

What can be in FILE: docs/collectors.md.`,
		Example: "  sluice collector check -f collector.yaml\n  sluice collector run -f collector.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, clean, err := a.openCollector(file, once)
			if err != nil {
				return err
			}
			defer clean()
			ctx, stop := context.WithCancel(cmd.Context())
			var reports sync.WaitGroup
			reports.Go(func() { c.ReportMemory(ctx) })
			defer reports.Wait()
			defer stop()
			return c.Run(ctx)
		},
	}
	collectorFile(cmd, &file)
	cmd.Flags().BoolVar(&once, "once", false, "end when all that there is now was collected")
	return cmd
}

// collectorFinding is a line of the output of a check.
type collectorFinding struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
	Found   string `json:"found,omitempty"`
}

func (a *app) collectorCheck() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check -f FILE",
		Short: "Test that the services of a collector can be pulled, and that its outputs take logs",
		Long: `Test the services and the outputs of a configuration: each is asked once. Nothing is collected, and no state is written.

The exit code is 0 if all are ready.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, clean, err := a.openCollector(file, false)
			if err != nil {
				return err
			}
			defer clean()
			var list []collectorFinding
			failed := false
			for _, f := range c.Check(cmd.Context()) {
				line := collectorFinding{Name: f.Name, Verdict: "ready"}
				if f.Err != nil {
					line.Verdict, line.Found, failed = "failed", f.Err.Error(), true
				}
				list = append(list, line)
			}
			err = a.show(cmd, list, func() error {
				for _, l := range list {
					mark := a.out.Green(l.Verdict)
					if l.Verdict != "ready" {
						mark = a.out.Red(l.Verdict)
					}
					fmt.Fprintln(a.out, strings.TrimRight(fmt.Sprintf("%-40s %s  %s", l.Name, mark, tty.VisibleLines(l.Found)), " "))
				}
				return nil
			})
			if err == nil && failed {
				err = &silent{errors.New("a check failed")}
			}
			return err
		},
	}
	collectorFile(cmd, &file)
	return cmd
}
