package object_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/logpb"
)

// BenchmarkObjects takes web logs, the records of docs/benchmarks.md, through pipeline, format and compression into the bytes of objects. Raw
// bytes are those of their LogGroups; MB/cpu-s divides them by the CPU time of the process.
func BenchmarkObjects(b *testing.B) {
	groups, raw := weblogs(100)
	for _, c := range []struct {
		name string
		o    object.Options
	}{
		{"json/none", options(encode.JSON, encode.None)},
		{"json/gzip", options(encode.JSON, encode.Gzip)},
		{"json/snappy", options(encode.JSON, encode.Snappy)},
		{"json/lz4", options(encode.JSON, encode.LZ4)},
		{"json/zstd", options(encode.JSON, encode.Zstd)},
		{"csv/gzip", options(encode.CSV, encode.Gzip)},
		{"kv/gzip", options(encode.KV, encode.Gzip)},
		{"cef/gzip", options(encode.CEF, encode.Gzip)},
		{"loggroup/zstd", options(encode.LogGroup, encode.Zstd)},
		{"parquet/snappy", options(encode.Parquet, encode.Snappy)},
		{"parquet/zstd", options(encode.Parquet, encode.Zstd)},
		{"parquet/gzip", options(encode.Parquet, encode.Gzip)},
	} {
		b.Run(c.name, func(b *testing.B) { benchmark(b, c.o, groups, raw) })
	}
}

func options(format encode.Name, compression encode.Compression) (o object.Options) {
	o.Format.Format, o.Compression = format, compression
	return o
}

func benchmark(b *testing.B, o object.Options, groups []*sluice.LogGroup, raw int64) {
	p, err := pipeline.Compile(&pipeline.Spec{
		Fields: strings.Fields("host remote_addr method uri status bytes request_time ua trace_id message __time__"),
		Types:  map[string]string{"status": "number", "bytes": "number", "request_time": "number"},
	}, pipeline.Options{Task: "t1"})
	if err != nil {
		b.Fatal(err)
	}
	var size discard
	w := object.NewWriter(o, &size, b.TempDir())
	b.SetBytes(raw)
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		batch := w.Begin(header)
		var e sink.Entry
		for k, g := range groups {
			for i := range g.Records {
				if p.Apply(0, sink.Point{Position: sluice.Position(k), Index: i}, g, i, &e) != pipeline.Keep {
					b.Fatal("a log is not kept")
				}
				if err := batch.Add(&e); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := batch.Send(b.Context(), sink.Point{Position: sluice.Position(len(groups))}); err != nil {
			b.Fatal(err)
		}
		batch.Release()
	}
	b.ReportMetric(float64(raw)*float64(b.N)/1e6/(cpu(b)-before).Seconds(), "MB/cpu-s")
	b.ReportMetric(100*float64(size)/float64(raw), "%size")
}

// discard is a Store that does what clients of buckets do to bodies, and keeps nothing.
type discard int64

func (d *discard) Put(_ context.Context, o object.Object) error {
	h := md5.New()
	n, err := io.Copy(h, o.Payload.Reader())
	*d = discard(n)
	return err
}

// cpu is the CPU time of this process.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// weblogs draws n log groups of 500 records like those of bench/weblogs.go.
func weblogs(n int) (groups []*sluice.LogGroup, raw int64) {
	r := rand.New(rand.NewSource(42))
	uri := rand.NewZipf(r, 1.2, 4, 50000)
	at := time.Unix(1_700_000_000, 0)
	for range n {
		g := &sluice.LogGroup{Topic: "access", Source: "10.0.0.1"}
		for range 500 {
			at = at.Add(time.Duration(r.Intn(10)) * time.Millisecond)
			g.Records = append(g.Records, sluice.Record{Time: uint32(at.Unix()), Nanos: uint32(at.Nanosecond()), Fields: []sluice.Field{
				{Key: "host", Value: fmt.Sprintf("web-%02d", r.Intn(40))},
				{Key: "remote_addr", Value: fmt.Sprintf("%d.%d.%d.%d", 10+r.Intn(200), r.Intn(256), r.Intn(256), r.Intn(256))},
				{Key: "method", Value: pick(r, methods)},
				{Key: "uri", Value: fmt.Sprintf("/api/v1/item/%d", uri.Uint64())},
				{Key: "status", Value: pick(r, statuses)},
				{Key: "bytes", Value: fmt.Sprint(r.Intn(100000))},
				{Key: "request_time", Value: fmt.Sprintf("%.3f", r.ExpFloat64()*0.2)},
				{Key: "ua", Value: pick(r, agents)},
				{Key: "trace_id", Value: fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())},
				{Key: "message", Value: message(r)},
			}})
		}
		groups = append(groups, g)
		raw += int64(len(logpb.Append(nil, g)))
	}
	return groups, raw
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

func pick(r *rand.Rand, from []string) string { return from[r.Intn(len(from))] }

func message(r *rand.Rand) string {
	var b strings.Builder
	for range 6 + r.Intn(10) {
		b.WriteString(pick(r, words))
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "id=%d", r.Intn(1000000))
	return b.String()
}
