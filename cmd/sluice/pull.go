package main

import (
	"bufio"
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/record"
)

// printer prints logs to standard output as --output says: for people on a terminal, as JSON for programs otherwise.
type printer struct {
	record.Printer
	buffer *bufio.Writer
	logs   int
}

func (a *app) printer(cmd *cobra.Command, field string) (*printer, error) {
	query, err := a.lineQuery(cmd)
	if err != nil {
		return nil, err
	}
	format := record.JSON
	if a.out.Terminal() && query == nil {
		format = record.Table
	}
	if a.output != "" {
		if format, err = record.ParseFormat(a.output, record.Table, record.JSON, record.Raw); err != nil {
			return nil, misused(cmd, err)
		}
	}
	buffer := bufio.NewWriterSize(a.out, 64<<10)
	p := &printer{buffer: buffer, Printer: record.Printer{To: buffer, Out: a.out, Format: format, Field: field}}
	if query != nil {
		p.To = &queriedLines{a, query, buffer}
	}
	return p, nil
}

func (p *printer) group(g *sluice.LogGroup, records []sluice.Record) error {
	for i := range records {
		if err := p.Print(g, &records[i]); err != nil {
			return err
		}
	}
	p.logs += len(records)
	return nil
}

func fieldFlag(cmd *cobra.Command, field *string) {
	cmd.Flags().StringVar(field, "field", record.DefaultField, "`name` of the field that -o raw prints")
}

// pullOptions are the flags of pull.
type pullOptions struct {
	shard    int
	from, to string
	limit    int
	field    string
}

func (a *app) pullCommand() *cobra.Command {
	var o pullOptions
	cmd := &cobra.Command{
		Use:   "pull PROJECT/LOGSTORE",
		Short: "Read logs once, from one place to another",
		Long: `Read logs in the order in which each shard received them, one shard after the other, and stop.

Where to begin and to stop: begin, end, a time (-15m, "1 hour ago", 09:30, 2006-01-02T15:04:05Z) or, with --shard, a cursor.
Times are those at which the server received the logs.

Output (-o): table for people, the default on a terminal; json, one object a line, the default elsewhere; raw, the text of one
field.`,
		Example: `  sluice pull web/access --from -15m
  sluice pull web/access --from "1 hour ago" --to -30m -o json
  sluice pull web/access --shard 0 --from MTcw... --limit 100`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			p, err := a.newPuller(cmd, c, ref, o)
			if err != nil {
				return err
			}
			return suggest(cmd.Context(), c, ref, errors.Join(p.run(cmd.Context()), p.print.buffer.Flush()))
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.shard, "shard", -1, "read this shard only (default all)")
	flags.StringVar(&o.from, "from", "begin", "`where` to begin")
	flags.StringVar(&o.to, "to", "end", "`where` to stop; end is the end at the time of starting")
	flags.IntVar(&o.limit, "limit", 0, "stop after this many logs (default no limit)")
	fieldFlag(cmd, &o.field)
	return cmd
}

// puller reads shards from one place to another.
type puller struct {
	app      *app
	c        *client.Client
	ref      sluice.LogstoreRef
	print    *printer
	from, to place
	shard    int
	limit    int
}

func (a *app) newPuller(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, o pullOptions) (*puller, error) {
	print, err := a.printer(cmd, o.field)
	if err != nil {
		return nil, err
	}
	p := &puller{app: a, c: c, ref: ref, print: print, shard: o.shard, limit: o.limit}
	if p.from, err = parsePlace(o.from, a.now()); err != nil {
		return nil, misused(cmd, err)
	}
	if p.to, err = parsePlace(o.to, a.now()); err != nil {
		return nil, misused(cmd, err)
	}
	if o.shard < 0 && (p.from.cursor != "" || p.to.cursor != "") {
		return nil, misused(cmd, errors.New("a cursor belongs to one shard: say --shard"))
	}
	return p, nil
}

func (p *puller) run(ctx context.Context) error {
	ids := []sluice.ShardID{sluice.ShardID(p.shard)}
	if p.shard < 0 {
		shards, err := p.c.Shards(ctx, p.ref)
		if err != nil {
			return err
		}
		ids = ids[:0]
		for _, s := range shards {
			ids = append(ids, s.ID)
		}
	}
	for _, id := range ids {
		if err := p.readShard(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (p *puller) done() bool { return p.limit > 0 && p.print.logs >= p.limit }

func (p *puller) readShard(ctx context.Context, id sluice.ShardID) error {
	cursor, err := p.from.in(ctx, p.c, p.ref, id)
	if err != nil {
		return err
	}
	end, err := p.to.in(ctx, p.c, p.ref, id)
	if err != nil {
		return err
	}
	for !p.done() && before(cursor, end) {
		pulled, err := p.c.Pull(ctx, p.ref, id, client.PullOptions{Cursor: cursor, EndCursor: end})
		if err != nil {
			return err
		}
		printed, err := p.printGroups(pulled.Groups)
		if err != nil {
			return err
		}
		if printed < len(pulled.Groups) {
			cursor = (pulled.First + sluice.Position(printed)).Cursor()
			break
		}
		if len(pulled.Groups) == 0 && pulled.AtEnd {
			break
		}
		cursor = pulled.Next
	}
	if p.shard >= 0 && p.app.err.Terminal() {
		p.app.note("To read on: --shard %s --from %s", id, cursor)
	}
	return p.print.buffer.Flush()
}

// printGroups prints groups up to the limit and returns how many were printed to their end.
func (p *puller) printGroups(groups []*sluice.LogGroup) (int, error) {
	for i, g := range groups {
		records := g.Records
		if p.limit > 0 {
			records = records[:min(len(records), p.limit-p.print.logs)]
		}
		if err := p.print.group(g, records); err != nil {
			return i, err
		}
		if len(records) < len(g.Records) {
			return i, nil
		}
	}
	return len(groups), nil
}

// before reports whether cursor a is in front of b. What is no cursor is left for the server to refuse.
func before(a, b string) bool {
	p, err := sluice.ParseCursor(a)
	if err != nil {
		return true
	}
	q, err := sluice.ParseCursor(b)
	return err != nil || p < q
}
