package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) iamCommand() *cobra.Command {
	return parent("iam", "Accounts, users, roles, policies: who may do what",
		a.iamWhoAmI(), a.iamCan(), a.iamAccount(), a.iamUser(), a.iamKey(), a.iamGroup(), a.iamPolicy(),
		a.iamAttach("attach", "Give a policy to a user, a group or a role", (*client.Client).AttachPolicy),
		a.iamAttach("detach", "Take a policy away again", (*client.Client).DetachPolicy),
		a.iamRole(), a.iamAssume(), a.iamProjectPolicy())
}

// verb is a command that needs the server and its arguments alone.
func (a *app) verb(use, short string, args int, run func(cmd *cobra.Command, c *client.Client, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(args), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return run(cmd, c, args)
		},
	}
}

// deletion is a verb that asks before it deletes what its argument names.
func (a *app) deletion(use, short, what string, remove func(c *client.Client, ctx context.Context, name string) error) *cobra.Command {
	var yes bool
	cmd := a.verb(use, short, 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := a.confirm(cmd, yes, "Delete %s %s?", what, tty.Visible(args[0])); err != nil {
			return err
		}
		if err := remove(c, cmd.Context(), args[0]); err != nil {
			return err
		}
		a.note("%s %s deleted", what, tty.Visible(args[0]))
		return nil
	})
	yesFlag(cmd, &yes)
	return cmd
}

// table shows v, as one row for each of all in a table.
func tableOf[T any](a *app, cmd *cobra.Command, all []T, row func(T) []string, heads ...string) error {
	return a.show(cmd, all, func() error {
		table := tty.NewTable(heads...)
		for _, v := range all {
			table.Add(row(v)...)
		}
		return table.Write(a.out)
	})
}

// maxPolicyFile is longer than any policy.
const maxPolicyFile = 64 << 10

// readPolicy reads a document from a file, or from standard input for "-".
func (a *app) readPolicy(ctx context.Context, name string) (string, error) {
	raw, err := a.readAll(ctx, name, maxPolicyFile)
	return string(raw), err
}

func (a *app) iamWhoAmI() *cobra.Command {
	return a.verb("whoami", "Show who the key belongs to", 0, func(cmd *cobra.Command, c *client.Client, _ []string) error {
		who, err := c.WhoAmI(cmd.Context())
		if err != nil {
			return err
		}
		return a.show(cmd, who, func() error {
			facts := tty.NewTable("WHO", who.ARN)
			facts.Add("type", who.Type)
			facts.Add("account", who.AccountID)
			facts.Add("id", who.PrincipalID)
			return facts.Write(a.out)
		})
	})
}

// errDenied is the answer no of sluice iam can, for scripts.
var errDenied = &silent{errors.New("denied")}

func (a *app) iamCan() *cobra.Command {
	var q client.PermissionQuestion
	var role bool
	cmd := a.verb("can USER ACTION RESOURCE", "Say whether a user may do something, and which statement decides", 3,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			if q.User = args[0]; role {
				q.User, q.Role = "", args[0]
			}
			q.Action, q.Resource = args[1], args[2]
			p, err := c.ExplainPermission(cmd.Context(), q)
			if err != nil {
				return err
			}
			if err := a.show(cmd, p, func() error { return a.permissionTable(p) }); err != nil {
				return err
			}
			if !p.Allowed {
				return errDenied
			}
			return nil
		})
	cmd.Long = "can answers by the same decision as requests, and exits with 1 if the answer is no. The scopes of keys are not asked for."
	cmd.Example = `  sluice iam can alice log:GetLogStoreLogs project/web/logstore/app
  sluice iam can alice log:PostLogStoreLogs 'acs:log:*:*:project/web/logstore/app' --from 192.0.2.7 --tls`
	flags := cmd.Flags()
	flags.BoolVar(&role, "role", false, "USER is the name of a role")
	flags.StringVar(&q.SourceIP, "from", "", "`address` that the request would come from")
	flags.BoolVar(&q.Secure, "tls", false, "the request would come over TLS")
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if role {
			return a.offer(roleNames)(cmd, args, typed)
		}
		return a.offer(userNames)(cmd, args, typed)
	}
	return cmd
}

func (a *app) permissionTable(p client.Permission) error {
	answer := a.out.Red("no")
	if p.Allowed {
		answer = a.out.Green("yes")
	}
	facts := tty.NewTable("ALLOWED", answer)
	facts.Add("because", p.Reason)
	if p.Policy != "" {
		facts.Add("policy", tty.Visible(p.Policy))
		facts.Add("statement", fmt.Sprintf("%d (%s), line %d", p.Statement, p.Effect, p.Line))
	}
	return facts.Write(a.out)
}

