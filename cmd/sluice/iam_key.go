package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) iamKey() *cobra.Command {
	list := a.verb("list USER", "List the keys of a user", 1, func(cmd *cobra.Command, c *client.Client, args []string) error {
		all, err := c.UserKeys(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return tableOf(a, cmd, all, func(k client.UserKey) []string {
			return []string{k.ID, k.Status, showTime(k.Created)}
		}, "ACCESS KEY", "STATE", "CREATED")
	})
	create := a.verb("create USER", "Make a key of a user; its secret is shown this once", 1,
		func(cmd *cobra.Command, c *client.Client, args []string) error { return a.newUserKey(cmd, c, args[0]) })
	rotate := a.verb("rotate USER", "Make another key of a user, to take the place of the one there is", 1, a.rotateKey)
	for _, cmd := range []*cobra.Command{list, create, rotate} {
		a.completeNames(cmd, userNames)
	}
	rotate.Long = "rotate makes a second key and leaves the first as it is. Give the new one to the program, disable the old one,\n" +
		"and when nothing misses it, delete it."
	return parent("key", "Access keys of users, two each at most", create, list, rotate,
		a.userKeyVerb("disable", "Refuse a key from now on", func(cmd *cobra.Command, c *client.Client, user, id string) error {
			return c.SetUserKeyActive(cmd.Context(), user, id, false)
		}),
		a.userKeyVerb("enable", "Accept a disabled key again", func(cmd *cobra.Command, c *client.Client, user, id string) error {
			return c.SetUserKeyActive(cmd.Context(), user, id, true)
		}),
		a.userKeyDelete())
}

func (a *app) newUserKey(cmd *cobra.Command, c *client.Client, user string) error {
	key, err := c.CreateUserKey(cmd.Context(), user)
	if err != nil {
		return err
	}
	a.note("The secret is shown this once. Keep it now.")
	return a.show(cmd, key, func() error {
		facts := tty.NewTable("ACCESS KEY", key.ID)
		facts.Add("secret", key.Secret)
		facts.Add("user", user)
		return facts.Write(a.out)
	})
}

func (a *app) rotateKey(cmd *cobra.Command, c *client.Client, args []string) error {
	keys, err := c.UserKeys(cmd.Context(), args[0])
	if err != nil {
		return err
	}
	if len(keys) != 1 {
		return fmt.Errorf("user %s has %d keys; rotating takes one: sluice iam key list %s", args[0], len(keys), args[0])
	}
	if err := a.newUserKey(cmd, c, args[0]); err != nil {
		return err
	}
	a.note("Then: sluice iam key disable %s %s", args[0], keys[0].ID)
	return nil
}

// userKeyVerb is a command about one key of a user.
func (a *app) userKeyVerb(use, short string, run func(cmd *cobra.Command, c *client.Client, user, id string) error) *cobra.Command {
	cmd := a.verb(use+" USER ID", short, 2, func(cmd *cobra.Command, c *client.Client, args []string) error {
		if err := run(cmd, c, args[0], args[1]); err != nil {
			return err
		}
		a.note("access key %s of %s: %sd", args[1], args[0], use)
		return nil
	})
	a.completeNames(cmd, userNames, userKeyIDs)
	return cmd
}

func (a *app) userKeyDelete() *cobra.Command {
	var yes bool
	cmd := a.userKeyVerb("delete", "Delete a key, at once and for good", func(cmd *cobra.Command, c *client.Client, user, id string) error {
		if err := a.confirm(cmd, yes, "Delete access key %s of %s?", tty.Visible(id), tty.Visible(user)); err != nil {
			return err
		}
		return c.DeleteUserKey(cmd.Context(), user, id)
	})
	yesFlag(cmd, &yes)
	return cmd
}
