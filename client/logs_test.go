package client_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/logpb"
)

// withIndex gives the logstore an index and stores logs numbered from 0, at these times, spread over its shards in an order
// of their own.
func withIndex(t *testing.T, c *client.Client, times []time.Time) {
	t.Helper()
	withStore(t, c, 3)
	must(t, c.SetIndex(t.Context(), ref, json.RawMessage(`{"line":{"token":[" "]},"keys":{"n":{"type":"long"}}}`)))
	for _, i := range rand.Perm(len(times)) {
		must(t, c.PutLogs(t.Context(), ref, &sluice.LogGroup{Records: []sluice.Record{{
			Time: uint32(times[i].Unix()), Nanos: uint32(times[i].Nanosecond()),
			Fields: []sluice.Field{{Key: "z", Value: "word \"quoted\""}, {Key: "n", Value: strconv.Itoa(i)}, {Key: "a", Value: ""}},
		}}}, client.PutOptions{}))
	}
}

// row makes a row of keys, each with its value behind it.
func row(pairs ...string) client.Row {
	r := client.Row{}
	for pair := range slices.Chunk(pairs, 2) {
		r = append(r, sluice.Field{Key: pair[0], Value: pair[1]})
	}
	return r
}

func TestLogs(t *testing.T) {
	c := connect(t, client.Options{})
	from := time.Now().Add(-time.Minute).Truncate(time.Second)
	q := client.LogsQuery{From: from, To: from.Add(time.Minute), Query: "n >= 1"}
	_, err := c.Logs(t.Context(), ref, q)
	wantCode(t, err, "ProjectNotExist")
	withIndex(t, c, []time.Time{from, from.Add(time.Second), from.Add(2*time.Second + 5)})

	l, err := c.Logs(t.Context(), ref, q)
	must(t, err)
	seconds := func(n int64) string { return strconv.FormatInt(from.Unix()+n, 10) }
	want := []client.Row{ // fields in their own order
		row("__time__", seconds(1), "__source__", "", "__topic__", "", "z", `word "quoted"`, "n", "1", "a", ""),
		row("__time__", seconds(2), "__time_ns_part__", "5", "__source__", "", "__topic__", "", "z", `word "quoted"`, "n", "2", "a", ""),
	}
	if diff := cmp.Diff(want, l.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if !l.Complete || l.HasSQL || l.Count != 2 || l.ProcessedRows < 3 {
		t.Errorf("meta %+v", l.LogsMeta)
	}
	if at, ok := l.Rows[1].Time(); !ok || !at.Equal(from.Add(2*time.Second+5)) {
		t.Errorf("time %v, %v", at, ok)
	}

	q.Query, q.Reverse, q.Line, q.Offset = "word", true, 1, 1
	l, err = c.Logs(t.Context(), ref, q)
	must(t, err)
	if len(l.Rows) != 1 || l.Rows[0].Get("n") != "1" || !slices.Contains(l.Terms, client.Term{Term: "word"}) {
		t.Errorf("second from the end: %+v", l)
	}
	q.Topic = "another"
	if l, err = c.Logs(t.Context(), ref, q); err != nil || len(l.Rows) != 0 {
		t.Errorf("of another topic: %+v, %v", l, err)
	}
	q.Query = "url:/a:1"
	_, err = c.Logs(t.Context(), ref, q)
	wantCode(t, err, "ParameterInvalid")
}

// Pages hold each log once and in order, however they are cut, also where many logs have one time, and from any page on.
func TestAllLogs(t *testing.T) {
	c := connect(t, client.Options{})
	from := time.Now().Add(-time.Minute).Truncate(time.Second)
	var times []time.Time
	for i := range 130 {
		times = append(times, from.Add(time.Duration(i/20)*time.Second+time.Duration(i%3/2))) // two instants a second
	}
	withIndex(t, c, times)
	for _, reverse := range []bool{false, true} {
		for _, line := range []int{0, 1, 7, 13, 60} {
			q := client.LogsQuery{From: from, To: from.Add(time.Minute), Reverse: reverse, Line: line}
			var got []client.Row
			for page, err := range c.AllLogs(t.Context(), ref, q) {
				must(t, err)
				got = append(got, page.Rows...)
				if line == 7 { // as another process that goes on
					for rest, err := range c.AllLogs(t.Context(), ref, page.Next) {
						must(t, err)
						got = append(got, rest.Rows...)
					}
					break
				}
			}
			checkAll(t, fmt.Sprintf("reverse %v, line %d", reverse, line), got, times, reverse)
		}
	}
}

func checkAll(t *testing.T, what string, got []client.Row, times []time.Time, reverse bool) {
	t.Helper()
	seen := map[string]bool{}
	for i, r := range got {
		seen[r.Get("n")] = true
		at, _ := r.Time()
		if i == 0 {
			continue
		}
		if before, _ := got[i-1].Time(); at.Before(before) && !reverse || at.After(before) && reverse {
			t.Errorf("%s: row %d at %v follows one at %v", what, i, at, before)
		}
	}
	if len(got) != len(times) || len(seen) != len(times) {
		t.Errorf("%s: %d rows, %d different ones, want %d", what, len(got), len(seen), len(times))
	}
}

// A server that orders logs by the second only is paged by offset.
func TestAllLogsByOffset(t *testing.T) {
	var offsets []int
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Offset, Line int }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		offsets = append(offsets, asked.Offset)
		data := `{"__time__":"1700000000"},{"__time__":"1700000001"}`
		if asked.Offset >= 4 {
			data = ""
		}
		reply(w, 200, `{"meta":{"progress":"Complete"},"data":[`+data+`]}`)
	})
	rows := 0
	for page, err := range c.AllLogs(t.Context(), ref, client.LogsQuery{From: time.Unix(1, 0), To: time.Unix(2, 0), Line: 2}) {
		must(t, err)
		rows += len(page.Rows)
	}
	if rows != 4 || !slices.Equal(offsets, []int{0, 2, 4}) {
		t.Errorf("%d rows, offsets %v", rows, offsets)
	}
}