func (a *app) iamAccount() *cobra.Command {
	create := a.verb("create NAME", "Make an account with a first key, whose secret is shown this once", 1,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			made, err := c.CreateAccount(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			a.note("The secret is shown this once. Keep it now.")
			return a.show(cmd, made, func() error {
				facts := tty.NewTable("ACCOUNT", made.ID)
				facts.Add("name", made.Name)
				facts.Add("access key", made.AccessKeyID)
				facts.Add("secret", made.Secret)
				return facts.Write(a.out)
			})
		})
	list := a.verb("list", "List the accounts", 0, func(cmd *cobra.Command, c *client.Client, _ []string) error {
		all, err := c.Accounts(cmd.Context())
		if err != nil {
			return err
		}
		return tableOf(a, cmd, all, func(v client.Account) []string {
			return []string{v.ID, tty.Visible(v.Name), map[bool]string{true: "yes", false: "no"}[v.Root], showTime(v.Created)}
		}, "ACCOUNT", "NAME", "ROOT", "CREATED")
	})
	return parent("account", "Accounts: tenants that do not see each other (root keys only)", create, list,
		a.deletion("delete ID", "Delete an account without projects, with its users and keys", "account", (*client.Client).DeleteAccount))
}

func (a *app) iamUser() *cobra.Command {
	var comments string
	create := a.verb("create NAME", "Make a user", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		u, err := c.CreateUser(cmd.Context(), args[0], comments)
		if err != nil {
			return err
		}
		a.note("user %s created; it may do nothing yet: sluice iam attach POLICY --user %s", u.Name, u.Name)
		return nil
	})
	create.Flags().StringVar(&comments, "comments", "", "what it is for")
	list := a.verb("list", "List the users", 0, func(cmd *cobra.Command, c *client.Client, _ []string) error {
		all, err := c.Users(cmd.Context())
		if err != nil {
			return err
		}
		return tableOf(a, cmd, all, func(v client.User) []string {
			return []string{v.Name, showTime(v.Created), tty.Visible(v.Comments)}
		}, "USER", "CREATED", "COMMENTS")
	})
	show := a.verb("show NAME", "Show the policies of a user", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		return a.showPolicies(cmd, c, client.Holder{User: args[0]})
	})
	remove := a.deletion("delete NAME", "Delete a user without keys, groups and policies", "user", (*client.Client).DeleteUser)
	a.completeNames(show, userNames)
	a.completeNames(remove, userNames)
	return parent("user", "Users of the account", create, list, show, remove)
}

func (a *app) showPolicies(cmd *cobra.Command, c *client.Client, h client.Holder) error {
	all, err := c.PoliciesOf(cmd.Context(), h)
	if err != nil {
		return err
	}
	return tableOf(a, cmd, all, func(p client.Policy) []string {
		return []string{p.Name, p.Type, tty.Visible(p.Description)}
	}, "POLICY", "TYPE", "DESCRIPTION")
}

func (a *app) iamGroup() *cobra.Command {
	var comments string
	create := a.verb("create NAME", "Make a group", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		if _, err := c.CreateGroup(cmd.Context(), args[0], comments); err != nil {
			return err
		}
		a.note("group %s created", args[0])
		return nil
	})
	create.Flags().StringVar(&comments, "comments", "", "what it is for")
	list := a.verb("list", "List the groups", 0, func(cmd *cobra.Command, c *client.Client, _ []string) error {
		all, err := c.Groups(cmd.Context())
		if err != nil {
			return err
		}
		return tableOf(a, cmd, all, func(v client.Group) []string {
			return []string{v.Name, showTime(v.Created), tty.Visible(v.Comments)}
		}, "GROUP", "CREATED", "COMMENTS")
	})
	members := a.verb("members NAME", "List the users in a group", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		all, err := c.GroupMembers(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return tableOf(a, cmd, all, func(v client.User) []string { return []string{v.Name} }, "USER")
	})
	show := a.verb("show NAME", "Show the policies of a group", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		return a.showPolicies(cmd, c, client.Holder{Group: args[0]})
	})
	add := a.verb("add GROUP USER", "Put a user into a group", 2, func(cmd *cobra.Command, c *client.Client, args []string) error {
		return a.done(c.AddToGroup(cmd.Context(), args[1], args[0]), "user %s is in group %s", args[1], args[0])
	})
	remove := a.verb("remove GROUP USER", "Take a user out of a group", 2, func(cmd *cobra.Command, c *client.Client, args []string) error {
		return a.done(c.RemoveFromGroup(cmd.Context(), args[1], args[0]), "user %s is not in group %s any more", args[1], args[0])
	})
	deletion := a.deletion("delete NAME", "Delete a group without members and policies", "group", (*client.Client).DeleteGroup)
	for _, cmd := range []*cobra.Command{members, show, deletion} {
		a.completeNames(cmd, groupNames)
	}
	a.completeNames(add, groupNames, userNames)
	a.completeNames(remove, groupNames, userNames)
	return parent("group", "Groups of users", create, list, members, show, add, remove, deletion)
}
