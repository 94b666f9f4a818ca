package sqlite

import (
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations/*.sql
var files embed.FS

// ErrNewer is in the chain of Open's error when a newer program wrote the file.
var ErrNewer = errors.New("written by a newer program: use that one, or restore a backup from before")

// migration is one step from a schema to the next. Once released it never changes.
type migration struct {
	version int
	name    string
	script  string
}

// migrations returns the steps in order, from the embedded files NNNN_name.sql, numbered from 1 without gaps.
func migrations() []migration {
	names, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		panic(err)
	}
	steps := make([]migration, len(names))
	for i, path := range names {
		script, err := files.ReadFile(path)
		if err != nil {
			panic(err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, "migrations/"), ".sql")
		number, _, _ := strings.Cut(name, "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			panic("migration " + name + " is out of order")
		}
		steps[i] = migration{version: version, name: name, script: string(script)}
	}
	return steps
}

// migrate applies the steps that db has not seen, each in a transaction with the row that records it.
func migrate(db *sql.DB, steps []migration) error {
	if err := checkWAL(db); err != nil {
		return err
	}
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS migrations (
		version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied INTEGER NOT NULL) STRICT`); err != nil {
		return fmt.Errorf("record migrations: %w", err)
	}
	var have int
	if err := db.QueryRow("SELECT coalesce(max(version), 0) FROM migrations").Scan(&have); err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if have > len(steps) {
		return fmt.Errorf("schema %d, this program knows up to %d: %w", have, len(steps), ErrNewer)
	}
	for _, step := range steps[have:] {
		if err := step.apply(db); err != nil {
			return fmt.Errorf("migration %s: %w", step.name, err)
		}
	}
	return nil
}

func (m migration) apply(db *sql.DB) error {
	t, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }() // after a commit it does nothing
	if _, err := t.Exec(m.script); err != nil {
		return err
	}
	if _, err := t.Exec("INSERT INTO migrations (version, name, applied) VALUES (?, ?, ?)",
		m.version, m.name, time.Now().UnixNano()); err != nil {
		return err
	}
	return t.Commit()
}

// checkWAL proves that the file system lets SQLite keep a WAL: without one, snapshots would block updates.
func checkWAL(db *sql.DB) error {
	var mode string
	if err := db.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system does not support SQLite's WAL mode (journal mode is %s)", mode)
	}
	return nil
}