// answerLZ4 answers as a server does that was asked for lz4.
func answerLZ4(t *testing.T, w http.ResponseWriter, body string) {
	t.Helper()
	packed, err := logpb.Compress(nil, logpb.LZ4, []byte(body))
	must(t, err)
	w.Header().Set("x-log-compresstype", "lz4")
	w.Header().Set("x-log-bodyrawsize", strconv.Itoa(len(body)))
	reply(w, 200, string(packed))
}

func TestLogsOfSQL(t *testing.T) {
	calls := 0
	c := serve(t, client.Options{}, func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, _ := io.ReadAll(r.Body)
		want := `{"from":1,"to":2,"fromNs":5,"query":"* | select 1","line":100,"offset":0,"reverse":false,"accurate":true}`
		if string(body) != want || r.Header.Get("Accept-Encoding") != "lz4" || r.URL.Path != "/logstores/store/logs" {
			t.Errorf("asked %s with %s", r.URL, body)
		}
		answerLZ4(t, w, `{"meta":{"progress":"Incomplete","count":2,"hasSQL":true,"keys":["z","a"],"columnTypes":["varchar","bigint"],
			"limited":100,"elapsedMillisecond":7,"terms":[]},"data":[{"z":"x","a":"1"},{"z":"null","a":2,"b":{"c":[1]}}]}`)
	})
	var got []*client.Logs
	for page, err := range c.AllLogs(t.Context(), ref, client.LogsQuery{From: time.Unix(1, 5), To: time.Unix(2, 0), Query: "* | select 1"}) {
		must(t, err)
		got = append(got, page)
	}
	if calls != 1 || len(got) != 1 {
		t.Fatalf("%d calls, %d results", calls, len(got))
	}
	want := client.LogsMeta{
		Count: 2, HasSQL: true, Keys: []string{"z", "a"}, ColumnTypes: []string{"varchar", "bigint"}, Limited: 100,
		Elapsed: 7 * time.Millisecond, Terms: []client.Term{},
	}
	if diff := cmp.Diff(want, got[0].LogsMeta); diff != "" {
		t.Errorf("meta (-want +got):\n%s", diff)
	}
	rows := []client.Row{row("z", "x", "a", "1"), row("z", "null", "a", "2", "b", `{"c":[1]}`)}
	if diff := cmp.Diff(rows, got[0].Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestLogsRefusesNonsense(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":             `<html>`,
		"rows are no array":   `{"meta":{},"data":{"a":"b"}}`,
		"a row is no object":  `{"meta":{},"data":["a"]}`,
		"meta of other types": `{"meta":{"count":"2"},"data":[]}`,
	} {
		c := serve(t, client.Options{}, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, body) })
		if l, err := c.Logs(t.Context(), ref, client.LogsQuery{}); err == nil {
			t.Errorf("%s: got %+v", name, l)
		}
	}
	for _, size := range []string{"", "-1", "99999999999"} {
		c := serve(t, client.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-log-compresstype", "lz4")
			w.Header().Set("x-log-bodyrawsize", size)
			reply(w, 200, "x")
		})
		if l, err := c.Logs(t.Context(), ref, client.LogsQuery{}); err == nil {
			t.Errorf("raw size %q: got %+v", size, l)
		}
	}
}

