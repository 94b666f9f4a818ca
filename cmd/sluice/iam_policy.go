package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// Types of policies.
const (
	customPolicy = "Custom"
	systemPolicy = "System"
)

func (a *app) iamPolicy() *cobra.Command {
	var description string
	create := a.verb("create NAME FILE", "Make a policy of a document; - is standard input", 2,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			document, err := a.readPolicy(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			return a.done(c.CreatePolicy(cmd.Context(), args[0], description, document), "policy %s created", args[0])
		})
	create.Flags().StringVar(&description, "description", "", "what it is for")
	update := a.verb("update NAME FILE", "Give a policy another document, which counts at once", 2,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			document, err := a.readPolicy(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			return a.done(c.UpdatePolicy(cmd.Context(), args[0], document), "policy %s updated", args[0])
		})
	list := a.verb("list", "List the policies of the account and of the server", 0, func(cmd *cobra.Command, c *client.Client, _ []string) error {
		all, err := c.Policies(cmd.Context())
		if err != nil {
			return err
		}
		return tableOf(a, cmd, all, func(p client.Policy) []string {
			return []string{p.Name, p.Type, strconv.Itoa(p.Attachments), tty.Visible(p.Description)}
		}, "POLICY", "TYPE", "ATTACHED", "DESCRIPTION")
	})
	show := a.verb("show NAME", "Show the document of a policy", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		p, err := findPolicy(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		return a.show(cmd, p, func() error { return a.writeDocument(p.Document) })
	})
	remove := a.deletion("delete NAME", "Delete a policy that is attached to nobody", "policy", (*client.Client).DeletePolicy)
	a.completeNames(show, policyNames)
	a.completeNames(remove, policyNames)
	update.ValidArgsFunction = thenFiles(a.offer(policyNames))
	return parent("policy", "Policies: documents that say who may do what", create, update, list, show, remove)
}

// writeDocument writes a policy document as it was given, to be read, or edited and sent back.
func (a *app) writeDocument(document string) error {
	document = strings.TrimSuffix(document, "\n")
	if a.out.Terminal() {
		document = tty.VisibleLines(document)
	}
	_, err := fmt.Fprintln(a.out, document)
	return err
}

// showDocument is writeDocument, or what --output and --query ask of it.
func (a *app) showDocument(cmd *cobra.Command, document string) error {
	return a.show(cmd, json.RawMessage(document), func() error { return a.writeDocument(document) })
}

// findPolicy finds a policy by its name: the account's own before the server's.
func findPolicy(ctx context.Context, c *client.Client, name string) (client.Policy, error) {
	p, err := c.Policy(ctx, customPolicy, name)
	if client.Code(err) != "EntityNotExist.Policy" {
		return p, err
	}
	p, err = c.Policy(ctx, systemPolicy, name)
	if client.Code(err) == "EntityNotExist.Policy" {
		return p, &hinted{err, "List them: sluice iam policy list"}
	}
	return p, err
}

func (a *app) iamAttach(use, short string, do func(c *client.Client, ctx context.Context, typ, name string, h client.Holder) error) *cobra.Command {
	var h client.Holder
	cmd := a.verb(use+" POLICY", short, 1, nil)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		named := 0
		for _, name := range []string{h.User, h.Group, h.Role} {
			if name != "" {
				named++
			}
		}
		if named != 1 {
			return misused(cmd, errors.New("say one of --user, --group and --role"))
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		p, err := findPolicy(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		if err := do(c, cmd.Context(), p.Type, p.Name, h); err != nil {
			return err
		}
		a.note("policy %s %sed", p.Name, use)
		return nil
	}
	flags := cmd.Flags()
	flags.StringVar(&h.User, "user", "", "`name` of the user")
	flags.StringVar(&h.Group, "group", "", "`name` of the group")
	flags.StringVar(&h.Role, "role", "", "`name` of the role")
	a.completeNames(cmd, policyNames)
	for flag, names := range map[string]names{"user": userNames, "group": groupNames, "role": roleNames} {
		cmd.RegisterFlagCompletionFunc(flag, a.offerFlag(names)) //nolint:errcheck // the flags are those above
	}
	return cmd
}

func (a *app) iamProjectPolicy() *cobra.Command {
	show := a.verb("show PROJECT", "Show the policy of a project", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		document, err := c.ProjectPolicy(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if document == "" {
			a.note("project %s has no policy", args[0])
			return nil
		}
		return a.showDocument(cmd, document)
	})
	set := a.verb("set PROJECT FILE", "Set the policy of a project, at once; - is standard input", 2,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			document, err := a.readPolicy(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			return a.done(c.SetProjectPolicy(cmd.Context(), args[0], document), "policy of project %s set", args[0])
		})
	remove := a.deletion("delete PROJECT", "Take the policy of a project away", "the policy of project", (*client.Client).DeleteProjectPolicy)
	show.ValidArgsFunction, remove.ValidArgsFunction = a.completeProject, a.completeProject
	set.ValidArgsFunction = thenFiles(a.completeProject)
	return parent("project-policy", "Policies of projects: who else may, and who may not", show, set, remove)
}
