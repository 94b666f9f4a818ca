package sls

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/deletion"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
)

// EnableLogStoreModify: PUT /logstores/{logstore}/modification
//
// Body: enabled, true.
// Behavior: from now on logs of the logstore may be deleted and updated, those that are there already, too, and queries give each log's row id in
// __rowid__. As enableModify when a logstore is created. There is no way back.
// Differs: done when the answer leaves.

// DeleteLogs: POST /logstores/{logstore}/deletelogs
//
// Body: rowId, or query (a search), from and to; rowId counts if both are there.
// Behavior: no query finds the logs any more once the answer leaves: searches, histograms, SQL, SPL, contexts, tails. Consumers, pulls and
// deliveries get them as ever, and they take their room until the ttl. The number of deleted logs is in affectedRows, affected_rows and
// x-log-affectedrows; to delete what is gone is 0.
// Differs: all that is found is deleted, or nothing: at most 100,000 logs, and nothing when not all could be searched. Requests that change logs of one
// logstore take turns; of more than 64 the last are answered 503.

// UpdateLogs: POST /logstores/{logstore}/updatelogs
//
// Body: as DeleteLogs, with data (a JSON object of fields) and updateMode, partial or full.
// Behavior: queries see what logs say now, once the answer leaves; row ids, times and places stay. partial leaves other fields as they are, full takes
// them away. Whoever else gets logs is as for DeleteLogs.
// Differs: at most 10,000 logs. __source__, __topic__ and tags stay also with full unless they are named; null takes a field away.

// CreateDeleteLogsTask: POST /logstores/{logstore}/deletelogtasks
//
// Body: query (a search), from, to, topic.
// Behavior: logs are deleted in the background, as by DeleteLogs, the oldest first and any number. A task goes on after a restart; it has failed once the
// server could not go on with it for some ten minutes.
// Differs: the logstore has to be one whose logs may be modified, as for DeleteLogs.

// ListDeleteLogsTasks: GET /logstores/{logstore}/deletelogtasks
//
// Behavior: the newest first; of those that are over, the last hundred at most.

// GetDeleteLogsTask: GET /logstores/{logstore}/deletelogtasks/{id}
//
// Behavior: progress in percent of the time range, status (RUNNING, SUCCEEDED, FAILED), affectedRows so far, and where it failed an errorCode that is not
// 0 with a message.

var amendRoutes = []Route{
	{Method: "PUT", Path: "/logstores/{logstore}/modification", Action: "EnableLogStoreModify", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).enableModification},
	{Method: "POST", Path: "/logstores/{logstore}/deletelogs", Action: "DeleteLogs", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).deleteLogs},
	{Method: "POST", Path: "/logstores/{logstore}/updatelogs", Action: "UpdateLogs", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).updateLogs},
	{Method: "POST", Path: deletionPath, Action: "CreateDeleteLogsTask", Resource: "logstore/{logstore}", Mutating: true, handle: (*API).createDeletion},
	{Method: "GET", Path: deletionPath, Action: "ListDeleteLogsTasks", Resource: "logstore/{logstore}", handle: (*API).listDeletions},
	{Method: "GET", Path: deletionPath + "/{id}", Action: "GetDeleteLogsTask", Resource: "logstore/{logstore}", handle: (*API).getDeletion},
}

const deletionPath = "/logstores/{logstore}/deletelogtasks"

func (a *API) enableModification(q *request) error {
	var body struct {
		Enabled *looseBool `json:"enabled"`
	}
	if err := q.decode("parameter", &body); err != nil {
		return err
	}
	if body.Enabled == nil {
		return sluice.Errorf(sluice.Invalid, "parameter", "enabled is missing; it has to be true")
	}
	err := a.Catalog.UpdateLogstore(q.ctx(), q.logstore(), func(l *meta.Logstore) error {
		l.Modifiable = bool(*body.Enabled)
		return nil
	})
	if err != nil {
		return err
	}
	return q.ok()
}

// amendBody is what clients say about logs that are to be deleted or updated.
type amendBody struct {
	From  *looseInt       `json:"from"`
	To    *looseInt       `json:"to"`
	Query *string         `json:"query"`
	Topic string          `json:"topic"`
	RowID string          `json:"rowId"`
	Mode  string          `json:"updateMode"`
	Data  json.RawMessage `json:"data"`
}

// which reads which logs are meant.
func (b *amendBody) which(ref sluice.LogstoreRef) (query.Which, error) {
	if b.RowID != "" {
		return query.Which{Filter: query.Filter{Ref: ref}, RowID: b.RowID}, nil
	}
	f, err := b.filter(ref)
	return query.Which{Filter: f}, err
}

