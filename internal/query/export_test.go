package query

import (
	"context"
	"time"
)

// TakeTurn waits for a turn as a statement of a project does.
func (e *Engine) TakeTurn(ctx context.Context, project string) (done func(), err error) {
	return e.sql.turns.take(ctx, project, time.Hour)
}
