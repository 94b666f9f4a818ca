package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

// MaxPage is how many logs a page holds at most.
const MaxPage = 100

// LogsQuery asks for logs of a logstore, which has to have an index configuration.
type LogsQuery struct {
	From, To time.Time // logs with From <= time < To, to the nanosecond
	Query    string    // a search, a search | SQL, or a search | SPL; "" finds everything
	Topic    string    // if not empty, only logs of this topic
	Reverse  bool      // newest first; SQL has an order of its own

	// Line and Offset choose a page. Of SQL they choose nothing: LIMIT does.
	Line   int // logs of a page, 1 to MaxPage [MaxPage]
	Offset int // logs to leave out before it
}

// Row is one log, or one row of a result of SQL: its fields in the order of the answer. The log's own are __time__, seconds
// since 1970, __time_ns_part__, __source__, __topic__ and __tag__:name. NULL is the text "null".
type Row []sluice.Field

// Get returns the value of a field, "" if there is none.
func (r Row) Get(key string) string {
	for _, f := range r {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

// Time returns when the log was written, and false for a row that does not say.
func (r Row) Time() (time.Time, bool) {
	seconds, err := strconv.ParseInt(r.Get("__time__"), 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	nanos, err := strconv.ParseInt(r.Get("__time_ns_part__"), 10, 64)
	if err != nil || nanos < 0 || nanos >= 1e9 {
		nanos = 0
	}
	return time.Unix(seconds, nanos), true
}

// Term is a word that logs were found by.
type Term struct {
	Key  string `json:"key"` // the field that was searched, "" for the whole log
	Term string `json:"term"`
}

// Logs is a page of logs, or of what SPL made of them, or a result of SQL.
type Logs struct {
	Rows []Row
	LogsMeta
	Next LogsQuery // asks for what follows Rows
	Last bool      // nothing follows
}

// Table reports whether rows have columns of their own, and are no logs any more: results of SQL, and of SPL that groups.
func (l *Logs) Table() bool {
	return l.HasSQL || l.Mode == modeScan && len(l.Keys) > 0 && !slices.Contains(l.Keys, "__time__")
}

// LogsMeta is what an answer says of itself.
type LogsMeta struct {
	Complete       bool          `json:"-"`             // false: time ran out or logs cannot be read, and Rows may lack some
	Count          int           `json:"count"`         // rows
	ProcessedRows  int64         `json:"processedRows"` // logs looked at
	ProcessedBytes int64         `json:"processedBytes"`
	Elapsed        time.Duration `json:"-"`           // on the server
	HasSQL         bool          `json:"hasSQL"`      // Rows is a result of SQL
	Mode           int           `json:"mode"`        // 0, or 2 for what SPL made of logs
	Keys           []string      `json:"keys"`        // the columns of a result of SQL or of SPL
	ColumnTypes    []string      `json:"columnTypes"` // and their types: varchar, bigint, double, boolean, …
	Limited        int           `json:"limited"`     // rows that a result of SQL was cut to because the statement has no LIMIT, else 0
	Terms          []Term        `json:"terms"`
	Accurate       bool          `json:"isAccurate"` // Rows are in order of time to the nanosecond
}

// Logs returns one page of logs, or the result of SQL. Error codes: IndexConfigNotExist; ParameterInvalid for a query that
// cannot be read, with the place in the message.
func (c *Client) Logs(ctx context.Context, ref sluice.LogstoreRef, q LogsQuery) (*Logs, error) {
	if q.Line <= 0 || q.Line > MaxPage {
		q.Line = MaxPage
	}
	body, err := json.Marshal(logsRequest{
		From: q.From.Unix(), FromNanos: q.From.Nanosecond(), To: q.To.Unix(), ToNanos: q.To.Nanosecond(),
		Query: q.Query, Topic: q.Topic, Line: q.Line, Offset: q.Offset, Reverse: q.Reverse, Accurate: true,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	a, err := c.do(ctx, call{
		method: http.MethodPost, project: ref.Project, path: logstorePath(ref) + "/logs",
		contentType: contentJSON, body: body, rawSize: len(body), accept: logpb.LZ4, answerType: contentJSON,
	})
	if err != nil {
		return nil, err
	}
	l, err := decodeLogs(a)
	if err != nil {
		return nil, fmt.Errorf("decode the logs of %s: %w", ref, err)
	}
	l.Next = q.after(l)
	switch {
	case l.HasSQL || len(l.Rows) == 0:
		l.Last = true
	case l.Mode != modeScan: // which says by itself: its pages may be short because rows are long
		l.Last = l.Complete && len(l.Rows) < q.Line
	}
	return l, nil
}

// modeScan is the mode of answers that SPL gave.
const modeScan = 2

type logsRequest struct {
	From      int64  `json:"from"`
	To        int64  `json:"to"`
	FromNanos int    `json:"fromNs,omitempty"`
	ToNanos   int    `json:"toNs,omitempty"`
	Query     string `json:"query"`
	Topic     string `json:"topic,omitempty"`
	Line      int    `json:"line"`
	Offset    int    `json:"offset"`
	Reverse   bool   `json:"reverse"`
	Accurate  bool   `json:"accurate"`
}

// AllLogs pages through all logs that q asks for, q.Line at a time, and ends after the last page, an error, or the one answer
// that SQL gives. To go on later, ask for Next of the last page.
func (c *Client) AllLogs(ctx context.Context, ref sluice.LogstoreRef, q LogsQuery) iter.Seq2[*Logs, error] {
	return func(yield func(*Logs, error) bool) {
		for {
			page, err := c.Logs(ctx, ref, q)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) || page.Last {
				return
			}
			q = page.Next
		}
	}
}

// after is q for what follows l. Where the order is exact, the range shrinks to begin at the last log, and Offset counts only
// the logs of that very nanosecond: so pages stay cheap however many came before, and logs that arrive meanwhile with an
// earlier time shift nothing.
func (q LogsQuery) after(l *Logs) LogsQuery {
	n := len(l.Rows)
	if n == 0 || l.HasSQL {
		return q
	}
	last, ok := l.Rows[n-1].Time()
	same := 0 // rows at the end that have the time of the last
	for same < n && ok {
		t, _ := l.Rows[n-1-same].Time()
		if !t.Equal(last) {
			break
		}
		same++
	}
	start := q.From.Equal(last)
	if q.Reverse {
		start = q.To.Equal(last.Add(1))
	}
	switch {
	case !ok || !l.Accurate || start || (same == n && q.Offset > 0):
		q.Offset += n
		return q
	case q.Reverse:
		q.To = last.Add(1)
	default:
		q.From = last
	}
	q.Offset = same
	return q
}
