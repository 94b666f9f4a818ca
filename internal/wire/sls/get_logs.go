package sls

import (
	"encoding/json"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
)

// GetLogs: GET /logstores/{logstore}?type=log
//
// Behavior: the logs of [from, to) that the search finds, in order of their own time to the nanosecond, ties in the order they
// came in; at most line (0 to 100) from offset on, newest first with reverse. The answer is an array; what is to be said of it
// is in headers.
// Differs: x-log-progress is Incomplete only when time ran out or data on disk is damaged; pages are exact otherwise.
// Differs: wildcards find every word that they match, not a sample of 100, and phrases are exact and unlimited.
// Also: SQL behind the pipe, over what the search finds: rows by column, at most 100 unless the statement has a limit, and with the
// begin of the range as __time__ where the statement gives none.
// Differs: SPL behind the pipe is refused with NotSupported; SQL reads no other logstores.

// GetLogsV2: POST /logstores/{logstore}/logs
//
// Behavior: as GetLogs, with the parameters in a JSON body and an object as the answer, compressed with lz4, zstd or deflate
// where Accept-Encoding names one alone.
// Differs: highlights are not computed; session, forward and powerSql are ignored.

var getLogsRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}", When: "type=log", Action: "GetLogs", Permission: "log:GetLogStoreLogs", handle: (*API).getLogs},
	{Method: "POST", Path: "/logstores/{logstore}/logs", Action: "GetLogsV2", Permission: "log:GetLogStoreLogs", handle: (*API).getLogsV2},
}

// maxLine is the size of a page, and what a missing, negative or larger line means.
const maxLine = 100

// ask is what clients ask for, in the names of the JSON body.
type ask struct {
	From    looseInt  `json:"from"`
	To      looseInt  `json:"to"`
	FromNs  looseInt  `json:"fromNs"`
	ToNs    looseInt  `json:"toNs"`
	Query   string    `json:"query"`
	Topic   string    `json:"topic"`
	Line    *looseInt `json:"line"`
	Offset  looseInt  `json:"offset"`
	Reverse looseBool `json:"reverse"`
	byGET   bool
}

// page is the page of logs that is asked for, of the search that stands in front of the pipe, and the SQL behind it, "" if there is none.
func (k *ask) page(ref sluice.LogstoreRef) (p query.Page, sql string, err error) {
	p = query.Page{Line: maxLine, Offset: int(k.Offset), Reverse: bool(k.Reverse)}
	if k.Line != nil && *k.Line >= 0 {
		p.Line = min(int(*k.Line), maxLine)
	}
	r, err := query.Seconds(int64(k.From), int64(k.FromNs), int64(k.To), int64(k.ToNs))
	if err != nil {
		return p, "", err
	}
	statement, err := search.Split(k.Query)
	if err != nil {
		return p, "", err
	}
	switch statement.Kind {
	case search.SQL:
		sql = statement.Analytics
		if k.Offset != 0 {
			return p, "", sluice.Errorf(sluice.Invalid, "parameter",
				"offset is not available for pagination in sql query, please use limit x,y syntax for pagination")
		}
	case search.SPL:
		return p, "", sluice.Errorf(sluice.Unsupported, "query", "SPL behind the pipe is not supported by this server yet; a search and SQL are")
	case search.WithPackMeta:
		p.PackMeta = true
	}
	p.Filter = query.Filter{Ref: ref, Range: r, Search: statement.Search, Topic: k.Topic}
	return p, sql, nil
}

// answer is what is told of an answer, and its rows as a JSON array.
type answer struct {
	query.Coverage
	logsMeta
	rows []byte
}

// ask asks the engine for logs, or for the result of SQL.
func (a *API) ask(q *request, k *ask) (*answer, error) {
	p, sql, err := k.page(q.logstore())
	if err != nil {
		return nil, err
	}
	if sql == "" {
		found, err := a.Query.Logs(q.ctx(), p)
		if err != nil {
			return nil, err
		}
		return &answer{found.Coverage, metaOf(k.Query, len(found.Logs), found.Terms, found.Coverage), appendRows(nil, found.Logs)}, nil
	}
	result, err := a.Query.SQL(q.ctx(), p.Filter, sql)
	if err != nil {
		return nil, err
	}
	m := metaOf(p.Search, len(result.Rows), result.Terms, result.Coverage)
	m.HasSQL, m.Agg, m.Limited, m.Keys, m.ColumnTypes = true, sql, result.Limited, array(result.Columns), array(result.Types)
	if result.Truncated {
		m.Progress = "Incomplete"
	}
	if k.byGET {
		addTime(result, p.Range)
	}
	return &answer{result.Coverage, m, appendTable(nil, result.Columns, result.Rows)}, nil
}

