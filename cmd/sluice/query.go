package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/sheet"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// queryOptions are the flags of query.
type queryOptions struct {
	timeRange    timeRange
	asc, reverse bool
	limit        string
	topic        string
	field, out   string
}

const defaultLimit = "100"

func (a *app) queryCommand() *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use:   "query PROJECT/LOGSTORE ['SEARCH [| SQL or SPL]'] | query PROJECT 'SQL'",
		Short: "Find logs by what is in them",
		Long: `Find the logs of a time range that a search matches, the newest first. The logstore needs an index: sluice index set --help

A search is words and conditions: error, status:500, status >= 500, url:/api* and not method:GET, (a or b) c, "two words",
#"a phrase". Without one, everything is found. SQL behind a | is answered with a table, in the order that it asks for. SPL behind
it filters, reshapes or counts what is found, command by command: where, extend, project, parse-json, stats, sort and others.

With a PROJECT alone, SQL names its logstores in FROM and bounds __time__ of each in WHERE.

Times are those in the logs. The range is [--from, --to); without --from it is the last 15 minutes, or --last.

Output (-o): table for people, the default on a terminal; json, one object a line, the default elsewhere; raw, the text of one
field, or the cells of SQL with tabs between; csv, xlsx and parquet, with a column for every field. --out FILE.csv, .xlsx and
.parquet choose their format. A field of a log in csv may be a formula to a spreadsheet; in xlsx it is text. The row ids of logs
that may be modified, __rowid__, are not in table; -o raw --field __rowid__ gives them alone.

The exit code is 3 when the answer lacks logs: the server says that time ran out, or that some logs cannot be read.`,
		Example: `  sluice query web/access 'status >= 500' --last 1h
  sluice query web/access --from 'yesterday 09:00' --to 'yesterday 10:00' --asc --limit all --out hour.csv
  sluice query web/access '* | select status, count(*) as n group by status order by n desc'
  sluice query web/access 'status >= 500 | parse-json body | where user = '"'ada'"' | project user, path'`,
		Args:              searchArgs,
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !strings.Contains(args[0], "/") && len(args) == 2 {
				return a.queryProject(cmd, args[0], args[1], o)
			}
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			q, err := a.newQuerier(cmd, c, ref, searchOf(args), o)
			if err != nil {
				return err
			}
			err = q.run(cmd.Context())
			return suggest(cmd.Context(), c, ref, suggestIndex(ref, pointed(err, q.ask.Query)))
		},
	}
	flags := cmd.Flags()
	o.timeRange.flags(cmd)
	flags.BoolVar(&o.asc, "asc", false, "the oldest logs first")
	flags.BoolVar(&o.reverse, "reverse", false, "the newest logs first (default)")
	flags.StringVar(&o.limit, "limit", defaultLimit, "`number` of logs at most, or all; SQL has a LIMIT of its own")
	flags.StringVar(&o.topic, "topic", "", "only logs of this topic")
	flags.StringVar(&o.out, "out", "", "write to this `file`, which is there only when all of it is")
	fieldFlag(cmd, &o.field)
	cmd.MarkFlagsMutuallyExclusive("asc", "reverse")
	return cmd
}

// searchArgs takes a logstore and a search, which is one argument.
func searchArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 2 {
		return fmt.Errorf("a search is one argument: put it in quotes, '%s'", strings.Join(args[1:], " "))
	}
	return cobra.RangeArgs(1, 2)(cmd, args)
}

// searchOf is the search of the arguments. The server counts the columns of its errors from the first word.
func searchOf(args []string) string {
	if len(args) < 2 {
		return ""
	}
	return strings.TrimSpace(args[1])
}

// suggestIndex says how to make what a search needs.
func suggestIndex(ref sluice.LogstoreRef, err error) error {
	if client.Code(err) != "IndexConfigNotExist" {
		return err
	}
	return &hinted{err, "Only logs that come after it has an index can be relied on to be found. Give it one:\n" +
		`  echo '{"line":{"token":[" ",",",";","=","\"","/",":"]}}' | sluice index set ` + ref.String()}
}

// querier runs one query.
type querier struct {
	app     *app
	c       *client.Client
	ref     sluice.LogstoreRef
	ask     client.LogsQuery
	pages   func(context.Context) iter.Seq2[*client.Logs, error]
	limit   int // of logs, 0 for none
	results *results

	rows     int
	complete bool
	last     *client.Logs // page
	begun    time.Time
	total    int64 // logs there are, if that was worth asking for
}

func (a *app) newQuerier(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, search string, o queryOptions) (*querier, error) {
	q := &querier{
		app: a, c: c, ref: ref, complete: true, begun: a.now(),
		ask: client.LogsQuery{Query: search, Topic: o.topic, Reverse: !o.asc, Line: client.MaxPage},
	}
	q.pages = func(ctx context.Context) iter.Seq2[*client.Logs, error] { return c.AllLogs(ctx, ref, q.ask) }
	var err error
	if q.ask.From, q.ask.To, err = o.timeRange.parse(cmd, a.now()); err != nil {
		return nil, err
	}
	if o.limit != "all" {
		if q.limit, err = strconv.Atoi(o.limit); err != nil || q.limit < 1 {
			return nil, misused(cmd, fmt.Errorf("--limit is a number from 1, or all, not %q", o.limit))
		}
		q.ask.Line = min(q.limit, client.MaxPage)
	}
	if q.results, err = a.results(cmd, o.out, o.field); err != nil {
		return nil, err
	}
	q.results.kinds = func() map[string]sheet.Kind { return indexKinds(cmd.Context(), c, ref) }
	return q, nil
}

