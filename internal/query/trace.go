package query

import (
	"context"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// trace notes what happens while a query is answered, for Explain. It travels in the context, and most queries have none. It is safe
// for concurrent use.
type trace struct {
	mu         sync.Mutex // guards the rest
	tables     []Table
	conditions []Condition
	steps      []Step
	sql        string
}

type traceKey struct{}

func withTrace(ctx context.Context, t *trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// traceOf returns the trace of a query; nil if it is not to be explained. The methods of nil note nothing.
func traceOf(ctx context.Context) *trace {
	t, _ := ctx.Value(traceKey{}).(*trace)
	return t
}

// step begins a step of a query; what it returns ends it.
func step(ctx context.Context, name string) (end func()) {
	t := traceOf(ctx)
	if t == nil {
		return func() {}
	}
	t.mu.Lock()
	at := -1
	for i := range t.steps {
		if t.steps[i].Name == name {
			at = i
		}
	}
	if at < 0 {
		at = len(t.steps)
		t.steps = append(t.steps, Step{Name: name})
	}
	t.mu.Unlock()
	began := time.Now()
	return func() {
		took := time.Since(began)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.steps[at].Took += took
	}
}

// notePlan notes what the SQL engine is asked.
func (t *trace) notePlan(plan *statement.Plan) {
	if t == nil {
		return
	}
	names := map[string]statement.Relation{}
	for _, in := range plan.Inputs {
		names[in.Key] = statement.Relation{SQL: in.Table}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sql = plan.DuckDB(names)
}

// noteScan notes what a scan is going to read, and returns the number of its table.
func (t *trace) noteScan(e *Engine, q *question, snap *indexer.Snapshot) (table int, err error) {
	if t == nil {
		return 0, nil
	}
	out := Table{Logstore: q.Ref.Logstore}
	for _, s := range snap.Segments {
		out.Segments.All++
		switch {
		case s.Bad != nil:
			out.Segments.Damaged++
			continue
		case !q.overlaps(s.Info().First, s.Info().Last):
			out.Segments.Outside++
			continue
		case s.Config != q.config.ID:
			out.Segments.Stale++
		}
		for i := range s.Groups() {
			out.Groups.All++
			if g := s.Group(i); !q.overlaps(g.First(), g.Last()) {
				out.Groups.Outside++
			}
		}
	}
	for i := range q.logstore.Shards {
		log := q.logstore.Shards[i].Stored
		at, err := e.tail(q, snap.Progress[q.logstore.Shards[i].ID])(log)
		if err != nil {
			return 0, err
		}
		if _, end := log.Bounds(); end > at {
			out.Tail += int64(end - at)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tables = append(t.tables, out)
	return len(t.tables) - 1, nil
}

// noteFound notes that a scan found logs, and noteFile that it left a segment to the SQL engine.
func (t *trace) noteFound(table int, n int64) {
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.tables[table].Found += n
	}
}

func (t *trace) noteFile(table int) {
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.tables[table].Segments.Files++
	}
}

// condition asks a planner for the rows of a part of a search, and notes what it took.
func (t *trace) condition(ctx context.Context, p *planner, n search.Node, within *roaring.Bitmap) (*roaring.Bitmap, error) {
	before, values, logs, began := within.GetCardinality(), p.values, p.logs, time.Now()
	rows, err := p.find(ctx, n, within)
	if err != nil {
		return nil, err
	}
	done := Condition{
		Text: n.String(), Asked: 1, Before: int64(before), After: int64(rows.GetCardinality()), Values: p.values - values, Logs: p.logs - logs,
		Took: time.Since(began),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.conditions {
		if c := &t.conditions[i]; c.Text == done.Text {
			c.Asked++
			c.Before, c.After, c.Values, c.Logs, c.Took = c.Before+done.Before, c.After+done.After, c.Values+done.Values, c.Logs+done.Logs, c.Took+done.Took
			return rows, nil
		}
	}
	t.conditions = append(t.conditions, done)
	return rows, nil
}

// isLeaf reports whether a part of a search has no parts.
func isLeaf(n search.Node) bool {
	switch n.(type) {
	case search.And, search.Or, search.Not, search.All:
		return false
	}
	return true
}
