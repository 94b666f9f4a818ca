package s3sink_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/s3sink"
	"github.com/sluicelog/sluice/test/s3server"
	"github.com/sluicelog/sluice/test/weblogs"
)

// BenchmarkSink takes web logs through pipeline and sink to a real server, which is another process: MB/cpu-s are raw bytes of LogGroups by
// the CPU time of this one.
func BenchmarkSink(b *testing.B) {
	groups, raw := weblogs.Groups(100)
	server := s3server.Start(b)
	server.Bucket(b, "logs")
	for _, c := range []struct {
		name        string
		format      encode.Name
		compression encode.Compression
	}{{"json gzip", encode.JSON, encode.Gzip}, {"json zstd", encode.JSON, encode.Zstd}, {"parquet snappy", encode.Parquet, encode.Snappy}} {
		b.Run(c.name, func(b *testing.B) {
			p, err := pipeline.Compile(&pipeline.Spec{
				Fields: strings.Fields("host remote_addr method uri status bytes request_time ua trace_id message __time__"),
			}, pipeline.Options{Task: "t1"})
			if err != nil {
				b.Fatal(err)
			}
			conf := config(server.Endpoint, "logs")
			conf.Format.Format, conf.Compression = c.format, c.compression
			s, err := s3sink.Open(conf, env(b))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.SetBytes(raw)
			before := cpu(b)
			for b.Loop() {
				deliver(b, p, s, groups)
			}
			b.ReportMetric(float64(raw)*float64(b.N)/1e6/(cpu(b)-before).Seconds(), "MB/cpu-s")
		})
	}
}

// deliver sends groups as one batch.
func deliver(b *testing.B, p *pipeline.Pipeline, s sink.Sink, groups []*sluice.LogGroup) {
	batch := s.Begin(header)
	defer batch.Release()
	var e sink.Entry
	for k, g := range groups {
		for i := range g.Records {
			p.Apply(0, sink.Point{Position: sluice.Position(k), Index: i}, g, i, &e)
			if err := batch.Add(&e); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := batch.Send(b.Context(), sink.Point{Position: sluice.Position(len(groups))}); err != nil {
		b.Fatal(err)
	}
}

// cpu is the CPU time of this process.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
