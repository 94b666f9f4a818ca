package duck_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/query/duck"
)

// What the engine refuses even if a statement got through the first wall. DIR is a directory that it may read, OUT one that it
// may not. It does not refuse to profile (PRAGMA enable_profiling) and to log (CALL enable_logging, whose file it cannot open):
// these the first wall alone keeps out.
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
	"SELECT * FROM sluice_rows(-1)",
	"SELECT sluice_bits(0)",
	"SELECT sluice_bits(-1)",
	"SELECT * FROM read_text('/proc/self/environ')",
	"SELECT * FROM read_text('/proc/self/cmdline')",
	"SELECT * FROM read_blob('file:///etc/hostname')",
	"SELECT * FROM read_text(['/etc/hostname', 'OUT/secret.txt'])",
	"SELECT * FROM read_json_auto('OUT/secret.txt')",
	"SELECT * FROM sniff_csv('OUT/secret.txt')",
	"SELECT * FROM read_parquet('DIR/../out/*.parquet')",
	"SELECT * FROM parquet_metadata('OUT/x.parquet')",
	"SELECT * FROM parquet_schema('OUT/x.parquet')",
	"SELECT * FROM query('SELECT * FROM read_text(''OUT/secret.txt'')')",
	"SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT content FROM read_text(''OUT/secret.txt'')'))",
	"PREPARE p AS SELECT content FROM read_text('OUT/secret.txt')",
	"CREATE TABLE t AS SELECT content FROM read_text('OUT/secret.txt')",
	"CREATE VIEW v AS SELECT content FROM read_text('OUT/secret.txt')",
	"COPY (SELECT 1) TO 'DIR/../out/y.csv'",
	"COPY (SELECT 1) TO 'OUT/y.parquet' (FORMAT parquet)",
	"COPY (SELECT 1 AS a) TO 'OUT' (FORMAT parquet, PARTITION_BY (a), OVERWRITE_OR_IGNORE)",
	"IMPORT DATABASE 'OUT'",
	"ATTACH 'DIR/../out/other.db'",
	"ATTACH 'OUT/other.db' AS o (TYPE sqlite)",
	"FORCE INSTALL httpfs",
	"INSTALL httpfs FROM 'http://127.0.0.1:1/'",
	"INSTALL 'OUT/evil.duckdb_extension'",
	"LOAD spatial",
	"SET allowed_paths = ['OUT/secret.txt']",
	"SET temp_directory = 'OUT'",
	"SET GLOBAL temp_directory = 'OUT'",
	"SET secret_directory = 'OUT'",
	"SET home_directory = 'OUT'",
	"SET extension_directory = 'OUT'",
	"SET log_query_path = 'OUT/queries.log'",
	"PRAGMA log_query_path = 'OUT/queries.log'",
	"PRAGMA profiling_output = 'OUT/profile.json'",
	"SET profile_output = 'OUT/profile.json'",
	"SET max_temp_directory_size = '1TB'",
	"SET allow_unsigned_extensions = true",
	"SET autoload_known_extensions = true",
	"SET custom_extension_repository = 'http://127.0.0.1:1/'",
	"SET http_proxy = '127.0.0.1:1'",
	"RESET GLOBAL allowed_directories",
}

func TestLocked(t *testing.T) {
	root := t.TempDir()
	dir, out := filepath.Join(root, "dir"), filepath.Join(root, "out")
	for _, d := range []string{dir, out} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(out, "secret.txt"), []byte("silver"), 0o600); err != nil {
		t.Fatal(err)
	}
	writeParquet(t, filepath.Join(out, "x.parquet"), "SELECT 1 AS a")
	e := open(t, duck.Options{ReadDirs: []string{dir}})
	for _, text := range refused {
		text = strings.NewReplacer("DIR", dir, "OUT", out).Replace(text)
		if err := e.Raw(t.Context(), text); err == nil {
			t.Errorf("the engine did it: %s", text)
		} else if strings.Contains(err.Error(), "silver") {
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
