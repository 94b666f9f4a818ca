package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// lookupFlags are those of sluice trail lookup.
type lookupFlags struct {
	timeRange
	asked         client.EventQuery
	reads, writes bool
	limit         int
	all           bool
	wait          time.Duration
}

func (a *app) trailLookup() *cobra.Command {
	var f lookupFlags
	cmd := &cobra.Command{
		Use:   "lookup",
		Short: "Look audit events up: who did what",
		Long: `lookup shows the audit events of the account, the newest first: calls that manage something, refused ones among them, of the last 90 days. No trail
is needed for that. Conditions are about the whole of a value, in the case that it has, and all of them have to hold.

With -o json events are shown whole, in the form of ActionTrail; --query picks from that.`,
		Example: "  sluice trail lookup --user ops --event DeleteLogStore --last 7d\n  sluice trail lookup --resource web --writes\n" +
			"  sluice trail lookup --access-key LTAI5t --last 90d --all -o json --query '[].sourceIpAddress'",
		Args: cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.lookUp(cmd, &f) },
	}
	const last = "1h"
	f.flagsFrom(cmd, last)
	flags, q := cmd.Flags(), &f.asked
	flags.StringVar(&q.User, "user", "", "`name` of the user; root is the account itself, ROLE:SESSION a session of a role")
	flags.StringVar(&q.Name, "event", "", "`name` of the action: CreateLogStore")
	flags.StringVar(&q.Service, "service", "", "`name` of the service: Sls, Ecs, ESA, Ram, Sts, ActionTrail, CloudTrail, Mns")
	flags.StringVar(&q.ResourceName, "resource", "", "`name` of something that was acted on: a project, a logstore, a trail")
	flags.StringVar(&q.ResourceType, "resource-type", "", "`type` of it: ACS::SLS::Logstore")
	flags.StringVar(&q.Key, "key", "", "`id` of the access key that signed")
	flags.StringVar(&q.RequestID, "request", "", "`id` of the request, as the client was told")
	flags.StringVar(&q.ID, "id", "", "`id` of the event")
	flags.BoolVar(&f.reads, "reads", false, "only what changes nothing")
	flags.BoolVar(&f.writes, "writes", false, "only what changes something")
	flags.IntVarP(&f.limit, "limit", "n", 100, "show so many at most")
	flags.BoolVar(&f.all, "all", false, "show all there are")
	flags.DurationVar(&f.wait, "wait", 0, "if there are none, `so long` until there are: an event is there a moment after its call")
	cmd.MarkFlagsMutuallyExclusive("reads", "writes")
	cmd.MarkFlagsMutuallyExclusive("limit", "all")
	return cmd
}

func (a *app) lookUp(cmd *cobra.Command, f *lookupFlags) error {
	if f.limit < 1 {
		return misused(cmd, errors.New("--limit has to be 1 or more; --all shows all"))
	}
	switch {
	case f.reads:
		f.asked.Access = "Read"
	case f.writes:
		f.asked.Access = "Write"
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	events, more, err := a.await(cmd, c, f)
	if err != nil {
		return err
	}
	if err := a.show(cmd, events, func() error { return a.eventTable(events).Write(a.out) }); err != nil {
		return err
	}
	switch {
	case more:
		a.note("there are more: --limit shows more, --all all of them")
	case len(events) == 0:
		a.note("no events from %s", showRange(f.asked.From, f.asked.To))
	}
	return nil
}

// await looks until there is something, as long as is wanted. The range is worked out anew each time: it may end now.
func (a *app) await(cmd *cobra.Command, c *client.Client, f *lookupFlags) (events []client.Event, more bool, err error) {
	const every = 200 * time.Millisecond
	for until := a.now().Add(f.wait); ; {
		from, to, err := f.parse(cmd, a.now())
		if err != nil {
			return nil, false, err
		}
		f.asked.From, f.asked.To = from, to.Add(-time.Second)
		events, more, err = a.gather(cmd, c, f)
		if err != nil || len(events) > 0 || !a.now().Before(until) {
			return events, more, err
		}
		if !pause(cmd.Context(), every) {
			return nil, false, cmd.Context().Err()
		}
	}
}

// gather takes what is to be shown, and says how far it is where that takes long.
func (a *app) gather(cmd *cobra.Command, c *client.Client, f *lookupFlags) (events []client.Event, more bool, err error) {
	defer a.err.ClearStatus()
	events = []client.Event{}
	for e, err := range c.Events(cmd.Context(), f.asked) {
		if err != nil {
			return nil, false, err
		}
		if !f.all && len(events) == f.limit {
			return events, true, nil
		}
		const step = 500
		if events = append(events, e); len(events)%step == 0 && a.err.Terminal() {
			a.err.Status(fmt.Sprintf("%s events, back to %s", count(len(events)), showTime(e.Time)))
		}
	}
	return events, false, nil
}

// eventTable is events for people.
func (a *app) eventTable(events []client.Event) *tty.Table {
	table := tty.NewTable("TIME", "EVENT", "USER", "ON", "FROM", "ERROR")
	for _, e := range events {
		_, on := lastOf(e.ResourceName)
		table.Add(showTime(e.Time), tty.Visible(e.Service+" "+e.Name), tty.Visible(userText(e)), tty.Visible(on), tty.Visible(e.Source), tty.Visible(e.ErrorCode))
	}
	if a.out.Terminal() { // programs want all of it
		table.Fit(a.out.Width(), 0)
	}
	return table
}

// lastOf cuts a list joined by ";" before its last item, which is what an action is about: a logstore, behind its project.
func lastOf(list string) (before, last string) {
	if i := strings.LastIndexByte(list, ';'); i >= 0 {
		return list[:i], list[i+1:]
	}
	return "", list
}

// userText is who did it: the key, where that is all there is.
func userText(e client.Event) string {
	switch {
	case e.Identity.UserName != "":
		return e.Identity.UserName
	case e.Identity.AccessKeyID != "":
		return "key " + e.Identity.AccessKeyID
	}
	return "-"
}
