package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicelog/sluice/internal/meta"
)

// table is how values of T lie in a table: the statements that the methods of Tx have in common, and what is missing when
// a statement finds no row.
type table[T any] struct {
	noun    string
	name    string
	keys    []string // the columns that name a row
	columns []string // all, keys first
	parent  holder   // the table of what holds a row; nil if nothing does
	quiet   bool     // changes do not make caches stale
	fields  func(*T) []any
}

// holder is a table that rows of another one hang on. Its keys are the first keys of theirs.
type holder interface {
	require(t *tx, keys []any) error
}

// require returns nil if the row that the first of keys name is there, and otherwise NotFound for the outermost that is
// missing.
func (b *table[T]) require(t *tx, keys []any) error {
	keys = keys[:len(b.keys)]
	var found int
	err := t.row("SELECT 1 FROM "+b.name+b.where(len(keys)), keys, &found)
	if errors.Is(err, sql.ErrNoRows) {
		return b.missing(t, keys)
	}
	return wrap("find "+b.noun, err)
}

func (b *table[T]) missing(t *tx, keys []any) error {
	if b.parent != nil {
		if err := b.parent.require(t, keys); err != nil {
			return err
		}
	}
	return meta.Missing(b.noun, nameOf(keys))
}

func (b *table[T]) get(t *tx, keys ...any) (T, error) {
	var v T
	err := t.row("SELECT "+strings.Join(b.columns, ", ")+" FROM "+b.name+b.where(len(keys)), keys, b.fields(&v)...)
	if err != nil {
		var zero T
		if errors.Is(err, sql.ErrNoRows) {
			return zero, b.missing(t, keys)
		}
		return zero, wrap("read "+b.noun, err)
	}
	return v, nil
}

// list returns the rows whose first keys are these, sorted by the others. The thing that they name must be there.
func (b *table[T]) list(t *tx, keys ...any) ([]T, error) {
	all, err := b.scan(t, keys)
	if err != nil {
		return nil, wrap("list "+b.name, err)
	}
	if len(all) == 0 && len(keys) > 0 && b.parent != nil {
		return nil, b.parent.require(t, keys)
	}
	return all, nil
}

func (b *table[T]) scan(t *tx, keys []any) ([]T, error) {
	var all []T
	err := b.each(t, keys, func(v T) error {
		all = append(all, v)
		return nil
	})
	return all, err
}

// each gives the rows whose first keys are these to fn, sorted by the others, until it returns an error.
func (b *table[T]) each(t *tx, keys []any, fn func(T) error) error {
	rows, err := t.rows("SELECT "+strings.Join(b.columns, ", ")+" FROM "+b.name+b.where(len(keys))+
		" ORDER BY "+strings.Join(b.keys, ", "), keys...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(b.fields(&v)...); err != nil {
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (b *table[T]) insert(t *tx, v *T) error {
	fields := b.fields(v)
	keys := fields[:len(b.keys)]
	if b.parent != nil {
		if err := b.parent.require(t, keys); err != nil {
			return err
		}
	}
	n, err := b.exec(t, b.insertInto()+" ON CONFLICT ("+strings.Join(b.keys, ", ")+") DO NOTHING", fields...)
	if err == nil && n == 0 {
		return meta.Exists(b.noun, nameOf(keys))
	}
	return wrap("create "+b.noun, err)
}

func (b *table[T]) update(t *tx, v *T) error {
	fields := b.fields(v)
	keys, values := fields[:len(b.keys)], fields[len(b.keys):]
	n, err := b.exec(t, "UPDATE "+b.name+" SET "+strings.Join(b.columns[len(b.keys):], " = ?, ")+" = ?"+b.where(len(keys)),
		append(append([]any(nil), values...), keys...)...)
	if err == nil && n == 0 {
		return b.missing(t, keys)
	}
	return wrap("update "+b.noun, err)
}

func (b *table[T]) delete(t *tx, keys ...any) error {
	n, err := b.exec(t, "DELETE FROM "+b.name+b.where(len(keys)), keys...)
	if err == nil && n == 0 {
		return b.missing(t, keys)
	}
	return wrap("delete "+b.noun, err)
}

// replace inserts v, or updates the row of its keys.
func (b *table[T]) replace(t *tx, v *T) error {
	fields := b.fields(v)
	if b.parent != nil {
		if err := b.parent.require(t, fields[:len(b.keys)]); err != nil {
			return err
		}
	}
	var set []string
	for _, c := range b.columns[len(b.keys):] {
		set = append(set, c+" = excluded."+c)
	}
	_, err := b.exec(t, b.insertInto()+" ON CONFLICT ("+strings.Join(b.keys, ", ")+") DO UPDATE SET "+strings.Join(set, ", "), fields...)
	return wrap("set "+b.noun, err)
}

func (b *table[T]) exec(t *tx, query string, args ...any) (int64, error) {
	if b.quiet {
		return t.changeQuietly(query, args...)
	}
	return t.change(query, args...)
}

func (b *table[T]) insertInto() string {
	return "INSERT INTO " + b.name + " (" + strings.Join(b.columns, ", ") +
		") VALUES (?" + strings.Repeat(", ?", len(b.columns)-1) + ")"
}

// where is the condition on the first n keys.
func (b *table[T]) where(n int) string {
	if n == 0 {
		return ""
	}
	return " WHERE " + strings.Join(b.keys[:n], " = ? AND ") + " = ?"
}

// nameOf is the name that a client knows a row by: its last key.
func nameOf(keys []any) string {
	switch name := keys[len(keys)-1].(type) {
	case *string:
		return *name
	default:
		return fmt.Sprint(name)
	}
}
