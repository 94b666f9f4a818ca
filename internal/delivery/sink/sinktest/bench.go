package sinktest

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/test/weblogs"
)

// Bench takes web logs, the records of docs/benchmarks.md, through pipeline and sink, in batches as its limits make them. Raw bytes are those of
// their LogGroups; MB/cpu-s divides them by the CPU time of the process, what runs of the destination in it included.
func Bench(b *testing.B, s sink.Sink) {
	b.Helper()
	groups, raw := weblogs.Groups(100)
	p, err := pipeline.Compile(&pipeline.Spec{
		Fields: strings.Fields("host remote_addr method uri status bytes request_time ua trace_id message __time__"),
	}, pipeline.Options{Task: "t1"})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(raw)
	before := cpu(b)
	for b.Loop() {
		deliver(b, p, s, groups)
	}
	b.ReportMetric(float64(raw)*float64(b.N)/1e6/(cpu(b)-before).Seconds(), "MB/cpu-s")
}

// deliver sends groups the way the engine does.
func deliver(b *testing.B, p *pipeline.Pipeline, s sink.Sink, groups []*sluice.LogGroup) {
	limits := s.Limits()
	var e sink.Entry
	var batch sink.Batch
	send := func(to sink.Point) {
		if err := batch.Send(b.Context(), to); err != nil {
			b.Fatal(err)
		}
		batch.Release()
		batch = nil
	}
	for k, g := range groups {
		for i := range g.Records {
			at := sink.Point{Position: sluice.Position(k), Index: i}
			if batch == nil {
				batch = s.Begin(sink.Header{Project: "p1", Task: "t1", From: at})
			}
			p.Apply(0, at, g, i, &e)
			if err := batch.Add(&e); err != nil {
				b.Fatal(err)
			}
			if limits.Logs > 0 && batch.Len() >= limits.Logs || limits.Bytes > 0 && batch.Encoded() >= limits.Bytes {
				send(sink.Point{Position: at.Position, Index: at.Index + 1})
			}
		}
	}
	if batch != nil {
		send(sink.Point{Position: sluice.Position(len(groups))})
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
