package segment_test

import (
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/segment"
)

// weblogs draws the records of the data set behind docs/benchmarks.md (bench/weblogs.go has the same), in log groups of 500.
type weblogs struct {
	*rand.Rand
	uri  *rand.Zipf
	time time.Time
	rows int
}

func newWeblogs(seed int64) *weblogs {
	r := rand.New(rand.NewSource(seed))
	return &weblogs{Rand: r, uri: rand.NewZipf(r, 1.2, 4, 50000), time: time.Unix(1_700_000_000, 0)}
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

func (w *weblogs) row() segment.Row {
	w.time = w.time.Add(time.Duration(w.Intn(10)) * time.Millisecond)
	r := segment.Row{
		Shard: 0, Position: sluice.Position(1_700_000_000_000_000_000 + w.rows/500), Index: w.rows % 500,
		Time: uint32(w.time.Unix()), Nanos: uint32(w.time.Nanosecond()), Source: "10.0.0.1", Topic: "access",
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
	w.rows++
	return r
}

func (w *weblogs) message() string {
	var b strings.Builder
	for k := 0; k < 6+w.Intn(10); k++ {
		b.WriteString(w.pick(words))
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "id=%d", w.Intn(1000000))
	return b.String()
}

// separators are the delimiters of a typical index configuration.
var separators = func() (table [256]bool) {
	for _, c := range ", '\";=()[]{}?@&<>/:\n\t\r" {
		table[c] = true
	}
	return table
}()

// splitWords is a tokenizer without regard to case.
func splitWords(value string, emit func([]byte)) { newSplitter()(value, emit) }

// newSplitter returns the same for one goroutine, with a buffer of its own.
func newSplitter() segment.Tokenize {
	var token []byte
	return func(value string, emit func([]byte)) {
		token = token[:0]
		for i := range len(value) {
			c := value[i]
			if separators[c] {
				if len(token) > 0 {
					emit(token)
					token = token[:0]
				}
				continue
			}
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			token = append(token, c)
		}
		if len(token) > 0 {
			emit(token)
		}
	}
}

func weblogsOptions() segment.Options {
	return segment.Options{
		Columns: []segment.Column{
			{Name: "status", Kind: segment.Long},
			{Name: "bytes", Kind: segment.Long},
			{Name: "request_time", Kind: segment.Double},
		},
		Other: func(string) segment.Tokenize { return newSplitter() },
	}
}
