package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) deliveryList() *cobra.Command {
	return &cobra.Command{
		Use:               "list PROJECT",
		Short:             "List the delivery tasks of a project",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeProject,
		RunE: func(cmd *cobra.Command, args []string) error {
			project, err := projectArg(cmd, args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			tasks, err := c.Deliveries(cmd.Context(), project)
			if err != nil {
				return err
			}
			return a.show(cmd, tasks, func() error {
				table := tty.NewTable("TASK", "TO", "STATE", ">LAG", ">DELIVERED", ">DEAD", ">LOGS/S", "REASON")
				for _, t := range tasks {
					table.Add(tty.Visible(t.Name), tty.Visible(sinkOf(t.Spec)), a.stateText(t.State), lagText(t.LagSeconds), count(int(t.Counters.Delivered)),
						count(int(t.Counters.DeadLettered)), strconv.FormatFloat(t.Rate, 'f', 0, 64), tty.Visible(t.Reason))
				}
				table.Fit(a.out.Width())
				return table.Write(a.out)
			})
		},
	}
}

// stateText is a state in its colour.
func (a *app) stateText(state string) string {
	switch state {
	case "online":
		return a.out.Green(state)
	case "failing":
		return a.out.Red(state)
	case "paused":
		return a.out.Yellow(state)
	}
	return state
}

// lagText is an age as people read it.
func lagText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d == 0:
		return "0s"
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func (a *app) deliveryShow() *cobra.Command {
	return a.deliveryVerbCommand("show", "Show a task, its document and how it does", func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
		t, err := c.Delivery(cmd.Context(), ref.project, ref.task)
		if err != nil {
			return err
		}
		return a.show(cmd, t, func() error {
			if err := a.deliveryFacts(ref, t).Write(a.out); err != nil {
				return err
			}
			if len(t.Shards) > 0 {
				fmt.Fprintln(a.out)
				if err := deliveryShards(t).Write(a.out); err != nil {
					return err
				}
			}
			var document any
			if err := json.Unmarshal(t.Spec, &document); err != nil {
				return err
			}
			text, err := yaml.Marshal(document)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "\n%s", tty.VisibleLines(string(text)))
			return err
		})
	})
}

// deliveryFacts is how a task does as a table.
func (a *app) deliveryFacts(ref taskRef, t *client.DeliveryTask) *tty.Table {
	facts := tty.NewTable("TASK", ref.String())
	facts.Add("state", a.stateText(t.State))
	if t.Reason != "" {
		facts.Add("reason", tty.Visible(t.Reason))
	}
	facts.Add("oldest undelivered", lagText(t.LagSeconds)+", "+plural(int(t.Backlog), "log group")+" to go")
	facts.Add("last delivery", showTime(t.Success))
	c := t.Counters
	for _, row := range []struct {
		name  string
		logs  int64
		quiet bool
	}{
		{"read", c.Read, false},
		{"delivered", c.Delivered, false},
		{"filtered", c.Filtered, true},
		{"sampled out", c.Sampled, true},
		{"dead letters", c.DeadLettered, true},
		{"expired", c.Expired, true},
		{"skipped", c.Skipped, true},
		{"in flight", c.InFlight, true},
		{"redriven", t.Redriven.Delivered, true},
		{"retries", c.Retries, true},
		{"groups expired unread", c.ExpiredGroups, true},
		{"groups damaged", c.DamagedGroups, true},
		{"groups skipped", c.SkippedGroups, true},
	} {
		if row.logs != 0 || !row.quiet {
			facts.Add(row.name, count(int(row.logs)))
		}
	}
	return facts
}

func deliveryShards(t *client.DeliveryTask) *tty.Table {
	table := tty.NewTable(">SHARD", "POINT", ">LAG", ">GROUPS TO GO", ">DELIVERED", "OWNER", "ERROR")
	for _, s := range t.Shards {
		name := s.Shard.String()
		if s.Redrive {
			name += " again"
		}
		point := s.Point
		if s.Finished {
			point = "finished"
		}
		table.Add(name, point, lagText(s.LagSeconds), count(int(s.Backlog)), count(int(s.Counters.Delivered)), tty.Visible(s.Owner), tty.Visible(s.Error))
	}
	return table
}

func (a *app) deliveryWatch() *cobra.Command {
	var every time.Duration
	var lines int
	var done bool
	cmd := a.deliveryVerbCommand("watch", "Follow how a task does until Ctrl-C", func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
		w := &deliveryWatcher{app: a, ref: ref}
		for n := 0; lines == 0 || n < lines; n++ {
			t, err := c.Delivery(cmd.Context(), ref.project, ref.task)
			if cmd.Context().Err() != nil {
				return nil // this is how watching ends
			}
			if err != nil {
				return err
			}
			if err := w.show(t); err != nil {
				return err
			}
			if done && t.Backlog == 0 && t.Counters.InFlight == 0 && t.LagSeconds == 0 {
				return nil
			}
			if n+1 != lines && !pause(cmd.Context(), every) {
				return nil
			}
		}
		return nil
	})
	cmd.Flags().DurationVar(&every, "every", time.Second, "how `long` between two looks")
	cmd.Flags().IntVarP(&lines, "lines", "n", 0, "end after so many looks (default: never)")
	cmd.Flags().BoolVar(&done, "done", false, "end when everything is delivered")
	return cmd
}

// pause waits, and says whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// deliveryWatcher writes a line for each look, and what goes wrong when it is something else than last time.
type deliveryWatcher struct {
	app    *app
	ref    taskRef
	header bool
	last   client.DeliveryTask
}

func (w *deliveryWatcher) show(t *client.DeliveryTask) error {
	a := w.app
	if asJSON := a.output == "json"; asJSON {
		return json.NewEncoder(a.out).Encode(t)
	}
	if !w.header {
		w.header = true
		fmt.Fprintf(a.out, "%-19s  %-8s %10s %12s %14s %12s %10s %10s\n", "TIME", "STATE", "LAG", "GROUPS TO GO", "DELIVERED", "DEAD", "LOGS/S", "MB/S")
	}
	fmt.Fprintf(a.out, "%-19s  %s %10s %12s %14s %12s %10.0f %10.2f\n", showTime(a.now()), a.stateText(fmt.Sprintf("%-8s", t.State)), lagText(t.LagSeconds),
		count(int(t.Backlog)), count(int(t.Counters.Delivered)), count(int(t.Counters.DeadLettered)), t.Rate, t.ByteRate/1e6)
	if t.Error != "" && t.Error != w.last.Error {
		a.note("%s", tty.Visible(t.Error))
	}
	w.last = *t
	return nil
}
