package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
)

func (a *app) trailCommand() *cobra.Command {
	return parent("trail", "Audit events: who did what, and where records of it go",
		a.trailLookup(), a.trailList(), a.trailShow(), a.trailCreate(), a.trailUpdate(), a.trailStart(), a.trailStop(), a.trailStatus(), a.trailSelectors(),
		a.trailBackfill(), a.trailDelete(), a.trailVerifyCommand(), a.trailAnchorCommand(), a.trailRotateKeyCommand())
}

// trailVerbCommand is a command about one trail.
func (a *app) trailVerbCommand(use, short string, run func(cmd *cobra.Command, c *client.Client, name string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " TRAIL",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeTrail,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			err = run(cmd, c, args[0])
			if client.Code(err) == "TrailNotFoundException" {
				return &hinted{err, "List them: sluice trail list"}
			}
			return err
		},
	}
}

// completeTrail offers the names of trails.
func (a *app) completeTrail(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completions(cmd, func(ctx context.Context) ([]string, error) {
		c, err := a.client()
		if err != nil {
			return nil, err
		}
		trails, err := c.Trails(ctx)
		names := make([]string, len(trails))
		for i, t := range trails {
			names[i] = t.Name
		}
		return names, err
	}), cobra.ShellCompDirectiveNoFileComp
}
