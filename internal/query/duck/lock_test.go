package duck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/query/duck"
)

// What the engine refuses even if a statement got through the first wall. DIR is a directory that it may read, OUT one that it
// may not.
var refused = []string{
	"SELECT * FROM read_csv('/etc/passwd')",
	"SELECT * FROM read_text('/etc/passwd')",
	"SELECT * FROM read_blob('/etc/hostname')",
	"SELECT * FROM read_parquet('OUT/x.parquet')",
	"SELECT * FROM 'OUT/x.parquet'",
	"SELECT * FROM glob('/etc/*')",
	"SELECT * FROM read_text('DIR/../out/secret.txt')",
	"SELECT * FROM read_parquet('https://example.invalid/x.parquet')",
	"SELECT * FROM read_parquet('s3://bucket/x.parquet')",
	"COPY (SELECT 1) TO 'OUT/y.csv'",
	"EXPORT DATABASE 'OUT/db'",
	"ATTACH 'OUT/other.db'",
	"INSTALL httpfs",
	"LOAD httpfs",
	"LOAD 'OUT/evil.duckdb_extension'",
	"INSTALL spatial FROM community",
	"SET enable_external_access = true",
	"SET GLOBAL memory_limit = '100GB'",
	"RESET memory_limit",
	"SET lock_configuration = false",
	"SET allowed_directories = ['/']",
	"SET TimeZone = 'UTC'",
	"SET threads = 100",
	"PRAGMA memory_limit = '100GB'",
	"CREATE PERSISTENT SECRET s (TYPE s3)",
	"SELECT getenv('HOME')",
	"SELECT * FROM sluice_rows(0)",
}

func TestLocked(t *testing.T) {
	root := t.TempDir()
	dir, out := filepath.Join(root, "dir"), filepath.Join(root, "out")
	for _, d := range []string{dir, out} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(out, "secret.txt"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	writeParquet(t, filepath.Join(out, "x.parquet"), "SELECT 1 AS a")
	e := open(t, duck.Options{ReadDirs: []string{dir}})
	for _, text := range refused {
		text = strings.NewReplacer("DIR", dir, "OUT", out).Replace(text)
		if err := e.Raw(t.Context(), text); err == nil {
			t.Errorf("the engine did it: %s", text)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s\n%v", text, err)
		}
	}
	left, err := os.ReadDir(out)
	if err != nil || len(left) != 2 {
		t.Errorf("files appeared: %v %v", left, err)
	}
	if err := e.Raw(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("the engine is of no use any more: %v", err)
	}
}
