package main

import (
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// The data set of all published numbers: web-server logs of ten fields. Field by field: host is one of 40, remote_addr a random IPv4
// address, uri Zipf over 50,000, request_time exponential with a mean of 0.2 s, trace_id 128 random bits, message 6 to 15
// of 30 words and a random id. Written as JSON lines, 3,000,000 of them are 1.08 GB. docs/benchmarks.md compares other servers
// on the same data, so a change here makes old numbers incomparable.

const (
	groupRecords = 500 // records in a log group, about 167 KB raw
	weblogsSeed  = 42
)

// Repeated values are the cheapest way to draw some values more often.
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

// weblogs draws records. The same seed draws the same records.
type weblogs struct {
	*rand.Rand
	uri  *rand.Zipf
	time time.Time // of the last record; each comes up to 9 ms after the one before
}

func newWeblogs(start time.Time) *weblogs {
	r := rand.New(rand.NewSource(weblogsSeed))
	return &weblogs{r, rand.NewZipf(r, 1.2, 4, 50000), start}
}

func (w *weblogs) record() sluice.Record {
	w.time = w.time.Add(time.Duration(w.Intn(10)) * time.Millisecond)
	return sluice.Record{
		Time:  uint32(w.time.Unix()),
		Nanos: uint32(w.time.Nanosecond()),
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

func (w *weblogs) message() string {
	var b strings.Builder
	for range 6 + w.Intn(10) {
		b.WriteString(w.pick(words))
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "id=%d", w.Intn(1000000))
	return b.String()
}

func (w *weblogs) pick(from []string) string { return from[w.Intn(len(from))] }

// group draws the next log group.
func (w *weblogs) group() *sluice.LogGroup {
	g := &sluice.LogGroup{Topic: "access", Source: "10.0.0.1", Records: make([]sluice.Record, groupRecords)}
	for i := range g.Records {
		g.Records[i] = w.record()
	}
	return g
}
