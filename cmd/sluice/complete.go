package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A shell waits for completions with the prompt frozen.
const completionTime = 2 * time.Second

// completeRef offers projects, and behind a slash the logstores of one.
func (a *app) completeRef(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	project, _, inProject := strings.Cut(typed, "/")
	if !inProject {
		names := a.completions(cmd, func(ctx context.Context) ([]string, error) { return a.projectNames(ctx) })
		for i := range names {
			names[i] += "/"
		}
		return names, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
	names := a.completions(cmd, func(ctx context.Context) ([]string, error) {
		c, err := a.client()
		if err != nil {
			return nil, err
		}
		return c.Logstores(ctx, project)
	})
	for i := range names {
		names[i] = project + "/" + names[i]
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeTwoRefs is completeRef for commands with two logstores.
func (a *app) completeTwoRefs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 1 {
		args = nil
	}
	return a.completeRef(cmd, args, typed)
}

// completeRefThenFiles is completeRef for commands that go on with files.
func (a *app) completeRefThenFiles(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return a.completeRef(cmd, args, typed)
}

// completeProject offers projects.
func (a *app) completeProject(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completions(cmd, a.projectNames), cobra.ShellCompDirectiveNoFileComp
}

// completeGroup offers logstores, and then the consumer groups of the one given.
func (a *app) completeGroup(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return a.completeRef(cmd, args, typed)
	}
	names := a.completions(cmd, func(ctx context.Context) ([]string, error) {
		ref, c, err := a.refClient(cmd, args[0])
		if err != nil {
			return nil, err
		}
		groups, err := c.ConsumerGroups(ctx, ref)
		if err != nil {
			return nil, err
		}
		names := make([]string, len(groups))
		for i, g := range groups {
			names[i] = g.Name
		}
		return names, nil
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeFlags offers the values of global flags.
func (a *app) completeFlags(root *cobra.Command) {
	for flag, values := range map[string]func() []string{
		"output":  func() []string { return []string{"table", "json", "yaml", "raw", "csv", "xlsx", "parquet"} },
		"sign":    func() []string { return []string{"v1", "v4"} },
		"profile": a.profileNames,
	} {
		//nolint:errcheck // the flags are those of globalFlags
		root.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values(), cobra.ShellCompDirectiveNoFileComp
		})
	}
}

func (a *app) profileNames() []string {
	_, file, err := a.profiles()
	if err != nil {
		return nil
	}
	return file.Names()
}

// completeProfile offers profiles.
func (a *app) completeProfile(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.profileNames(), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) projectNames(ctx context.Context) ([]string, error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	projects, err := c.Projects(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(projects))
	for i, p := range projects {
		names[i] = p.Name
	}
	return names, nil
}

// completions are none when they cannot be had soon: an error has no place between a prompt and its cursor.
func (a *app) completions(cmd *cobra.Command, list func(context.Context) ([]string, error)) []string {
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completionTime)
	defer cancel()
	names, err := list(ctx)
	if err != nil {
		return nil
	}
	return names
}
