package node_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/meta/sqlite"
)

// A server on the data of a newer one says so and changes nothing of them: with the newer program, or the newer metadata undone, all is
// there.
func TestDataOfANewerServer(t *testing.T) {
	env := hub(t)
	put(t, env)
	const end = "/logstores/access/shards/0?type=cursor&from=end"
	written := get(t, env, end)
	if err := env.Stop(); err != nil {
		t.Fatal(err)
	}
	const next = 10_000
	change := func(statement string, args ...any) {
		t.Helper()
		db, err := sql.Open("sqlite", filepath.Join(env.DataDir(), "meta.db"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Exec(statement, args...)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	change("INSERT INTO migrations (version, name, applied) VALUES (?, 'of the next version', 0)", next)
	before := contents(t, env.DataDir())
	err := env.Restart()
	if !errors.Is(err, sqlite.ErrNewer) || !strings.Contains(err.Error(), "meta.db: schema 10000, this program knows up to ") {
		t.Errorf("got %v, want one that says that a newer program was here", err)
	}
	after := contents(t, env.DataDir())
	for name, content := range before {
		if !bytes.Equal(after[name], content) {
			t.Errorf("%s was changed", name)
		}
	}
	for name := range after {
		if _, known := before[name]; !known {
			t.Errorf("%s was made", name)
		}
	}
	change("DELETE FROM migrations WHERE version = ?", next)
	if err := env.Restart(); err != nil {
		t.Fatal(err)
	}
	if got := get(t, env, end); got != written {
		t.Errorf("the logs end at %s, and ended at %s", got, written)
	}
}

// contents are the files below a directory.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
