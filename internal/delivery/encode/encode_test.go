package encode_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/pierrec/lz4/v4"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/logpb"
)

// log makes an entry of fields that are alternately a key and its value.
func log(pairs ...string) *sink.Entry {
	e := &sink.Entry{Time: 1767323045, Nanos: 678_000_000, Topic: "access", Source: "192.0.2.1"}
	for i := 0; i < len(pairs); i += 2 {
		e.Fields = append(e.Fields, sink.Field{Key: pairs[i], Value: pairs[i+1]})
	}
	return e
}

func absent(e *sink.Entry, keys ...string) *sink.Entry {
	for _, k := range keys {
		e.Fields = append(e.Fields, sink.Field{Key: k, Kind: sink.Absent})
	}
	return e
}

func TestRows(t *testing.T) {
	kinds := log("t", "text", "n", "01.50", "big", "12345678901234567890", "b", "true", "j", `{"a":[1]}`)
	for i, kind := range []sink.FieldKind{sink.Text, sink.Text, sink.Number, sink.Bool, sink.JSON} {
		kinds.Fields[i].Kind = kind
	}
	for _, c := range []struct {
		name string
		rows encode.Rows
		log  *sink.Entry
		want string // "refused" for a log that the format cannot hold
	}{
		{"json", encode.Rows{}, log("a", "1", "b", "x"), `{"a":"1","b":"x"}`},
		{"json without fields", encode.Rows{}, log(), `{}`},
		{"json leaves out what is absent", encode.Rows{}, absent(log("a", "1"), "b"), `{"a":"1"}`},
		{"json begins behind what is absent", encode.Rows{}, &sink.Entry{Fields: []sink.Field{{Key: "b", Kind: sink.Absent}, {Key: "a"}}}, `{"a":""}`},
		{"json of kinds", encode.Rows{}, kinds, `{"t":"text","n":"01.50","big":12345678901234567890,"b":true,"j":{"a":[1]}}`},
		{"json escapes", encode.Rows{}, log("k\"\n", "\x00\x1f\x7f\t\r\\</日"), `{"k\"\n":"\u0000\u001f` + "\x7f" + `\t\r\\</日"}`},
		{"json of bytes", encode.Rows{}, log("\xff", "a\xff\xfe\xc3b\xe6\x97"), "{\"\ufffd\":\"a\ufffdb\ufffd\"}"},

		{"csv", encode.Rows{Format: "csv"}, log("a", "1", "b", "x"), `1,x`},
		{"csv quotes", encode.Rows{Format: "csv"}, log("a", `say "hi"`, "b", "x,y", "c", "1\n2"), "\"say \"\"hi\"\"\",\"x,y\",\"1\n2\""},
		{"csv tells empty from absent", encode.Rows{Format: "csv"}, absent(log("a", ""), "b"), `"",`},
		{"csv null", encode.Rows{Format: "csv", CSV: encode.CSVOptions{Null: "-"}}, absent(log("a", "-", "b", ""), "c"), `"-",,-`},
		{"csv columns", encode.Rows{Format: "csv", CSV: encode.CSVOptions{Columns: []string{"b", "c", "a"}, Delimiter: "|"}}, log("a", "1", "x", "2", "b", "3"), `3||1`},
		{"csv tab and another quote", encode.Rows{Format: "csv", CSV: encode.CSVOptions{Delimiter: `\t`, Quote: "'"}}, log("a", "it's", "b", "\t"), "'it''s'\t'\t'"},
		{"csv without quotes", encode.Rows{Format: "csv", CSV: encode.CSVOptions{Quote: "none"}}, log("a", `"`, "b", "x"), `",x`},
		{"csv that needs quotes", encode.Rows{Format: "csv", CSV: encode.CSVOptions{Quote: "none"}}, log("a", "1,2"), "refused"},

		{"kv", encode.Rows{Format: "kv"}, absent(log("a", "1", "b", "x y"), "c"), `a=1||b=x y`},
		{"kv escapes", encode.Rows{Format: "kv"}, log("a=|", "b=|\\\n\r"), `a\=\|=b=\|\\\n\r`},
		{"kv raw", encode.Rows{Format: "kv", KV: encode.KVOptions{Separator: ", ", Raw: true}}, log("a", "1, 2", "b", "\n"), "a=1, 2, b=\n"},

		{"cef", encode.Rows{Format: "cef"}, log("a b", "x=y|z\\\n", "ClientIP", "192.0.2.7"), `CEF:0|Sluice|Sluice|1|log|log|3|rt=1767323045678 a_b=x\=y|z\\\n ClientIP=192.0.2.7`},
		{
			"cef names",
			encode.Rows{Format: "cef", CEF: encode.CEFOptions{
				Vendor: "A|B", Product: "p", Version: "2", ClassField: "Action", NameField: "Rule", SeverityField: "sev", Keys: map[string]string{"ClientIP": "src"},
			}},
			log("Action", "deny\n", "Rule", "", "sev", "7", "ClientIP", "192.0.2.7"),
			`CEF:0|A\|B|p|2|deny |log|7|rt=1767323045678 Action=deny\n Rule= sev=7 src=192.0.2.7`,
		},
	} {
		if err := c.rows.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		row := c.rows.Open()
		for range 2 { // rows remember things of the log before
			got, err := row.Append([]byte("before "), c.log)
			if refused := new(sink.Refused); c.want == "refused" {
				if !asRefused(err, &refused) || string(got) != "before " {
					t.Errorf("%s: got %q, %v", c.name, got, err)
				}
			} else if err != nil || string(got) != "before "+c.want {
				t.Errorf("%s: got\n%s, want\n%s, %v", c.name, got[7:], c.want, err)
			}
		}
	}
}

