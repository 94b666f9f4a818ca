package query_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
)

var (
	sqlDir     = flag.String("sqldir", "", "where BenchmarkSQL keeps its logs for the next run; empty: nowhere")
	sqlRecords = flag.Int("sqlrecords", 100_000, "how many logs BenchmarkSQL reads; 3,000,000 for the published numbers")
	sqlMany    = flag.Int("sqlmany", 0, "ManyRows of BenchmarkSQL")
	sqlTail    = flag.Int("sqltail", 0, "how many logs BenchmarkSQL leaves behind the index")
	sqlSet     = flag.String("sqlset", "web", "which logs BenchmarkSQL reads: web, or text, which are system logs")
)

// sqlSets are statements over two kinds of logs: those of the published tables, what a statement costs beside its work, and searches of
// words that are in more or fewer of the logs.
var sqlSets = map[string][]struct{ name, search, text string }{"web": {
	{"nothing", "*", "select 1 limit 1"},
	{"count", "*", "select count(*)"},
	{"status", "*", "select status, count(*) as c group by status order by c desc"},
	{"hosts", "*", "select host, avg(request_time) as a, approx_percentile(request_time, 0.99) as p group by host order by host limit 100"},
	{"uris", "*", "select uri, count(*) as c where status >= 500 group by uri order by c desc limit 10"},
	{"urisSearched", "status >= 500", "select uri, count(*) as c group by uri order by c desc limit 10"},
	{"distinct", "*", "select count(distinct remote_addr)"},
	{"regexp", "*", "select count(*) where regexp_like(message, 'user .*failed')"},
	{"like", "*", "select count(*) where message like '%payment failed%'"},
	{"word", "timeout", "select host, count(*) as c group by host order by c desc"},
	{"hour", "*", "select date_trunc('hour', __time__) as t, count(*) as c group by t order by t"},
	{"half", "method:get", "select status, count(*) as c group by status order by c desc"},
	{"seventh", "method:put", "select uri, count(*) as c group by uri order by c desc limit 10"},
	{"40th", "host:web-07", "select uri, count(*) as c group by uri order by c desc limit 10"},
	{"seventhNot", "not method:get and not method:put", "select status, avg(request_time) as a group by status order by a desc"},
}, "text": {
	{"most", "level:info", "select host, count(*) as c group by host order by c desc limit 100"},
	{"half", "not level:info", "select host, count(*) as c group by host order by c desc limit 100"},
	{"eighth", "level:err", "select host, count(*) as c group by host order by c desc limit 100"},
	{"30th", "level:notice", "select host, count(*) as c group by host order by c desc limit 100"},
	{"1000th", "level:alert", "select host, count(*) as c group by host order by c desc limit 100"},
	{"1000thLine", "level:alert", "select max(length(line)) as c"},
	{"30thLine", "level:notice", "select max(length(line)) as c"},
	{"eighthLine", "level:err", "select max(length(line)) as c"},
	{"mostLine", "level:info", "select max(length(line)) as c"},
	{"40th", "host:host-007", "select level, count(*) as c group by level order by c desc"},
	{"extract", "sshd", `select regexp_extract(line, 'user (\w+)', 1) as u, count(*) as c group by u order by c desc limit 10`},
}}

// BenchmarkSQL asks through the engine, over segments as the indexer makes them.
//
//	go test ./internal/query -run '^$' -bench SQL -sqldir DIR -sqlrecords 3000000
func BenchmarkSQL(b *testing.B) {
	e, r := openWeb(b)
	for _, q := range sqlSets[*sqlSet] {
		b.Run(q.name, func(b *testing.B) {
			before := cpu()
			defer func() { b.ReportMetric((cpu()-before).Seconds()*1e3/float64(b.N), "cpu-ms/op") }()
			for b.Loop() {
				got, err := e.SQL(b.Context(), query.Filter{Ref: catalogtest.Ref, Search: q.search, Range: r}, q.text)
				if err != nil || !got.Complete {
					b.Fatal(err)
				}
			}
		})
	}
}

