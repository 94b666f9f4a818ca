package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
)

// groupOfLogs makes a log group of 500 web logs like those of docs/benchmarks.md.
func groupOfLogs(r *rand.Rand) *sluice.LogGroup {
	words := strings.Fields("timeout upstream connection reset by peer cache miss served from edge node retry after backend slow query session token")
	g := &sluice.LogGroup{Topic: "access", Source: "10.0.0.1"}
	for range 500 {
		var message []string
		for range 6 + r.IntN(10) {
			message = append(message, words[r.IntN(len(words))])
		}
		g.Records = append(g.Records, sluice.Record{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{
			{Key: "host", Value: fmt.Sprintf("web-%02d", r.IntN(40))},
			{Key: "remote_addr", Value: fmt.Sprintf("%d.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256), r.IntN(256))},
			{Key: "method", Value: []string{"GET", "GET", "GET", "POST"}[r.IntN(4)]},
			{Key: "uri", Value: fmt.Sprintf("/api/v1/items/%d", r.IntN(50000))},
			{Key: "status", Value: []string{"200", "200", "200", "404", "500"}[r.IntN(5)]},
			{Key: "bytes", Value: fmt.Sprint(r.IntN(100000))},
			{Key: "request_time", Value: fmt.Sprintf("%.3f", r.ExpFloat64()/5)},
			{Key: "ua", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"},
			{Key: "trace_id", Value: fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())},
			{Key: "message", Value: strings.Join(message, " ")},
		}})
	}
	return g
}

// yard is a logstore on disk, for benchmarks.
type yard struct {
	b    *testing.B
	meta meta.Store
	cat  *catalog.Catalog
	door *ingest.Door
	ring *auth.Keyring
}

func newYard(b *testing.B, shards int) *yard {
	b.Helper()
	dir := b.TempDir()
	y := &yard{b: b}
	log := slog.New(slog.DiscardHandler)
	store, err := sqlite.Open(filepath.Join(dir, "meta.db"))
	y.must(err)
	logs, err := shard.Open(vfs.OS{}, dir, shard.Options{Logger: log})
	y.must(err)
	b.Cleanup(func() { y.must(errors.Join(logs.Close(), store.Close())) })
	y.meta = store
	y.cat, err = catalog.New(ctx, store, logs, catalog.Options{}, log)
	y.must(err)
	y.door = ingest.New(y.cat, ingest.Options{Past: -1, Future: -1})
	y.ring, err = auth.LoadOrCreateKeyring(filepath.Join(dir, "secret.key"))
	y.must(err)
	y.must(y.cat.CreateProject(ctx, meta.Project{Name: project}))
	y.must(y.cat.CreateLogstore(ctx, meta.Logstore{Project: project, Name: ref.Logstore, TTLDays: 3}, shards))
	return y
}

func (y *yard) must(err error) {
	y.b.Helper()
	if err != nil {
		y.b.Fatal(err)
	}
}

// write appends so many groups and returns their raw bytes.
func (y *yard) write(groups int) (raw int64) {
	r := rand.New(rand.NewPCG(1, 2))
	for range groups {
		g := groupOfLogs(r)
		raw += int64(len(logpb.Append(nil, g)))
		_, _, err := y.door.Append(ctx, ref, g)
		y.must(err)
	}
	return raw
}

// run runs an engine with tasks of one destination, started at the beginning or now.
func (y *yard) run(tasks int, start string, to delivery.Destination, others ...delivery.Destination) (e *delivery.Engine, stop func()) {
	kinds := map[string]delivery.Destination{"tape": to}
	for _, other := range others {
		kinds["other"] = other
	}
	e = delivery.New(y.meta, y.cat, y.door, y.ring, delivery.Options{
		Destinations: kinds, Env: sink.Env{Dir: y.b.TempDir()}, LeaseTime: time.Hour,
	})
	for i := range tasks {
		s := spec(fmt.Sprint("t", i, "-", time.Now().UnixNano()))
		s.Source.Start = start
		if len(others) > 0 && i%2 == 1 {
			s.Sink = []byte(`{"type":"other","tape":"x"}`)
		}
		_, err := e.Create(ctx, project, s)
		y.must(err)
		_, err = e.Start(ctx, project, s.Name, delivery.FromPoint)
		y.must(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(ctx) })
	return e, func() { cancel(); running.Wait() }
}

func (y *yard) deleteTasks(e *delivery.Engine) {
	all, err := e.Tasks(ctx, project)
	y.must(err)
	for _, t := range all {
		y.must(e.Delete(ctx, project, t.Spec.Name))
	}
}

// counter is a sink that takes logs and forgets them. done is closed when it had so many.
type counter struct {
	left atomic.Int64
	done chan struct{}
	seen func(h sink.Header, logs int)
}

func newCounter(logs int) *counter {
	c := &counter{done: make(chan struct{})}
	c.left.Store(int64(logs))
	return c
}

func (c *counter) open(tapeConfig, sink.Env) (sink.Sink, error) { return c, nil }
func (c *counter) Check(context.Context) error                  { return nil }
func (c *counter) Close() error                                 { return nil }
func (c *counter) Limits() sink.Limits {
	return sink.Limits{Bytes: 5 << 20, Logs: 20_000, Age: time.Second}
}
func (c *counter) Begin(h sink.Header) sink.Batch { return &countedBatch{c: c, header: h} }

func (c *counter) took(n int) {
	if left := c.left.Add(-int64(n)); left <= 0 && left > -int64(n) {
		close(c.done)
	}
}

type countedBatch struct {
	c      *counter
	header sink.Header
	n      int
	bytes  int64
}

func (b *countedBatch) Add(e *sink.Entry) error {
	b.n++
	for i := range e.Fields {
		b.bytes += int64(len(e.Fields[i].Key) + len(e.Fields[i].Value) + 6)
	}
	return nil
}
func (b *countedBatch) Len() int       { return b.n }
func (b *countedBatch) Encoded() int64 { return b.bytes }
func (b *countedBatch) Memory() int64  { return 0 }
func (b *countedBatch) Release()       {}
func (b *countedBatch) Send(context.Context, sink.Point) error {
	if b.c.seen != nil {
		b.c.seen(b.header, b.n)
	}
	b.c.took(b.n)
	return nil
}

// archive is a sink that makes gzipped JSON lines, and forgets them.
type archive struct {
	*counter
	*object.Writer
}

func (c *counter) openArchive(_ tapeConfig, env sink.Env) (sink.Sink, error) {
	var o object.Options
	o.Compression = encode.Gzip
	o.Format.Format = encode.JSON
	return &archive{c, object.NewWriter(o, forgetful{}, env.Dir)}, nil
}

func (a *archive) Begin(h sink.Header) sink.Batch { return &archived{a.Writer.Begin(h), a.counter} }
func (a *archive) Close() error                   { return nil }
func (a *archive) Check(context.Context) error    { return nil }
func (a *archive) Limits() sink.Limits            { return a.counter.Limits() }

type archived struct {
	sink.Batch
	c *counter
}

func (b *archived) Send(ctx context.Context, to sink.Point) error {
	err := b.Batch.Send(ctx, to)
	if err == nil {
		b.c.took(b.Len())
	}
	return err
}

type forgetful struct{}

func (forgetful) Put(_ context.Context, o object.Object) error {
	_, err := io.Copy(io.Discard, o.Payload.Reader())
	return err
}

// dead is a sink that holds batches in memory, as those of JSON are, and cannot be reached.
type dead struct{ *counter }

func (c *counter) openDead(tapeConfig, sink.Env) (sink.Sink, error) { return dead{c}, nil }
func (d dead) Begin(h sink.Header) sink.Batch {
	return &deadBatch{countedBatch: countedBatch{c: d.counter, header: h}}
}

type deadBatch struct {
	countedBatch
	body []byte
}

func (b *deadBatch) Add(e *sink.Entry) error {
	for i := range e.Fields {
		b.body = append(b.body, e.Fields[i].Key...)
		b.body = append(b.body, e.Fields[i].Value...)
	}
	return b.countedBatch.Add(e)
}
func (b *deadBatch) Memory() int64 { return int64(cap(b.body)) }
func (b *deadBatch) Send(ctx context.Context, _ sink.Point) error {
	wait := time.NewTimer(time.Second) // until the connection is given up
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	return errors.New("connect: timed out")
}

func usedCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkEngine delivers what a logstore holds. Raw bytes are those of the log groups; MB/cpu-s divides them by the CPU time of the whole
// process, times the tasks that each got all of them.
func BenchmarkEngine(b *testing.B) {
	const groups = 400
	for _, kind := range []struct {
		name  string
		tasks int
		open  func(*counter) delivery.Destination
	}{
		{"discard/tasks=1", 1, func(c *counter) delivery.Destination { return delivery.NewDestination(c.open) }},
		{"discard/tasks=200", 200, func(c *counter) delivery.Destination { return delivery.NewDestination(c.open) }},
		{"json-gzip/tasks=1", 1, func(c *counter) delivery.Destination { return delivery.NewDestination(c.openArchive) }},
	} {
		tasks := kind.tasks
		b.Run(kind.name, func(b *testing.B) {
			y := newYard(b, 2)
			groups := max(groups/tasks, 20)
			raw := y.write(groups)
			b.SetBytes(raw * int64(tasks))
			var cpu time.Duration
			var reads int64
			for b.Loop() {
				c := newCounter(groups * 500 * tasks)
				before := usedCPU(b)
				e, stop := y.run(tasks, "beginning", kind.open(c))
				<-c.done
				stop()
				cpu += usedCPU(b) - before
				reads += e.SourceReads()
				y.deleteTasks(e)
			}
			b.ReportMetric(float64(raw)*float64(tasks)*float64(b.N)/1e6/cpu.Seconds(), "MB/cpu-s")
			b.ReportMetric(float64(reads)/float64(b.N), "reads/op")
		})
	}
}

// BenchmarkFreshness writes 20 MB/s for some seconds, and tells how old logs are when their batch is sent.
func BenchmarkFreshness(b *testing.B) {
	for _, tasks := range []int{1, 20} {
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			y := newYard(b, 2)
			r := rand.New(rand.NewPCG(1, 2))
			var made []*sluice.LogGroup
			raw := 0
			for range 64 {
				g := groupOfLogs(r)
				raw += len(logpb.Append(nil, g))
				made = append(made, g)
			}
			every := time.Duration(float64(raw) / 64 / 20e6 * float64(time.Second))
			const seconds = 5
			n := int(seconds * time.Second / every)
			var mu sync.Mutex
			var ages []time.Duration
			c := newCounter(n * 500 * tasks)
			c.seen = func(h sink.Header, logs int) {
				mu.Lock()
				ages = append(ages, time.Since(h.Arrived))
				mu.Unlock()
			}
			_, stop := y.run(tasks, "now", delivery.NewDestination(c.open))
			b.ResetTimer()
			tick := time.NewTicker(every)
			for i := range n {
				<-tick.C
				_, _, err := y.door.Append(ctx, ref, made[i%len(made)])
				y.must(err)
			}
			tick.Stop()
			<-c.done
			stop()
			slices.Sort(ages)
			b.ReportMetric(float64(ages[len(ages)/2].Milliseconds()), "p50-ms")
			b.ReportMetric(float64(ages[len(ages)*99/100].Milliseconds()), "p99-ms")
		})
	}
}