// body encodes logs and returns the payload as it is read the second time.
func body(t *testing.T, f encode.Format, logs ...*sink.Entry) []byte {
	t.Helper()
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	b := f.Begin(t.TempDir())
	defer b.Release()
	for i, e := range logs {
		if err := b.Add(e); err != nil {
			t.Fatalf("log %d: %v", i, err)
		}
		if b.Len() != i+1 || b.Raw() <= 0 || b.Memory() <= 0 {
			t.Fatalf("%d logs, %d bytes, holds %d", b.Len(), b.Raw(), b.Memory())
		}
	}
	var out []byte
	for range 2 {
		p, err := b.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if out, err = io.ReadAll(p.Reader()); err != nil || int64(len(out)) != p.Size() {
			t.Fatalf("read %d bytes of %d: %v", len(out), p.Size(), err)
		}
	}
	return out
}

func ptr[T any](v T) *T { return &v }

func TestFraming(t *testing.T) {
	a, b := log("a", "1"), log("a", "2")
	for _, c := range []struct {
		name   string
		format encode.Format
		logs   []*sink.Entry
		want   string
		typ    string
	}{
		{"lines", encode.Format{}, []*sink.Entry{a, b}, "{\"a\":\"1\"}\n{\"a\":\"2\"}\n", "application/x-ndjson"},
		{"nothing", encode.Format{BodyPrefix: "["}, nil, "", "text/plain; charset=utf-8"},
		{"array", encode.Format{Rows: encode.Rows{Format: encode.JSONArray}}, []*sink.Entry{a, b}, `[{"a":"1"},{"a":"2"}]`, "application/json"},
		{
			"array by hand",
			encode.Format{BodyPrefix: "[", BodySuffix: "]", Separator: ptr(","), LastSeparator: ptr(false)},
			[]*sink.Entry{a, b},
			`[{"a":"1"},{"a":"2"}]`, "application/json",
		},
		{
			"escapes",
			encode.Format{BodyPrefix: `v:1.0\n`, BodySuffix: `\t`, Separator: ptr(`\r\n`)},
			[]*sink.Entry{a, b},
			"v:1.0\n{\"a\":\"1\"}\r\n{\"a\":\"2\"}\r\n\t", "text/plain; charset=utf-8",
		},
		{
			"csv with a header",
			encode.Format{Rows: encode.Rows{Format: encode.CSV, CSV: encode.CSVOptions{Header: true, LineFeed: `\r\n`}}},
			[]*sink.Entry{a, b},
			"a\r\n1\r\n2\r\n", "text/csv; charset=utf-8",
		},
	} {
		if got := body(t, c.format, c.logs...); string(got) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if got := c.format.ContentType(); got != c.typ {
			t.Errorf("%s: %s, want %s", c.name, got, c.typ)
		}
	}
}