// addTime adds the columns __source__ and __time__, empty and the begin of the range, behind those of the statement: the Python SDK
// up to 0.9.0, whose Jupyter magics are the newest that work, cannot read a row without a time.
func addTime(result *query.Result, r query.Range) {
	from := strconv.FormatInt(r.From/1e9, 10)
	result.Columns = append(slices.Clip(result.Columns), index.SourceField, index.TimeField)
	for i, row := range result.Rows {
		result.Rows[i] = append(slices.Clip(row), "", from)
	}
}

// appendTable appends the rows of a result as objects. Of columns with one name the first counts.
func appendTable(b []byte, columns []string, rows [][]string) []byte {
	b = append(b, '[')
	for i, row := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		first := true
		for j, name := range columns {
			if slices.Index(columns, name) < j {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendString(append(appendString(b, name), ':'), row[j])
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// askOf reads what is asked for from the query string.
func askOf(v url.Values) (*ask, error) {
	k := &ask{Query: v.Get("query"), Topic: v.Get("topic"), byGET: true}
	var line looseInt
	for name, field := range map[string]*looseInt{
		"from": &k.From, "to": &k.To, "fromNs": &k.FromNs, "toNs": &k.ToNs, "offset": &k.Offset, "line": &line,
	} {
		if text := v.Get(name); text != "" {
			if err := field.UnmarshalJSON([]byte(text)); err != nil {
				return nil, badParameter(name, text, "not an integer")
			}
		}
	}
	if v.Get("line") != "" {
		k.Line = &line
	}
	if text := v.Get("reverse"); text != "" {
		if err := k.Reverse.UnmarshalJSON([]byte(text)); err != nil {
			return nil, badParameter("reverse", text, "neither true nor false")
		}
	}
	return k, nil
}

func (a *API) getLogs(q *request) error {
	k, err := askOf(q.query)
	if err != nil {
		return err
	}
	m, err := a.ask(q, k)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h["X-Log-Progress"] = []string{m.Progress}
	h["X-Log-Count"] = []string{strconv.Itoa(m.Count)}
	h["X-Log-Processed-Rows"] = []string{strconv.FormatInt(m.Rows, 10)}
	h["X-Log-Processed-Bytes"] = []string{strconv.FormatInt(m.logsMeta.Bytes, 10)}
	h["X-Log-Elapsed-Millisecond"] = []string{strconv.FormatInt(m.Milliseconds, 10)}
	h["X-Log-Has-Sql"] = []string{strconv.FormatBool(m.HasSQL)}
	h["X-Log-Where-Query"] = []string{headerText(m.Where)}
	h["X-Log-Agg-Query"] = []string{headerText(m.Agg)}
	h["X-Log-Cpu-Sec"] = []string{"0"}
	h["X-Log-Cpu-Cores"] = []string{"0"}
	h["X-Log-Query-Info"] = []string{queryInfo(&m.logsMeta)}
	send(q.w, 200, typeJSON, m.rows)
	return nil
}

func (a *API) getLogsV2(q *request) error {
	var k ask
	if err := q.decode("parameter", &k); err != nil {
		return err
	}
	m, err := a.ask(q, &k)
	if err != nil {
		return err
	}
	meta, err := json.Marshal(m.logsMeta)
	if err != nil {
		return err
	}
	body := append([]byte(`{"meta":`), meta...)
	body = append(body, `,"data":`...)
	return q.compressed(append(append(body, m.rows...), '}'))
}

// compressed answers JSON in the compression that the client asks for. HTTP libraries ask for "gzip, deflate" on their own
// and then do not undo it, so a list without lz4 and zstd means none.
func (q *request) compressed(body []byte) error {
	codec := accepted(q.r.Header.Get("Accept-Encoding"))
	if codec == logpb.None {
		send(q.w, 200, typeJSON, body)
		return nil
	}
	out, err := logpb.Compress(nil, codec, body)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h["X-Log-Compresstype"] = []string{string(codec)}
	h["X-Log-Bodyrawsize"] = []string{strconv.Itoa(len(body))}
	send(q.w, 200, typeJSON, out)
	return nil
}

func progress(c query.Coverage) string {
	if c.Complete {
		return "Complete"
	}
	return "Incomplete"
}

// term is a word to highlight.
type term struct {
	Key  string `json:"key"`
	Term string `json:"term"`
}

// logsMeta is what the answer to a POST says of itself (reference sls-query 4.3). No array in it may be null.
type logsMeta struct {
	Progress     string   `json:"progress"`
	Count        int      `json:"count"`
	Rows         int64    `json:"processedRows"`
	Bytes        int64    `json:"processedBytes"`
	Milliseconds int64    `json:"elapsedMillisecond"`
	HasSQL       bool     `json:"hasSQL"`
	Where        string   `json:"whereQuery"`
	Agg          string   `json:"aggQuery"`
	CPUSec       float64  `json:"cpuSec"`
	CPUCores     int      `json:"cpuCores"`
	Keys         []string `json:"keys"`
	Terms        []term   `json:"terms"`
	Limited      int      `json:"limited"`
	Marker       string   `json:"marker"`
	Mode         int      `json:"mode"`
	Accurate     bool     `json:"isAccurate"`
	ColumnTypes  []string `json:"columnTypes"`
	Highlights   []string `json:"highlights"`
	PowerSQL     bool     `json:"powerSql"`
	InsertedSQL  string   `json:"insertedSQL"`
	Shard        int      `json:"shard"`
	ScanBytes    int64    `json:"scanBytes"`
	Telemetry    string   `json:"telementryType"` // as clients spell it
}

func metaOf(where string, count int, terms []search.Highlighted, c query.Coverage) logsMeta {
	m := logsMeta{
		Progress: progress(c), Count: count, Rows: c.Logs, Bytes: c.Bytes, Milliseconds: c.Elapsed.Milliseconds(),
		Where: where, Accurate: true, Keys: []string{}, Terms: []term{}, ColumnTypes: []string{}, Highlights: []string{},
	}
	for _, t := range terms {
		m.Terms = append(m.Terms, term{t.Field, t.Term})
	}
	return m
}

// queryInfo is the same for the GET, in a header and in other types (reference sls-query 4.2).
func queryInfo(m *logsMeta) string {
	terms := [][2]string{}
	for _, t := range m.Terms {
		terms = append(terms, [2]string{t.Term, t.Key})
	}
	info, _ := json.Marshal(map[string]any{ // nothing in it can fail
		"keys": m.Keys, "terms": terms, "limited": strconv.Itoa(m.Limited), "marker": "", "mode": 0, "scanBytes": 0, "isAccurate": 1,
		"columnTypes": m.ColumnTypes, "highlight": []string{},
		"phraseQueryInfo": map[string]string{"scanAll": "true", "beginOffset": "0", "endOffset": "0", "endTime": "0"},
	})
	return headerText(string(info))
}

// headerText escapes what a header line cannot carry. In JSON the escapes mean the same.
func headerText(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`), `\\`, `\`)
}

// appendRows appends logs as a JSON array of flat objects, every value a string (reference sls-api 0.1 and 5.10).
func appendRows(b []byte, logs []query.Log) []byte {
	b = append(b, '[')
	for i := range logs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRow(b, &logs[i])
	}
	return append(b, ']')
}

func appendRow(b []byte, l *query.Log) []byte {
	b = append(b, `{"__time__":"`...)
	b = strconv.AppendUint(b, uint64(l.Time), 10)
	b = append(b, '"')
	if l.Nanos != 0 {
		b = append(b, `,"__time_ns_part__":"`...)
		b = strconv.AppendUint(b, uint64(min(l.Nanos, math.MaxUint32)), 10)
		b = append(b, '"')
	}
	for _, f := range l.Fields { // each name once; and not __time__, which the engine hides in contents
		if f.Key == "__time_ns_part__" && l.Nanos != 0 {
			continue
		}
		b = append(b, ',')
		b = appendString(b, f.Key)
		b = append(b, ':')
		b = appendString(b, f.Value)
	}
	return append(b, '}')
}

// appendString appends s as a JSON string; what is not UTF-8 in it is replaced.
func appendString(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string cannot fail
	return append(b, text...)
}
