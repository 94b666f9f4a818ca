package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) indexRebuild() *cobra.Command {
	var all, watch, cancel bool
	cmd := a.refVerb("rebuild", "Make the index of the logs held anew, under the present configuration",
		func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
			ctx := cmd.Context()
			if cancel {
				r, err := c.CancelRebuild(ctx, ref)
				return a.showRebuild(cmd, ref, r, err)
			}
			r, err := c.RebuildIndex(ctx, ref, all)
			if watch && client.Code(err) == "IndexRebuildRunning" {
				r, err = c.IndexRebuild(ctx, ref)
			}
			if err == nil && watch {
				r, err = a.watchRebuild(ctx, c, ref)
			}
			return a.showRebuild(cmd, ref, r, err)
		})
	cmd.Long = `An index configuration that changes applies to logs that arrive from then on; logs held are still searched exactly,
but slowly. This makes their index anew, in the background: the server reads them once more, at most 64 MiB each second
and after what is new, and queries are complete all the while. It goes on after a restart of the server.`
	cmd.Example = `  sluice index rebuild web/access --watch`
	cmd.Flags().BoolVar(&all, "all", false, "also what the present configuration made")
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show the progress until it is over, also of one that runs")
	cmd.Flags().BoolVar(&cancel, "cancel", false, "end the one that runs; what was made anew stays")
	cmd.MarkFlagsMutuallyExclusive("cancel", "watch")
	cmd.MarkFlagsMutuallyExclusive("cancel", "all")
	return cmd
}

// watchRebuild shows the progress of a rebuild until it is over.
func (a *app) watchRebuild(ctx context.Context, c *client.Client, ref sluice.LogstoreRef) (client.Rebuild, error) {
	defer a.err.ClearStatus()
	const every = 200 * time.Millisecond
	for {
		r, err := c.IndexRebuild(ctx, ref)
		if err != nil || r.State != "running" {
			return r, err
		}
		a.err.Status(rebuildBar(r, a.now().Sub(r.Started)))
		if !sleep(ctx, every) {
			a.err.ClearStatus()
			a.note("The rebuild goes on. Look again: %s index rebuild %s --watch", program(), ref)
			return r, ctx.Err()
		}
	}
}

// rebuildBar is the progress as a line.
func rebuildBar(r client.Rebuild, running time.Duration) string {
	total := max(r.Done+r.Left, 1)
	line := fmt.Sprintf("%s %3d%%  %s of %s", tty.Progress(float64(r.Done)/float64(total), progressWidth),
		r.Done*100/total, bytesText(r.Done), bytesText(r.Done+r.Left))
	if r.Done > 0 && r.Left > 0 && running > 0 {
		left := time.Duration(float64(running) / float64(r.Done) * float64(r.Left))
		line += "  " + left.Round(time.Second).String() + " left"
	}
	return line
}

func (a *app) showRebuild(cmd *cobra.Command, ref sluice.LogstoreRef, r client.Rebuild, err error) error {
	if client.Code(err) == "IndexRebuildRunning" {
		return &hinted{err, "Watch it: " + program() + " index rebuild " + ref.String() + " --watch"}
	}
	if err != nil {
		return err
	}
	return a.show(cmd, r, func() error {
		table := tty.NewTable("INDEX", ref.String())
		table.Add("state", r.State)
		table.Add("made anew", bytesText(r.Done))
		if r.State == "running" {
			table.Add("to go", bytesText(r.Left))
		}
		if r.Failed > 0 {
			table.Add("not possible", a.out.Red(plural(r.Failed, "segment")+", see the server's log"))
		}
		return table.Write(a.out)
	})
}