// many are logs of more bytes than a body holds in memory, also when they are compressed.
func many(n int) []*sink.Entry {
	logs := make([]*sink.Entry, n)
	x := uint64(88172645463325252)
	for i := range logs {
		var b strings.Builder
		for range 20 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			fmt.Fprintf(&b, "%016x", x)
		}
		logs[i] = log("n", fmt.Sprint(i), "random", b.String(), "same", "the same in every log")
	}
	return logs
}

func TestCompression(t *testing.T) {
	var want bytes.Buffer
	logs := many(8000)
	for _, e := range logs {
		fmt.Fprintf(&want, "{\"n\":\"%s\",\"random\":\"%s\",\"same\":\"%s\"}\n", e.Fields[0].Value, e.Fields[1].Value, e.Fields[2].Value)
	}
	readers := map[encode.Compression]func(io.Reader) (io.Reader, error){
		encode.None:   func(r io.Reader) (io.Reader, error) { return r, nil },
		encode.Gzip:   func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		encode.Zlib:   func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
		encode.LZ4:    func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil },
		encode.Zstd:   func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
		encode.Snappy: readSnappy,
	}
	for c, open := range readers {
		t.Run(string(c), func(t *testing.T) {
			got := body(t, encode.Format{Compression: c}, logs...)
			if again := body(t, encode.Format{Compression: c}, logs...); !bytes.Equal(got, again) {
				t.Error("the same logs make other bytes")
			}
			r, err := open(bytes.NewReader(got))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r); err != nil || !bytes.Equal(text, want.Bytes()) {
				t.Errorf("%d bytes came back of %d: %v", len(text), want.Len(), err)
			}
		})
	}
	if got := body(t, encode.Format{Compression: encode.Snappy, Separator: ptr("")}, log()); string(got) != "\x02\x04{}" {
		t.Errorf("snappy of {}: % x", got)
	}
}

func readSnappy(r io.Reader) (io.Reader, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	text, err := snappy.Decode(nil, b)
	return bytes.NewReader(text), err
}

func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("forms bodies of 20 MB")
	}
	for _, f := range []encode.Format{{}, {Compression: encode.Gzip}, {Rows: encode.Rows{Format: encode.LogGroup}}, {Rows: encode.Rows{Format: encode.Parquet}}} {
		dir := t.TempDir()
		b := f.Begin(dir)
		most := int64(0)
		for _, e := range many(60000) {
			if err := b.Add(e); err != nil {
				t.Fatal(err)
			}
			most = max(most, b.Memory())
		}
		if limit := int64(16 << 20); b.Raw() < limit || most > limit {
			t.Errorf("%s %s: %d bytes of logs, held %d", f.Format, f.Compression, b.Raw(), most)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("%s %s: %d files, %v", f.Format, f.Compression, len(files), err)
		}
		b.Release()
		if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
			t.Errorf("%s %s: %d files stay, %v", f.Format, f.Compression, len(files), err)
		}
	}
}

// TestSmallBodiesAreSmall begins many bodies, as a server with many shards does.
func TestSmallBodiesAreSmall(t *testing.T) {
	for _, c := range []encode.Compression{encode.Gzip, encode.Zlib, encode.Snappy, encode.LZ4, encode.Zstd} {
		f := encode.Format{Compression: c}
		b := f.Begin(t.TempDir())
		for range 100 {
			if err := b.Add(log("a", "a log of a few bytes")); err != nil {
				t.Fatal(err)
			}
		}
		if b.Memory() > 16<<10 {
			t.Errorf("%s: 100 small logs hold %d bytes", c, b.Memory())
		}
		b.Release()
	}
}

