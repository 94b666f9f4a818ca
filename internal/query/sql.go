package query

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/query/behind"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/places"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// SQLOptions say what the SQL engine may use. It is opened by the first statement.
type SQLOptions struct {
	Files       objects.Filer     // gives segments as files, which statements read; nil: they read all through the index
	TempDir     string            // where large statements spill; they fail if empty
	MemoryBytes int64             // [1 GiB] of all statements together, in the engine, and once more for the rows that searches find for them
	Places      *places.Databases // of IP addresses, nil if there are none; the caller closes them after the engine
	// AtOnce [twice the number of processors, at most 15] statements run, half of them of one project; more wait for their turn. As many more
	// may run of those that read counts only.
	AtOnce  int
	Waiting int // [200] statements, half of them of one project; more are refused
	// ManyRows [4096] that a search finds in one group of a segment are left to the engine by their numbers: it reads a whole column
	// faster than it takes so many values from here.
	ManyRows int
}

func (o SQLOptions) withDefaults(processors int) SQLOptions {
	if o.MemoryBytes == 0 {
		o.MemoryBytes = 1 << 30
	}
	if o.AtOnce == 0 {
		o.AtOnce = min(2*processors, 15) // of which one project may have as many as there are processors: more only take each other's memory
	}
	if o.Waiting == 0 {
		o.Waiting = 200
	}
	if o.ManyRows == 0 {
		o.ManyRows = 4096
	}
	return o
}

// sqlEngine opens DuckDB when it is first needed: a server that nobody asks in SQL does not pay for it.
type sqlEngine struct {
	o        SQLOptions
	turns    *turns
	brief    *turns       // of statements over counts, so that they do not wait for those over logs
	gathered atomic.Int64 // bytes of rows that all statements hold

	mu   sync.Mutex // guards duck
	duck *duck.Engine
}

func newSQLEngine(o SQLOptions, processors int) *sqlEngine {
	o = o.withDefaults(processors)
	return &sqlEngine{o: o, turns: newTurns(o.AtOnce, o.Waiting), brief: newTurns(o.AtOnce, o.Waiting)}
}

func (s *sqlEngine) get() (*duck.Engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.duck != nil {
		return s.duck, nil
	}
	o := duck.Options{MemoryBytes: s.o.MemoryBytes, TempDir: s.o.TempDir, MaxQueries: 2 * s.o.AtOnce, Places: s.o.Places}
	if s.o.Files != nil && s.o.Files.FilesDir() != "" {
		o.ReadDirs = []string{s.o.Files.FilesDir()}
	}
	var err error
	s.duck, err = duck.Open(o)
	return s.duck, err
}

// Close ends the SQL engine. No query may be running.
func (e *Engine) Close() error {
	e.sql.mu.Lock()
	defer e.sql.mu.Unlock()
	if e.sql.duck == nil {
		return nil
	}
	return e.sql.duck.Close()
}

// Result is what a statement gives.
type Result struct {
	Columns   []string
	Types     []string // of the columns, by their SQL names
	Rows      [][]string
	Limited   int // the limit that was applied because the statement has none, 0 if it has one
	Truncated bool
	Terms     []search.Highlighted
	Coverage
}

// SQL runs a statement over the logs of a filter, which are its table log; other tables are logstores of the project, which it
// reads over the same time and without the search. Where WHERE bounds __time__ or __date__ of a table, that counts instead of
// the filter's range. Errors: those of the search, and of the statement: Invalid [sql], TooLarge [sql], Unsupported; those of
// MayRead.
func (e *Engine) SQL(ctx context.Context, f Filter, text string) (*Result, error) {
	q, err := e.prepare(ctx, f)
	if err != nil {
		return nil, err
	}
	t := &sqlTables{engine: e, project: f.Ref.Project, during: f.Range, mayRead: f.MayRead, known: map[string]*sqlTable{}, room: room{sql: e.sql}}
	t.known[statement.LogTable] = &sqlTable{question: q, fields: sqlFieldsOf(q.config.Config)}
	result, err := e.statement(ctx, t, text)
	if err != nil {
		return nil, err
	}
	result.Terms = q.bound.Terms
	return result, nil
}

