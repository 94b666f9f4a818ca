package query

import (
	"context"
	"time"

	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/segment"
)

// TakeTurn waits for a turn as a statement of a project does.
func (e *Engine) TakeTurn(ctx context.Context, project string) (done func(), err error) {
	return e.sql.turns.take(ctx, project, time.Hour)
}

// SQLSearch is a search as SQL over segments.
type SQLSearch struct{ s *sqlSearch }

func NewSQLSearch(b *search.Bound) SQLSearch { return SQLSearch{newSQLSearch(b.Root)} }

// Holds makes it true of the rows of a segment, if it can and these are enough.
func (s SQLSearch) Holds(ctx context.Context, of *segment.Segment, enough int64) bool {
	return s.s.holds(ctx, of, kindsOf(of), enough)
}

func (s SQLSearch) SQL() string { return s.s.sql() }

// First looks for the n logs that come first, and returns how many keys there are and how many were in memory at the end.
func (e *Engine) First(ctx context.Context, f Filter, n int, reverse bool) (keys, held int, err error) {
	q, err := e.prepare(ctx, f)
	if err != nil {
		return 0, 0, err
	}
	all := newFirsts(n, reverse)
	_, err = e.scan(ctx, q, nil, all.collector)
	for _, p := range all.parts {
		held += len(p.keys)
	}
	held += len(all.all.keys)
	return len(all.sorted()), held, err
}
