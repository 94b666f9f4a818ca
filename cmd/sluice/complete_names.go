package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
)

// names lists what an argument may be, given those before it.
type names func(ctx context.Context, c *client.Client, before []string) ([]string, error)

// completeNames has a shell offer for each argument of a command the names of the list in its place.
func (a *app) completeNames(cmd *cobra.Command, lists ...names) {
	cmd.ValidArgsFunction = a.offer(lists...)
}

// offer is a completion with the names of a list for each argument.
func (a *app) offer(lists ...names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(lists) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.completions(cmd, func(ctx context.Context) ([]string, error) {
			c, err := a.client()
			if err != nil {
				return nil, err
			}
			return lists[len(args)](ctx, c, args)
		}), cobra.ShellCompDirectiveNoFileComp
	}
}

// offerFlag is a completion of a flag, wherever among the arguments it is.
func (a *app) offerFlag(list names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.offer(list)(cmd, nil, typed)
	}
}

// thenFiles is a completion of the first argument for commands that go on with a file.
func thenFiles(first cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return first(cmd, args, typed)
	}
}

// namesOf are the names of what a list of the client finds.
func namesOf[T any](list func(*client.Client, context.Context) ([]T, error), name func(T) string) names {
	return func(ctx context.Context, c *client.Client, _ []string) ([]string, error) {
		all, err := list(c, ctx)
		found := make([]string, len(all))
		for i, v := range all {
			found[i] = name(v)
		}
		return found, err
	}
}

var (
	userNames   = namesOf((*client.Client).Users, func(u client.User) string { return u.Name })
	groupNames  = namesOf((*client.Client).Groups, func(g client.Group) string { return g.Name })
	roleNames   = namesOf((*client.Client).Roles, func(r client.Role) string { return r.Name })
	policyNames = namesOf((*client.Client).Policies, func(p client.Policy) string { return p.Name })
	keyIDs      = namesOf((*client.Client).Keys, func(k client.Key) string { return k.ID })
)

// userKeyIDs are those of the user that was named before.
func userKeyIDs(ctx context.Context, c *client.Client, before []string) ([]string, error) {
	keys, err := c.UserKeys(ctx, before[0])
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	return ids, err
}
