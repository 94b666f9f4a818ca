package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicelog/sluice/internal/query/statement"
)

// Run runs a planned statement over tables, which are given by the keys of the plan's inputs. It returns when the result is
// there; close the Rows. When ctx ends, the statement ends, with the error of ctx.
//
// Errors of the statement, such as a text that is no number, are *sluice.Error of kind Invalid, noun "sql"; TooLarge is for a
// statement that needs more memory than there is.
func (e *Engine) Run(ctx context.Context, plan *statement.Plan, tables map[string]Table) (*Rows, error) {
	m := &memory{}
	relations := map[string]statement.Relation{}
	for _, in := range plan.Inputs {
		t, ok := tables[in.Key]
		if !ok {
			return nil, fmt.Errorf("run: no table is given for input %s", in.Key)
		}
		columns := in.Columns
		if t.Counted {
			columns = append(slices.Clip(columns), statement.CountColumn)
		}
		relations[in.Key] = statement.Relation{SQL: t.relation(columns, m), Rows: t.rows(), Counted: t.Counted}
	}
	return e.query(m.context(ctx), plan.DuckDB(relations), plan.Columns)
}

func (e *Engine) query(ctx context.Context, text string, columns []statement.Column) (*Rows, error) {
	db := e.database()
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, e.problem(ctx, db, err)
	}
	ctx, stop := e.watch(ctx)
	rows, err := conn.QueryContext(ctx, text) //nolint:rowserrcheck // Rows.Err checks it
	if err != nil {
		err = e.problem(ctx, db, err)
		stop()
		return nil, errors.Join(err, conn.Close())
	}
	r := &Rows{engine: e, ctx: ctx, stop: stop, db: db, conn: conn, rows: rows, columns: columns}
	r.values, r.pointers = make([]any, len(columns)), make([]any, len(columns))
	for i := range r.values {
		r.pointers[i] = &r.values[i]
	}
	return r, nil
}

// Rows is a result, read row by row. It is for one goroutine.
type Rows struct {
	engine           *Engine
	ctx              context.Context
	stop             func() // watching
	db               *sql.DB
	conn             *sql.Conn
	rows             *sql.Rows
	columns          []statement.Column
	values, pointers []any
	row              []string
	bytes            int64
	truncated        bool
	err              error
}

// cellBytes is what a cell takes in the JSON of an answer beside its name and value: quotes, colon, comma.
const cellBytes = 6

// Next reads the next row and reports whether there is one. At its end the result says why by Err and Truncated.
func (r *Rows) Next() bool {
	if r.err != nil || r.truncated || !r.rows.Next() {
		return false
	}
	if r.err = r.rows.Scan(r.pointers...); r.err != nil {
		return false
	}
	r.row = make([]string, len(r.columns))
	for i, v := range r.values {
		r.row[i] = r.engine.zone.render(v, r.columns[i].Type)
		r.bytes += int64(len(r.row[i]) + len(r.columns[i].Name) + cellBytes)
	}
	if r.bytes > r.engine.options.MaxResultBytes {
		r.truncated = true
		return false
	}
	return true
}

// Row returns the row that Next read, in the order of the plan's columns. It is the caller's.
func (r *Rows) Row() []string { return r.row }

// Truncated reports whether the result was cut because it has too many bytes.
func (r *Rows) Truncated() bool { return r.truncated }

// Err returns what ended the result early, or nil.
func (r *Rows) Err() error {
	if r.err == nil {
		r.err = r.rows.Err()
	}
	if r.err == nil {
		return nil
	}
	return r.engine.problem(r.ctx, r.db, r.err)
}

// Close frees the result. It may be called before the end, and more than once.
func (r *Rows) Close() error {
	r.stop()
	err := r.rows.Close()
	if cerr := r.conn.Close(); cerr != nil && !errors.Is(cerr, sql.ErrConnDone) {
		err = errors.Join(err, cerr)
	}
	return err
}
