package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

func createProject(name, description string) func(meta.Tx) error {
	return func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: name, Description: description}) }
}

// set runs a pragma on the write connection.
func set(t *testing.T, s *Store, format string, args ...any) {
	t.Helper()
	if _, err := s.write.Exec("PRAGMA " + fmt.Sprintf(format, args...)); err != nil {
		t.Fatal(err)
	}
}

func TestFullDiskIsUnavailableAndPasses(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "meta.db"))
	var pages int
	if err := s.write.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	big := strings.Repeat("x", 1<<20)
	set(t, s, "max_page_count = %d", pages)
	before := s.Generation()
	err := s.Update(t.Context(), createProject("p", big))
	if sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("got error %v, want Unavailable", err)
	}
	if s.Generation() != before {
		t.Error("the generation counts an update that failed")
	}
	set(t, s, "max_page_count = %d", 1<<30)
	if err := s.Update(t.Context(), createProject("p", big)); err != nil {
		t.Errorf("when there is space again: %v", err)
	}
}

func TestForeignLockIsUnavailableAndPasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	s := mustOpen(t, path)
	set(t, s, "busy_timeout = 1")
	other, err := connect(path, "_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var lock *sql.Tx
	if lock, err = other.Begin(); err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), createProject("p", ""))
	if sluice.KindOf(err) != sluice.Unavailable {
		t.Errorf("got error %v, want Unavailable", err)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), createProject("p", "")); err != nil {
		t.Errorf("when the lock is gone: %v", err)
	}
}

// A commit that fails can leave SQLite inside the transaction. A foreign key that is looked at only then makes one fail.
func TestFailedCommitLeavesNothing(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "meta.db"))
	for range 2 {
		before := s.Generation()
		err := s.Update(t.Context(), func(mtx meta.Tx) error {
			if _, err := mtx.(*tx).change("PRAGMA defer_foreign_keys = 1"); err != nil {
				return err
			}
			if err := mtx.CreateProject(meta.Project{Name: "p"}); err != nil {
				return err
			}
			_, err := mtx.(*tx).change("INSERT INTO indexes (project, logstore) VALUES ('p', 'nowhere')")
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "commit") {
			t.Errorf("got error %v, want one of the commit", err)
		}
		if s.Generation() == before {
			t.Error("the generation did not grow, though nobody can say what a failed commit left")
		}
	}
	err := s.View(t.Context(), func(tx meta.Tx) error {
		all, err := tx.Projects()
		if len(all) != 0 {
			t.Errorf("got %v, want nothing of what failed", all)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := s.Update(t.Context(), createProject("p", "")); err != nil {
		t.Errorf("the next update: %v", err)
	}
}

// When the disk is full in the middle of a group, SQLite takes the whole transaction back: all of its updates fail, and none is there.
func TestFullDiskInAGroup(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "meta.db"))
	var pages int
	if err := s.write.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	set(t, s, "max_page_count = %d", pages+4)
	held, letGo := make(chan struct{}), make(chan struct{})
	var g errgroup.Group
	var small, big error
	g.Go(func() error {
		small = s.Update(t.Context(), func(tx meta.Tx) error {
			close(held)
			<-letGo // until the next one waits for its turn
			return createProject("small", "")(tx)
		})
		return nil
	})
	g.Go(func() error {
		<-held
		big = s.Update(t.Context(), createProject("big", strings.Repeat("x", 1<<20)))
		return nil
	})
	<-held
	for s.waiting.Load() == 0 {
		runtime.Gosched()
	}
	close(letGo)
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if sluice.KindOf(big) != sluice.Unavailable || sluice.KindOf(small) != sluice.Unavailable {
		t.Errorf("got errors %v and %v, want Unavailable of both", small, big)
	}
	err := s.View(t.Context(), func(tx meta.Tx) error {
		all, err := tx.Projects()
		if len(all) != 0 {
			t.Errorf("got %v, want nothing of what failed", all)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	set(t, s, "max_page_count = %d", 1<<30)
	if err := s.Update(t.Context(), createProject("p", "")); err != nil {
		t.Errorf("when there is space again: %v", err)
	}
}
