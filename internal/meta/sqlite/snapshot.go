package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"modernc.org/sqlite"
)

// Snapshot is the store as it was at one moment, to be copied while the store goes on. It holds the file's WAL back from being
// folded: copy it soon. It belongs to one goroutine.
type Snapshot struct {
	conn  *sql.Conn
	fixed *sql.Tx
}

// NewSnapshot makes a snapshot that [Snapshot.Fix] has yet to give its moment. Close it.
func (s *Store) NewSnapshot(ctx context.Context) (*Snapshot, error) {
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return nil, wrap("connect", err)
	}
	return &Snapshot{conn: conn}, nil
}

// Fix makes the snapshot what was committed by now. It waits for no update. Call it once.
func (s *Snapshot) Fix(ctx context.Context) (err error) {
	if s.fixed, err = s.conn.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{ReadOnly: true}); err != nil {
		return wrap("begin", err)
	}
	var n int
	return wrap("begin", s.fixed.QueryRow("SELECT count(*) FROM migrations").Scan(&n)) // the first read fixes what later ones see
}

// WriteTo copies the snapshot to a new file at path, which opens as a store, and syncs it.
func (s *Snapshot) WriteTo(path string) error {
	if err := create(path); err != nil {
		return fmt.Errorf("copy metadata to %s: %w", path, err)
	}
	err := s.conn.Raw(func(driver any) error {
		b, err := driver.(interface {
			NewBackup(string) (*sqlite.Backup, error)
		}).NewBackup(path)
		if err != nil {
			return err
		}
		_, err = b.Step(-1) // all pages, of the transaction that the connection is in
		return errors.Join(err, b.Finish())
	})
	if err == nil {
		err = syncFile(path)
	}
	if err != nil {
		return wrap("copy to "+path, err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Close lets the snapshot go. It may be called again.
func (s *Snapshot) Close() error {
	if s.conn == nil {
		return nil
	}
	if s.fixed != nil {
		_ = s.fixed.Rollback() // there is nothing to take back
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// Check reads a file that no store has open, whole, and reports what is wrong with it: damage, or a schema that this program does not
// know. It changes nothing but, beside the file, what SQLite needs to read it.
func Check(path string) error {
	if err := check(path); err != nil {
		return fmt.Errorf("check metadata %s: %w", path, err)
	}
	return nil
}

func check(path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := connect(path, "_pragma=query_only(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	var found string
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return errors.New(found)
	}
	var have int
	if err := db.QueryRow("SELECT coalesce(max(version), 0) FROM migrations").Scan(&have); err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if have > len(migrations()) {
		return fmt.Errorf("schema %d, this program knows up to %d: %w", have, len(migrations()), ErrNewer)
	}
	return nil
}
