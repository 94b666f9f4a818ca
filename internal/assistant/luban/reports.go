package luban

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicelog/sluice/internal/assistant"
)

// Bounds of a report.
const (
	maxOutput = 128 << 10 // of a body; clients send a record's worth, more of it if they change its encoding
	maxInfo   = 255
	maxTask   = 64 // of an id
)

// done answers what needs no answer.
var done = struct {
	Code int `json:"code"`
}{http.StatusOK}

// orphaned answers a report of what is over here: clients that read it end the run.
var orphaned = struct {
	Code      int    `json:"code"`
	ErrorCode string `json:"errorCode"`
	Status    string `json:"status"`
}{http.StatusOK, "TaskNotFound", "Terminated"}

// report: POST /luban/api/v1/task/{verified,invalid,running,finish,timeout,error,stopped}
//
// Query: taskId, and what else belongs to the kind; times are milliseconds since 1970 by the client's clock. Body: output that no report before had. A success
// means that it is kept. Reports of tasks that are not under way are taken and change nothing; a client that runs one is told to stop.
func (g *Gateway) report(w http.ResponseWriter, r *request) error {
	if r.host.refused() {
		return refuseClone()
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOutput))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return refuse(http.StatusRequestEntityTooLarge, "OutputTooLarge", "the output of one report has at most %d bytes", maxOutput)
		}
		return err
	}
	rep, err := readReport(r.PathValue("report"), r.URL.Query(), body, r.ahead)
	if err != nil {
		return err
	}
	held, err := g.s.Report(r.Context(), r.host.instance, rep)
	if err != nil {
		return err
	}
	goesOn := rep.Kind == assistant.ReportRunning || rep.Kind == assistant.ReportRejected
	if !held && rep.Kind == assistant.ReportRunning {
		answer(w, http.StatusOK, orphaned)
	} else {
		answer(w, http.StatusOK, done)
	}
	if !held && goesOn {
		r.host.stop(rep.Invocation)
		r.host.kick()
	}
	return nil
}

// smallError is how far a client's clock may be off before its times are moved to the server's.
const smallError = 2 * time.Second

// readReport reads a report of a kind. ahead is how far the server's clock is from the client's.
func readReport(kind string, q url.Values, body []byte, ahead time.Duration) (*assistant.Report, error) {
	task := q.Get("taskId")
	if task == "" || len(task) > maxTask {
		return nil, refuse(http.StatusUnprocessableEntity, "InvalidTaskId", "taskId is missing, or longer than %d bytes", maxTask)
	}
	if ahead.Abs() < smallError {
		ahead = 0
	}
	rep := &assistant.Report{Invocation: task, Output: body}
	start, end := number(q, "start"), number(q, "end")
	if start > 0 {
		rep.RunMark, rep.Start = strconv.FormatInt(start, 10), time.UnixMilli(start).Add(ahead)
	}
	if end > 0 {
		rep.End = time.UnixMilli(end).Add(ahead)
	}
	rep.OverMark = kind + "/" + strconv.FormatInt(end, 10) + "/" + strconv.FormatInt(number(q, "currentTime"), 10)
	rep.Dropped = number(q, "dropped")
	switch {
	case kind == "verified":
		rep.Kind = assistant.ReportVerified
	case kind == "invalid":
		rep.Kind = assistant.ReportRejected
		rep.ErrorCode, rep.ErrorInfo = rejection(q.Get("param"), q.Get("value"))
	case kind == "running":
		rep.Kind = assistant.ReportRunning
	case kind == "finish" && q.Get("taskType") == "sendfile":
		sent(rep, q)
	case kind == "finish", kind == "timeout", kind == "error", kind == "stopped":
		over(rep, kind, q)
	default:
		return nil, refuse(http.StatusNotFound, "UnknownReport", "there is no such report")
	}
	return rep, nil
}

// number is a number of a query that is not negative; 0 if it is none.
func number(q url.Values, name string) int64 {
	n, err := strconv.ParseInt(q.Get(name), 10, 64)
	const most = 1 << 52
	if err != nil || n < 0 || n > most {
		return 0
	}
	return n
}
