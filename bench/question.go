package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A question is asked of the server through GetLogs or GetHistograms, and of the floor: DuckDB over the same files, without a server.
// Both must give the same answer, as far as one column tells.
type question struct {
	name, what string
	goal       float64       // milliseconds, hot; 0 is none
	search     string        // what stands before the pipe; {id} is an id of some log, {id:4} its first four characters
	sql        string        // what stands behind it; the newest 100 logs if ""
	histogram  time.Duration // if not 0, GetHistograms by this interval instead
	floor      string        // the same in DuckDB's SQL over the table logs; "" if there is no such thing
	check      string        // the column that is compared
}

const whole = time.Duration(-1) // an interval that is as long as the range

var placeholder = regexp.MustCompile(`\{id(?::(\d+))?\}`)

// about returns the question about the log with this id.
func (q question) about(id string) question {
	fill := func(s string) string {
		return placeholder.ReplaceAllStringFunc(s, func(p string) string {
			if n, err := strconv.Atoi(placeholder.FindStringSubmatch(p)[1]); err == nil {
				return id[:n]
			}
			return id
		})
	}
	q.search, q.floor = fill(q.search), fill(q.floor)
	return q
}

// statement is the question as clients write it.
func (q question) statement() string {
	if q.sql == "" {
		return q.search
	}
	return q.search + " | " + q.sql
}

// answer is the column of a question that is compared, its values sorted.
type answer []string

func (a answer) add(value string) answer {
	if f, err := strconv.ParseFloat(value, 64); err == nil {
		value = strconv.FormatFloat(f, 'g', -1, 64)
	}
	return append(a, value)
}

// searcher asks one logstore over one connection.
type searcher struct {
	*conn
	logstore string
	from, to int64 // the range that is asked for, seconds
}

// ask returns the answer, or an error if it is not a complete one.
func (s *searcher) ask(q question) (answer, error) {
	if q.histogram != 0 {
		n, err := s.count(q.search, q.histogram)
		return answer{strconv.Itoa(n)}, err
	}
	rows, err := s.logs(q.statement(), 100, 0)
	if err != nil {
		return nil, err
	}
	var a answer
	for _, row := range rows {
		a = a.add(row[q.check])
	}
	slices.Sort(a)
	return a, nil
}

// logs is GetLogs, newest first.
func (s *searcher) logs(statement string, line, offset int) ([]map[string]string, error) {
	values := url.Values{
		"type": {"log"}, "query": {statement}, "reverse": {"true"}, "line": {strconv.Itoa(line)},
	}
	if offset > 0 {
		values.Set("offset", strconv.Itoa(offset))
	}
	body, _, err := s.get(values)
	if err != nil {
		return nil, err
	}
	var rows []map[string]string
	return rows, json.Unmarshal(body, &rows)
}

// count is GetHistograms: the sum of all intervals.
func (s *searcher) count(search string, interval time.Duration) (int, error) {
	values := url.Values{"type": {"histogram"}, "query": {search}}
	if interval > 0 {
		values.Set("interval", strconv.Itoa(int(interval/time.Second)))
	}
	_, header, err := s.get(values)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(header.Get("X-Log-Count"))
}

func (s *searcher) get(values url.Values) ([]byte, http.Header, error) {
	values.Set("from", strconv.FormatInt(s.from, 10))
	values.Set("to", strconv.FormatInt(s.to, 10))
	var body strings.Builder
	header, err := s.do(http.MethodGet, "/logstores/"+s.logstore, values.Encode(), http.Header{"X-Log-Bodyrawsize": {"0"}}, nil, &body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", values.Get("query"), err)
	}
	if progress := header.Get("X-Log-Progress"); progress != "Complete" {
		return nil, nil, fmt.Errorf("%s: progress %q", values.Get("query"), progress)
	}
	return []byte(body.String()), header, nil
}

// idOf returns the id of a log in the middle of many.
func (s *searcher) idOf(d *dataset, records int) (string, error) {
	rows, err := s.logs("*", 100, min(1000, records/2))
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		if id := d.id(row); id != "" {
			return id, nil
		}
	}
	return "", fmt.Errorf("none of %d logs of %s has an id", len(rows), d.name)
}
