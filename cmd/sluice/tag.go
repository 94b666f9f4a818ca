package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// tagTypes are the things that have tags.
var tagTypes = []string{"project", "logstore", "dashboard", "machinegroup", "logtailconfig"}

func (a *app) tagCommand() *cobra.Command {
	cmd := parent("tag", "Tags of projects and of what is in them", a.tagList(), a.tagSet(), a.tagDelete())
	cmd.Long = cmd.Short + ". TYPE is " + strings.Join(tagTypes[:len(tagTypes)-1], ", ") + " or " + tagTypes[len(tagTypes)-1] +
		"; NAME is PROJECT, or PROJECT/NAME of what is in one."
	for _, child := range cmd.Commands() {
		child.Long = child.Short + strings.TrimPrefix(cmd.Long, cmd.Short)
	}
	return cmd
}

// tagID is the id of a thing: a project, or PROJECT/NAME.
func tagID(cmd *cobra.Command, kind, arg string) (project, id string, err error) {
	if !slices.Contains(tagTypes, kind) {
		return "", "", misused(cmd, fmt.Errorf("type %q is not one of %s", kind, strings.Join(tagTypes, ", ")))
	}
	project, name, inProject := strings.Cut(arg, "/")
	if !nameForm.MatchString(project) || inProject == (kind == "project") || inProject && name == "" {
		return "", "", misused(cmd, fmt.Errorf("%q does not name a %s: it is PROJECT for projects, and PROJECT/NAME for the others", arg, kind))
	}
	if inProject {
		return project, project + "#" + name, nil
	}
	return project, project, nil
}

// tagVerb is a command about a thing that has tags.
func (a *app) tagVerb(use, short string, args cobra.PositionalArgs, run func(cmd *cobra.Command, c *client.Client, project, kind, id string, rest []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(args) == 0:
				return tagTypes, cobra.ShellCompDirectiveNoFileComp
			case len(args) == 1 && args[0] == "project":
				return a.completeProject(cmd, nil, typed)
			case len(args) == 1:
				return a.completeRef(cmd, nil, typed)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			project, id, err := tagID(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return run(cmd, c, project, args[0], id, args[2:])
		},
	}
}

func (a *app) tagList() *cobra.Command {
	return a.tagVerb("list TYPE NAME", "List the tags of a thing", cobra.ExactArgs(2), func(cmd *cobra.Command, c *client.Client, project, kind, id string, _ []string) error {
		things, err := c.Tags(cmd.Context(), project, kind, id)
		if err != nil {
			return err
		}
		tags := map[string]string{}
		for _, thing := range things {
			maps.Copy(tags, thing.Tags)
		}
		return a.show(cmd, tags, func() error {
			table := tty.NewTable("TAG", "VALUE")
			for _, key := range slices.Sorted(maps.Keys(tags)) {
				table.Add(tty.Visible(key), tty.Visible(tags[key]))
			}
			return table.Write(a.out)
		})
	})
}

func (a *app) tagSet() *cobra.Command {
	cmd := a.tagVerb("set TYPE NAME KEY=VALUE...", "Give a thing tags, or change them", cobra.MinimumNArgs(3),
		func(cmd *cobra.Command, c *client.Client, _, kind, id string, rest []string) error {
			tags := map[string]string{}
			for _, word := range rest {
				key, value, ok := strings.Cut(word, "=")
				if !ok || key == "" {
					return misused(cmd, fmt.Errorf("%q is not of the form KEY=VALUE", word))
				}
				tags[key] = value
			}
			return a.done(c.Tag(cmd.Context(), client.Tagged{Type: kind, ID: id, Tags: tags}), "%s set", plural(len(tags), "tag"))
		})
	cmd.Example = "  sluice tag set logstore web/access team=shop"
	return cmd
}

func (a *app) tagDelete() *cobra.Command {
	var all bool
	cmd := a.tagVerb("delete TYPE NAME [KEY...]", "Take tags away", cobra.MinimumNArgs(2),
		func(cmd *cobra.Command, c *client.Client, _, kind, id string, rest []string) error {
			if all != (len(rest) == 0) {
				return misused(cmd, errors.New("name the tags, or say --all"))
			}
			what := plural(len(rest), "tag")
			if all {
				what = "all tags"
			}
			return a.done(c.Untag(cmd.Context(), kind, id, rest...), "%s taken away", what)
		})
	cmd.Flags().BoolVar(&all, "all", false, "take all tags away")
	return cmd
}
