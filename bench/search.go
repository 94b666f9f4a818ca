package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// indexKeys indexes every field of the data set.
var indexKeys = func() map[string]any {
	delimiters := strings.Split(", ' \" ; = ( ) [ ] { } ? @ & < > / : \n \t \r", " ")
	delimiters = append(delimiters, " ")
	keys := map[string]any{}
	for _, name := range strings.Fields("host remote_addr method uri ua trace_id message") {
		keys[name] = map[string]any{"type": "text", "token": delimiters, "caseSensitive": false, "doc_value": true}
	}
	for name, kind := range map[string]string{"status": "long", "bytes": "long", "request_time": "double"} {
		keys[name] = map[string]any{"type": kind, "doc_value": true}
	}
	return map[string]any{"line": map[string]any{"token": delimiters, "caseSensitive": false}, "keys": keys}
}()

// search measures putting the data set until it is searchable, its size, and searches of it, hot, through the API.
func (b *bench) search(ctx context.Context) error {
	s, err := b.start(ctx, "")
	if err != nil {
		return err
	}
	st, err := prepare(s, 2)
	if err != nil {
		return err
	}
	c, err := dial(s.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.create("/logstores/"+st.names[0]+"/index", indexKeys); err != nil {
		return err
	}
	bodies, err := makeBodies(b.records / groupRecords)
	if err != nil {
		return err
	}
	raw := 0
	for i := range bodies {
		raw += bodies[i].raw
	}
	q := &searcher{conn: c, logstore: st.names[0], from: time.Now().Add(-48 * time.Hour).Unix(), to: time.Now().Add(time.Hour).Unix()}
	cpu, wall, err := s.measure(func() error {
		if err := flood(ctx, s, st, bodies, len(bodies), connections); err != nil {
			return err
		}
		return s.waitIndexed(ctx, len(bodies)*groupRecords)
	})
	if err != nil {
		return err
	}
	b.report.add("search_ingest", "put until searchable, fsynced, index on every field", "MB/CPU s", "≥ 120", float64(raw)/1e6/cpu.Seconds())
	b.report.add("search_ingest_wall", "… over the clock", "MB/s", "", float64(raw)/1e6/wall.Seconds())
	stored, err := s.gauge(ctx, "sluice_index_bytes")
	if err != nil {
		return err
	}
	b.report.add("search_disk", fmt.Sprintf("segments of %d records", len(bodies)*groupRecords), "MB", "≤ 150", stored/1e6)
	if err := q.all(b); err != nil {
		return err
	}
	memory, err := s.memory("VmRSS")
	if err != nil {
		return err
	}
	b.report.add("search_memory", "resident memory after the searches", "MB", "", memory)
	return s.stop()
}

// searcher asks one server.
type searcher struct {
	*conn
	logstore string
	from, to int64
}

const askTimes = 7

// all asks every question of the table some times and reports the medians.
func (q *searcher) all(b *bench) error {
	id, err := q.someID()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name, what, goal, search string
		ask                      func(search string) (int, error)
	}{
		{"search_id", "unique id in its field", "≤ 5", "trace_id:" + id, q.page},
		{"search_newest", "one common word, newest 100", "≤ 15", "timeout", q.page},
		{"search_count", "one common word, count", "≤ 5", "timeout", q.histogram(0)},
		{"search_histogram", "a and b and not c, per-minute histogram", "≤ 10", "timeout and failed and not success", q.histogram(60)},
		{"search_range", "status of 500 or more, newest 100", "", "status >= 500", q.page},
		{"search_all", "count of all", "", "*", q.histogram(0)},
	} {
		var took []time.Duration
		found := 0
		for i := range askTimes + 1 {
			began := time.Now()
			if found, err = c.ask(c.search); err != nil {
				return fmt.Errorf("%s: %w", c.search, err)
			}
			if i > 0 { // the first one warms up
				took = append(took, time.Since(began))
			}
		}
		if found == 0 {
			return fmt.Errorf("%s finds nothing", c.search)
		}
		slices.Sort(took)
		b.report.add(c.name, c.what, "ms", c.goal, milliseconds(took[len(took)/2]))
	}
	return nil
}

func (q *searcher) get(values url.Values) ([]map[string]any, http.Header, error) {
	values.Set("from", strconv.FormatInt(q.from, 10))
	values.Set("to", strconv.FormatInt(q.to, 10))
	var out strings.Builder
	header, err := q.do(http.MethodGet, "/logstores/"+q.logstore, values.Encode(), http.Header{"X-Log-Bodyrawsize": {"0"}}, nil, &out)
	if err != nil {
		return nil, nil, err
	}
	if header.Get("X-Log-Progress") != "Complete" {
		return nil, nil, fmt.Errorf("progress %q", header.Get("X-Log-Progress"))
	}
	var rows []map[string]any
	return rows, header, json.Unmarshal([]byte(out.String()), &rows)
}

func (q *searcher) page(search string) (int, error) {
	rows, _, err := q.get(url.Values{"type": {"log"}, "query": {search}, "line": {"100"}, "reverse": {"true"}})
	return len(rows), err
}

func (q *searcher) histogram(interval int) func(string) (int, error) {
	return func(search string) (int, error) {
		values := url.Values{"type": {"histogram"}, "query": {search}}
		if interval > 0 {
			values.Set("interval", strconv.Itoa(interval))
		}
		_, header, err := q.get(values)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(header.Get("X-Log-Count"))
	}
}

// someID returns the trace id of some log.
func (q *searcher) someID() (string, error) {
	rows, _, err := q.get(url.Values{"type": {"log"}, "query": {"*"}, "line": {"1"}, "offset": {"1000"}})
	if err != nil || len(rows) == 0 {
		return "", fmt.Errorf("no log to ask for: %w", err)
	}
	return fmt.Sprint(rows[0]["trace_id"]), nil
}

// waitIndexed waits until so many logs are in segments.
func (s *server) waitIndexed(ctx context.Context, logs int) error {
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		n, err := s.gauge(ctx, "sluice_index_logs")
		if err != nil {
			return err
		}
		if int(n) >= logs {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gauge reads a metric without labels.
func (s *server) gauge(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("the server has no metric %s", name)
}
