package query

import (
	"context"
	"time"

	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/query/spl"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// Explanation says how a query is answered: what is read, by which way, and how long that takes.
type Explanation struct {
	Search   string  // as the index configuration understands it
	Tables   []Table // that are read: the logstore of the search, and those that SQL names besides
	Pipeline string  // SPL, "" if there is none
	SQL      string  // the statement as its engine runs it, "" if there is none

	// Of a query that was run:
	Ran        bool
	Conditions []Condition // of the search, in the order in which they were first asked
	Steps      []Step      // in the order in which they were first begun; some run at the same time
	Rows       int         // of the answer
	Terms      []search.Highlighted
	Coverage
}

// Table is what a query reads of one logstore.
type Table struct {
	Logstore string
	Segments Parts // of which the index consists
	Groups   Parts // of rows, in the segments that are left
	Tail     int64 // log groups that no segment has yet, to be read from the shard logs

	// Of a query that was run:
	Found int64 // logs that the search found and that were looked at one by one; segments read as files are not among them
}

// Parts is a number of things, and what becomes of them.
type Parts struct {
	All     int
	Outside int // of the time range: not looked at
	Stale   int // built under another index configuration: every log of the range is looked at
	Damaged int // left out
	Files   int // read by the SQL engine as the files that they are
}

// Condition is a part of a search, and how it was decided.
type Condition struct {
	Text   string
	Asked  int           // groups of rows it was asked of
	Before int64         // rows that still mattered when it was asked
	After  int64         // rows that it left
	Values int64         // values that were looked at, because the token index alone could not tell
	Logs   int64         // logs that were read whole for it
	Took   time.Duration // by all workers together
}

// Step is a part of the work.
type Step struct {
	Name string
	Took time.Duration // by all workers together, where several do it
}

// Explain says how a query is answered: a search, or one with SQL or SPL behind it. With run it answers it, for page p, and tells
// what that took; otherwise it says what is known before. Errors are those of the query.
func (e *Engine) Explain(ctx context.Context, p Page, s search.Statement, run bool) (*Explanation, error) {
	q, err := e.prepare(ctx, p.Filter)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Search: q.bound.String(), Terms: q.bound.Terms, Ran: run}
	t := &trace{}
	if run {
		err = e.explainRun(withTrace(ctx, t), x, p, s)
	} else {
		err = e.explainPlan(ctx, t, x, q, s)
	}
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	x.Tables, x.Conditions, x.Steps, x.SQL = t.tables, t.conditions, t.steps, t.sql
	return x, nil
}

// explainRun answers the query; what happens is noted on the way.
func (e *Engine) explainRun(ctx context.Context, x *Explanation, p Page, s search.Statement) error {
	switch s.Kind {
	case search.SQL:
		result, err := e.SQL(ctx, p.Filter, s.Analytics)
		if err != nil {
			return err
		}
		x.Rows, x.Coverage = len(result.Rows), result.Coverage
	case search.SPL:
		x.Pipeline = s.Analytics
		rows, err := e.SPL(ctx, p, s.Analytics)
		if err != nil {
			return err
		}
		x.Rows, x.Coverage = len(rows.Rows), rows.Coverage
	default:
		found, err := e.Logs(ctx, p)
		if err != nil {
			return err
		}
		x.Rows, x.Coverage = len(found.Logs), found.Coverage
	}
	return nil
}

// explainPlan says what is known of a query before it runs.
func (e *Engine) explainPlan(ctx context.Context, t *trace, x *Explanation, q *question, s search.Statement) error {
	switch s.Kind {
	case search.SPL:
		x.Pipeline = s.Analytics
		if _, err := spl.Parse(s.Analytics); err != nil {
			return err
		}
	case search.SQL:
		return e.explainSQL(ctx, t, q, s.Analytics)
	}
	return e.explainScan(ctx, t, q)
}

func (e *Engine) explainSQL(ctx context.Context, t *trace, q *question, text string) error {
	parsed, err := statement.Parse(text)
	if err != nil {
		return err
	}
	tables := &sqlTables{engine: e, project: q.Ref.Project, during: q.Range, mayRead: q.MayRead, known: map[string]*sqlTable{}}
	tables.known[statement.LogTable] = &sqlTable{question: q, fields: sqlFieldsOf(q.config.Config)}
	plan, err := parsed.Plan(tables.schema(ctx), statement.Options{From: q.Range.From / 1e9, To: (q.Range.To + 1e9 - 1) / 1e9})
	if err != nil {
		return err
	}
	t.notePlan(plan)
	for _, in := range plan.Inputs {
		ask := *tables.known[in.Table].question
		ask.Range = shifted(q.Range, in)
		if err := e.explainScan(ctx, t, &ask); err != nil {
			return err
		}
	}
	return nil
}

// explainScan notes what a scan would read.
func (e *Engine) explainScan(ctx context.Context, t *trace, q *question) error {
	snap, err := e.snapshot(ctx, q.Ref)
	if err != nil {
		return err
	}
	_, err = t.noteScan(e, q, snap)
	return err
}
