// Package duck runs planned statements on DuckDB, in process. It is the only package that links C code.
//
//	Plan + tables ──> SQL over read_parquet(...) and rows in memory ──> DuckDB ──> Rows (texts as the SLS dialect writes them)
//
// Users' SQL never gets here as text: package statement reads it and prints it anew, and that is the first wall. This is the
// second: the database is in memory and empty, its settings are locked, extensions cannot be loaded, no network is reached, and
// files are open only in the directories given to [Open]. There the engine could also write, if anything but a query got here.
//
// Limits: memory and threads are those of the whole engine; statements wait for their turn, MaxQueries at a time; each ends when
// its context does, though not in the middle of one chunk of rows; a result ends at MaxResultBytes and says so.
package duck

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/sluicelog/sluice/internal/query/behind"
	"github.com/sluicelog/sluice/internal/query/places"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// Options of an engine. The zero value works, with limits for a small machine, and reads no files.
type Options struct {
	MemoryBytes    int64             // of all statements together; 1 GiB if 0
	Threads        int               // of all statements together; the engine's choice if 0
	TempDir        string            // where statements that need more memory spill; they fail if empty
	TempBytes      int64             // the most they spill; 10 GiB if 0
	ReadDirs       []string          // directories whose files tables may name
	Zone           string            // time zone of sessions; statement.DefaultZone if empty
	MaxQueries     int               // how many statements run at once; 15 if 0 (reference sls-query 1.8)
	Places         *places.Databases // of IP addresses; nil: functions that ask for them fail
	MaxResultBytes int64             // of one result, written as JSON; 100 MB if 0 (reference sls-query 3.1)
}

// withDefaults fills what was left out.
func (o Options) withDefaults() Options {
	set := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	set(&o.MemoryBytes, 1<<30)
	set(&o.TempBytes, 10<<30)
	set(&o.MaxResultBytes, 100_000_000)
	if o.MaxQueries == 0 {
		o.MaxQueries = 15
	}
	if o.Zone == "" {
		o.Zone = statement.DefaultZone
	}
	return o
}

// Engine runs statements. It is safe for concurrent use.
type Engine struct {
	options Options
	zone    *zone

	mu sync.Mutex // guards db
	db *sql.DB
}

// Open starts an engine. Close it.
func Open(options Options) (*Engine, error) {
	e := &Engine{options: options.withDefaults()}
	var err error
	if e.zone, err = loadZone(e.options.Zone); err != nil {
		return nil, fmt.Errorf("open the SQL engine: %w", err)
	}
	behind.Run(func() { e.db, err = e.open() }) // the engine makes its threads there
	if err != nil {
		return nil, fmt.Errorf("open the SQL engine: %w", err)
	}
	return e, nil
}

// Close ends the engine. Statements that run are ended first by their contexts, which is the caller's part.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.db.Close()
}

func (e *Engine) open() (*sql.DB, error) {
	connector, err := duckdb.NewConnector(":memory:", nil)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(e.options.MaxQueries)
	db.SetMaxIdleConns(e.options.MaxQueries)
	if err := e.prepare(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepare adds our functions and locks the settings.
func (e *Engine) prepare(db *sql.DB) error {
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := e.registerFunctions(conn); err != nil {
		return err
	}
	if err := registerMemory(conn); err != nil {
		return err
	}
	for _, s := range e.settings() {
		if _, err := conn.ExecContext(ctx, "SET GLOBAL "+s); err != nil {
			return fmt.Errorf("set %s: %w", s, err)
		}
	}
	return nil
}

// settings are made in this order; after the last nothing can be set any more.
func (e *Engine) settings() []string {
	o := e.options
	all := []string{
		fmt.Sprintf("memory_limit = '%dB'", o.MemoryBytes),
		"TimeZone = " + quote(o.Zone),
		"allow_community_extensions = false",
		"autoinstall_known_extensions = false",
		"autoload_known_extensions = false",
		"allow_persistent_secrets = false",
		"parquet_metadata_cache = true",
		"temp_directory = " + quote(o.TempDir),
	}
	if o.Threads > 0 {
		all = append(all, fmt.Sprintf("threads = %d", o.Threads))
	}
	if o.TempDir != "" {
		all = append(all, fmt.Sprintf("max_temp_directory_size = '%dB'", o.TempBytes))
	}
	if len(o.ReadDirs) > 0 {
		all = append(all, "allowed_directories = ["+quoteAll(o.ReadDirs)+"]")
	}
	return append(all, "enable_external_access = false", "lock_configuration = true")
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = quote(s)
	}
	return strings.Join(quoted, ", ")
}

// database returns the present database.
func (e *Engine) database() *sql.DB {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.db
}

// replace opens a new database in place of one that an error inside the engine made useless.
func (e *Engine) replace(broken *sql.DB) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.db != broken {
		return // someone else did
	}
	var db *sql.DB
	var err error
	behind.Run(func() { db, err = e.open() })
	if err == nil {
		e.db = db
		go broken.Close() // waits for statements that still run there
	}
}
