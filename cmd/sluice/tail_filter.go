package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/record"
)

// filtered is a tail that the server filters.
type filtered struct {
	app   *app
	print *printer
	query client.TailQuery
}

// newFiltered checks the flags of a tail with a filter.
func (a *app) newFiltered(cmd *cobra.Command, o tailOptions) (*filtered, error) {
	switch {
	case !o.follow:
		return nil, misused(cmd, errors.New("--filter goes with -f; to find logs that are there: sluice query"))
	case cmd.Flags().Changed("lines"):
		return nil, misused(cmd, errors.New("with --filter there is no -n; say --from TIME to begin earlier than now"))
	}
	print, err := a.printer(cmd, o.field)
	if err != nil {
		return nil, err
	}
	f := &filtered{app: a, print: print, query: client.TailQuery{Query: o.filter}}
	f.query.From, err = o.fromTime(cmd, a.now())
	f.query.Lost = func(err error) {
		what, _ := explain(err)
		a.note("%s %s; trying again", a.err.Yellow("waiting:"), what)
	}
	f.query.Found = func() { a.note("%s", a.err.Green("the server is back")) }
	return f, err
}

func (f *filtered) run(ctx context.Context, c *client.Client, ref sluice.LogstoreRef) error {
	for e, err := range c.Tail(ctx, ref, f.query) {
		if err != nil {
			return suggestIndex(ref, pointed(err, f.query.Query))
		}
		f.tellMissing(e)
		for _, row := range e.Rows {
			entry := record.Of(row)
			g := &sluice.LogGroup{Topic: entry.Topic, Source: entry.Source, Tags: entry.Tags}
			if err := f.print.group(g, []sluice.Record{entry.Record}); err != nil {
				return err
			}
		}
		if err := f.print.buffer.Flush(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tellMissing says what an event says is missing.
func (f *filtered) tellMissing(e *client.TailEvent) {
	a := f.app
	switch {
	case e.Damaged:
		a.note("%s %s of shard %s cannot be read", a.err.Yellow("missing:"), plural(int(e.SkippedGroups), "log group"), e.Shard)
	case e.SkippedLogs > 0:
		a.note("%s %s of shard %s came faster than they could be shown", a.err.Yellow("missing:"), plural(int(e.SkippedLogs), "log"), e.Shard)
	}
}
