package sls

import (
	"bytes"
	"encoding/json"
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
// Also: SQL behind the pipe, over what the search finds: rows by column, at most 100 unless the statement has a limit, and with the
// begin of the range as __time__ where the statement gives none.
// Also: SPL behind the pipe: pages of the rows that leave the pipeline, in mode 2, to be read as those of a search.
// Differs: x-log-progress is Incomplete only when time ran out or data on disk is damaged; pages are exact otherwise.
// Differs: wildcards find every word that they match, not a sample of 100, and phrases are exact and unlimited.
// Differs: SPL looks at all that the search finds, not at 100,000 logs, and may sort, limit and group anywhere; offset counts
// rows that left the pipeline.
// Also: SQL may join other logstores of the project that the caller may read; they are read over the same time, without the search.
// Differs: shard is ignored; powerSql and session are accepted, and change neither speed nor limits.

// GetLogsV2: POST /logstores/{logstore}/logs
//
// Behavior: as GetLogs, with the parameters in a JSON body and an object as the answer, compressed with lz4, zstd or deflate
// where Accept-Encoding names one alone. With highlight, the meta has for each log the fields that the search found it by,
// their text as it is with <em> and </em> around what was found.
// Differs: forward is ignored: pages follow offset and reverse.

var getLogsRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}", When: "type=log", Action: "GetLogs", Permission: "log:GetLogStoreLogs", Resource: "logstore/{logstore}", handle: (*API).getLogs},
	{Method: "POST", Path: "/logstores/{logstore}/logs", Action: "GetLogsV2", Permission: "log:GetLogStoreLogs", Resource: "logstore/{logstore}", handle: (*API).getLogsV2},
}

// maxLine is the size of a page, and what a missing, negative or larger line means.
const maxLine = 100

// ask is what clients ask for, in the names of the JSON body.
type ask struct {
	From      looseInt   `json:"from"`
	To        looseInt   `json:"to"`
	FromNs    looseInt   `json:"fromNs"`
	ToNs      looseInt   `json:"toNs"`
	Query     string     `json:"query"`
	Topic     string     `json:"topic"`
	Line      *looseInt  `json:"line"`
	Offset    looseInt   `json:"offset"`
	Reverse   looseBool  `json:"reverse"`
	Highlight looseBool  `json:"highlight"`
	PowerSQL  looseBool  `json:"powerSql"`
	Session   string     `json:"session"`
	Forward   *looseBool `json:"forward"`
	byGET     bool
}

// page is the page of logs that is asked for, of the search that stands in front of the pipe, and the statement that has it.
func (k *ask) page(ref sluice.LogstoreRef) (p query.Page, statement search.Statement, err error) {
	p = query.Page{Line: maxLine, Offset: int(k.Offset), Reverse: bool(k.Reverse), Highlight: bool(k.Highlight)}
	if k.Line != nil && *k.Line >= 0 {
		p.Line = min(int(*k.Line), maxLine)
	}
	r, err := query.Seconds(int64(k.From), int64(k.FromNs), int64(k.To), int64(k.ToNs))
	if err != nil {
		return p, statement, err
	}
	if statement, err = search.Split(k.Query); err != nil {
		return p, statement, err
	}
	if statement.Kind == search.SQL && k.Offset != 0 {
		return p, statement, sluice.Errorf(sluice.Invalid, "parameter",
			"offset is not available for pagination in sql query, please use limit x,y syntax for pagination")
	}
	p.PackMeta = statement.Kind == search.WithPackMeta
	p.Filter = query.Filter{Ref: ref, Range: r, Search: statement.Search, Topic: k.Topic}
	return p, statement, nil
}

// answer is what is told of an answer, and its rows as a JSON array.
type answer struct {
	logsMeta
	rows [][]byte // in parts
}

// ask asks the engine for logs, or for what SQL or SPL makes of them.
func (a *API) ask(q *request, k *ask) (*answer, error) {
	p, statement, err := k.page(q.logstore())
	if err != nil {
		return nil, err
	}
	var out *answer
	switch statement.Kind {
	case search.SQL:
		p.MayRead = q.mayRead
		out, err = a.askSQL(q, k, p.Filter, statement.Analytics)
	case search.SPL:
		out, err = a.askSPL(q, k, p, statement.Analytics)
	default:
		out, err = a.askLogs(q, k, p)
	}
	if err == nil {
		out.PowerSQL = bool(k.PowerSQL)
	}
	return out, err
}