// BenchmarkDeadDestinations has 200 tasks, of which 100 have a destination that cannot be reached, and tells what they take of memory
// while 2 MB/s arrive. Run it alone: the figure is of the process.
func BenchmarkDeadDestinations(b *testing.B) {
	y := newYard(b, 2)
	r := rand.New(rand.NewPCG(1, 2))
	g := groupOfLogs(r)
	every := time.Duration(float64(len(logpb.Append(nil, g))) / 2e6 * float64(time.Second))
	n := int(15 * time.Second / every)
	c := newCounter(n * 500 * 100)
	e, stop := y.run(200, "now", delivery.NewDestination(c.open), delivery.NewDestination(c.openDead))
	tick := time.NewTicker(every)
	most := 0.0
	for i := range n {
		<-tick.C
		_, _, err := y.door.Append(ctx, ref, g)
		y.must(err)
		if i%5 == 0 {
			most = max(most, resident(b))
		}
	}
	tick.Stop()
	b.ReportMetric(float64(e.Memory())/1e6, "batches-MB")
	<-c.done
	stop()
	b.ReportMetric(most/1e6, "rss-MB")
}

// resident is the memory that the process has of the machine.
func resident(b *testing.B) float64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("there is no /proc here")
	}
	var size, pages float64
	if _, err := fmt.Sscan(string(raw), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize())
}
