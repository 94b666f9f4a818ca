package sqlite

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/metatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	metatest.Run(t, func(t *testing.T) metatest.Opener {
		path := filepath.Join(t.TempDir(), "meta.db")
		return func() (meta.Store, error) { return Open(path) }
	})
}

func mustOpen(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "meta.db"))
	if err := s.Update(t.Context(), func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "p"}) }); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", d.Name(), info.Mode())
		}
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("walked %d files, error %v; want the database and its WAL", files, err)
	}
}

func TestPathsAreOnlyPaths(t *testing.T) {
	for _, name := range []string{
		"a b.db", "q?mode=memory&x=1.db", "100%.db", "h#ash.db", "pl+us.db", "日本.db", "quote'\".db", "%41.db",
	} {
		path := filepath.Join(t.TempDir(), name)
		s := mustOpen(t, path)
		if err := s.Update(t.Context(), func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "p"}) }); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), name) {
				t.Errorf("opening %q made a file %q", name, e.Name())
			}
		}
	}
}

func TestOpenRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	mustOpen(t, "meta.db")
	if _, err := os.Stat("meta.db"); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesWhatIsNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	text := []byte(strings.Repeat("this is not a database\n", 100))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err == nil {
		s.Close()
		t.Fatal("a text file was opened as a database")
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("the error does not name the file: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != string(text) {
		t.Errorf("the file was changed (error %v)", err)
	}
}

func TestOpenWithoutDirectory(t *testing.T) {
	if s, err := Open(filepath.Join(t.TempDir(), "no", "meta.db")); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			s.Close()
		}
		t.Errorf("got error %v, want that the directory does not exist", err)
	}
}

func TestConnectionsAreSetUp(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "meta.db"))
	for _, c := range []struct {
		db   *sql.DB
		name string
		want string
	}{
		{s.write, "journal_mode", "wal"},
		{s.write, "synchronous", "2"},
		{s.write, "foreign_keys", "1"},
		{s.write, "busy_timeout", "5000"},
		{s.write, "cache_size", "-512"},
		{s.write, "query_only", "0"},
		{s.read, "query_only", "1"},
		{s.read, "cache_size", "-512"},
	} {
		var got string
		if err := c.db.QueryRow("PRAGMA " + c.name).Scan(&got); err != nil || got != c.want {
			t.Errorf("%s: got %q and error %v, want %q", c.name, got, err, c.want)
		}
	}
}
