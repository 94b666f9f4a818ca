// Package formats_test has a reader that shares nothing with this server's writers, DuckDB, read the objects that delivery writes.
package formats_test

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // the driver
	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// values that formats get wrong; the last is long enough for dictionaries and pages to be given up.
var values = []string{"", "plain", "日志 🌊", `say "hi", it's \ fine`, "one\ntwo\r\nthree", "a,b;c|d\te", "\x01\x1f\x7f", "NULL", strings.Repeat("long ", 10_000)}

// logs makes n logs with the fields n, text and maybe.
func logs(n int) []*sink.Entry {
	var list []*sink.Entry
	for i := range n {
		e := &sink.Entry{Time: 1767323045, Fields: []sink.Field{
			{Key: "n", Value: fmt.Sprint(i - 5), Kind: sink.Number}, {Key: "text", Value: values[i%len(values)]}, {Key: "maybe", Kind: sink.Absent},
		}}
		if i%3 == 0 {
			e.Fields[2] = sink.Field{Key: "maybe", Value: fmt.Sprintf("%d.5", i), Kind: sink.Number}
		}
		list = append(list, e)
	}
	return list
}

func TestDuckDBReads(t *testing.T) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	columns := encode.ParquetOptions{Columns: []encode.ParquetColumn{{Name: "n", Type: "int64"}, {Name: "text", Type: "string"}, {Name: "maybe", Type: "double"}}}
	const csv = `read_csv('%s', header = true, auto_detect = false, allow_quoted_nulls = false, max_line_size = 4000000,
		columns = {'n': 'BIGINT', 'text': 'VARCHAR', 'maybe': 'DOUBLE'}, nullstr = '\N', quote = '"', escape = '"')`
	const json = `read_json('%s', columns = {'n': 'BIGINT', 'text': 'VARCHAR', 'maybe': 'DOUBLE'}, format = `
	for _, c := range []struct {
		format      encode.Name
		compression encode.Compression
		from        string
	}{
		{encode.Parquet, encode.None, `read_parquet('%s')`},
		{encode.Parquet, encode.Gzip, `read_parquet('%s')`},
		{encode.Parquet, encode.Snappy, `read_parquet('%s')`},
		{encode.Parquet, encode.LZ4, `read_parquet('%s')`},
		{encode.Parquet, encode.Zstd, `read_parquet('%s')`},
		{encode.JSON, encode.None, json + `'newline_delimited')`},
		{encode.JSON, encode.Gzip, json + `'newline_delimited')`},
		{encode.JSON, encode.Zstd, json + `'newline_delimited')`},
		{encode.JSONArray, encode.Gzip, json + `'array')`},
		{encode.CSV, encode.None, csv},
		{encode.CSV, encode.Gzip, csv},
		{encode.CSV, encode.Zstd, csv},
	} {
		t.Run(string(c.format)+" "+string(c.compression), func(t *testing.T) {
			f := encode.Format{Compression: c.compression, Parquet: columns}
			f.Format = c.format
			f.CSV = encode.CSVOptions{Header: true, Null: `\N`}
			entries := logs(900)
			name := write(t, f, entries)
			query := "SELECT n, coalesce(encode(text), ''::BLOB), maybe FROM " + fmt.Sprintf(c.from, name) + " ORDER BY n"
			if c.format == encode.Parquet { // a string there is bytes
				query = strings.Replace(query, "encode(text)", "text", 1)
			}
			if diff := cmp.Diff(want(entries), read(t, db, query)); diff != "" {
				t.Errorf("what was written (-) is read as (+):\n%.2000s", diff)
			}
		})
	}
}

// write writes a file of logs.
func write(t *testing.T, f encode.Format, logs []*sink.Entry) (name string) {
	t.Helper()
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	b := f.Begin(t.TempDir())
	defer b.Release()
	for _, e := range logs {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	payload, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(payload.Reader())
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), "logs"+f.Extension())
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// row is a log as a reader sees it.
type row struct {
	N     string
	Text  string
	Maybe string
}

func want(logs []*sink.Entry) (rows []row) {
	for _, e := range logs {
		rows = append(rows, row{e.Fields[0].Value, e.Fields[1].Value, e.Fields[2].Value})
	}
	return rows
}

func read(t *testing.T, db *sql.DB, query string) (rows []row) {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var n int64
		var text []byte
		var maybe sql.NullFloat64
		if err := found.Scan(&n, &text, &maybe); err != nil {
			t.Fatal(err)
		}
		r := row{N: fmt.Sprint(n), Text: string(text)}
		if maybe.Valid {
			r.Maybe = fmt.Sprint(maybe.Float64)
		}
		rows = append(rows, r)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}
