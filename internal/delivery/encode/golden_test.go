package encode_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden compares bytes with those that earlier versions wrote: readers of yesterday's objects read today's. Compressed bytes are not among them,
// they may change with a library.
func TestGolden(t *testing.T) {
	logs := []*sink.Entry{
		log("n", "1", "text", "plain"),
		log("n", "-2.50", "text", "quotes \" and, separators ; | = \\"),
		log("n", "x", "text", "two\nlines\tof 日志 and \xff"),
	}
	logs[0].Fields[0].Kind, logs[1].Fields[0].Kind = sink.Number, sink.Number
	logs[2].Tags = []sluice.Field{{Key: "host", Value: "h1"}}
	logs = append(logs, absent(log("n", ""), "text"))
	for name, f := range map[string]encode.Format{
		"lines.json":   {},
		"array.json":   {Rows: encode.Rows{Format: encode.JSONArray}},
		"rows.csv":     {Rows: encode.Rows{Format: encode.CSV, CSV: encode.CSVOptions{Header: true, Null: "-"}}},
		"pairs.log":    {Rows: encode.Rows{Format: encode.KV}},
		"cef.log":      {Rows: encode.Rows{Format: encode.CEF}},
		"groups.pb":    {Rows: encode.Rows{Format: encode.LogGroup}},
		"text.parquet": {Rows: encode.Rows{Format: encode.Parquet}},
		"typed.parquet": {Rows: encode.Rows{Format: encode.Parquet}, Parquet: encode.ParquetOptions{
			Columns: []encode.ParquetColumn{{Name: "text", Type: "string"}, {Name: "n", Type: "double"}},
		}},
	} {
		got := body(t, f, logs...)
		file := filepath.Join("testdata", "golden", name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%q, want\n%q", name, got, want)
		}
	}
}
