package sls

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/asyncsql"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
)

// SubmitAsyncSQL: POST /asyncsql
//
// Body: logstore, query (a search and SQL), from, to, extensions with maxRunTime (milliseconds, at most 600000), allowIncomplete and powerSql.
// Behavior: the answer has an id, and the statement runs in its turn; a result that is not complete fails, unless allowIncomplete. What came of it is
// kept for an hour after its end.
// Differs: a statement may take no longer than one that is waited for (docs/sql.md), whatever maxRunTime says; powerSql changes nothing. Statements
// and results do not outlive the server.

// GetAsyncSQL: GET /asyncsql/{id}
//
// Behavior: state RUNNING, FINISHED or FAILED; of a finished one line rows (100, at most 1000) from offset on. Whoever asks has to be allowed to
// read each logstore that the statement has read.

// DeleteAsyncSQL: DELETE /asyncsql/{id}
//
// Behavior: a statement that runs is CANCELLED, and what there is of a result is forgotten.

var asyncSQLRoutes = []Route{
	{Method: "POST", Path: "/asyncsql", Action: "SubmitAsyncSQL", Permission: "log:GetLogStoreLogs", Resource: "project", Late: true, handle: (*API).submitAsyncSQL},
	{Method: "GET", Path: "/asyncsql/{id}", Action: "GetAsyncSQL", Permission: "log:GetLogStoreLogs", Resource: "project", Late: true, handle: (*API).getAsyncSQL},
	{Method: "DELETE", Path: "/asyncsql/{id}", Action: "DeleteAsyncSQL", Permission: "log:GetLogStoreLogs", Resource: "project", Late: true, handle: (*API).deleteAsyncSQL},
}

// Bounds of asynchronous SQL.
const (
	maxAsyncRunTime = 600_000 // milliseconds
	maxAsyncRows    = 1000    // of one answer
)

// asyncBody is what clients submit.
type asyncBody struct {
	ask
	Logstore   string `json:"logstore"`
	Extensions struct {
		MaxRunTime looseInt  `json:"maxRunTime"`
		Incomplete looseBool `json:"allowIncomplete"`
	} `json:"extensions"`
}

// asyncScope is where the runs are that the signer may ask about.
func (q *request) asyncScope() string { return q.principal.Account + "/" + q.project }

func (a *API) submitAsyncSQL(q *request) error {
	var body asyncBody
	if err := q.decode("parameter", &body); err != nil {
		return err
	}
	if err := q.permit(q.project, body.Logstore); err != nil {
		return err
	}
	ref := sluice.LogstoreRef{Project: q.project, Logstore: body.Logstore}
	if body.Logstore == "" {
		return sluice.Errorf(sluice.Invalid, "parameter", "logstore is missing")
	}
	if _, err := a.Catalog.Logstore(q.ctx(), ref); err != nil {
		return err
	}
	p, statement, err := body.page(ref)
	if err != nil {
		return err
	}
	limit := int(body.Extensions.MaxRunTime)
	switch {
	case statement.Kind != search.SQL:
		return sluice.Errorf(sluice.Invalid, "parameter", "query is not a search with SQL behind a pipe, like: * | select count(*) as n")
	case limit < 0 || limit > maxAsyncRunTime:
		return sluice.Errorf(sluice.Invalid, "parameter", "maxRunTime %d is not 0 (the server's limit) to %d milliseconds", limit, maxAsyncRunTime)
	case limit == 0:
		limit = maxAsyncRunTime
	}
	run, err := a.AsyncSQL.Submit(q.asyncScope(), []sluice.LogstoreRef{ref}, func(ctx context.Context, reads func(sluice.LogstoreRef)) (*query.Result, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(limit)*time.Millisecond)
		defer cancel()
		filter := p.Filter
		filter.MayRead = func(other sluice.LogstoreRef) error {
			reads(other)
			return q.mayRead(other)
		}
		result, err := a.Query.SQL(ctx, filter, statement.Analytics)
		if err == nil && !bool(body.Extensions.Incomplete) && (result.Truncated || !result.Complete) {
			err = sluice.Errorf(sluice.TooLarge, "sql", "the result is not complete; ask for less, or submit with allowIncomplete")
		}
		return result, err
	})
	if err != nil {
		return err
	}
	return a.answerAsync(q, run, 0, 0)
}

