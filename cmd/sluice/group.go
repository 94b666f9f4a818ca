package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) groupCommand() *cobra.Command {
	return parent("group", "Consumer groups: who has read how far",
		a.groupCreate(), a.groupList(), a.groupShow(), a.groupUpdate(), a.groupReset(), a.groupDelete())
}

// groupVerb is a command about one consumer group.
func (a *app) groupVerb(use, short string, run func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, name string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " PROJECT/LOGSTORE GROUP",
		Short:             short,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeGroup,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			err = run(cmd, c, ref, args[1])
			if client.Code(err) == "ConsumerGroupNotExist" {
				return &hinted{err, "List them: sluice group list " + ref.String()}
			}
			return suggest(cmd.Context(), c, ref, err)
		},
	}
}

func (a *app) groupCreate() *cobra.Command {
	g := client.ConsumerGroup{}
	var timeout time.Duration
	cmd := a.groupVerb("create", "Make a consumer group", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, name string) error {
		g.Name, g.TimeoutSeconds = name, int(timeout/time.Second)
		if err := c.CreateConsumerGroup(cmd.Context(), ref, g); err != nil {
			return err
		}
		a.note("consumer group %s of %s created", name, ref)
		return nil
	})
	cmd.ValidArgsFunction = a.completeRef
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how `long` a consumer may be silent")
	cmd.Flags().BoolVar(&g.Order, "order", false, "after a split or merge, consume the parents first")
	return cmd
}

func (a *app) groupList() *cobra.Command {
	return a.refVerb("list", "List the consumer groups of a logstore", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		groups, err := c.ConsumerGroups(cmd.Context(), ref)
		if err != nil {
			return err
		}
		return a.show(cmd, groups, func() error {
			table := tty.NewTable("GROUP", ">TIMEOUT", "IN ORDER")
			for _, g := range groups {
				table.Add(tty.Visible(g.Name), (time.Duration(g.TimeoutSeconds) * time.Second).String(), yesNo(g.Order))
			}
			return table.Write(a.out)
		})
	})
}

func (a *app) groupUpdate() *cobra.Command {
	var timeout time.Duration
	var order bool
	cmd := a.groupVerb("update", "Change a consumer group", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, name string) error {
		var change client.ConsumerGroupChange
		if cmd.Flags().Changed("timeout") {
			seconds := int(timeout / time.Second)
			change.TimeoutSeconds = &seconds
		}
		if cmd.Flags().Changed("order") {
			change.Order = &order
		}
		if change == (client.ConsumerGroupChange{}) {
			return misused(cmd, errors.New("say what to change: --timeout or --order"))
		}
		return a.done(c.UpdateConsumerGroup(cmd.Context(), ref, name, change), "consumer group %s of %s changed", tty.Visible(name), ref)
	})
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "how `long` a consumer may be silent")
	cmd.Flags().BoolVar(&order, "order", false, "after a split or merge, consume the parents first")
	return cmd
}

func (a *app) groupDelete() *cobra.Command {
	var yes bool
	cmd := a.groupVerb("delete", "Delete a consumer group with its checkpoints", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, name string) error {
		if err := a.confirm(cmd, yes, "Delete consumer group %s of %s and forget how far it has read?", name, ref); err != nil {
			return err
		}
		if err := c.DeleteConsumerGroup(cmd.Context(), ref, name); err != nil {
			return err
		}
		a.note("consumer group %s of %s deleted", name, ref)
		return nil
	})
	yesFlag(cmd, &yes)
	return cmd
}

func (a *app) groupReset() *cobra.Command {
	var to string
	var shard int
	var yes bool
	cmd := a.groupVerb("reset", "Move the checkpoints of a consumer group", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, name string) error {
		target, err := parsePlace(to, a.now())
		if err != nil {
			return misused(cmd, err)
		}
		if target.cursor != "" && shard < 0 {
			return misused(cmd, errors.New("a cursor belongs to one shard: say --shard"))
		}
		checkpoints, err := c.Checkpoints(cmd.Context(), ref, name)
		if err != nil {
			return err
		}
		if err := a.confirm(cmd, yes, "Move consumer group %s of %s to %s?", name, ref, to); err != nil {
			return err
		}
		moved := 0
		for _, p := range checkpoints {
			if shard >= 0 && p.Shard != sluice.ShardID(shard) {
				continue
			}
			cursor, err := target.in(cmd.Context(), c, ref, p.Shard)
			if err != nil {
				return err
			}
			if err := c.ForceCheckpoint(cmd.Context(), ref, name, p.Shard, cursor); err != nil {
				return err
			}
			moved++
		}
		if moved == 0 {
			return fmt.Errorf("there is no shard %d", shard)
		}
		a.note("%s of %s moved to %s; consumers that are running go on where they are until they start again", plural(moved, "checkpoint"), name, to)
		return nil
	})
	cmd.Flags().StringVar(&to, "to", "", "where to: begin, end, a time or a cursor")
	cmd.Flags().IntVar(&shard, "shard", -1, "only this shard")
	cmd.MarkFlagRequired("to") //nolint:errcheck // the flag is two lines up
	yesFlag(cmd, &yes)
	return cmd
}

