package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) deletionCommand() *cobra.Command {
	cmd := parent("deletion", "Tasks that delete logs: how far they are", a.deletionList(), a.deletionShow())
	cmd.Long = `Tasks that delete logs in the background, which "sluice delete" makes for more than 100,000 logs and with --background. A task deletes what its search finds, from
the oldest log on; it goes on after a restart of the server and cannot be called back.`
	return cmd
}

func (a *app) deletionList() *cobra.Command {
	cmd := a.refVerb("list", "List the tasks that delete logs of a logstore", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		all, err := c.Deletions(cmd.Context(), ref)
		if err != nil {
			return err
		}
		return a.show(cmd, all, func() error {
			table := tty.NewTable("TASK", "STATE", ">PROGRESS", ">DELETED", "CREATED", "SEARCH")
			for _, d := range all {
				table.Add(tty.Visible(d.ID), d.State, percent(d.Progress), count(int(d.Deleted)), showTime(d.Created), tty.Visible(d.Query))
			}
			return table.Write(a.out)
		})
	})
	cmd.Long = "List the tasks that delete logs of a logstore, the newest first: all that run, and the last hundred of those that are over."
	return cmd
}

func percent(p float64) string { return fmt.Sprintf("%.0f%%", p) }

func (a *app) deletionShow() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:               "show PROJECT/LOGSTORE TASK",
		Short:             "Show a task that deletes logs",
		Long:              "Show a task that deletes logs. With --watch, the exit code says whether it succeeded.",
		Example:           "  sluice deletion show web/access TASK --watch",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeDeletion,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			d, err := c.Deletion(cmd.Context(), ref, args[1])
			if err == nil && watch {
				d, err = a.watchDeletion(cmd.Context(), c, ref, d)
			}
			if client.Code(err) == "DeleteLogsTaskNotExist" {
				return &hinted{err, "List them: sluice deletion list " + ref.String()}
			}
			if err != nil {
				return suggest(cmd.Context(), c, ref, err)
			}
			if err := a.showDeletion(cmd, ref, &d); err != nil || !watch {
				return err
			}
			return deletionError(&d)
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show the progress until it is over")
	return cmd
}

// completeDeletion offers logstores, and then the tasks of the one given.
func (a *app) completeDeletion(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return a.completeRef(cmd, args, typed)
	}
	return a.completions(cmd, func(ctx context.Context) ([]string, error) {
		ref, c, err := a.refClient(cmd, args[0])
		if err != nil {
			return nil, err
		}
		all, err := c.Deletions(ctx, ref)
		names := make([]string, len(all))
		for i, d := range all {
			names[i] = d.ID + "\t" + d.State
		}
		return names, err
	}), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) showDeletion(cmd *cobra.Command, ref sluice.LogstoreRef, d *client.Deletion) error {
	return a.show(cmd, d, func() error {
		table := tty.NewTable("TASK", tty.Visible(d.ID))
		table.Add("logstore", ref.String())
		table.Add("state", d.State)
		table.Add("progress", percent(d.Progress))
		table.Add("deleted", plural(int(d.Deleted), "log"))
		table.Add("search", tty.Visible(d.Query))
		if d.Topic != "" {
			table.Add("topic", tty.Visible(d.Topic))
		}
		table.Add("time range", showRange(d.From, d.To))
		table.Add("created", showTime(d.Created))
		table.Add("finished", showTime(d.Finished))
		if d.Message != "" {
			table.Add("message", a.out.Red(tty.Visible(d.Message)))
		}
		return table.Write(a.out)
	})
}

// watchDeletion shows the progress of a task until it is over.
func (a *app) watchDeletion(ctx context.Context, c *client.Client, ref sluice.LogstoreRef, d client.Deletion) (client.Deletion, error) {
	defer a.err.ClearStatus()
	const every = 200 * time.Millisecond
	for d.Running() {
		a.err.Status(deletionBar(&d))
		wait := sleep(ctx, every)
		var now client.Deletion
		var err error
		if wait {
			now, err = c.Deletion(ctx, ref, d.ID)
		}
		if ctx.Err() != nil {
			a.err.ClearStatus()
			a.note("The task goes on. Look again: %s deletion show %s %s --watch", program(), ref, d.ID)
			return d, ctx.Err()
		}
		if err != nil {
			return d, &hinted{err, "The task goes on. Look again: sluice deletion show " + ref.String() + " " + d.ID}
		}
		d = now
	}
	return d, nil
}

// deletionBar is the progress as a line.
func deletionBar(d *client.Deletion) string {
	return fmt.Sprintf("%s %3.0f%%  %s deleted", tty.Progress(d.Progress/100, progressWidth), d.Progress, plural(int(d.Deleted), "log"))
}

// deletionError is what a task that is over failed with.
func deletionError(d *client.Deletion) error {
	if d.State != "FAILED" {
		return nil
	}
	return errors.New("the task failed: " + d.Message)
}