// indexKinds tells which fields the index takes for numbers. Not to know is no failure: they are texts then.
func indexKinds(ctx context.Context, c *client.Client, ref sluice.LogstoreRef) map[string]sheet.Kind {
	kinds := map[string]sheet.Kind{"__time__": sheet.Long, "__time_ns_part__": sheet.Long}
	raw, err := c.Index(ctx, ref)
	var config struct {
		Keys map[string]struct{ Type string }
	}
	if err != nil || json.Unmarshal(raw, &config) != nil {
		return kinds
	}
	for name, key := range config.Keys {
		kinds[name] = sheet.ParseKind(key.Type)
	}
	return kinds
}

func (q *querier) run(ctx context.Context) (err error) {
	if err := q.results.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.results.close()) }()
	q.count(ctx)
	for page, err := range q.pages(ctx) {
		if err != nil {
			return err
		}
		rows := page.Rows
		if q.limit > 0 && !page.HasSQL {
			rows = rows[:min(len(rows), q.limit-q.rows)]
		}
		if err := q.results.page(page, rows); err != nil {
			return err
		}
		q.rows += len(rows)
		q.complete = q.complete && page.Complete
		q.last = page
		q.progress()
		if q.full() {
			break
		}
	}
	q.app.err.ClearStatus()
	if err := q.results.finish(); err != nil {
		return err
	}
	return q.tell()
}

// full reports whether there are as many logs as were wanted.
func (q *querier) full() bool { return q.limit > 0 && q.rows >= q.limit && !q.last.HasSQL }

// longResult is from how many logs on a result is worth a bar of progress.
const longResult = 1000

// watched reports whether progress is shown: people are looking, and what they look at is not the logs.
func (q *querier) watched() bool {
	return q.app.err.Terminal() && !q.results.to.Terminal() && (q.limit == 0 || q.limit > longResult)
}

// count asks how many logs there are, to know how far a long result is. Errors are left for the query to meet.
func (q *querier) count(ctx context.Context) {
	if !q.watched() || strings.Contains(q.ask.Query, "|") {
		return
	}
	q.app.err.Status("counting…")
	h, err := q.c.Histogram(ctx, q.ref, client.HistogramQuery{From: q.ask.From, To: q.ask.To, Query: q.ask.Query, Topic: q.ask.Topic})
	if err != nil {
		return
	}
	q.total = h.Count
	if q.limit > 0 {
		q.total = min(q.total, int64(q.limit))
	}
}

func (q *querier) progress() {
	if !q.watched() {
		return
	}
	elapsed := q.app.now().Sub(q.begun).Seconds()
	if q.total < longResult { // or not known
		if q.rows >= longResult {
			q.app.err.Status(fmt.Sprintf("%s rows, %s/s", count(q.rows), count(int(float64(q.rows)/max(elapsed, 0.001)))))
		}
		return
	}
	q.app.err.Status(fmt.Sprintf("%s %3.0f%%  %s of %s logs, %s/s", tty.Progress(float64(q.rows)/float64(q.total), progressWidth),
		100*min(1, float64(q.rows)/float64(q.total)), count(q.rows), count(int(q.total)), count(int(float64(q.rows)/max(elapsed, 0.001)))))
}

// thing is what the result is made of.
func (q *querier) thing() string {
	if q.last.Table() {
		return "row"
	}
	return "log"
}

// which says which part of the logs there are the result has.
func (q *querier) which() string {
	switch {
	case q.last.Table():
		return "first"
	case q.ask.Reverse:
		return "newest"
	}
	return "oldest"
}

// incomplete is an answer that lacks something, and says so.
type incomplete struct{ error }

// tell says what the result does not: that it is cut, empty or incomplete.
func (q *querier) tell() error {
	a, sql := q.app, q.last.HasSQL
	switch {
	case sql && q.last.Limited > 0 && q.rows >= q.last.Limited:
		a.note("%s the statement has no LIMIT, so the answer was cut to %s", a.err.Yellow("warning:"), plural(q.rows, "row"))
	case q.rows == 0 && !sql && a.err.Terminal():
		a.note("nothing found from %s", showRange(q.ask.From, q.ask.To))
	case q.full() && !q.last.Last && a.err.Terminal():
		a.note("the %s %s; there may be more: --limit N or all", q.which(), plural(q.rows, q.thing()))
	case q.results.path != "" && a.err.Terminal():
		a.note("%s in %s", plural(q.rows, q.thing()), tty.Visible(q.results.path))
	}
	if !q.complete {
		return &incomplete{errors.New("the answer is incomplete: time ran out on the server, or some logs cannot be read")}
	}
	return nil
}
