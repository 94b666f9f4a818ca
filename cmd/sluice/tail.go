package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/when"
)

const (
	pollEvery    = 300 * time.Millisecond // when there was nothing new
	relistEvery  = 2 * time.Second        // shards may be split at any time
	retryAtFirst = 500 * time.Millisecond
	retryAtMost  = 10 * time.Second
)

// tailOptions are the flags of tail.
type tailOptions struct {
	lines        int
	follow       bool
	filter, from string
	field        string
}

func (a *app) tailCommand() *cobra.Command {
	var o tailOptions
	cmd := &cobra.Command{
		Use:   "tail PROJECT/LOGSTORE",
		Short: "Show the newest logs, and with -f those to come",
		Long: `Show the newest logs of all shards in the order in which the server received them, and with -f those to come.

Across shards that order is known to the second; within a second logs are in the order of their own times. Following goes on
through splits, merges and restarts of the server.

With -f --filter the server sends only what a search finds, as soon as it comes in, and what SPL behind a | makes of it: where,
extend, project, parse-json and other commands that look at one log at a time. Logs that come faster than they can be shown are left
out, which is told.`,
		Example: `  sluice tail -f web/access
  sluice tail -n 100 web/access -o raw
  sluice tail -f web/access --filter 'status >= 500 | project path, status'`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			run, err := a.newTail(cmd, c, ref, o)
			if err != nil {
				return err
			}
			err = run(cmd.Context())
			if o.follow && cmd.Context().Err() != nil {
				err = nil // this is how following ends
			}
			return suggest(cmd.Context(), c, ref, err)
		},
	}
	cmd.Flags().IntVarP(&o.lines, "lines", "n", 10, "how many logs to begin with")
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with logs as they come")
	cmd.Flags().StringVar(&o.filter, "filter", "", "only what this `search`, and SPL behind it, leaves; with -f")
	cmd.Flags().StringVar(&o.from, "from", "", "`time` of receipt to begin at, with --filter: -15m, 09:30, 2006-01-02T15:04:05Z (default now)")
	fieldFlag(cmd, &o.field)
	return cmd
}

// newTail returns the tail that the flags ask for.
func (a *app) newTail(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, o tailOptions) (run func(context.Context) error, err error) {
	if cmd.Flags().Changed("filter") {
		f, err := a.newFiltered(cmd, o)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return f.run(ctx, c, ref) }, nil
	}
	switch {
	case o.lines < 0:
		return nil, misused(cmd, errors.New("-n is not under 0"))
	case o.from != "":
		return nil, misused(cmd, errors.New("--from goes with --filter; to read from a time on: sluice pull"))
	}
	print, err := a.printer(cmd, o.field)
	if err != nil {
		return nil, err
	}
	t := &tailer{app: a, c: c, ref: ref, print: print, delay: retryAtFirst}
	return func(ctx context.Context) error {
		return errors.Join(t.run(ctx, o.lines, o.follow), print.buffer.Flush())
	}, nil
}

// fromTime is the time to begin at, the zero time for now.
func (o *tailOptions) fromTime(cmd *cobra.Command, now time.Time) (time.Time, error) {
	if o.from == "" {
		return time.Time{}, nil
	}
	t, err := when.Parse(o.from, now)
	if err != nil {
		return t, misused(cmd, fmt.Errorf("--from: %w", err))
	}
	return t, nil
}

// tailer follows all shards of a logstore.
type tailer struct {
	app    *app
	c      *client.Client
	ref    sluice.LogstoreRef
	print  *printer
	shards []*followed // by number
	known  map[sluice.ShardID]bool
	listed time.Time
	delay  time.Duration // before the next try, when the server cannot be reached
	lost   bool          // it was told that it cannot
}

// followed is a shard being read.
type followed struct {
	client.Shard
	cursor string
	done   bool // read-only and read to its end
}