func (b *amendBody) filter(ref sluice.LogstoreRef) (query.Filter, error) {
	invalid := func(format string, args ...any) (query.Filter, error) {
		return query.Filter{}, sluice.Errorf(sluice.Invalid, "parameter", format, args...)
	}
	switch {
	case b.Query == nil || *b.Query == "":
		return invalid("query is missing; to mean all logs of the time range, say *")
	case b.From == nil || b.To == nil:
		return invalid("from and to are missing: they say which time range the query is about")
	}
	r, err := query.Seconds(int64(*b.From), 0, int64(*b.To), 0)
	if err != nil {
		return query.Filter{}, err
	}
	s, err := search.Split(*b.Query)
	if err != nil {
		return query.Filter{}, err
	}
	if s.Kind != search.SearchOnly {
		return invalid("query has to be a search alone, without SQL, SPL or anything else behind a pipe")
	}
	return query.Filter{Ref: ref, Range: r, Search: s.Search, Topic: b.Topic}, nil
}

// patch reads what becomes of the logs.
func (b *amendBody) patch() (*query.Patch, error) {
	if b.Mode != "" && b.Mode != "partial" && b.Mode != "full" {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "updateMode %.64q is neither partial nor full", b.Mode)
	}
	data := []byte(b.Data)
	if bytes.HasPrefix(data, []byte(`"`)) { // clients send the object as a text
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return nil, sluice.Errorf(sluice.Invalid, "parameter", "data is not JSON: %v", err)
		}
		data = []byte(text)
	}
	return query.ParsePatch(data, b.Mode == "full")
}

// amendment reads a request to delete or update logs.
func (q *request) amendment() (b *amendBody, w query.Which, err error) {
	b = &amendBody{}
	if err = q.decode("parameter", b); err == nil {
		w, err = b.which(q.logstore())
	}
	return b, w, err
}

func (a *API) deleteLogs(q *request) error {
	_, w, err := q.amendment()
	if err != nil {
		return err
	}
	n, err := a.Query.Delete(q.ctx(), w)
	if err != nil {
		return err
	}
	return q.affected(n)
}

func (a *API) updateLogs(q *request) error {
	body, w, err := q.amendment()
	if err != nil {
		return err
	}
	p, err := body.patch()
	if err != nil {
		return err
	}
	n, err := a.Query.Update(q.ctx(), w, p)
	if err != nil {
		return err
	}
	return q.affected(n)
}

// affected answers how many logs were changed, in each of the forms that clients look for.
func (q *request) affected(n int) error {
	q.w.Header()["x-log-affectedrows"] = []string{strconv.Itoa(n)}
	return q.json(struct {
		Rows  int `json:"affectedRows"`
		Rows2 int `json:"affected_rows"`
	}{n, n})
}

// deletionObject is a task as clients see it.
type deletionObject struct {
	ID       string  `json:"taskId"`
	Status   string  `json:"status"`
	Progress float64 `json:"progress"`
	From     int64   `json:"from"`
	To       int64   `json:"to"`
	Query    string  `json:"query"`
	Topic    string  `json:"topic"`
	Rows     int64   `json:"affectedRows"`
	Created  int64   `json:"createTime"`
	Finished int64   `json:"finishTime,omitempty"`
	Message  string  `json:"message,omitempty"`
	Failure  int     `json:"errorCode"` // for the Java SDK: 0, or 1 where it failed, and why
	Failed   string  `json:"errorMessage,omitempty"`
}

func newDeletionObject(t *deletion.Task) deletionObject {
	o := deletionObject{
		ID: t.ID, Status: string(t.State), Progress: t.Progress(), From: t.From, To: t.To, Query: t.Search, Topic: t.Topic, Rows: t.Deleted,
		Created: t.Created.Unix(), Message: t.Message, Failed: t.Message,
	}
	if t.State == deletion.Failed {
		o.Failure = 1
	}
	if !t.Finished.IsZero() {
		o.Finished = t.Finished.Unix()
	}
	return o
}

func (a *API) createDeletion(q *request) error {
	var body amendBody
	if err := q.decode("parameter", &body); err != nil {
		return err
	}
	f, err := body.filter(q.logstore())
	if err != nil {
		return err
	}
	t, err := a.Deletions.Create(q.ctx(), f)
	if err != nil {
		return err
	}
	return q.json(newDeletionObject(&t))
}

func (a *API) listDeletions(q *request) error {
	offset, size, err := q.page()
	if err != nil {
		return err
	}
	all, err := a.Deletions.List(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	page := all[min(offset, len(all)):min(offset+size, len(all))]
	tasks := make([]deletionObject, len(page))
	for i := range page {
		tasks[i] = newDeletionObject(&page[i])
	}
	return q.json(struct {
		Count int              `json:"count"`
		Total int              `json:"total"`
		Tasks []deletionObject `json:"tasks"`
	}{len(tasks), len(all), tasks})
}

func (a *API) getDeletion(q *request) error {
	t, err := a.Deletions.Get(q.ctx(), q.logstore(), q.vars.get("id"))
	if err != nil {
		return err
	}
	return q.json(newDeletionObject(&t))
}
