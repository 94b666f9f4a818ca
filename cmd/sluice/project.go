package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) projectCommand() *cobra.Command {
	return parent("project", "Projects: namespaces of logstores",
		a.projectCreate(), a.projectList(), a.projectShow(), a.projectUsage(), a.projectUpdate(), a.projectDelete())
}

// projectVerb is a command about one project.
func (a *app) projectVerb(use, short string, run func(cmd *cobra.Command, c *client.Client, name string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " PROJECT",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeProject,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := projectArg(cmd, args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return suggest(cmd.Context(), c, sluice.LogstoreRef{Project: name}, run(cmd, c, name))
		},
	}
}

func (a *app) projectCreate() *cobra.Command {
	var description string
	cmd := a.projectVerb("create", "Make a project", func(cmd *cobra.Command, c *client.Client, name string) error {
		if err := c.CreateProject(cmd.Context(), name, description); err != nil {
			return err
		}
		a.note("project %s created; next: sluice logstore create %s/LOGSTORE", name, name)
		return nil
	})
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	return cmd
}

func (a *app) projectList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the projects you may see",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			projects, err := c.Projects(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(cmd, projects, func() error {
				table := tty.NewTable("PROJECT", "CREATED", "DESCRIPTION")
				for _, p := range projects {
					table.Add(p.Name, showTime(p.Created), tty.Visible(p.Description))
				}
				return table.Write(a.out)
			})
		},
	}
}

func (a *app) projectShow() *cobra.Command {
	return a.projectVerb("show", "Show a project and its logstores", func(cmd *cobra.Command, c *client.Client, name string) error {
		p, err := c.Project(cmd.Context(), name)
		if err != nil {
			return err
		}
		logstores, err := c.Logstores(cmd.Context(), name)
		if err != nil {
			return err
		}
		v := struct {
			client.Project
			Logstores []string `json:"logstores"`
		}{p, logstores}
		return a.show(cmd, v, func() error {
			facts := tty.NewTable("PROJECT", p.Name)
			facts.Add("description", tty.Visible(p.Description))
			facts.Add("status", tty.Visible(p.Status))
			facts.Add("created", showTime(p.Created))
			facts.Add("changed", showTime(p.Modified))
			for i, logstore := range logstores {
				label := ""
				if i == 0 {
					label = "logstores"
				}
				facts.Add(label, logstore)
			}
			return facts.Write(a.out)
		})
	})
}

func (a *app) projectUsage() *cobra.Command {
	return a.projectVerb("usage", "Count what there is in a project", func(cmd *cobra.Command, c *client.Client, name string) error {
		u, err := c.Usage(cmd.Context(), name)
		if err != nil {
			return err
		}
		return a.show(cmd, u, func() error {
			facts := tty.NewTable("PROJECT", ">"+u.Project)
			facts.Add("logstores", count(u.Logstores))
			facts.Add("with an index", count(u.Indexes))
			facts.Add("shards taking logs", count(u.Shards))
			facts.Add("shards read-only", count(u.ReadOnlyShards))
			facts.Add("consumer groups", count(u.ConsumerGroups))
			for _, kind := range client.ResourceKinds() {
				if n, counted := u.Documents[kind.Name]; counted {
					facts.Add(kindTitle(kind.Name), count(n))
				}
			}
			return facts.Write(a.out)
		})
	})
}

// kindTitle is the name of a kind of documents for a table: "saved searches".
func kindTitle(name string) string {
	title := strings.ReplaceAll(name, "-", " ")
	if strings.HasSuffix(title, "ch") {
		return title + "es"
	}
	return title + "s"
}

func (a *app) projectUpdate() *cobra.Command {
	var description string
	cmd := a.projectVerb("update", "Change the description of a project", func(cmd *cobra.Command, c *client.Client, name string) error {
		return a.done(c.UpdateProject(cmd.Context(), name, description), "project %s changed", name)
	})
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.MarkFlagRequired("description") //nolint:errcheck // the flag is one line up
	return cmd
}

func (a *app) projectDelete() *cobra.Command {
	var yes bool
	cmd := a.projectVerb("delete", "Delete a project with all its logs", func(cmd *cobra.Command, c *client.Client, name string) error {
		logstores, err := c.Logstores(cmd.Context(), name)
		if err != nil {
			return err
		}
		if err := a.confirm(cmd, yes, "Delete project %s with %s and all their logs?", name, plural(len(logstores), "logstore")); err != nil {
			return err
		}
		if err := c.DeleteProject(cmd.Context(), name); err != nil {
			return err
		}
		a.note("project %s deleted", name)
		return nil
	})
	yesFlag(cmd, &yes)
	return cmd
}
