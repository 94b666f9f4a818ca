package main

import (
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) trailStart() *cobra.Command {
	return a.trailVerbCommand("start", "Make a trail log", func(cmd *cobra.Command, c *client.Client, name string) error {
		return a.done(c.StartTrail(cmd.Context(), name), "trail %s logs", tty.Visible(name))
	})
}

func (a *app) trailStop() *cobra.Command {
	return a.trailVerbCommand("stop", "End the logging of a trail; what happened before is still delivered", func(cmd *cobra.Command, c *client.Client, name string) error {
		return a.done(c.StopTrail(cmd.Context(), name), "trail %s does not log any more", tty.Visible(name))
	})
}

func (a *app) trailDelete() *cobra.Command {
	var yes bool
	cmd := a.trailVerbCommand("delete", "Delete a trail; what it delivered stays", func(cmd *cobra.Command, c *client.Client, name string) error {
		if err := a.confirm(cmd, yes, "Delete trail %s?", name); err != nil {
			return err
		}
		return a.done(c.DeleteTrail(cmd.Context(), name), "trail %s deleted", tty.Visible(name))
	})
	yesFlag(cmd, &yes)
	return cmd
}
