package duck

import (
	"context"

	"github.com/sluicelog/sluice/internal/query/statement"
)

// Raw runs text as it is: what stands behind the first wall.
func (e *Engine) Raw(ctx context.Context, text string) error {
	rows, err := e.query(ctx, text, []statement.Column{})
	if err != nil {
		return err
	}
	for rows.rows.Next() { // some errors come with the rows
	}
	return firstOf(rows.rows.Err(), rows.Close())
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