// ProjectSQL runs a statement over logstores of a project, those that it names and that mayRead, which must not be nil, says yes
// to. There is no search and no time range but what WHERE says: it has to bound __time__ or __date__ of each logstore by
// constants. Errors: those of SQL, and NotFound [project].
func (e *Engine) ProjectSQL(ctx context.Context, project, text string, mayRead func(sluice.LogstoreRef) error) (*Result, error) {
	if _, err := e.cat.Project(ctx, project); err != nil {
		return nil, err
	}
	t := &sqlTables{engine: e, project: project, during: always, bounded: true, mayRead: mayRead, known: map[string]*sqlTable{}, room: room{sql: e.sql}}
	return e.statement(ctx, t, text)
}

// statement plans a statement over tables, gathers what it reads, and runs it.
func (e *Engine) statement(ctx context.Context, t *sqlTables, text string) (*Result, error) {
	t.files.engine = e
	defer t.files.release()
	defer t.room.leave()
	parsed, err := statement.Parse(text)
	if err != nil {
		return nil, err
	}
	began := e.o.Now()
	plan, err := parsed.Plan(t.schema(ctx), statement.Options{
		From: t.during.From / 1e9, To: (t.during.To + 1e9 - 1) / 1e9,
		Now: began, Places: e.sql.o.Places.Has(places.City), Providers: e.sql.o.Places.Has(places.Provider),
	})
	if err != nil {
		return nil, err
	}
	if err := t.checkBounded(plan.Inputs); err != nil {
		return nil, err
	}
	traceOf(ctx).notePlan(plan)
	result := &Result{Limited: plan.Limited, Coverage: Coverage{Complete: true}}
	for _, c := range plan.Columns {
		result.Columns, result.Types = append(result.Columns, c.Name), append(result.Types, c.Type.String())
	}
	if plan.CountsInput() {
		err = e.countStatement(ctx, t, plan, result)
	} else {
		err = e.gatherAndRun(ctx, t, plan, result)
	}
	if err != nil {
		return nil, err
	}
	result.Elapsed = e.o.Now().Sub(began)
	return result, nil
}

// countStatement answers a statement that asks for a number of logs only. It takes no more than a histogram, and no turn.
func (e *Engine) countStatement(ctx context.Context, t *sqlTables, plan *statement.Plan, result *Result) error {
	counts, cover, err := t.tally(ctx, plan.Inputs[0])
	if err != nil {
		return err
	}
	n, err := counts.total()
	row := make([]string, len(plan.Columns))
	for i := range row {
		row[i] = strconv.FormatInt(n, 10)
	}
	result.Rows, result.Coverage = [][]string{row}, cover
	return err
}

// gatherAndRun answers a statement by the SQL engine, in its turn.
func (e *Engine) gatherAndRun(ctx context.Context, t *sqlTables, plan *statement.Plan, result *Result) error {
	turns := e.sql.turns
	if plan.Counts() {
		turns = e.sql.brief
	}
	done, err := turns.take(ctx, t.project, e.o.Budget)
	if err != nil {
		return err
	}
	defer done()
	tables := map[string]duck.Table{}
	for _, in := range plan.Inputs {
		table, cover, err := t.gather(ctx, in)
		if err != nil {
			return err
		}
		tables[in.Key] = table
		result.Complete = result.Complete && cover.Complete
		result.Logs += cover.Logs
		result.Bytes += cover.Bytes
	}
	behind.Run(func() { err = e.run(ctx, plan, tables, result) })
	return err
}

func (e *Engine) run(ctx context.Context, plan *statement.Plan, tables map[string]duck.Table, result *Result) error {
	engine, err := e.sql.get()
	if err != nil {
		return err
	}
	defer step(ctx, "run the SQL engine")()
	ctx, cancel := context.WithTimeout(ctx, e.o.Budget)
	defer cancel()
	rows, err := engine.Run(ctx, plan, tables)
	if err != nil {
		return timeIsUp(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		result.Rows = append(result.Rows, rows.Row())
	}
	result.Truncated = rows.Truncated()
	return timeIsUp(ctx, rows.Err())
}

// timeIsUp says so where a statement ended because its time did.
func timeIsUp(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == context.DeadlineExceeded { //nolint:errorlint // the cause of our own timeout, bare
		return sluice.Errorf(sluice.Invalid, "sql", "the statement took longer than it may; ask for a shorter time range or for less")
	}
	return err
}
