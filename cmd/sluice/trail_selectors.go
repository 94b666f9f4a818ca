package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) trailSelectors() *cobra.Command {
	var set []string
	var none bool
	cmd := a.trailVerbCommand("selectors", "Show or set which data events a trail delivers", func(cmd *cobra.Command, c *client.Client, name string) error {
		if cmd.Flags().Changed("set") || none {
			if err := c.SetTrailDataEvents(cmd.Context(), name, dataEventsOf(set)); err != nil {
				return err
			}
		}
		all, err := c.TrailDataEvents(cmd.Context(), name)
		if err != nil {
			return err
		}
		return a.show(cmd, all, func() error {
			table := tty.NewTable("SERVICE", "EVENTS")
			for _, e := range all {
				events := strings.Join(e.Events, ", ")
				if events == "" {
					events = "all data events"
				}
				table.Add(tty.Visible(e.Service), tty.Visible(events))
			}
			return table.Write(a.out)
		})
	})
	cmd.Long = `selectors shows which data events a trail delivers, beside its management events: writing logs, reading and searching them. With --set or --none it
says which from now on; none is what a trail begins with.`
	cmd.Example = "  sluice trail selectors audit-main --set Sls:PostLogStoreLogs,GetLogStoreLogs\n  sluice trail selectors audit-main --none"
	cmd.Flags().StringArrayVar(&set, "set", nil, "`SERVICE`, or SERVICE:EVENT,EVENT; again for more")
	cmd.Flags().BoolVar(&none, "none", false, "no data events")
	cmd.MarkFlagsMutuallyExclusive("set", "none")
	return cmd
}

// dataEventsOf reads what --set says.
func dataEventsOf(set []string) (all []client.DataEvents) {
	for _, text := range set {
		service, events, some := strings.Cut(text, ":")
		e := client.DataEvents{Service: service}
		if some {
			e.Events = strings.Split(events, ",")
		}
		all = append(all, e)
	}
	return all
}
