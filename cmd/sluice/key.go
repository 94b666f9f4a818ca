package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) keyCommand() *cobra.Command {
	return parent("key", "Access keys: who may do what (root keys only)",
		a.keyCreate(), a.keyList(), a.keyShow(), a.keySwitch("disable", true), a.keySwitch("enable", false), a.keyLimit(), a.keyDelete())
}

func (a *app) keyCreate() *cobra.Command {
	var spec client.KeySpec
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make an access key; its secret is shown this once",
		Example: `  sluice key create --description "web servers" --project web
  sluice key create --read-only --expires 12h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if expires < 0 || expires%time.Second != 0 {
				return misused(cmd, fmt.Errorf("--expires %s is not a number of seconds", expires))
			}
			spec.ExpiresInSeconds = int64(expires / time.Second)
			c, err := a.client()
			if err != nil {
				return err
			}
			key, err := c.CreateKey(cmd.Context(), spec)
			if err != nil {
				return err
			}
			a.note("The secret is shown this once. Keep it now.")
			return a.show(cmd, key, func() error {
				facts := tty.NewTable("ACCESS KEY", key.ID)
				facts.Add("secret", key.Secret)
				if key.SecurityToken != "" {
					facts.Add("security token", key.SecurityToken)
				}
				facts.Add("may", scope(key.Key, key.Account))
				facts.Add("expires", expiry(key.Key))
				return facts.Write(a.out)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&spec.Description, "description", "", "who uses it")
	flags.StringSliceVar(&spec.Projects, "project", nil, "the only `project` it may touch; repeat for several (default all)")
	flags.BoolVar(&spec.ReadOnly, "read-only", false, "may read and not write")
	flags.BoolVar(&spec.Root, "root", false, "may manage keys, too")
	flags.DurationVar(&expires, "expires", 0, "make a temporary key, with a security token, for this `long`: 15m to 12h")
	return cmd
}

// scope says what a key may do. home is the account of the installation's root, whose keys that are root manage keys.
func scope(k client.Key, home string) string {
	text := "read and write"
	if k.ReadOnly {
		text = "read"
	}
	if len(k.Projects) > 0 {
		text += " in " + strings.Join(k.Projects, ", ")
	} else {
		text += " in all projects"
	}
	switch {
	case k.User != "":
		text += ", as policies let " + k.User
	case k.Root && k.Account == home:
		text += "; manage keys"
	}
	if k.Account != home {
		text += " (account " + k.Account + ")"
	}
	return tty.Visible(text)
}

func expiry(k client.Key) string {
	if k.Expires.IsZero() {
		return "never"
	}
	return showTime(k.Expires)
}

func (a *app) keyState(k client.Key) string {
	switch {
	case k.Disabled:
		return a.out.Red("disabled")
	case !k.Expires.IsZero() && k.Expires.Before(a.now()):
		return a.out.Yellow("expired")
	}
	return a.out.Green("active")
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the access keys, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			keys, err := c.Keys(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(cmd, keys, func() error { return a.keyTable(cmd.Context(), c, keys) })
		},
	}
}

func (a *app) keyTable(ctx context.Context, c *client.Client, keys []client.Key) error {
	us, err := c.WhoAmI(ctx) // only the root account sees keys
	if err != nil {
		return err
	}
	table := tty.NewTable("ACCESS KEY", "STATE", "MAY", "EXPIRES", "CREATED", "DESCRIPTION")
	for _, k := range keys {
		table.Add(k.ID, a.keyState(k), scope(k, us.AccountID), expiry(k), showTime(k.Created), tty.Visible(k.Description))
	}
	return table.Write(a.out)
}

func (a *app) keyShow() *cobra.Command {
	return a.keyVerb("show", "Show an access key, without its secret", func(cmd *cobra.Command, c *client.Client, id string) error {
		k, err := c.Key(cmd.Context(), id)
		if err != nil {
			return err
		}
		return a.show(cmd, k, func() error { return a.keyTable(cmd.Context(), c, []client.Key{k}) })
	})
}

// keyVerb is a command about one access key.
func (a *app) keyVerb(use, short string, run func(cmd *cobra.Command, c *client.Client, id string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " ID",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.offer(keyIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			err = run(cmd, c, args[0])
			if client.Code(err) == "AccessKeyNotExist" {
				return &hinted{err, "List them: sluice key list"}
			}
			return err
		},
	}
}

func (a *app) keySwitch(verb string, disabled bool) *cobra.Command {
	short := map[bool]string{true: "Refuse an access key from now on", false: "Accept a disabled access key again"}[disabled]
	return a.keyVerb(verb, short, func(cmd *cobra.Command, c *client.Client, id string) error {
		if err := c.SetKeyDisabled(cmd.Context(), id, disabled); err != nil {
			return err
		}
		a.note("access key %s %sd", id, verb)
		return nil
	})
}

func (a *app) keyDelete() *cobra.Command {
	var yes bool
	cmd := a.keyVerb("delete", "Delete an access key, at once and for good", func(cmd *cobra.Command, c *client.Client, id string) error {
		if err := a.confirm(cmd, yes, "Delete access key %s?", id); err != nil {
			return err
		}
		if err := c.DeleteKey(cmd.Context(), id); err != nil {
			return err
		}
		a.note("access key %s deleted", id)
		return nil
	})
	yesFlag(cmd, &yes)
	return cmd
}