func TestRefusedLogsLeaveNoTrace(t *testing.T) {
	bad := log("a", "1,2")
	f := encode.Format{Rows: encode.Rows{Format: encode.CSV, CSV: encode.CSVOptions{Quote: "none", Header: true}}}
	b := f.Begin(t.TempDir())
	defer b.Release()
	for i, e := range []*sink.Entry{bad, log("b", "x"), log("b", "1,2"), log("c", "new"), log("b", "y")} {
		size, n := b.Raw(), b.Len()
		err := b.Add(e)
		if refused := new(sink.Refused); (i == 1 || i == 4) != (err == nil) || err != nil && !asRefused(err, &refused) {
			t.Errorf("log %d: %v", i, err)
		}
		if err != nil && (b.Raw() != size || b.Len() != n) {
			t.Errorf("log %d was refused and counts", i)
		}
	}
	p, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(p.Reader()); err != nil || string(got) != "b\nx\ny\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := b.Add(log("b", "z")); err == nil {
		t.Error("a finished body takes logs")
	}
}

func TestSpoolFails(t *testing.T) {
	f := encode.Format{}
	b := f.Begin(t.TempDir() + "/none")
	defer b.Release()
	var err error
	for _, e := range many(8000) {
		if err = b.Add(e); err != nil {
			break
		}
	}
	if refused := new(sink.Refused); err == nil || asRefused(err, &refused) {
		t.Fatalf("got %v, want the error of the file", err)
	}
	if _, again := b.Finish(); again == nil {
		t.Error("a body that lost logs finishes")
	}
}

func TestCSVReadsBack(t *testing.T) {
	logs := []*sink.Entry{log("a", "x,\"y\"\n", "b", " z "), log("a", "", "b", "日志")}
	got := body(t, encode.Format{Rows: encode.Rows{Format: encode.CSV, CSV: encode.CSVOptions{Header: true}}}, logs...)
	rows, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
	if diff := cmp.Diff([][]string{{"a", "b"}, {"x,\"y\"\n", " z "}, {"", "日志"}}, rows); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestLogGroups(t *testing.T) {
	logs := many(5000)
	logs[7].Topic = "other"
	for _, e := range logs[100:] {
		e.Tags = []sluice.Field{{Key: "k", Value: "v"}}
	}
	logs[0].Fields = append(logs[0].Fields, sink.Field{Key: "__topic__", Value: "access"}, sink.Field{Key: "x", Kind: sink.Absent})
	got := body(t, encode.Format{Rows: encode.Rows{Format: encode.LogGroup}}, logs...)
	groups, err := logpb.DecodeList(got)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range groups {
		for _, r := range g.Records {
			e := logs[n]
			n++
			if g.Topic != e.Topic || g.Source != e.Source || len(g.Tags) != len(e.Tags) || r.Time != e.Time || r.Nanos != e.Nanos ||
				len(r.Fields) != 3 || r.Fields[1].Value != e.Fields[1].Value {
				t.Fatalf("log %d came back as %+v of %+v", n, r, g)
			}
		}
	}
	if n != len(logs) || len(groups) < 5 {
		t.Errorf("%d logs in %d groups", n, len(groups))
	}
}

func TestParquet(t *testing.T) {
	columns := []encode.ParquetColumn{
		{Name: "z", Type: "string"},
		{Name: "b", Type: "boolean"},
		{Name: "i", Type: "int32"},
		{Name: "l", Type: "int64"},
		{Name: "f", Type: "float"},
		{Name: "d", Type: "double"},
	}
	logs := []*sink.Entry{
		log("z", "\xffbytes", "b", "True", "i", "-7", "l", "9007199254740993", "f", "1.5", "d", "-1e300", "other", "x"),
		log("z", "", "b", "yes", "i", "2147483648", "l", "1.0", "f", "0x10", "d", "inf"),
		absent(log(), "z"),
	}
	want := [][]any{{"\xffbytes", true, int32(-7), int64(9007199254740993), float32(1.5), -1e300}, {"", nil, nil, nil, nil, nil}, make([]any, 6)}
	for _, c := range []encode.Compression{"", encode.Gzip, encode.Snappy, encode.LZ4, encode.Zstd} {
		got := body(t, encode.Format{Rows: encode.Rows{Format: encode.Parquet}, Compression: c, Parquet: encode.ParquetOptions{Columns: columns}}, logs...)
		file, rows := readParquet(t, got)
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s: %s", c, diff)
		}
		for i, f := range file.Root().Columns() {
			if f.Name() != columns[i].Name || !f.Optional() || i == 0 && f.Type().LogicalType() != nil {
				t.Errorf("column %d is %s, optional %v, %v", i, f.Name(), f.Optional(), f.Type().LogicalType())
			}
		}
	}
}

