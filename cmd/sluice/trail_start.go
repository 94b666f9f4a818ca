package main

import (
	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
)

func (a *app) trailStart() *cobra.Command {
	return a.trailVerbCommand("start", "Make a trail log", func(cmd *cobra.Command, c *client.Client, name string) error {
		return c.StartTrail(cmd.Context(), name)
	})
}

func (a *app) trailStop() *cobra.Command {
	return a.trailVerbCommand("stop", "End the logging of a trail; what happened before is still delivered", func(cmd *cobra.Command, c *client.Client, name string) error {
		return c.StopTrail(cmd.Context(), name)
	})
}

func (a *app) trailDelete() *cobra.Command {
	var yes bool
	cmd := a.trailVerbCommand("delete", "Delete a trail; what it delivered stays", func(cmd *cobra.Command, c *client.Client, name string) error {
		if err := a.confirm(cmd, yes, "Delete trail %s?", name); err != nil {
			return err
		}
		return c.DeleteTrail(cmd.Context(), name)
	})
	yesFlag(cmd, &yes)
	return cmd
}
