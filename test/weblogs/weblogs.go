// Package weblogs draws logs for benchmarks beside the code: records like those of bench/weblogs.go, the data set of docs/benchmarks.md.
package weblogs

import (
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

// Groups draws n log groups of 500 records, the same at every call. raw is the size of the groups in protobuf.
func Groups(n int) (groups []*sluice.LogGroup, raw int64) {
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
