package indexer_test

import (
	"fmt"
	"math/rand"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
)

// weblogsConfig indexes every field of the web logs.
const weblogsConfig = `{
	"line": {"token": [",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t", "\r"]},
	"keys": {
		"host": {"type": "text", "token": [" ", "/"]}, "remote_addr": {"type": "text", "token": [" ", ":"]},
		"method": {"type": "text", "token": [" "]}, "uri": {"type": "text", "token": [" ", "/", "?", "&", "="]},
		"ua": {"type": "text", "token": [" ", "/", ";", "(", ")"]}, "trace_id": {"type": "text", "token": [" "]},
		"message": {"type": "text", "token": [",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t", "\r"]},
		"status": {"type": "long"}, "bytes": {"type": "long"}, "request_time": {"type": "double"}
	}
}`

// weblogs draws log groups of 500 records like those behind docs/benchmarks.md.
type weblogs struct {
	*rand.Rand
	uri  *rand.Zipf
	time time.Time
}

func newWeblogs(from time.Time) *weblogs {
	r := rand.New(rand.NewSource(1))
	return &weblogs{Rand: r, uri: rand.NewZipf(r, 1.2, 4, 50000), time: from}
}

var (
	methods  = strings.Fields("GET GET GET GET POST PUT DELETE")
	statuses = strings.Fields("200 200 200 200 200 200 200 204 301 302 304 400 401 403 404 404 500 502 503")
	words    = strings.Fields(`connection timeout retry upstream cache miss hit user login payment order checkout failed success error
		warning deadline exceeded queue worker shard replica commit rollback session token expired invalid request response`)
	agents = []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
		"curl/8.5.0", "okhttp/4.12.0", "python-requests/2.32.3",
	}
)

func (w *weblogs) pick(from []string) string { return from[w.Intn(len(from))] }

func (w *weblogs) message() string {
	var b strings.Builder
	for range 6 + w.Intn(10) {
		b.WriteString(w.pick(words))
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "id=%d", w.Intn(1000000))
	return b.String()
}

func (w *weblogs) group(records int) *sluice.LogGroup {
	g := &sluice.LogGroup{Topic: "access", Source: "10.0.0.1", Records: make([]sluice.Record, records)}
	for i := range g.Records {
		w.time = w.time.Add(time.Duration(w.Intn(10)) * time.Millisecond)
		g.Records[i] = sluice.Record{
			Time: uint32(w.time.Unix()), Nanos: uint32(w.time.Nanosecond()),
			Fields: []sluice.Field{
				{Key: "host", Value: fmt.Sprintf("web-%02d", w.Intn(40))},
				{Key: "remote_addr", Value: fmt.Sprintf("%d.%d.%d.%d", 10+w.Intn(200), w.Intn(256), w.Intn(256), w.Intn(256))},
				{Key: "method", Value: w.pick(methods)},
				{Key: "uri", Value: fmt.Sprintf("/api/v1/item/%d", w.uri.Uint64())},
				{Key: "status", Value: w.pick(statuses)},
				{Key: "bytes", Value: fmt.Sprint(w.Intn(100000))},
				{Key: "request_time", Value: fmt.Sprintf("%.3f", w.ExpFloat64()*0.2)},
				{Key: "ua", Value: w.pick(agents)},
				{Key: "trace_id", Value: fmt.Sprintf("%016x%016x", w.Uint64(), w.Uint64())},
				{Key: "message", Value: w.message()},
			},
		}
	}
	return g
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// env is an indexer over shard logs in memory, with objects in a directory.
type env struct {
	*catalogtest.Env
	door  *ingest.Door
	index *indexer.Indexer
	dir   string // of the objects
	raw   int64  // bytes of protobuf written
	rows  int64
}

func open(t testing.TB, config string, shards int, o indexer.Options) *env {
	t.Helper()
	e := &env{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1})}
	e.CreateLogstore(shards)
	if err := e.Catalog.CreateIndex(t.Context(), catalogtest.Ref, []byte(config)); err != nil {
		t.Fatal(err)
	}
	e.door = ingest.New(e.Catalog, ingest.Options{Past: -1, Future: time.Hour, Now: e.Clock.Now})
	e.dir = t.TempDir()
	dir, err := objects.OpenDir(vfs.OS{}, e.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	o.Now = e.Clock.Now
	if e.index, err = indexer.New(t.Context(), e.Meta, e.Catalog, dir, o); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *env) append(t testing.TB, g *sluice.LogGroup) {
	t.Helper()
	if _, _, err := e.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
		t.Fatal(err)
	}
	e.rows += int64(len(g.Records))
	e.raw += int64(len(logpb.Append(nil, g)))
}

// BenchmarkIndex indexes web logs that wait in two shard logs, and merges, until there is nothing to do.
func BenchmarkIndex(b *testing.B) {
	const rows = 3 * 122880
	for b.Loop() {
		b.StopTimer()
		e := open(b, weblogsConfig, 2, indexer.Options{})
		w := newWeblogs(e.Clock.Now())
		for e.rows < rows {
			e.append(b, w.group(500))
			e.Clock.Advance(time.Second)
		}
		b.StartTimer()
		before := cpu()
		for e.index.Status().Rows < e.rows {
			if err := e.index.Round(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(e.raw)/1e6/(cpu()-before).Seconds(), "MB/cpu-s")
		b.ReportMetric(float64(e.index.Status().Stored)/rows, "B/row")
	}
}
