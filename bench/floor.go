package main

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
)

// The floor is DuckDB, as the module that the server links, in this process, over the Parquet files that the server wrote: no server, no
// client, no check of who asks, no index. What a question costs more through the server is the server's.
type floor struct{ db *sql.DB }

// openFloor makes the segments of these names that lie below dir the table logs. The server that wrote them is stopped.
func openFloor(ctx context.Context, dir string, segments []string) (*floor, error) {
	var files []string
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if slices.Contains(segments, filepath.Base(name)) {
			files = append(files, "'"+strings.ReplaceAll(name, "'", "''")+"'")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 || len(files) != len(segments) {
		return nil, fmt.Errorf("%s holds %d segments of %d", dir, len(files), len(segments))
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	view := fmt.Sprintf("CREATE VIEW logs AS FROM read_parquet([%s], union_by_name = true)", strings.Join(files, ", "))
	if _, err := db.ExecContext(ctx, view); err != nil {
		return nil, fmt.Errorf("%w (and %w)", err, db.Close())
	}
	return &floor{db}, nil
}

func (f *floor) ask(ctx context.Context, q question) (answer, error) {
	rows, err := f.db.QueryContext(ctx, q.floor)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	at := slices.Index(columns, q.check)
	if at < 0 {
		return nil, fmt.Errorf("no column %s in %v", q.check, columns)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var a answer
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		a = a.add(fmt.Sprint(values[at]))
	}
	slices.Sort(a)
	return a, rows.Err()
}

// floor asks the questions of the segments that a server left, and compares the answers with the server's.
func (b *bench) floor(ctx context.Context, s *searched, segments []string) error {
	d, answers := s.set, s.answers
	f, err := openFloor(ctx, s.dir, segments)
	if err != nil {
		return err
	}
	defer f.db.Close()
	for _, q := range s.questions {
		if q.floor == "" {
			continue
		}
		took, got, err := repeat(b.asks, func() (answer, error) { return f.ask(ctx, q) })
		if err != nil {
			return fmt.Errorf("floor of %s: %s: %w", d.name, q.name, err)
		}
		if want := answers[q.name]; !slices.Equal(got, want) {
			return fmt.Errorf("%s: the server answers %q with %.10q, DuckDB says %.10q", d.name, q.name, want, got)
		}
		b.report.asked(d, q).Floor.add(milliseconds(percentile(took, 50)))
	}
	return nil
}

// repeat does something once to warm up and then n times, and returns how long these took, sorted, and what the last one gave.
func repeat[T any](n int, do func() (T, error)) (took []time.Duration, last T, err error) {
	for i := range n + 1 {
		began := time.Now()
		if last, err = do(); err != nil {
			return nil, last, err
		}
		if i > 0 {
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	return took, last, nil
}
