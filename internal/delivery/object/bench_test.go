package object_test

import (
	"context"
	"crypto/md5"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/test/weblogs"
)

// BenchmarkObjects takes web logs, the records of docs/benchmarks.md, through pipeline, format and compression into the bytes of objects. Raw
// bytes are those of their LogGroups; MB/cpu-s divides them by the CPU time of the process.
func BenchmarkObjects(b *testing.B) {
	groups, raw := weblogs.Groups(100)
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