// cpu is the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

const webStart = 1_767_225_600

// openWeb opens an engine over web-server logs, and makes those that are missing.
func openWeb(b *testing.B) (*query.Engine, query.Range) {
	b.Helper()
	dir := *sqlDir
	if dir == "" {
		dir = b.TempDir()
	}
	now := func() time.Time { return time.Unix(webStart+24*3600, 0) }
	log := slog.New(slog.DiscardHandler)
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	index, err := filepath.Abs(filepath.Join(dir, "index"))
	must(err)
	must(os.MkdirAll(filepath.Join(dir, "logs"), 0o700))
	store, err := sqlite.Open(filepath.Join(dir, "meta.db"))
	must(err)
	logs, err := shard.Open(vfs.OS{}, filepath.Join(dir, "logs"), shard.Options{Now: now, Logger: log})
	must(err)
	cat, err := catalog.New(b.Context(), store, logs, catalog.Options{Now: now}, log)
	must(err)
	objs, err := objects.OpenDir(vfs.OS{}, index)
	must(err)
	x, err := indexer.New(b.Context(), store, cat, objs, indexer.Options{Now: now, Logger: log})
	must(err)
	if _, err := cat.Logstore(b.Context(), catalogtest.Ref); sluice.KindOf(err) == sluice.NotFound {
		must(writeWeb(b.Context(), cat, x, now))
	}
	e := query.New(cat, x, query.Options{
		Now: now, Amended: amend.New(store, cat, x), SQL: query.SQLOptions{Files: objs, TempDir: b.TempDir(), ManyRows: *sqlMany},
	})
	b.Cleanup(func() {
		must(errors.Join(e.Close(), objs.Close(), logs.Close(), store.Close()))
	})
	snap, err := x.Snapshot(b.Context(), catalogtest.Ref)
	must(err)
	rows := int64(0)
	for _, s := range snap.Segments {
		rows += s.Info().Rows
	}
	b.Logf("%d segments with %d logs, %d behind them", len(snap.Segments), rows, int64(*sqlRecords)-rows)
	return e, query.Range{From: webStart * 1e9, To: (webStart + 24*3600) * 1e9}
}

