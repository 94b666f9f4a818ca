// Package sqlite is the embedded metadata store: one SQLite file in WAL mode, without cgo.
//
//	Update ──> the one write connection ──> WAL, synced before Update returns; updates that come together share a sync (group.go)
//	View   ──> a few read connections, each transaction on its own snapshot
//
// Invariants:
//   - The file's schema is the migrations of this package, applied in order; a file from a newer program is not touched.
//   - A transaction is never interrupted between two states: statements run to their end, and the caller's context is
//     looked at before each of them and before the commit.
//   - Generation grows before Update returns, and only if rows of tables that are not quiet changed.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Connections are few and their page caches small: metadata is small, and an idle server has to stay small too. SQLite takes a
// negative cache size as KiB.
const (
	maxReaders     = 4
	maxIdleReaders = 1
	cacheKiB       = 512
	busyTimeoutMS  = 5000 // another process may look into the file
)

// Store is a metadata store in one file. It is safe for concurrent use.
type Store struct {
	write, read *sql.DB
	generation  atomic.Uint64
	turn        turn         // to use write
	group       *group       // the open one, of who has the turn; nil if there is none
	waiting     atomic.Int32 // for the turn
	lastLog     sluice.LogID // highest number given since Open, also by updates that failed; belongs to the running Update
}

var _ meta.Store = (*Store)(nil)

// Open opens the store in the file at path, making it (mode 0600: it holds sealed secrets) and bringing its schema up to
// date if needed. The directory must exist. A file written by a newer program is refused.
func Open(path string) (*Store, error) {
	s, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open metadata %s: %w", path, err)
	}
	return s, nil
}

func open(path string) (*Store, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	s := &Store{turn: newTurn()}
	s.generation.Store(1)
	var err error
	if s.write, err = connect(path, "_txlock=immediate"); err != nil {
		return nil, err
	}
	s.write.SetMaxOpenConns(1)
	if s.read, err = connect(path, "_pragma=query_only(1)"); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	s.read.SetMaxOpenConns(maxReaders)
	s.read.SetMaxIdleConns(maxIdleReaders)
	if err := migrate(s.write, migrations()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// create makes an empty file that only its owner can read, and makes its name durable. SQLite gives its other files the same
// mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func connect(path, options string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: options}
	for _, pragma := range []string{
		fmt.Sprintf("busy_timeout(%d)", busyTimeoutMS),
		"journal_mode(WAL)",
		"synchronous(FULL)", // a commit is on disk before it returns
		"foreign_keys(1)",
		fmt.Sprintf("cache_size(-%d)", cacheKiB),
		"mmap_size(0)",
	} {
		name.RawQuery += "&_pragma=" + pragma
	}
	return sql.Open("sqlite", name.String())
}

// Close closes the store and folds the WAL into the file.
func (s *Store) Close() error {
	return errors.Join(s.read.Close(), s.write.Close()) // the writer last: only it may fold the WAL
}

// Generation returns the number that every Update grows by one that changed more than quiet tables.
func (s *Store) Generation() uint64 { return s.generation.Load() }

// View runs fn on a snapshot. Only the wait for a connection ends with ctx, see the package's second invariant.
func (s *Store) View(ctx context.Context, fn func(meta.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return wrap("connect", err)
	}
	defer conn.Close()
	running, err := conn.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return wrap("begin", err)
	}
	defer func() { _ = running.Rollback() }() // ends the snapshot; there is nothing to take back
	return fn(&tx{ctx: ctx, store: s, sql: running, readOnly: true})
}