func (t *tailer) run(ctx context.Context, n int, follow bool) error {
	shards, err := t.c.Shards(ctx, t.ref)
	if err != nil {
		return err
	}
	t.known, t.listed = map[sluice.ShardID]bool{}, t.app.now()
	for _, s := range shards {
		end, err := t.c.EndCursor(ctx, t.ref, s.ID)
		if err != nil {
			return err
		}
		t.known[s.ID] = true
		t.shards = append(t.shards, &followed{Shard: s, cursor: end})
	}
	if err := t.backlog(ctx, n); err != nil {
		return err
	}
	if err := t.print.buffer.Flush(); err != nil || !follow {
		return err
	}
	for {
		news, err := t.round(ctx)
		if err := t.print.buffer.Flush(); err != nil {
			return err
		}
		wait := pollEvery
		switch {
		case err != nil:
			if wait, err = t.trouble(err); err != nil {
				return err
			}
		case news:
			wait = 0
			fallthrough
		default:
			t.recovered()
		}
		if !sleep(ctx, wait) {
			return ctx.Err()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// round reads once from every shard and prints what came, merged.
func (t *tailer) round(ctx context.Context) (news bool, err error) {
	if t.app.now().Sub(t.listed) > relistEvery {
		if err := t.relist(ctx); err != nil {
			return false, err
		}
	}
	var stretches []stretch
	waiting := false // for the parents of a split or merge: their logs come first
	for _, s := range t.shards {
		if s.done || (waiting && !s.ReadOnly) {
			continue
		}
		var pulled *client.Pulled
		if pulled, err = t.pull(ctx, s); err != nil {
			break // what was read of other shards is printed all the same
		}
		s.cursor = pulled.Next
		stretches = append(stretches, stretchOf(pulled))
		news = news || len(pulled.Groups) > 0
		s.done = s.ReadOnly && pulled.AtEnd
		waiting = waiting || (s.ReadOnly && !s.done)
	}
	return news, errors.Join(t.printMerged(stretches, 0), err)
}

// pull reads from a shard. A shard that is gone has no more logs; a place that expired is left for the oldest that did not.
func (t *tailer) pull(ctx context.Context, s *followed) (*client.Pulled, error) {
	pulled, err := t.c.Pull(ctx, t.ref, s.ID, client.PullOptions{Cursor: s.cursor})
	switch client.Code(err) {
	case "ShardNotExist":
		s.ReadOnly = true
		return &client.Pulled{Next: s.cursor, AtEnd: true}, nil
	case "InvalidCursor":
		t.app.note("logs of shard %s expired before they were read; going on with the oldest there is", s.ID)
		if s.cursor, err = t.c.BeginCursor(ctx, t.ref, s.ID); err != nil {
			return nil, err
		}
		return t.c.Pull(ctx, t.ref, s.ID, client.PullOptions{Cursor: s.cursor})
	}
	return pulled, err
}

// relist takes up shards that a split or merge made, from their beginning, and notes which take no more logs.
func (t *tailer) relist(ctx context.Context) error {
	shards, err := t.c.Shards(ctx, t.ref)
	if err != nil {
		return err
	}
	t.listed = t.app.now()
	readOnly := map[sluice.ShardID]bool{}
	for _, s := range shards {
		readOnly[s.ID] = s.ReadOnly
		if t.known[s.ID] {
			continue
		}
		begin, err := t.c.BeginCursor(ctx, t.ref, s.ID)
		if err != nil {
			return err
		}
		t.known[s.ID] = true
		t.shards = append(t.shards, &followed{Shard: s, cursor: begin})
	}
	for _, s := range t.shards {
		s.ReadOnly = s.ReadOnly || readOnly[s.ID]
	}
	return nil
}

// trouble decides what an error means for following: it ends it, or is waited out.
func (t *tailer) trouble(err error) (time.Duration, error) {
	var refused *client.Error
	if errors.As(err, &refused) && !refused.Temporary() || errors.Is(err, context.Canceled) {
		return 0, err
	}
	if !t.lost {
		what, _ := explain(err)
		t.app.note("%s %s; trying again", t.app.err.Yellow("waiting:"), what)
		t.lost = true
	}
	wait := t.delay
	t.delay = min(2*t.delay, retryAtMost)
	return wait, nil
}

func (t *tailer) recovered() {
	if t.lost {
		t.app.note("%s", t.app.err.Green("the server is back"))
		t.lost, t.delay = false, retryAtFirst
	}
}
