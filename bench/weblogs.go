package main

import (
	"fmt"
	"math/rand"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// weblogs is the data set of all published numbers: web-server logs of ten fields. Field by field: host is one of 40, remote_addr a
// random IPv4 address, uri Zipf over 50,000, request_time exponential with a mean of 0.2 s, trace_id 128 random bits, message 6 to 15
// of 30 words and a random id. Written as JSON lines, 3,000,000 of them are 1.08 GB. Other servers were measured on the same
// bytes, so a change here makes old numbers incomparable; TestWeblogsAreThoseOfThePeers holds it.
var weblogs = &dataset{
	name: "weblogs", what: "web logs, 10 fields",
	share: 1, groupRecords: 500, topic: "access",
	apart: 4500 * time.Microsecond,
	draw:  newWeblogs,
	index: index(
		text("host", "remote_addr", "method", "uri", "ua", "trace_id", "message"),
		long("status", "bytes"), double("request_time"),
	),
	id: func(row map[string]string) string { return row["trace_id"] },
	questions: []question{
		{
			name: "id", what: "unique id in its field", goal: 5, search: "trace_id:{id}", check: "trace_id",
			floor: "SELECT * FROM logs WHERE trace_id = '{id}'",
		},
		{
			name: "newest", what: "one common word, newest 100", goal: 15, search: "timeout", check: "__time__",
			floor: "SELECT * FROM logs WHERE regexp_matches(message, '(^| )timeout( |$)') ORDER BY __time__ DESC, __time_ns_part__ DESC LIMIT 100",
		},
		{
			name: "count", what: "one common word, count", goal: 5, search: "timeout", sql: "SELECT count(*) AS c", check: "c",
			floor: "SELECT count(*) AS c FROM logs WHERE regexp_matches(message, '(^| )timeout( |$)')",
		},
		{name: "count_histogram", what: "… by GetHistograms", goal: 5, search: "timeout", histogram: whole, check: "c"},
		{
			name: "minutes", what: "a and b and not c, per-minute histogram", goal: 10, search: "timeout and failed and not success",
			sql: "SELECT __time__ - __time__ % 60 AS t, count(*) AS c GROUP BY t ORDER BY t LIMIT 10000", check: "c",
			floor: `SELECT __time__ // 60 AS t, count(*) AS c FROM logs WHERE regexp_matches(message, '(^| )timeout( |$)')
				AND regexp_matches(message, '(^| )failed( |$)') AND NOT regexp_matches(message, '(^| )success( |$)') GROUP BY t ORDER BY t`,
		},
		{name: "minutes_histogram", what: "… by GetHistograms", goal: 10, search: "timeout and failed and not success", histogram: time.Minute, check: "c"},
		{
			name: "status", what: "count by status", goal: 10, search: "*", sql: "SELECT status, count(*) AS c GROUP BY status", check: "c",
			floor: "SELECT status, count(*) AS c FROM logs GROUP BY status",
		},
		{
			name: "hosts", what: "avg and p99 by host", goal: 100, search: "*", check: "host",
			sql:   "SELECT host, avg(request_time) AS a, approx_percentile(request_time, 0.99) AS p GROUP BY host",
			floor: "SELECT host, avg(request_time) AS a, approx_quantile(request_time, 0.99) AS p FROM logs GROUP BY host",
		},
		{
			name: "uris", what: "top 10 URIs of 5xx", goal: 20, search: "status >= 500", check: "c",
			sql:   "SELECT uri, count(*) AS c GROUP BY uri ORDER BY c DESC LIMIT 10",
			floor: "SELECT uri, count(*) AS c FROM logs WHERE status >= 500 GROUP BY uri ORDER BY c DESC LIMIT 10",
		},
		{
			name: "distinct", what: "exact distinct of all addresses", goal: 280, search: "*", sql: "SELECT count(DISTINCT remote_addr) AS c", check: "c",
			floor: "SELECT count(DISTINCT remote_addr) AS c FROM logs",
		},
		{
			name: "regex", what: "regular expression on the message, count", goal: 100, search: "*", check: "c",
			sql:   "SELECT count(*) AS c WHERE regexp_like(message, 'id=12345[0-9]')",
			floor: "SELECT count(*) AS c FROM logs WHERE regexp_matches(message, 'id=12345[0-9]')",
		},
		{
			name: "range", what: "status of 500 or more, newest 100", search: "status >= 500", check: "__time__",
			floor: "SELECT * FROM logs WHERE status >= 500 ORDER BY __time__ DESC, __time_ns_part__ DESC LIMIT 100",
		},
		{name: "all", what: "count of all, by GetHistograms", search: "*", histogram: whole, check: "c"},
	},
}

const weblogsSeed = 42

// Repeated values are the cheapest way to draw some values more often.
var (
	methods  = strings.Fields("GET GET GET GET POST PUT DELETE")
	statuses = strings.Fields("200 200 200 200 200 200 200 204 301 302 304 400 401 403 404 404 500 502 503")
	words    = strings.Fields(`connection timeout retry upstream cache miss hit user login payment order checkout failed success error
		warning deadline exceeded queue worker shard replica commit rollback session token expired invalid request response`)
	agents = []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"curl/8.5.0", "okhttp/4.12.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
		"python-requests/2.32.3",
	}
)

// newWeblogs draws web logs; each comes up to 9 ms after the one before. The order in which values are drawn is part of the data set.
func newWeblogs(at time.Time) func() sluice.Record {
	r := dice{rand.New(rand.NewSource(weblogsSeed))}
	uri := rand.NewZipf(r.Rand, 1.2, 4, 50000)
	return func() sluice.Record {
		at = at.Add(time.Duration(r.Intn(10)) * time.Millisecond)
		method, status, message := r.pick(methods), r.pick(statuses), r.message()
		return record(at,
			"host", fmt.Sprintf("web-%02d", r.Intn(40)),
			"remote_addr", fmt.Sprintf("%d.%d.%d.%d", 10+r.Intn(200), r.Intn(256), r.Intn(256), r.Intn(256)),
			"method", method,
			"uri", fmt.Sprintf("/api/v1/item/%d", uri.Uint64()),
			"status", status,
			"bytes", fmt.Sprint(r.Intn(100000)),
			"request_time", fmt.Sprintf("%.3f", r.ExpFloat64()*0.2),
			"ua", r.pick(agents),
			"trace_id", fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64()),
			"message", fmt.Sprintf("%s id=%d", message, r.Intn(1000000)),
		)
	}
}

// message draws words; whether there is another one is drawn anew after each from the sixth on.
func (d dice) message() string {
	var b strings.Builder
	for n := 0; n < 6+d.Intn(10); n++ {
		if n > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(d.pick(words))
	}
	return b.String()
}
