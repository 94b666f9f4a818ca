package sls

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
)

// TailLogs: GET /sluice/v1/logstores/{logstore}/tail
//
// Behavior: logs as they come in, as server-sent events, until the client leaves or the server stops. query is a search, or a search
// and SPL that looks at one log at a time; from is end (default), begin, or the second of receipt to begin with. Events named
// logs have {"shard","logs"}; skipped have {"shard","skippedGroups","skippedLogs","damaged"}, what a slow client missed or cannot be
// read; error is the last and has errorCode and errorMessage. The id of an event is where to go on behind it: with it as Last-Event-ID, nothing
// is lost and nothing comes twice. An id alone comes at the beginning, and as a sign of life every ten seconds.
// Differs: an action of this server, not of Simple Log Service.

var tailLogsRoutes = []Route{
	{Method: "GET", Path: "/sluice/v1/logstores/{logstore}/tail", Action: "TailLogs", Permission: "log:GetLogStoreLogs", Resource: "logstore/{logstore}", handle: (*API).tailLogs},
}

// writeTime is how long a client may take to accept one event. What it is sent meanwhile waits in the shard logs.
const writeTime = time.Minute

func (a *API) tailLogs(q *request) error {
	r, err := a.tail(q)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(q.ctx())
	defer cancel(nil)
	defer context.AfterFunc(a.draining, func() { cancel(errDraining) })()
	s := &eventStream{w: q.w, control: http.NewResponseController(q.w)}
	err = a.Query.Tail(ctx, r, func(e *query.TailEvent) error {
		if err := q.renew(); err != nil { // a key that was deleted opens nothing
			return err
		}
		return s.tailed(e)
	})
	switch {
	case !s.began:
		return err
	case errors.Is(context.Cause(ctx), errDraining):
		err = errDraining
	case s.broken != nil || q.ctx().Err() != nil:
		return nil // the client has left
	}
	f := explain(err)
	q.call.Code, q.call.Err = f.Code, err
	_ = s.event("", "error", struct {
		Code    string `json:"errorCode"`
		Message string `json:"errorMessage"`
	}{f.Code, f.Message}) // the last word, to a client that may have left
	return nil
}

// errDraining ends answers that would go on for ever.
var errDraining = sluice.Errorf(sluice.Unavailable, "server", "the server is stopping; go on with Last-Event-ID when it is back")

// Drain implements [wire.Dialect].
func (a *API) Drain() { a.drain() }

// tail reads what is to be followed, and from where.
func (a *API) tail(q *request) (r query.Tail, err error) {
	statement, err := search.Split(q.query.Get("query"))
	if err != nil {
		return r, err
	}
	r = query.Tail{Ref: q.logstore(), Search: statement.Search}
	switch statement.Kind {
	case search.SPL:
		r.Pipeline = statement.Analytics
	case search.SearchOnly:
	default:
		return r, sluice.Errorf(sluice.Invalid, "query", "SQL looks at all logs, so it cannot follow a tail; use SPL, as in %s | where ...", statement.Search)
	}
	if id := q.r.Header.Get("Last-Event-ID"); id != "" {
		r.Places, err = query.ParsePlaces(id)
		return r, err
	}
	switch from := q.query.Get("from"); from {
	case "", "end":
		r.Places, err = a.Query.Ends(q.ctx(), r.Ref)
	case "begin":
	default:
		seconds, bad := strconv.ParseInt(from, 10, 64)
		if bad != nil || seconds < 0 {
			return r, badParameter("from", from, "neither end, begin nor seconds since 1970")
		}
		r.Places, err = a.Query.PlacesAt(q.ctx(), r.Ref, time.Unix(seconds, 0))
	}
	return r, err
}

// eventStream writes server-sent events.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	began   bool
	broken  error // why the client cannot be written to
	buf     []byte
}

// tailed writes the events that one of a tail is for clients.
func (s *eventStream) tailed(e *query.TailEvent) error {
	if len(e.Rows) == 0 && e.Skipped == nil {
		return s.event(e.Places.String(), "", nil)
	}
	id := e.Places.String()
	if e.Skipped != nil {
		own := id
		if len(e.Rows) > 0 {
			own = "" // only behind the second of two is everything told
		}
		if err := s.event(own, "skipped", struct {
			Shard   sluice.ShardID `json:"shard"`
			Groups  int64          `json:"skippedGroups"`
			Logs    int64          `json:"skippedLogs"`
			Damaged bool           `json:"damaged"`
		}{e.Shard, e.Skipped.Groups, e.Skipped.Logs, e.Skipped.Damaged}); err != nil || len(e.Rows) == 0 {
			return err
		}
	}
	return s.event(id, "logs", struct {
		Shard sluice.ShardID  `json:"shard"`
		Logs  json.RawMessage `json:"logs"`
	}{e.Shard, appendFields(nil, e.Rows)})
}

// event writes one event and sends it off. Without a name it is an id alone, which clients note without being told.
func (s *eventStream) event(id, name string, data any) error {
	if !s.began {
		s.begin()
	}
	s.buf = s.buf[:0]
	if id != "" {
		s.buf = append(append(append(s.buf, "id: "...), id...), '\n')
	}
	if name != "" {
		text, err := json.Marshal(data) // has no line breaks
		if err != nil {
			return err
		}
		s.buf = append(append(append(s.buf, "event: "...), name...), "\ndata: "...)
		s.buf = append(append(s.buf, text...), '\n')
	}
	s.buf = append(s.buf, '\n')
	err := s.control.SetWriteDeadline(time.Now().Add(writeTime))
	if err == nil {
		_, err = s.w.Write(s.buf)
	}
	if err == nil {
		err = s.control.Flush()
	}
	s.broken = err
	return err
}

// begin sends the headers. From here on there is no limit on how long the answer takes.
func (s *eventStream) begin() {
	s.began = true
	h := s.w.Header()
	h["Content-Type"] = []string{"text/event-stream"}
	h["Cache-Control"] = []string{"no-store"}
	h["X-Accel-Buffering"] = []string{"no"}    // proxies have to pass events on at once
	_ = s.control.SetReadDeadline(time.Time{}) // else the end of the request's own time would look like a client that leaves
	s.w.WriteHeader(http.StatusOK)
}
