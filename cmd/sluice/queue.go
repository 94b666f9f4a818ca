package main

import (
	"bufio"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) queueCommand() *cobra.Command {
	return parent("queue", "Message queues, as clients of SMQ (MNS) use them",
		a.queueCreate(), a.queueList(), a.queueSend(), a.queueReceive(), a.queuePurge(), a.queueDelete())
}

func (a *app) queueCreate() *cobra.Command {
	var delay, retention, visibility, polling time.Duration
	var size int64
	cmd := &cobra.Command{
		Use:     "create QUEUE",
		Short:   "Make a queue",
		Example: "  sluice queue create orders --visibility 5m --retention 24h",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var spec client.QueueSpec
			set := func(flag string, field **int64, n int64) {
				if cmd.Flags().Changed(flag) {
					*field = &n
				}
			}
			set("delay", &spec.DelaySeconds, int64(delay/time.Second))
			set("retention", &spec.MessageRetentionPeriod, int64(retention/time.Second))
			set("visibility", &spec.VisibilityTimeout, int64(visibility/time.Second))
			set("wait", &spec.PollingWaitSeconds, int64(polling/time.Second))
			set("max-size", &spec.MaximumMessageSize, size)
			if err := c.CreateQueue(cmd.Context(), args[0], spec); err != nil {
				return err
			}
			a.note("queue %s created", args[0])
			return nil
		},
	}
	f := cmd.Flags()
	f.DurationVar(&delay, "delay", 0, "until a message can be received, to 168h")
	f.DurationVar(&retention, "retention", 96*time.Hour, "that a message is kept, from 1m to 360h")
	f.DurationVar(&visibility, "visibility", 30*time.Second, "that a received message is hidden from others, from 1s to 12h")
	f.DurationVar(&polling, "wait", 0, "that a reception waits for a message, to 30s")
	f.Int64Var(&size, "max-size", 65536, "`bytes` of a message, from 1024")
	return cmd
}

func (a *app) queueList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [PREFIX]",
		Short: "List queues, and how many messages are in them",
		Args:  cobra.MaximumNArgs(1), ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			prefix := ""
			if len(args) > 0 {
				prefix = args[0]
			}
			queues, err := c.Queues(cmd.Context(), prefix)
			if err != nil {
				return err
			}
			return a.show(cmd, queues, func() error {
				table := tty.NewTable("QUEUE", ">ACTIVE", ">INACTIVE", ">DELAYED", ">VISIBILITY", ">RETENTION")
				for _, q := range queues {
					table.Add(q.Name, strconv.FormatInt(q.Active, 10), strconv.FormatInt(q.Inactive, 10), strconv.FormatInt(q.Delayed, 10),
						(time.Duration(q.VisibilityTimeout) * time.Second).String(), (time.Duration(q.MessageRetentionPeriod) * time.Second).String())
				}
				return table.Write(a.out)
			})
		},
	}
}

func (a *app) queueSend() *cobra.Command {
	var delay time.Duration
	var o client.SendOptions
	cmd := &cobra.Command{
		Use:   "send QUEUE [BODY...]",
		Short: "Send messages: those given, or each line of standard input",
		Example: `  sluice queue send orders '{"id":7}'
  cat orders.jsonl | sluice queue send orders --priority 1`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("delay") {
				seconds := int64(delay / time.Second)
				o.DelaySeconds = &seconds
			}
			s := &sender{c: c, queue: args[0], o: o}
			if len(args) > 1 {
				err = s.all(cmd.Context(), args[1:])
			} else {
				err = s.lines(cmd.Context(), bufio.NewScanner(a.input(cmd.Context())))
			}
			a.note("%s sent", plural(s.sent, "message"))
			return err
		},
	}
	cmd.Flags().DurationVar(&delay, "delay", 0, "until they can be received, to 168h (default the queue's)")
	cmd.Flags().Int64Var(&o.Priority, "priority", 8, "1 is received first, 16 last")
	return cmd
}

// sender sends bodies in batches.
type sender struct {
	c     *client.Client
	queue string
	o     client.SendOptions
	sent  int
}

// maxQueueLine is more than a message may have, so that the server says what is wrong with a line that is too long.
const maxQueueLine = 1 << 20

