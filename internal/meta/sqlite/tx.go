package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// tx is a running transaction.
type tx struct {
	ctx      context.Context // of the View or Update that runs it
	store    *Store
	sql      *sql.Tx
	readOnly bool
	changed  bool // something other than a checkpoint changed
}

var _ meta.Tx = (*tx)(nil)

var errReadOnly = errors.New("change inside View")

// row reads one row into dest, or returns sql.ErrNoRows.
func (t *tx) row(query string, args []any, dest ...any) error {
	if err := t.ctx.Err(); err != nil {
		return err
	}
	return t.sql.QueryRow(query, args...).Scan(dest...)
}

func (t *tx) rows(query string, args ...any) (*sql.Rows, error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	return t.sql.Query(query, args...)
}

// change runs a statement and returns how many rows it changed.
func (t *tx) change(query string, args ...any) (int64, error) {
	n, err := t.changeQuietly(query, args...)
	t.changed = t.changed || n > 0
	return n, err
}

// changeQuietly is change without growing the store's generation.
func (t *tx) changeQuietly(query string, args ...any) (int64, error) {
	if t.readOnly {
		return 0, errReadOnly
	}
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	result, err := t.sql.Exec(query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// wrap says what was being done. Where it may succeed later, the error is Unavailable.
func wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("metadata: %s: %w", operation, err)
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return err
	}
	switch failed.Code() & 0xff { // the high bits say more about the same
	case codes.SQLITE_FULL:
		return &sluice.Error{Kind: sluice.Unavailable, Noun: "metadata", Msg: "the server's disk is full", Err: err}
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return &sluice.Error{Kind: sluice.Unavailable, Noun: "metadata", Msg: "the server's metadata is busy", Err: err}
	}
	return err
}
