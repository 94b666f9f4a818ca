package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) iamRole() *cobra.Command {
	list := a.verb("list", "List the roles", 0, func(cmd *cobra.Command, c *client.Client, _ []string) error {
		all, err := c.Roles(cmd.Context())
		if err != nil {
			return err
		}
		return tableOf(a, cmd, all, func(r client.Role) []string {
			return []string{r.Name, r.ARN, (time.Duration(r.MaxSessionSeconds) * time.Second).String(), tty.Visible(r.Description)}
		}, "ROLE", "ARN", "LONGEST", "DESCRIPTION")
	})
	show := a.verb("show NAME", "Show the policies of a role", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		return a.showPolicies(cmd, c, client.Holder{Role: args[0]})
	})
	remove := a.deletion("delete NAME", "Delete a role without policies, and end its sessions", "role", (*client.Client).DeleteRole)
	a.completeNames(show, roleNames)
	a.completeNames(remove, roleNames)
	return parent("role", "Roles: what others may take on for a while", a.roleCreate(), list, show, a.roleTrust(), remove)
}

func (a *app) roleTrust() *cobra.Command {
	show := a.verb("show NAME", "Show who may assume a role", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		r, err := c.Role(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.showDocument(cmd, r.Trust)
	})
	set := a.verb("set NAME FILE", "Say who may assume a role, from now on; - is standard input", 2,
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			document, err := a.readPolicy(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			return a.done(c.SetRoleTrust(cmd.Context(), args[0], document), "role %s trusts whom %s says", args[0], inputName(args[1]))
		})
	a.completeNames(show, roleNames)
	set.ValidArgsFunction = thenFiles(a.offer(roleNames))
	return parent("trust", "Documents that say who may assume a role", show, set)
}

func (a *app) roleCreate() *cobra.Command {
	var description, file, account, externalID string
	var longest time.Duration
	cmd := a.verb("create NAME", "Make a role", 1, nil)
	cmd.Long = "create makes a role that an account, or whom a document of your own names, may assume."
	cmd.Example = `  sluice iam role create reader --trust-account 1234567890123456
  sluice iam role create auditor --trust-account 1234567890123456 --external-id 8b1f
  sluice iam role create writer --trust trust.json`
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (file == "") == (account == "") || file != "" && externalID != "" {
			return misused(cmd, errors.New("say either --trust-account, with or without --external-id, or --trust"))
		}
		trust := trustAccount(account, externalID)
		if file != "" {
			var err error
			if trust, err = a.readPolicy(cmd.Context(), file); err != nil {
				return err
			}
		}
		c, err := a.client()
		if err != nil {
			return err
		}
		r, err := c.CreateRole(cmd.Context(), args[0], description, trust, longest)
		if err != nil {
			return err
		}
		return a.show(cmd, r, func() error {
			_, err := fmt.Fprintln(a.out, r.ARN)
			return err
		})
	}
	flags := cmd.Flags()
	flags.StringVar(&description, "description", "", "what it is for")
	flags.StringVar(&file, "trust", "", "`file` with the document that says who may assume it; - is standard input")
	flags.StringVar(&account, "trust-account", "", "`id` of an account whose users may assume it, as far as their own policies allow")
	flags.StringVar(&externalID, "external-id", "", "`text` that they have to send, for those who assume roles of many others")
	flags.DurationVar(&longest, "longest", 0, "how `long` a session may last: 15m to 12h (default 1h)")
	return cmd
}

// trustAccount is a document that trusts an account.
func trustAccount(account, externalID string) string {
	text := func(s string) string {
		raw, _ := json.Marshal(s) // texts have a form
		return string(raw)
	}
	condition := ""
	if externalID != "" {
		condition = `,"Condition":{"StringEquals":{"sts:ExternalId":` + text(externalID) + `}}`
	}
	return `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":` +
		text("acs:ram::"+account+":root") + `}` + condition + `}]}`
}

func (a *app) iamAssume() *cobra.Command {
	how := client.AssumeRole{}
	var file string
	var asEnv bool
	cmd := a.verb("assume-role ARN", "Get credentials of a role for a while", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		how.Role = args[0]
		if file != "" {
			var err error
			if how.Policy, err = a.readPolicy(cmd.Context(), file); err != nil {
				return err
			}
		}
		made, err := c.AssumeRole(cmd.Context(), how)
		if err != nil {
			return err
		}
		if asEnv {
			_, err := fmt.Fprintf(a.out, "export SLUICE_ACCESS_KEY_ID=%s SLUICE_ACCESS_KEY_SECRET=%s SLUICE_SECURITY_TOKEN=%s\n",
				made.AccessKeyID, made.Secret, made.SecurityToken)
			return err
		}
		return a.show(cmd, made, func() error {
			facts := tty.NewTable("ACCESS KEY", made.AccessKeyID)
			facts.Add("secret", made.Secret)
			facts.Add("security token", made.SecurityToken)
			facts.Add("expires", showTime(made.Expires))
			return facts.Write(a.out)
		})
	})
	cmd.Example = `  eval "$(sluice iam assume-role acs:ram::1234567890123456:role/reader --env)"`
	flags := cmd.Flags()
	flags.StringVar(&how.Session, "session", "cli", "`name` of the session, for those who read logs")
	flags.DurationVar(&how.Life, "duration", 0, "how `long` they last (default 1h)")
	flags.StringVar(&file, "policy", "", "`file` with what the session may at most")
	flags.StringVar(&how.ExternalID, "external-id", "", "`text` that the role asks for")
	flags.BoolVar(&asEnv, "env", false, "print them as a line for the shell")
	return cmd
}
