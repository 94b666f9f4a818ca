package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) instanceCommand() *cobra.Command {
	return parent("instance", "Machines with an agent, on which commands run",
		a.instanceActivate(), a.instanceList(), a.instanceRename(), a.instanceTag(), a.instanceRemove())
}

func (a *app) instanceActivate() *cobra.Command {
	var count, hours int
	var tags []string
	cmd := &cobra.Command{
		Use:     "activate",
		Short:   "Let agents enrol: make an activation and show its code, once",
		Example: "  sluice instance activate --count 20 --tag role=web",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			act, err := c.Activate(cmd.Context(), count, hours, machineTags(tags))
			if err != nil {
				return err
			}
			return a.show(cmd, act, func() error {
				_, err := fmt.Fprintf(a.out, "activation  %s\ncode        %s\n", act.ID, act.Code)
				return err
			})
		},
	}
	cmd.Flags().IntVar(&count, "count", 1, "machines that may enrol with it, at most 1000")
	cmd.Flags().IntVar(&hours, "hours", 4, "hours until it ends, at most 24")
	cmd.Flags().StringArrayVar(&tags, "tag", nil, "`key=value` that the machines get")
	return cmd
}

// machineTags reads tags of the form key=value.
func machineTags(texts []string) []client.MachineTag {
	var tags []client.MachineTag
	for _, t := range texts {
		k, v, _ := strings.Cut(t, "=")
		tags = append(tags, client.MachineTag{Key: k, Value: v})
	}
	return tags
}

func (a *app) instanceList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the machines",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Machines(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(cmd, all, func() error {
				table := tty.NewTable("INSTANCE", "NAME", "CONNECTED", "OS", "ADDRESS", ">RUNS", "TAGS")
				for _, m := range all {
					var tags []string
					for _, t := range m.Tags {
						tags = append(tags, t.Key+"="+t.Value)
					}
					table.Add(m.ID, tty.Visible(m.Name), yesNo(m.Connected), tty.Visible(m.OS), tty.Visible(m.Address), strconv.FormatInt(m.Runs, 10),
						tty.Visible(strings.Join(tags, " ")))
				}
				return table.Write(a.out)
			})
		},
	}
}

// instanceVerb is a command about one machine, which is named first.
func (a *app) instanceVerb(use, short string, args int, run func(cmd *cobra.Command, c *client.Client, m client.Machine, rest []string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.MinimumNArgs(args), ValidArgsFunction: a.completeMachine,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			m, err := findMachine(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			return run(cmd, c, m, args[1:])
		},
	}
}

func (a *app) instanceRename() *cobra.Command {
	return a.instanceVerb("rename INSTANCE NAME", "Give a machine another name", 2, func(cmd *cobra.Command, c *client.Client, m client.Machine, rest []string) error {
		return c.RenameMachine(cmd.Context(), m.ID, rest[0])
	})
}

func (a *app) instanceTag() *cobra.Command {
	return a.instanceVerb("tag INSTANCE KEY=VALUE...", "Set tags of a machine", 2, func(cmd *cobra.Command, c *client.Client, m client.Machine, rest []string) error {
		return c.TagMachine(cmd.Context(), m.ID, machineTags(rest))
	})
}

func (a *app) instanceRemove() *cobra.Command {
	var yes bool
	cmd := a.instanceVerb("remove INSTANCE", "Deregister a machine: its agent is refused from then on", 1,
		func(cmd *cobra.Command, c *client.Client, m client.Machine, _ []string) error {
			if err := a.confirm(cmd, yes, "Deregister %s (%s)? What runs there is over, and its agent has to enrol again.", tty.Visible(m.Name), m.ID); err != nil {
				return err
			}
			return a.done(c.RemoveMachine(cmd.Context(), m.ID), "machine %s (%s) deregistered", tty.Visible(m.Name), m.ID)
		})
	yesFlag(cmd, &yes)
	return cmd
}

// findMachine finds a machine by its id or its name.
func findMachine(ctx context.Context, c *client.Client, text string) (client.Machine, error) {
	all, err := c.Machines(ctx)
	if err != nil {
		return client.Machine{}, err
	}
	var found []client.Machine
	for _, m := range all {
		if m.ID == text {
			return m, nil
		}
		if m.Name == text {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return client.Machine{}, fmt.Errorf("there is no machine %q; sluice instance list shows which there are", text)
	}
	return client.Machine{}, fmt.Errorf("%d machines are called %q; name one by its id, as sluice instance list shows it", len(found), text)
}

// completeMachine offers the names of machines.
func (a *app) completeMachine(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completions(cmd, func(ctx context.Context) ([]string, error) {
		c, err := a.client()
		if err != nil {
			return nil, err
		}
		all, err := c.Machines(ctx)
		names := make([]string, len(all))
		for i, m := range all {
			names[i] = m.Name
		}
		return names, err
	}), cobra.ShellCompDirectiveNoFileComp
}

// targets reads where something is to be done: ids and names of machines, and tag=KEY or tag=KEY:VALUE, which has to stand alone.
func targets(ctx context.Context, c *client.Client, on []string) (t client.Targets, err error) {
	for _, text := range on {
		if tag, ok := strings.CutPrefix(text, "tag="); ok {
			k, v, _ := strings.Cut(tag, ":")
			t.Tags = append(t.Tags, client.MachineTag{Key: k, Value: v})
			continue
		}
		m, err := findMachine(ctx, c, text)
		if err != nil {
			return t, err
		}
		t.IDs = append(t.IDs, m.ID)
	}
	if len(t.IDs) > 0 && len(t.Tags) > 0 {
		return t, fmt.Errorf("--on takes machines or tags, and not both at once")
	}
	return t, nil
}
