package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) siteCommand() *cobra.Command {
	return parent("site", "Edge sites: a logstore for each category of edge logs", a.siteCreate(), a.siteList(), a.siteDelete())
}

func (a *app) siteCreate() *cobra.Command {
	return &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a site",
		Long:    "create makes a site: a project esa-ID with logstores access, waf, ipa and dns, indexed by the fields that such logs have.",
		Example: "  sluice site create example.com",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			id, err := c.CreateSite(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			s := client.Site{ID: id, Name: args[0]}
			a.note("site %s created; its access logs go to %s/access", s.Name, s.Project())
			return a.show(cmd, s, func() error {
				_, err := fmt.Fprintln(a.out, id)
				return err
			})
		},
	}
}

func (a *app) siteList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the sites you may see",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			sites, err := c.Sites(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(cmd, sites, func() error {
				table := tty.NewTable("SITE", "ID", "PROJECT", "CREATED")
				for _, s := range sites {
					table.Add(tty.Visible(s.Name), strconv.FormatInt(s.ID, 10), s.Project(), showTime(s.Created))
				}
				return table.Write(a.out)
			})
		},
	}
}

func (a *app) siteDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:               "delete NAME|ID",
		Short:             "Delete a site with all its logs and delivery tasks",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := findSite(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			if err := a.confirm(cmd, yes, "Delete site %s (%d) with all its logs and delivery tasks?", s.Name, s.ID); err != nil {
				return err
			}
			return a.done(c.DeleteSite(cmd.Context(), s.ID), "site %s deleted", tty.Visible(s.Name))
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

// findSite finds a site by its name or number.
func findSite(ctx context.Context, c *client.Client, text string) (client.Site, error) {
	sites, err := c.Sites(ctx)
	if err != nil {
		return client.Site{}, err
	}
	for _, s := range sites {
		if s.Name == text || strconv.FormatInt(s.ID, 10) == text {
			return s, nil
		}
	}
	return client.Site{}, fmt.Errorf("there is no site %q; sluice site list shows which there are", text)
}

// completeSite offers the names of sites.
func (a *app) completeSite(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completions(cmd, func(ctx context.Context) ([]string, error) {
		c, err := a.client()
		if err != nil {
			return nil, err
		}
		sites, err := c.Sites(ctx)
		names := make([]string, len(sites))
		for i, s := range sites {
			names[i] = s.Name
		}
		return names, err
	}), cobra.ShellCompDirectiveNoFileComp
}