// readParquet returns the values by row.
func readParquet(t *testing.T, b []byte) (*parquet.File, [][]any) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]any
	for _, group := range file.RowGroups() {
		r := group.Rows()
		buf := make([]parquet.Row, 100)
		for {
			n, err := r.ReadRows(buf)
			for _, row := range buf[:n] {
				values := make([]any, len(row))
				for i, v := range row {
					values[i] = plainValue(v)
				}
				rows = append(rows, values)
			}
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return file, rows
}

func plainValue(v parquet.Value) any {
	switch {
	case v.IsNull():
		return nil
	case v.Kind() == parquet.Boolean:
		return v.Boolean()
	case v.Kind() == parquet.Int32:
		return v.Int32()
	case v.Kind() == parquet.Int64:
		return v.Int64()
	case v.Kind() == parquet.Float:
		return v.Float()
	case v.Kind() == parquet.Double:
		return v.Double()
	}
	return string(v.ByteArray())
}

func TestParquetOfMany(t *testing.T) {
	logs := many(30000)
	for i, e := range logs {
		e.Fields = append(e.Fields, sink.Field{Key: "some", Value: fmt.Sprintf("value %d", i%997)})
	}
	f := encode.Format{Rows: encode.Rows{Format: encode.Parquet}, Compression: encode.Zstd}
	got := body(t, f, logs...)
	if !bytes.Equal(got, body(t, f, logs...)) {
		t.Error("the same logs make other bytes")
	}
	file, rows := readParquet(t, got)
	if len(rows) != len(logs) || len(file.RowGroups()) < 2 {
		t.Fatalf("%d rows in %d groups", len(rows), len(file.RowGroups()))
	}
	for i, row := range rows {
		if row[0] != logs[i].Fields[0].Value || row[1] != logs[i].Fields[1].Value || row[2] != logs[i].Fields[2].Value || row[3] != logs[i].Fields[3].Value {
			t.Fatalf("row %d is %v", i, row)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`{"format":"xml"}`, "format"},
		{`{"compression":"brotli"}`, "compression"},
		{`{"format":"parquet","compression":"zlib"}`, "compression"},
		{`{"format":"parquet","bodyPrefix":"x"}`, "format"},
		{`{"format":"parquet","parquet":{"columns":[{"name":"a","type":"text"}]}}`, "parquet.columns"},
		{`{"format":"parquet","parquet":{"columns":[{"name":"a","type":"string"},{"name":"a","type":"string"}]}}`, "parquet.columns"},
		{`{"format":"csv","csv":{"delimiter":"a"}}`, "csv.delimiter"},
		{`{"format":"csv","csv":{"quote":"\"\""}}`, "csv.quote"},
		{`{"format":"csv","csv":{"quote":","}}`, "csv.quote"},
		{`{"format":"csv","csv":{"lineFeed":";"}}`, "csv.lineFeed"},
		{`{"format":"csv","csv":{"nullIdentifier":"a,b"}}`, "csv.nullIdentifier"},
		{`{"format":"csv","csv":{"columns":[""]}}`, "csv.columns"},
		{`{"format":"kv","kv":{"separator":"a"}}`, "kv.separator"},
		{`{"format":"kv","kv":{"separator":"\n"}}`, "kv.separator"},
		{`{"format":"cef","cef":{"keys":{"a":"b c"}}}`, "cef.keys"},
		{`{"separator":"` + strings.Repeat("x", 70000) + `"}`, "separator"},
	} {
		var f encode.Format
		if err := json.Unmarshal([]byte(c.json), &f); err != nil {
			t.Fatal(err)
		}
		if err := f.Validate(); err == nil || sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.want+": ") {
			t.Errorf("%.80s: %v, want an error for %s", c.json, err, c.want)
		}
	}
}

func asRefused(err error, refused **sink.Refused) bool { return errors.As(err, refused) }
