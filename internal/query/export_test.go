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
