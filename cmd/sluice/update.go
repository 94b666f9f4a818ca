package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// updateOptions are the flags of update.
type updateOptions struct {
	selection  selection
	set, unset []string
	full       bool
}

func (a *app) updateCommand() *cobra.Command {
	var o updateOptions
	cmd := &cobra.Command{
		Use:   "update PROJECT/LOGSTORE {'SEARCH' | --row-id ID} {--set FIELD=VALUE | --unset FIELD}...",
		Short: "Change what single logs say",
		Long: `Change what single logs say to queries. Their times and row ids stay. Consumers and deliveries get the logs as they were written.

` + selectionHelp + `

Up to 10,000 logs are updated, all of them or none. Other fields stay, unless it is --full. __topic__, __source__ and __tag__:NAME are fields, too, and stay
in any case if they are not named.`,
		Example: `  sluice update web/access 'status: 500' --set status=501 --unset note --last 1h
  sluice update web/access --row-id "$ID" --set 'message=removed on request' --full`,
		Args:              searchArgs,
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, which, err := a.selected(cmd, args, &o.selection)
			if err != nil {
				return err
			}
			u, err := o.update(cmd)
			if err != nil {
				return err
			}
			return suggest(cmd.Context(), c, ref, suggestIndex(ref, pointed(o.run(cmd, a, c, ref, which, u), which.Query)))
		},
	}
	o.selection.flags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&o.set, "set", nil, "`FIELD=VALUE` that the logs have from now on; repeat for several")
	flags.StringArrayVar(&o.unset, "unset", nil, "`field` that goes; repeat for several")
	flags.BoolVar(&o.full, "full", false, "all fields go that are not --set")
	cmd.MarkFlagsMutuallyExclusive("unset", "full")
	cmd.MarkFlagsOneRequired("set", "unset")
	return cmd
}

// update reads what becomes of the logs.
func (o *updateOptions) update(cmd *cobra.Command) (client.Update, error) {
	u := client.Update{Set: map[string]string{}, Unset: o.unset, Full: o.full}
	for _, text := range o.set {
		field, value, ok := strings.Cut(text, "=")
		if _, twice := u.Set[field]; !ok || field == "" || twice {
			return u, misused(cmd, fmt.Errorf("--set is FIELD=VALUE, once for each field, not %q", text))
		}
		u.Set[field] = value
	}
	for _, field := range o.unset {
		if _, set := u.Set[field]; set || field == "" {
			return u, misused(cmd, fmt.Errorf("--unset names a field that is not --set, not %q", field))
		}
	}
	if o.full && len(u.Set) == 0 {
		return u, misused(cmd, errors.New("--full needs the fields that are left: --set FIELD=VALUE"))
	}
	return u, nil
}

func (o *updateOptions) run(cmd *cobra.Command, a *app, c *client.Client, ref sluice.LogstoreRef, which client.Selection, u client.Update) error {
	h, err := a.hits(cmd.Context(), c, ref, which)
	if err != nil {
		return err
	}
	n := 0
	switch {
	case h.logs > client.MaxUpdate:
		return &hinted{
			fmt.Errorf("%s are found; at most %s are updated at once, so nothing was changed", h, count(client.MaxUpdate)),
			"Ask for a shorter time range: --from, --to",
		}
	case h.logs > 0 || !h.complete:
		if err := o.selection.ask(cmd, a, c, ref, which, h, "Update "+them(which, h)+": "+changesOf(u)+"?"); err != nil {
			return err
		}
		if n, err = c.UpdateLogs(cmd.Context(), ref, which, u); err != nil {
			return err
		}
	}
	if n == 0 {
		a.tellNone(which)
	} else {
		a.note("%s updated", plural(n, "log"))
	}
	return a.show(cmd, map[string]int{"updated": n}, func() error { return nil })
}

// changesOf is an update for people.
func changesOf(u client.Update) string {
	var all []string
	for _, field := range slices.Sorted(maps.Keys(u.Set)) {
		all = append(all, "set "+tty.Visible(field)+"="+tty.Visible(u.Set[field]))
	}
	for _, field := range u.Unset {
		all = append(all, "unset "+tty.Visible(field))
	}
	if u.Full {
		all = append(all, "unset all else")
	}
	return strings.Join(all, ", ")
}
