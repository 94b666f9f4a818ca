package sls_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/testenv"
)

// webLog is a group of n lines of a web server's access log.
func webLog(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	g := sluice.LogGroup{Topic: "access", Source: "10.0.0.1"}
	for range n {
		g.Records = append(g.Records, sluice.Record{Time: uint32(now().Unix()), Fields: []sluice.Field{
			{Key: "host", Value: fmt.Sprintf("web-%02d", random.IntN(20))},
			{Key: "remote_addr", Value: fmt.Sprintf("10.%d.%d.%d", random.IntN(256), random.IntN(256), random.IntN(256))},
			{Key: "method", Value: []string{"GET", "POST", "PUT"}[random.IntN(3)]},
			{Key: "uri", Value: fmt.Sprintf("/api/v1/items/%d?page=%d", random.IntN(5000), random.IntN(10))},
			{Key: "status", Value: []string{"200", "200", "304", "404", "500"}[random.IntN(5)]},
			{Key: "bytes", Value: fmt.Sprint(random.IntN(100_000))},
			{Key: "request_time", Value: fmt.Sprintf("0.%03d", random.IntN(1000))},
			{Key: "ua", Value: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"},
			{Key: "trace_id", Value: fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())},
		}})
	}
	return logpb.Append(nil, &g)
}

// discard is a client that throws its answer away.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// serve runs one call without a network, b.N times.
func serve(b *testing.B, env *testenv.Env, c testenv.Call, raw int) {
	b.Helper()
	request, err := env.NewRequest(c)
	if err != nil {
		b.Fatal(err)
	}
	handler := env.Node.Handler()
	b.SetBytes(int64(raw))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := request.Clone(request.Context())
			r.Body, _ = request.GetBody()
			r.RequestURI = c.Target
			w := &discard{header: http.Header{}}
			handler.ServeHTTP(w, r)
			if w.status != http.StatusOK {
				b.Fatalf("status %d", w.status)
			}
		}
	})
}

func benchHub(b *testing.B) *testenv.Env {
	env := testenv.Start(b)
	env.OK(b, testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web"}`)})
	env.OK(b, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":1}`)})
	return env
}

// BenchmarkPutLogs writes lz4 groups of 500 lines, synced; MB/s are before compression.
func BenchmarkPutLogs(b *testing.B) {
	raw := webLog(500)
	body, err := logpb.Compress(nil, logpb.LZ4, raw)
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(16)
	serve(b, benchHub(b), packed("lz4", body, len(raw)), len(raw))
}

// BenchmarkPullLogs reads 8 MiB at a time; MB/s are before compression.
func BenchmarkPullLogs(b *testing.B) {
	env := benchHub(b)
	raw := webLog(500)
	body, err := logpb.Compress(nil, logpb.LZ4, raw)
	if err != nil {
		b.Fatal(err)
	}
	for range 100 {
		env.OK(b, packed("lz4", body, len(raw)))
	}
	var begin struct{ Cursor string }
	env.JSON(b, testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=cursor&from=begin"}, &begin)
	for _, encoding := range []string{"lz4", "zstd", "identity"} {
		call := testenv.Call{
			Project: "web", Target: "/logstores/access/shards/0?type=logs&count=1000&cursor=" + escape(begin.Cursor),
			Header: map[string]string{"Accept-Encoding": encoding},
		}
		var size int
		if _, err := fmt.Sscan(env.OK(b, call).Header.Get("x-log-bodyrawsize"), &size); err != nil {
			b.Fatal(err)
		}
		b.Run(encoding, func(b *testing.B) { serve(b, env, call, size) })
	}
}

// BenchmarkSmallPull is what an idle consumer costs.
func BenchmarkSmallPull(b *testing.B) {
	env := benchHub(b)
	var begin struct{ Cursor string }
	env.JSON(b, testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=cursor&from=begin"}, &begin)
	serve(b, env, testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=logs&count=1000&cursor=" + escape(begin.Cursor)}, 0)
}