func TestHistogram(t *testing.T) {
	c := connect(t, client.Options{})
	from := time.Now().Add(-time.Minute).Truncate(time.Second)
	withIndex(t, c, []time.Time{from, from.Add(9 * time.Second), from.Add(25 * time.Second)})
	q := client.HistogramQuery{From: from, To: from.Add(25 * time.Second), Query: "word | select 1", Interval: 10 * time.Second}
	h, err := c.Histogram(t.Context(), ref, q)
	must(t, err)
	want := &client.Histogram{
		Count: 2, Complete: true, Buckets: []client.Bucket{
			{From: from, To: from.Add(10 * time.Second), Count: 2},
			{From: from.Add(10 * time.Second), To: from.Add(20 * time.Second)},
			{From: from.Add(20 * time.Second), To: from.Add(25 * time.Second)},
		},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("histogram (-want +got):\n%s", diff)
	}
	q.To, q.Interval = from.Add(time.Minute), 0
	if h, err = c.Histogram(t.Context(), ref, q); err != nil || h.Count != 3 || len(h.Buckets) != 60 {
		t.Errorf("got %+v, %v", h, err)
	}
	q.To = from
	_, err = c.Histogram(t.Context(), ref, q)
	wantCode(t, err, "InvalidTimeRange")
}

func TestProjectLogs(t *testing.T) {
	c := connect(t, client.Options{})
	_, err := c.ProjectLogs(t.Context(), ref.Project, "select 1 from x where __time__ > 0")
	wantCode(t, err, "ProjectNotExist")
	withStore(t, c, 1)
	must(t, c.SetIndex(t.Context(), ref, json.RawMessage(`{"keys":{"n":{"type":"long","doc_value":true}}}`)))
	now := time.Now().Unix()
	must(t, c.PutLogs(t.Context(), ref, &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(now), Fields: []sluice.Field{{Key: "n", Value: "7"}}}}}, client.PutOptions{}))
	l, err := c.ProjectLogs(t.Context(), ref.Project, fmt.Sprintf(`select n, 'a"b' as text, null as nothing from %s where __time__ = %d`, ref.Logstore, now))
	must(t, err)
	if diff := cmp.Diff([]client.Row{row("n", "7", "text", `a"b`, "nothing", "null")}, l.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if !l.Complete || !l.HasSQL || !l.Last || l.Limited != 100 || !slices.Equal(l.Keys, []string{"n", "text", "nothing"}) || l.ColumnTypes[0] != "bigint" {
		t.Errorf("meta %+v", l.LogsMeta)
	}
}

// Pages of what SPL makes of logs hold every row once, also where rows have no time, or another one.
func TestAllLogsOfSPL(t *testing.T) {
	c := connect(t, client.Options{})
	from := time.Now().Add(-time.Minute).Truncate(time.Second)
	times := make([]time.Time, 45)
	for i := range times {
		times[i] = from.Add(time.Duration(i/7) * time.Second)
	}
	withIndex(t, c, times)
	for pipeline, table := range map[string]bool{
		"where n <> '7'": false, "extend n = n, __time__ = __time__ - 100 | where n <> '7'": false,
		"stats logs = count(*) by n | where n <> '7' | sort n": true, "limit 44": false,
	} {
		for _, reverse := range []bool{false, true} {
			seen := map[string]bool{}
			pages := 0
			q := client.LogsQuery{From: from, To: from.Add(time.Minute), Query: "* | " + pipeline, Line: 10, Reverse: reverse}
			for page, err := range c.AllLogs(t.Context(), ref, q) {
				must(t, err)
				pages++
				for _, row := range page.Rows {
					if seen[row.Get("n")] {
						t.Errorf("%s, reverse %v: log %s comes twice", pipeline, reverse, row.Get("n"))
					}
					seen[row.Get("n")] = true
				}
				if page.Table() != table || page.HasSQL || page.Mode != 2 {
					t.Errorf("%s: a table: %v, %+v", pipeline, page.Table(), page.LogsMeta)
				}
			}
			if len(seen) != 44 || pages < 5 {
				t.Errorf("%s, reverse %v: %d rows in %d pages", pipeline, reverse, len(seen), pages)
			}
		}
	}
}