func (a *API) askLogs(q *request, k *ask, p query.Page) (*answer, error) {
	found, err := a.Query.Logs(q.ctx(), p)
	if err != nil {
		return nil, err
	}
	m := metaOf(k.Query, len(found.Logs), found.Terms, found.Coverage)
	if p.Highlight {
		m.Highlights = highlights(found)
	}
	return &answer{m, [][]byte{appendRows(nil, found.Logs)}}, nil
}

func (a *API) askSQL(q *request, k *ask, f query.Filter, sql string) (*answer, error) {
	result, err := a.Query.SQL(q.ctx(), f, sql)
	if err != nil {
		return nil, err
	}
	m := metaOfSQL(f.Search, sql, result)
	if k.byGET {
		addTime(result, f.Range)
	}
	return &answer{m, table(result.Columns, result.Rows)}, nil
}

// metaOfSQL is what is told of the result of a statement.
func metaOfSQL(where, sql string, result *query.Result) logsMeta {
	m := metaOf(where, len(result.Rows), result.Terms, result.Coverage)
	m.HasSQL, m.Agg, m.Limited, m.Keys, m.ColumnTypes = true, sql, result.Limited, array(result.Columns), array(result.Types)
	if result.Truncated {
		m.Progress = "Incomplete"
	}
	return m
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

// askSPL answers a page of rows in mode 2, the scan of the service. Clients go on at endOffset, or count the rows themselves
// (reference sls-query 4.4): both come to the same here.
func (a *API) askSPL(q *request, k *ask, p query.Page, pipeline string) (*answer, error) {
	rows, err := a.Query.SPL(q.ctx(), p, pipeline)
	if err != nil {
		return nil, err
	}
	m := metaOf(p.Search, len(rows.Rows), rows.Terms, rows.Coverage)
	m.Agg, m.Mode, m.ScanBytes, m.Accurate, m.Keys = pipeline, modeScan, rows.Bytes, rows.InOrder, array(keysOf(rows.Rows))
	backward := k.Forward != nil && !bool(*k.Forward) && strings.Contains(k.Session, "mode=scan")
	m.Scan = &scanInfo{
		All:   !rows.More || backward && p.Offset == 0,
		Begin: p.Offset, End: p.Offset + len(rows.Rows),
	}
	if backward {
		m.Scan.Begin = max(0, p.Offset-p.Line)
	}
	return &answer{m, [][]byte{appendFields(nil, rows.Rows)}}, nil
}

// askOf reads what is asked for from the query string.
func askOf(v url.Values) (*ask, error) {
	k := &ask{Query: v.Get("query"), Topic: v.Get("topic"), Session: v.Get("session"), byGET: true}
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
	var forward looseBool
	for name, field := range map[string]*looseBool{
		"reverse": &k.Reverse, "highlight": &k.Highlight, "powerSql": &k.PowerSQL, "forward": &forward,
	} {
		if text := v.Get(name); text != "" {
			if err := field.UnmarshalJSON([]byte(text)); err != nil {
				return nil, badParameter(name, text, "neither true nor false")
			}
		}
	}
	if v.Get("forward") != "" {
		k.Forward = &forward
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
	q.array(m)
	return nil
}

// array answers rows as a JSON array, with what is to be said of them in headers.
func (q *request) array(m *answer) {
	m.header(q.w.Header())
	send(q.w, 200, typeJSON, m.rows...)
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
	parts := append([][]byte{[]byte(`{"meta":`), meta, []byte(`,"data":`)}, m.rows...)
	return q.compressed(append(parts, []byte(`}`))...)
}

// compressed answers JSON, given in parts, in the compression that the client asks for. HTTP libraries ask for "gzip, deflate" on their
// own and then do not undo it, so a list without lz4 and zstd means none.
func (q *request) compressed(parts ...[]byte) error {
	codec := accepted(q.r.Header.Get("Accept-Encoding"))
	if codec == logpb.None {
		send(q.w, 200, typeJSON, parts...)
		return nil
	}
	body := bytes.Join(parts, nil)
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
