package main

import (
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

func (a *app) deleteCommand() *cobra.Command {
	var d deleter
	cmd := &cobra.Command{
		Use:   "delete PROJECT/LOGSTORE {'SEARCH' | --row-id ID}",
		Short: "Delete single logs",
		Long: `Delete single logs: queries do not find them any more. Consumers and deliveries get them as ever, and the disk and backups have them, until the ttl of the
logstore. What must be gone everywhere is gone with a shorter ttl or with the logstore.

` + selectionHelp + `

Up to 100,000 logs are deleted at once, all of them or none. More are deleted by a task of the server, from the oldest on; the command waits for it, and
the task goes on without the command: sluice deletion --help`,
		Example: `  sluice delete web/access 'user: ada' --last 7d
  sluice delete web/access '*' --from 2006-01-02T15:00:00Z --to 2006-01-02T16:00:00Z --background --yes
  sluice delete web/access --row-id "$(sluice query web/access 'status: 500' --limit 1 -o raw --field __rowid__)"`,
		Args:              searchArgs,
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, which, err := a.selected(cmd, args, &d.selection)
			if err != nil {
				return err
			}
			d.app, d.c, d.ref = a, c, ref
			return suggest(cmd.Context(), c, ref, suggestIndex(ref, pointed(d.run(cmd, which), which.Query)))
		},
	}
	d.selection.flags(cmd)
	cmd.Flags().BoolVar(&d.background, "background", false, "leave it to a task, however few logs there are, and do not wait")
	cmd.MarkFlagsMutuallyExclusive("row-id", "background")
	return cmd
}

// deleter deletes what one command asks for.
type deleter struct {
	app *app
	c   *client.Client
	ref sluice.LogstoreRef

	selection  selection
	background bool
}

// deleted is what became of a command.
type deleted struct {
	Logs int64            `json:"deleted"`
	Task *client.Deletion `json:"task,omitempty"` // that deleted them, or still does
}

func (d *deleter) run(cmd *cobra.Command, which client.Selection) error {
	ctx, a := cmd.Context(), d.app
	h, err := a.hits(ctx, d.c, d.ref, which)
	if err != nil {
		return err
	}
	if h.logs == 0 && h.complete {
		a.tellNone(which)
		return d.show(cmd, deleted{})
	}
	if err := d.selection.ask(cmd, a, d.c, d.ref, which, h, "Delete "+them(which, h)+"? No query will find them again."); err != nil {
		return err
	}
	if d.background || h.logs > client.MaxDelete {
		return d.byTask(cmd, which)
	}
	n, err := d.c.DeleteLogs(ctx, d.ref, which)
	if err != nil {
		return err
	}
	if n == 0 {
		a.tellNone(which)
	} else {
		a.note("%s deleted", plural(n, "log"))
	}
	return d.show(cmd, deleted{Logs: int64(n)})
}

func (d *deleter) byTask(cmd *cobra.Command, which client.Selection) error {
	task, err := d.c.CreateDeletion(cmd.Context(), d.ref, which)
	if err != nil {
		return err
	}
	if d.background {
		d.app.note("the server deletes the logs. Look: %s deletion show %s %s", program(), d.ref, task.ID)
	} else if task, err = d.app.watchDeletion(cmd.Context(), d.c, d.ref, task); err != nil {
		return err
	}
	if err := d.show(cmd, deleted{Logs: task.Deleted, Task: &task}); err != nil {
		return err
	}
	return deletionError(&task)
}

// show writes the outcome for programs; people were told.
func (d *deleter) show(cmd *cobra.Command, what deleted) error {
	return d.app.show(cmd, what, func() error {
		if what.Task != nil && !d.background {
			d.app.note("%s deleted", plural(int(what.Logs), "log"))
		}
		return nil
	})
}
