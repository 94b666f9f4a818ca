package main

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) dumpCommand() *cobra.Command {
	var o client.DumpOptions
	var part rangeFlags
	cmd := &cobra.Command{
		Use:   "dump PROJECT/LOGSTORE FILE",
		Short: "Write logs to files, one for each shard",
		Long: `Write the logs of a logstore to files, one for each shard, as JSON, one log a line. {} in the name of the file becomes the number of
the shard. "sluice put" takes such files again.

With --state the dump can be ended at any moment, and goes on where it stopped when the same command is given again; each log is in the
files once.`,
		Example: `  sluice dump web/access access_{}.jsonl --from yesterday --to today
  sluice dump web/access access_{}.jsonl --state dump.state
  sluice dump web/access errors.jsonl --shards 0 --spl '* | where status >= 500'`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			return a.completeRefThenFiles(cmd, args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			o.Path = args[1]
			if o.Start, o.Stop, err = part.times(cmd, a.now()); err != nil {
				return err
			}
			if o.Shards, err = shardList(cmd, part.shards); err != nil {
				return err
			}
			return suggest(cmd.Context(), c, ref, a.runDump(cmd, c, ref, o))
		},
	}
	part.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&o.State, "state", "", "`file` that remembers how far the dump is; removed when it is done")
	flags.StringVar(&o.Query, "spl", "", "SPL `pipeline` that the logs go through")
	flags.BoolVar(&o.Overwrite, "overwrite", false, "write over files that are there")
	flags.IntVar(&o.Workers, "workers", 4, "shards to read at once")
	return cmd
}

// dumpSummary is what a dump wrote, over all its runs.
type dumpSummary struct {
	Logs  int64            `json:"logs"`
	Bytes int64            `json:"bytes"`
	Files map[string]int64 `json:"files"` // logs in each
}

func (a *app) runDump(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, o client.DumpOptions) error {
	if _, err := a.form(cmd); err != nil {
		return err
	}
	t := a.transfer()
	o.Progress = func(p client.DumpProgress) { t.show(p.Done, p.Total, p.Bytes) }
	p, err := c.Dump(cmd.Context(), ref, o)
	a.err.ClearStatus()
	if err != nil {
		if p.Files == nil {
			return err
		}
		return a.unfinished(o.State, err)
	}
	if o.State != "" {
		if err := os.Remove(o.State); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	a.note("%s: %s", plural(int(p.Logs), "log"), t.rate(p.Bytes))
	return a.show(cmd, dumpSummary{p.Logs, p.Bytes, p.Files}, func() error {
		table := tty.NewTable("FILE", ">LOGS")
		for _, name := range slices.Sorted(maps.Keys(p.Files)) {
			table.Add(tty.Visible(name), strconv.FormatInt(p.Files[name], 10))
		}
		return table.Write(a.out)
	})
}
