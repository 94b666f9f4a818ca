package object_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// memory is a Store.
type memory map[string]stored

type stored struct{ typ, text string }

func (m memory) Put(_ context.Context, o object.Object) error {
	text, err := io.ReadAll(o.Payload.Reader())
	m[o.Name] = stored{o.Type, string(text)}
	return err
}

func parse(t *testing.T, document string) object.Options {
	t.Helper()
	var o object.Options
	if err := json.Unmarshal([]byte(document), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

var header = sink.Header{
	Project: "p1", Task: "t1", Shard: 3, From: sink.Point{Position: 100},
	Arrived: time.Date(2026, 1, 2, 23, 59, 58, 7, time.UTC),
}

// put sends a batch of two logs and returns the one object that it makes.
func put(t *testing.T, o object.Options, h sink.Header, to sink.Point) (name string, s stored) {
	t.Helper()
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	m := memory{}
	b := object.NewWriter(o, m, t.TempDir()).Begin(h)
	defer b.Release()
	for _, at := range []uint32{1767398400, 1767398350} { // the second is older
		if err := b.Add(&sink.Entry{Time: at, Fields: []sink.Field{{Key: "a", Value: "x"}}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := b.Send(t.Context(), to); err != nil {
			t.Fatal(err)
		}
	}
	if len(m) != 1 {
		t.Fatalf("a batch that was sent twice left %d objects", len(m))
	}
	for name, s = range m {
	}
	return name, s
}

func TestNames(t *testing.T) {
	to := sink.Point{Position: 200, Index: 5}
	id := header.ID(to)[:16]
	long := "t1_20260102T235910Z_20260103T000000Z_3-" + id
	for _, c := range []struct{ options, want, typ string }{
		{`{}`, "20260102/" + long + ".json.gz", "application/gzip"},
		{`{"prefix":"/logs/esa/"}`, "logs/esa/20260102/" + long + ".json.gz", "application/gzip"},
		{`{"prefix":"logs","timeZone":"+0800"}`, "logs/20260103/" + long + ".json.gz", "application/gzip"},
		{`{"prefix":"logs","timeZone":"-03:30"}`, "logs/20260102/" + long + ".json.gz", "application/gzip"},
		{`{"prefix":"logs/{DATE}/x"}`, "logs/20260102/x/" + long + ".json.gz", "application/gzip"},
		{`{"prefix":"logs/y=%Y/m=%m/d=%d"}`, "logs/y=2026/m=01/d=02/" + long + ".json.gz", "application/gzip"},
		{`{"pathFormat":"%Y/%j/%H%M%S","compression":"none"}`, "2026/002/235958/" + long + ".json", "application/x-ndjson"},
		{`{"format":"csv","compression":"zstd","suffix":".txt"}`, "20260102/" + long + ".txt", "application/zstd"},
		{`{"format":"parquet"}`, "20260102/" + long + ".parquet", "application/vnd.apache.parquet"},
		{`{"layout":"shipper","prefix":"dir"}`, "dir/2026/01/02/23/59_1767398398000000007_" + id + ".gz", "application/gzip"},
		{`{"layout":"shipper","compression":"none","timeZone":"+0800"}`, "2026/01/03/07/59_1767398398000000007_" + id, "application/x-ndjson"},
		{`{"layout":"shipper","compression":"snappy"}`, "2026/01/02/23/59_1767398398000000007_" + id + ".snappy", "application/octet-stream"},
		{`{"layout":"shipper","format":"csv","compression":"snappy"}`, "2026/01/02/23/59_1767398398000000007_" + id + ".snappy.csv", "application/octet-stream"},
		{`{"layout":"shipper","format":"csv","compression":"none"}`, "2026/01/02/23/59_1767398398000000007_" + id + ".csv", "text/csv; charset=utf-8"},
		{`{"layout":"shipper","format":"parquet","compression":"gzip"}`, "2026/01/02/23/59_1767398398000000007_" + id + ".gz.parquet", "application/vnd.apache.parquet"},
		{`{"layout":"shipper","format":"parquet","compression":"none"}`, "2026/01/02/23/59_1767398398000000007_" + id + ".parquet", "application/vnd.apache.parquet"},
		{`{"layout":"shipper","pathFormat":"%Y%%","suffix":".x"}`, "2026%_1767398398000000007_" + id + ".x", "application/gzip"},
	} {
		name, s := put(t, parse(t, c.options), header, to)
		if name != c.want || s.typ != c.typ {
			t.Errorf("%s: got %s, %s, want %s, %s", c.options, name, s.typ, c.want, c.typ)
		}
	}
}

// TestNamesDiffer makes batches that differ in one thing each.
func TestNamesDiffer(t *testing.T) {
	to := sink.Point{Position: 200}
	seen := map[string]bool{}
	add := func(h sink.Header, to sink.Point) {
		name, _ := put(t, object.Options{}, h, to)
		if seen[name] {
			t.Errorf("two batches are called %s", name)
		}
		seen[name] = true
		if strings.Count(name, "/") != 1 || strings.Contains(name, "..") {
			t.Errorf("a task leads out of its directory: %s", name)
		}
	}
	add(header, to)
	for _, change := range []func(*sink.Header){
		func(h *sink.Header) { h.Project = "p2" }, func(h *sink.Header) { h.Task = "t/1" }, func(h *sink.Header) { h.Task = "t-1" },
		func(h *sink.Header) { h.Shard = 4 }, func(h *sink.Header) { h.From.Index = 1 },
	} {
		h := header
		change(&h)
		add(h, to)
	}
	add(header, sink.Point{Position: 200, Index: 1})
}

func TestNothingIsNoObject(t *testing.T) {
	m := memory{}
	b := object.NewWriter(object.Options{}, m, t.TempDir()).Begin(header)
	defer b.Release()
	if err := b.Send(t.Context(), header.From); err != nil || len(m) != 0 {
		t.Errorf("%v, %d objects", err, len(m))
	}
}

func TestDir(t *testing.T) {
	for prefix, want := range map[string]string{
		"": "", "/logs/esa/": "logs/esa", "logs/{DATE}/x": "logs", "a/b%Y/c": "a", "%Y": "", "a{b}/c": "a{b}/c",
	} {
		if got := (&object.Names{Prefix: prefix}).Dir(); got != want {
			t.Errorf("%q: got %q, want %q", prefix, got, want)
		}
	}
}

func TestInvalidNames(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{`{"layout":"flat"}`, "layout: "},
		{`{"prefix":"a/../b"}`, "prefix: "},
		{`{"prefix":"a//b"}`, "prefix: "},
		{`{"prefix":"a\\b"}`, "prefix: "},
		{`{"prefix":"a\u0000"}`, "prefix: "},
		{`{"prefix":"%Q"}`, "prefix: %Q is none of"},
		{`{"prefix":"` + strings.Repeat("x", 600) + `"}`, "prefix: 600 bytes"},
		{`{"prefix":"` + strings.Repeat("%s", 60) + `"}`, "prefix: 600 bytes"},
		{`{"pathFormat":"%Y%"}`, "pathFormat: ends in %"},
		{`{"pathFormat":".."}`, "pathFormat: "},
		{`{"suffix":"/x"}`, "suffix: "},
		{`{"timeZone":"Mars"}`, "timeZone: "},
		{`{"timeZone":"Local"}`, "timeZone: "},
		{`{"format":"xml"}`, "format: "},
	} {
		o := parse(t, c.options)
		if err := o.Validate(); err == nil || sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.options, err, c.want)
		}
	}
}

func TestDefaultsAreCompressed(t *testing.T) {
	for format, magic := range map[encode.Name]string{"": "\x1f\x8b", encode.Parquet: "PAR1"} {
		var o object.Options
		o.Format.Format = format
		if _, s := put(t, o, header, sink.Point{Position: 9}); !strings.HasPrefix(s.text, magic) {
			t.Errorf("%q begins with % x", format, s.text[:4])
		}
	}
}

// FuzzNames: whatever the options are, they are an error, or names stay below the prefix and within what buckets allow.
func FuzzNames(f *testing.F) {
	f.Add("logs/{DATE}", "%Y/%m", "+0800", ".x", "t1", true)
	f.Add("", "%s%s", "", "", "../..", false)
	f.Fuzz(func(t *testing.T, prefix, path, zone, suffix, task string, shipper bool) {
		o := object.Options{Names: object.Names{Prefix: prefix, PathFormat: path, TimeZone: zone, Suffix: suffix}}
		if shipper {
			o.Layout = "shipper"
		}
		if o.Validate() != nil {
			return
		}
		h := header
		h.Task = task
		name, _ := put(t, o, h, sink.Point{Position: 9})
		if len(name) > 1024 || name == "" || name[0] == '/' || strings.Contains("/"+name+"/", "/../") || strings.Contains(name, "//") || !utf8.ValidString(name) ||
			!strings.HasPrefix(name, o.Dir()) {
			t.Errorf("%q, %q, %q: an object is called %q", prefix, path, task, name)
		}
	})
}