// lag is how far a group is behind in one shard.
type lag struct {
	Shard      sluice.ShardID `json:"shard"`
	Consumer   string         `json:"consumer"`
	Checkpoint string         `json:"checkpoint"`
	Updated    time.Time      `json:"updated"`
	Groups     int64          `json:"lagLogGroups"`       // log groups between the checkpoint and the end
	Behind     float64        `json:"lagSeconds"`         // age of the first of them
	Expired    int64          `json:"expiredUnconsumed"`  // log groups that expired before they were consumed
	ReadOnly   bool           `json:"readOnly,omitempty"` // the shard takes no more logs
}

func (a *app) groupShow() *cobra.Command {
	return a.groupVerb("show", "Show how far a consumer group is behind, by shard", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, name string) error {
		checkpoints, err := c.Checkpoints(cmd.Context(), ref, name)
		if err != nil {
			return err
		}
		shards, err := c.Shards(cmd.Context(), ref)
		if err != nil {
			return err
		}
		lags, err := a.lags(cmd, c, ref, shards, checkpoints)
		if err != nil {
			return err
		}
		return a.show(cmd, lags, func() error {
			table := tty.NewTable(">SHARD", "CONSUMER", ">LAG", ">BEHIND", "CHECKPOINT SAVED", "")
			total := int64(0)
			for _, l := range lags {
				total += l.Groups
				table.Add(l.Shard.String(), tty.Visible(dash(l.Consumer)), strconv.FormatInt(l.Groups, 10), behind(l), showTime(l.Updated), remark(l))
			}
			if err := table.Write(a.out); err != nil {
				return err
			}
			_, err := fmt.Fprintln(a.out, plural(int(total), "log group"), "to consume")
			return err
		})
	})
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func behind(l lag) string {
	if l.Groups == 0 {
		return "-"
	}
	return (time.Duration(l.Behind) * time.Second).String()
}

func remark(l lag) string {
	switch {
	case l.Expired > 0:
		return fmt.Sprintf("%d log groups expired unconsumed", l.Expired)
	case l.ReadOnly && l.Groups == 0:
		return "read-only, done"
	case l.ReadOnly:
		return "read-only"
	case l.Checkpoint == "":
		return "never consumed"
	}
	return ""
}

// lags asks about all shards at once, a few at a time.
func (a *app) lags(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, shards []client.Shard, checkpoints []client.Checkpoint) ([]lag, error) {
	saved := map[sluice.ShardID]client.Checkpoint{}
	for _, p := range checkpoints {
		saved[p.Shard] = p
	}
	lags := make([]lag, len(shards))
	tasks, ctx := errgroup.WithContext(cmd.Context())
	tasks.SetLimit(8)
	for i, s := range shards {
		tasks.Go(func() error {
			p := saved[s.ID]
			lags[i] = lag{Shard: s.ID, Consumer: p.Consumer, Checkpoint: p.Cursor, Updated: p.Updated, ReadOnly: s.ReadOnly}
			begin, err := c.BeginCursor(ctx, ref, s.ID)
			if err != nil {
				return err
			}
			end, err := c.EndCursor(ctx, ref, s.ID)
			if err != nil {
				return err
			}
			next, err := lags[i].measure(begin, end)
			if err != nil || lags[i].Groups == 0 {
				return err
			}
			received, err := c.CursorTime(ctx, ref, s.ID, next)
			lags[i].Behind = max(0, a.now().Sub(received).Seconds())
			return err
		})
	}
	return lags, tasks.Wait()
}

// measure counts what lies between the checkpoint and the end, and returns the cursor of the first group to consume.
func (l *lag) measure(begin, end string) (next string, err error) {
	from, err := sluice.ParseCursor(begin)
	if err != nil {
		return "", err
	}
	to, err := sluice.ParseCursor(end)
	if err != nil {
		return "", err
	}
	if l.Checkpoint != "" {
		at, err := sluice.ParseCursor(l.Checkpoint)
		if err != nil {
			return "", fmt.Errorf("checkpoint of shard %s: %w", l.Shard, err)
		}
		l.Expired = max(0, int64(from-at))
		from = max(from, at)
	}
	l.Groups = max(0, int64(to-from))
	return from.Cursor(), nil
}
