package query

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/query/statement"
	"github.com/sluicelog/sluice/internal/segment"
)

// SQLOptions say what the SQL engine may use. It is opened by the first statement.
type SQLOptions struct {
	IndexDir    string // where the Parquet files of segments are, which statements read
	TempDir     string // where large statements spill; they fail if empty
	MemoryBytes int64  // [1 GiB] of all statements together
}

// sqlEngine opens DuckDB when it is first needed: a server that nobody asks in SQL does not pay for it.
type sqlEngine struct {
	o    SQLOptions
	mu   sync.Mutex
	duck *duck.Engine
}

func (s *sqlEngine) get() (*duck.Engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.duck != nil {
		return s.duck, nil
	}
	o := duck.Options{MemoryBytes: s.o.MemoryBytes, TempDir: s.o.TempDir}
	if s.o.IndexDir != "" {
		o.ReadDirs = []string{s.o.IndexDir}
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

// SQL runs a statement over the logs of a filter. Errors: those of the search, and of the statement: Invalid [sql], TooLarge [sql],
// Unsupported.
func (e *Engine) SQL(ctx context.Context, f Filter, text string) (*Result, error) {
	q, err := e.prepare(ctx, f)
	if err != nil {
		return nil, err
	}
	parsed, err := statement.Parse(text)
	if err != nil {
		return nil, err
	}
	fields := sqlFieldsOf(q.config.Config)
	plan, err := parsed.Plan(fields.schema(), statement.Options{From: f.Range.From / 1e9, To: (f.Range.To + 1e9 - 1) / 1e9})
	if err != nil {
		return nil, err
	}
	result := &Result{Limited: plan.Limited, Terms: q.bound.Terms, Coverage: Coverage{Complete: true}}
	for _, c := range plan.Columns {
		result.Columns, result.Types = append(result.Columns, c.Name), append(result.Types, c.Type.String())
	}
	began := e.o.Now()
	tables := map[string]duck.Table{}
	for _, in := range plan.Inputs {
		t, cover, err := e.table(ctx, q, fields, in)
		if err != nil {
			return nil, err
		}
		tables[in.Key] = t
		result.Complete = result.Complete && cover.Complete
		result.Logs += cover.Logs
		result.Bytes += cover.Bytes
	}
	if err := e.run(ctx, plan, tables, result); err != nil {
		return nil, err
	}
	result.Elapsed = e.o.Now().Sub(began)
	return result, nil
}

func (e *Engine) run(ctx context.Context, plan *statement.Plan, tables map[string]duck.Table, result *Result) error {
	engine, err := e.sql.get()
	if err != nil {
		return err
	}
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

// sqlField is a column of SQL: a field of logs, or a leaf of one.
type sqlField struct {
	name string
	kind statement.Kind
	at   index.Field
}

type sqlFields []sqlField

// sqlFieldsOf lists the columns that a configuration gives to SQL: the keys with statistics, and what every log has.
func sqlFieldsOf(c *index.Config) sqlFields {
	fields := sqlFields{
		{index.TimeField, statement.Bigint, index.Field{Name: index.TimeField}},
		{index.SourceField, statement.Varchar, index.Field{Name: index.SourceField}},
		{index.TopicField, statement.Varchar, index.Field{Name: index.TopicField}},
	}
	add := func(name, alias string, t index.Type, at index.Field) {
		kind := statement.Varchar
		switch t {
		case index.Long:
			kind = statement.Bigint
		case index.Double:
			kind = statement.Double
		}
		if alias != "" {
			name = alias
		}
		fields = append(fields, sqlField{name, kind, at})
	}
	for _, name := range c.Names() {
		key := c.Keys[name]
		if key.DocValue && !isBuiltIn(name) {
			add(name, key.Alias, key.Type, index.Field{Name: name})
		}
		for path, leaf := range key.Leaves {
			if leaf.DocValue {
				add(name+"."+path, leaf.Alias, leaf.Type, index.Field{Name: name, Path: path})
			}
		}
	}
	return fields
}

func isBuiltIn(name string) bool {
	return name == index.TimeField || name == index.SourceField || name == index.TopicField
}

func (f sqlFields) schema() statement.Schema {
	var s statement.Schema
	for _, c := range f {
		s.Log = append(s.Log, statement.Column{Name: c.name, Type: statement.TypeOf(c.kind)})
	}
	return s
}

func (f sqlFields) find(name string) (sqlField, bool) {
	for _, c := range f {
		if c.name == name {
			return c, true
		}
	}
	return sqlField{}, false
}

// table gathers what a statement reads of the search result: Parquet files as they are, where every log of a part counts or SQL
// can tell which do, and rows in memory for the rest.
func (e *Engine) table(ctx context.Context, q *question, fields sqlFields, in statement.Input) (duck.Table, Coverage, error) {
	var t duck.Table
	var wanted []sqlField
	for _, name := range in.Columns {
		f, ok := fields.find(name)
		if !ok {
			return t, Coverage{}, fmt.Errorf("sql: the statement reads a column %q that the schema does not have", name)
		}
		wanted = append(wanted, f)
		t.Columns = append(t.Columns, statement.Column{Name: f.name, Type: statement.TypeOf(f.kind)})
	}
	ask := *q
	ask.Range = shifted(q.Range, in)
	if ask.Range.From >= ask.Range.To {
		return t, Coverage{Complete: true}, nil
	}
	g := &gatherer{fields: wanted, room: maxGathered}
	if len(wanted) == 0 { // only the number of rows counts, and rows need a column
		g.fields = sqlFields{{index.TimeField, statement.Bigint, index.Field{Name: index.TimeField}}}
	}
	direct := func(s *indexer.Segment) bool {
		part, ok := e.direct(&ask, wanted, s)
		if ok {
			t.Parts = append(t.Parts, part)
		}
		return ok
	}
	cover, err := e.scan(ctx, &ask, direct, g.collector)
	if err != nil {
		return t, cover, err
	}
	names := make([]string, len(wanted))
	for i, f := range wanted {
		names[i] = f.name
	}
	for _, r := range g.sets {
		if r.err != nil {
			return t, cover, r.err
		}
		if r.Len > 0 {
			t.Parts = append(t.Parts, duck.Part{Rows: r.rowset(), Names: names})
		}
	}
	return t, cover, nil
}

// shifted is the range that an input is read over.
func shifted(r Range, in statement.Input) Range {
	r.From -= in.Shift * 1e9
	r.To -= in.Shift * 1e9
	if in.Time.From != nil {
		r.From = max(r.From, *in.Time.From*1e9)
	}
	if in.Time.To != nil {
		r.To = min(r.To, *in.Time.To*1e9)
	}
	return r
}

// direct is a segment as a file for the SQL engine, if it can tell by itself which rows count.
func (e *Engine) direct(q *question, wanted []sqlField, s *indexer.Segment) (duck.Part, bool) {
	p := duck.Part{Names: make([]string, len(wanted))}
	if e.sql.o.IndexDir == "" || s.Bad != nil || q.Topic != "" || s.Config != q.config.ID {
		return p, false
	}
	kinds := map[string]statement.Kind{
		index.TimeField: statement.Bigint, index.SourceField: statement.Varchar, index.TopicField: statement.Varchar,
	}
	for _, c := range s.Columns() {
		kinds[c.Name] = [...]statement.Kind{segment.Text: statement.Varchar, segment.Long: statement.Bigint, segment.Double: statement.Double}[c.Kind]
	}
	dropAmbiguous(kinds)
	for i, f := range wanted {
		if f.at.Path != "" || kinds[f.at.Name] != f.kind { // numbers that are kept as text are not always what SQL would make of them
			return p, false
		}
		p.Names[i] = f.at.Name
	}
	where, ok := condition(q.bound.Root, kinds)
	if !ok {
		return p, false
	}
	info := s.Info()
	if info.First.UnixNano() < q.Range.From || info.Last.UnixNano() >= q.Range.To {
		if q.Range.From%1e9 != 0 || q.Range.To%1e9 != 0 {
			return p, false
		}
		where = and(where, fmt.Sprintf(`"__time__" >= %d AND "__time__" < %d`, q.Range.From/1e9, q.Range.To/1e9))
	}
	p.Files, p.Where = []string{filepath.Join(e.sql.o.IndexDir, info.ParquetObject())}, where
	return p, true
}

// dropAmbiguous removes the columns whose names differ only by case: SQL cannot tell them apart.
func dropAmbiguous(kinds map[string]statement.Kind) {
	folded := map[string]int{}
	for name := range kinds {
		folded[strings.ToLower(name)]++
	}
	for name := range kinds {
		if folded[strings.ToLower(name)] > 1 {
			delete(kinds, name)
		}
	}
}

func and(a, b string) string {
	if a == "" {
		return b
	}
	return "(" + a + ") AND (" + b + ")"
}