func writeWeb(ctx context.Context, cat *catalog.Catalog, x *indexer.Indexer, now func() time.Time) error {
	if err := cat.CreateProject(ctx, meta.Project{Name: catalogtest.Ref.Project}); err != nil {
		return err
	}
	if err := cat.CreateLogstore(ctx, meta.Logstore{Project: catalogtest.Ref.Project, Name: catalogtest.Ref.Logstore, TTLDays: 30, Modifiable: true}, 2); err != nil {
		return err
	}
	if err := cat.CreateIndex(ctx, catalogtest.Ref, webIndex()); err != nil {
		return err
	}
	door := ingest.New(cat, ingest.Options{Past: -1, Now: now})
	r := rand.New(rand.NewSource(42))
	w := &weblogs{Rand: r, uri: rand.NewZipf(r, 1.2, 4, 50000), time: webStart * 1000}
	const inGroup, inRound = 500, 60
	for n := 0; n < *sqlRecords; n += inGroup {
		g := &sluice.LogGroup{Topic: "access", Source: "10.0.0.1"}
		for range inGroup {
			if *sqlSet == "text" {
				g.Records = append(g.Records, w.system())
			} else {
				g.Records = append(g.Records, w.record())
			}
		}
		if _, _, err := door.Append(ctx, catalogtest.Ref, g); err != nil {
			return err
		}
		if left := *sqlRecords - n - inGroup; left >= *sqlTail && (n/inGroup%inRound == 0 || left == *sqlTail) {
			if err := x.Round(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func webIndex() json.RawMessage {
	delimiters := strings.Split(", ' \" ; = ( ) [ ] { } ? @ & < > / : \n \t \r", " ")
	delimiters = append(delimiters, " ")
	keys := map[string]any{"status": map[string]any{"type": "long"}, "bytes": map[string]any{"type": "long"}, "request_time": map[string]any{"type": "double"}}
	for _, name := range strings.Fields("host remote_addr method uri ua trace_id message level line") {
		keys[name] = map[string]any{"type": "text", "token": delimiters, "caseSensitive": false}
	}
	for _, k := range keys {
		k.(map[string]any)["doc_value"] = true
	}
	config, err := json.Marshal(map[string]any{"line": map[string]any{"token": delimiters, "caseSensitive": false}, "keys": keys})
	if err != nil {
		panic(err) // texts and booleans
	}
	return config
}

// weblogs draws logs as bench/weblogs.go does.
type weblogs struct {
	*rand.Rand
	uri  *rand.Zipf
	time int64 // milliseconds since 1970
}

var (
	webMethods  = strings.Fields("GET GET GET GET POST PUT DELETE")
	webStatuses = strings.Fields("200 200 200 200 200 200 200 204 301 302 304 400 401 403 404 404 500 502 503")
	webWords    = strings.Fields(`connection timeout retry upstream cache miss hit user login payment order checkout failed success error
		warning deadline exceeded queue worker shard replica commit rollback session token expired invalid request response`)
	webAgents = []string{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36", "curl/8.5.0", "okhttp/4.12.0"}
)

func (w *weblogs) pick(from []string) string { return from[w.Intn(len(from))] }

func (w *weblogs) record() sluice.Record {
	w.time += int64(w.Intn(10))
	message := ""
	for range 6 + w.Intn(10) {
		message += w.pick(webWords) + " "
	}
	return sluice.Record{
		Time: uint32(w.time / 1000), Nanos: uint32(w.time % 1000 * 1e6),
		Fields: []sluice.Field{
			{Key: "host", Value: fmt.Sprintf("web-%02d", w.Intn(40))},
			{Key: "remote_addr", Value: fmt.Sprintf("%d.%d.%d.%d", 10+w.Intn(200), w.Intn(256), w.Intn(256), w.Intn(256))},
			{Key: "method", Value: w.pick(webMethods)},
			{Key: "uri", Value: fmt.Sprintf("/api/v1/item/%d", w.uri.Uint64())},
			{Key: "status", Value: w.pick(webStatuses)},
			{Key: "bytes", Value: fmt.Sprint(w.Intn(100000))},
			{Key: "request_time", Value: fmt.Sprintf("%.3f", w.ExpFloat64()*0.2)},
			{Key: "ua", Value: w.pick(webAgents)},
			{Key: "trace_id", Value: fmt.Sprintf("%016x%016x", w.Uint64(), w.Uint64())},
			{Key: "message", Value: fmt.Sprintf("%sid=%d", message, w.Intn(1000000))},
		},
	}
}

// webLevels has alert once in a thousand.
var webLevels = strings.Fields(strings.Repeat("info ", 566) + strings.Repeat("warning ", 266) + strings.Repeat("err ", 134) + strings.Repeat("notice ", 33) + "alert")

// system draws a log as bench/system.go does, in short.
func (w *weblogs) system() sluice.Record {
	w.time += int64(w.Intn(20))
	host := fmt.Sprintf("host-%03d", w.Intn(200))
	line := fmt.Sprintf("%s sshd[%d]: %s user %s from %d.%d.%d.%d port %d ssh2", host, w.Intn(60000), w.pick(webWords), w.pick(webWords),
		10+w.Intn(200), w.Intn(256), w.Intn(256), w.Intn(256), w.Intn(65536))
	return sluice.Record{
		Time: uint32(w.time / 1000), Nanos: uint32(w.time % 1000 * 1e6),
		Fields: []sluice.Field{{Key: "host", Value: host}, {Key: "level", Value: w.pick(webLevels)}, {Key: "line", Value: line}},
	}
}