// asyncRun is the run that the path names, if the signer may read all that it has read.
func (a *API) asyncRun(q *request) (asyncsql.Run, error) {
	run, err := a.AsyncSQL.Get(q.asyncScope(), q.vars.get("id"))
	if err != nil {
		if denied := q.permit(q.project, ""); denied != nil {
			return run, denied
		}
		return run, err
	}
	for _, ref := range run.Reads {
		if err := q.permit(ref.Project, ref.Logstore); err != nil {
			return run, err
		}
	}
	return run, nil
}

func (a *API) getAsyncSQL(q *request) error {
	run, err := a.asyncRun(q)
	if err != nil {
		return err
	}
	offset, err := q.number("offset", 0)
	if err != nil {
		return err
	}
	line, err := q.number("line", maxLine)
	if err != nil {
		return err
	}
	if offset < 0 || line < 0 {
		return sluice.Errorf(sluice.Invalid, "parameter", "offset %d or line %d is below 0", offset, line)
	}
	return a.answerAsync(q, run, offset, min(line, maxAsyncRows))
}

func (a *API) deleteAsyncSQL(q *request) error {
	if _, err := a.asyncRun(q); err != nil {
		return err
	}
	run, err := a.AsyncSQL.Delete(q.asyncScope(), q.vars.get("id"))
	if err != nil {
		return err
	}
	return a.answerAsync(q, run, 0, 0)
}

// Fields of the answer (reference sls-api 4.1).
const (
	asyncID protowire.Number = iota + 1
	asyncState
	asyncMeta
	asyncRows
	asyncErrorCode
	asyncErrorMessage
)

// Fields of its meta.
const (
	asyncResultRows protowire.Number = iota + 1
	asyncLogs
	asyncBytes
	asyncElapsed
	asyncCPUSec
	asyncCPUCores
	asyncProgress
	asyncKeys
)

// answerAsync answers how a run does, with line of its rows from offset on.
func (a *API) answerAsync(q *request, run asyncsql.Run, offset, line int) error {
	b := appendText(nil, asyncID, run.ID)
	b = appendText(b, asyncState, string(run.State))
	ended := run.Ended
	if ended.IsZero() {
		ended = a.o.Now()
	}
	meta := appendNumber(nil, asyncElapsed, ended.Sub(run.Began).Milliseconds())
	if r := run.Result; r != nil {
		meta = appendResult(meta, r)
		b = appendAsyncRows(b, r.Rows, offset, line)
	}
	b = protowire.AppendBytes(protowire.AppendTag(b, asyncMeta, protowire.BytesType), meta)
	if run.Err != nil {
		f := explain(run.Err)
		b = appendText(b, asyncErrorCode, f.Code)
		b = appendText(b, asyncErrorMessage, f.Message)
	}
	return a.protobuf(q, b)
}

// appendResult appends what is told of a result.
func appendResult(b []byte, r *query.Result) []byte {
	progress := progress(r.Coverage)
	if r.Truncated {
		progress = "Incomplete"
	}
	b = appendNumber(b, asyncResultRows, int64(len(r.Rows)))
	b = appendNumber(b, asyncLogs, r.Logs)
	b = appendNumber(b, asyncBytes, r.Bytes)
	b = protowire.AppendFixed64(protowire.AppendTag(b, asyncCPUSec, protowire.Fixed64Type), math.Float64bits(0))
	b = appendNumber(b, asyncCPUCores, 0)
	b = appendText(b, asyncProgress, progress)
	for _, name := range r.Columns {
		b = appendText(b, asyncKeys, name)
	}
	return b
}

func appendAsyncRows(b []byte, rows [][]string, offset, line int) []byte {
	offset = min(offset, len(rows))
	for _, row := range rows[offset:min(offset+line, len(rows))] {
		var columns []byte
		for _, value := range row {
			columns = appendText(columns, 1, value)
		}
		b = protowire.AppendBytes(protowire.AppendTag(b, asyncRows, protowire.BytesType), columns)
	}
	return b
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}

func appendNumber(b []byte, field protowire.Number, n int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(n))
}

// protobuf answers a message in the compression that the client asks for.
func (a *API) protobuf(q *request, raw []byte) error {
	room, err := take(a.answers, 2*int64(len(raw)))
	if err != nil {
		return err
	}
	defer room.shrink(0)
	codec := accepted(q.r.Header.Get("Accept-Encoding"))
	h, body := q.w.Header(), raw
	h["X-Log-Bodyrawsize"] = []string{strconv.Itoa(len(raw))}
	if codec != logpb.None {
		if body, err = logpb.Compress(nil, codec, raw); err != nil {
			return err
		}
		h["X-Log-Compresstype"] = []string{string(codec)}
	}
	send(q.w, http.StatusOK, typeProtobuf, body)
	return nil
}