func (s *sender) lines(ctx context.Context, in *bufio.Scanner) error {
	in.Buffer(nil, maxQueueLine)
	var batch []string
	for in.Scan() {
		if in.Text() == "" {
			continue
		}
		if batch = append(batch, in.Text()); len(batch) == client.MaxQueueBatch {
			if err := s.all(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	return s.all(ctx, batch)
}

func (s *sender) all(ctx context.Context, bodies []string) error {
	for len(bodies) > 0 {
		n := min(len(bodies), client.MaxQueueBatch)
		if err := s.c.SendMessages(ctx, s.queue, s.o, bodies[:n]...); err != nil {
			return err
		}
		s.sent += n
		bodies = bodies[n:]
	}
	return nil
}

func (a *app) queueReceive() *cobra.Command {
	var count int
	var wait time.Duration
	var remove, peek bool
	cmd := &cobra.Command{
		Use:   "receive QUEUE",
		Short: "Receive messages: nobody else gets them for a while, or with --delete ever",
		Long: `receive shows messages and hides them from others for the queue's visibility timeout. With --delete they are deleted once they were
written to standard output; with --peek they stay as they are.`,
		Example: `  sluice queue receive orders --count 16 --wait 20s --delete -o json`,
		Args:    cobra.ExactArgs(1), ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 || count > client.MaxQueueBatch {
				return misused(cmd, fmt.Errorf("--count is %d, and has to be from 1 to %d", count, client.MaxQueueBatch))
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var got []client.Message
			if peek {
				got, err = c.PeekMessages(cmd.Context(), args[0], count)
			} else {
				got, err = c.ReceiveMessages(cmd.Context(), args[0], count, wait)
			}
			if err != nil {
				return err
			}
			if err := a.showMessages(cmd, got); err != nil || !remove || len(got) == 0 {
				return err
			}
			var handles []string
			for _, m := range got {
				handles = append(handles, m.Handle)
			}
			return c.DeleteMessages(cmd.Context(), args[0], handles...)
		},
	}
	cmd.Flags().IntVar(&count, "count", 1, "messages at most, to 16")
	cmd.Flags().DurationVar(&wait, "wait", 0, "for the first message, to 30s")
	cmd.Flags().BoolVar(&remove, "delete", false, "delete what was received")
	cmd.Flags().BoolVar(&peek, "peek", false, "look only")
	cmd.MarkFlagsMutuallyExclusive("delete", "peek")
	return cmd
}

func (a *app) showMessages(cmd *cobra.Command, got []client.Message) error {
	return a.show(cmd, got, func() error {
		if len(got) == 0 {
			a.note("there is no message")
			return nil
		}
		table := tty.NewTable("MESSAGE", ">PRIORITY", ">RECEIVED", "SENT", "BODY")
		for _, m := range got {
			table.Add(m.ID, strconv.FormatInt(m.Priority, 10), strconv.FormatInt(m.Received, 10), showTime(time.UnixMilli(m.Enqueued)), tty.Visible(m.Body))
		}
		return table.Write(a.out)
	})
}

func (a *app) queuePurge() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "purge QUEUE",
		Short: "Delete all messages of a queue",
		Args:  cobra.ExactArgs(1), ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd, yes, "Delete all messages of queue %s?", tty.Visible(args[0])); err != nil {
				return err
			}
			n, err := c.PurgeQueue(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			a.note("%s deleted", plural(n, "message"))
			return nil
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

func (a *app) queueDelete() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "delete QUEUE",
		Short: "Delete a queue and its messages",
		Args:  cobra.ExactArgs(1), ValidArgsFunction: a.completeQueue,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd, yes, "Delete queue %s with its messages?", tty.Visible(args[0])); err != nil {
				return err
			}
			return a.done(c.DeleteQueue(cmd.Context(), args[0]), "queue %s deleted", tty.Visible(args[0]))
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

// completeQueue offers the names of queues.
func (a *app) completeQueue(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completions(cmd, func(ctx context.Context) ([]string, error) {
		c, err := a.client()
		if err != nil {
			return nil, err
		}
		queues, err := c.Queues(ctx, prefix)
		names := make([]string, len(queues))
		for i, q := range queues {
			names[i] = q.Name
		}
		return names, err
	}), cobra.ShellCompDirectiveNoFileComp
}
