package sls

import (
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query"
)

// GetContextLogs: GET /logstores/{logstore}?type=context_log
//
// Behavior: the logs before and after one, in the order in which their producer numbered its log groups by the tag __pack_id__,
// whatever shards they went to. pack_id and pack_meta come with the rows of a search that ends in |with_pack_meta.
// Differs: neighbours are looked for within a day of the time of receipt, not of the time of the log.

// ListTopics: GET /logstores/{logstore}?type=topic
//
// Behavior: the topics of all logs held, in order, from token on.

var contextRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}", When: "type=context_log", Action: "GetContextLogs", Permission: "log:GetLogStoreContextLogs", Resource: "logstore/{logstore}", handle: (*API).getContextLogs},
	{Method: "GET", Path: "/logstores/{logstore}", When: "type=topic", Action: "ListTopics", Permission: "log:GetLogStoreLogs", Resource: "logstore/{logstore}", handle: (*API).listTopics},
}

func (a *API) getContextLogs(q *request) error {
	back, err := q.number("back_lines", 0)
	if err != nil {
		return err
	}
	forward, err := q.number("forward_lines", 0)
	if err != nil {
		return err
	}
	if back < 0 || forward < 0 || back > maxLine || forward > maxLine || back+forward == 0 {
		return sluice.Errorf(sluice.Invalid, "context", "back_lines or forward_lines must be postive.") //nolint:misspell // as the service spells it
	}
	anchor, err := query.ParseAnchor(q.query.Get("pack_id"), q.query.Get("pack_meta"))
	if err != nil {
		return err
	}
	found, err := a.Query.Around(q.ctx(), q.logstore(), anchor, back, forward)
	if err != nil {
		return err
	}
	for i := range found.Logs {
		l := &found.Logs[i]
		l.Fields = append(l.Fields, sluice.Field{Key: "__index_number__", Value: strconv.Itoa(i - found.Back)},
			sluice.Field{Key: "__pack_meta__", Value: l.PackMeta()})
	}
	b := []byte(`{"progress":"` + progress(query.Coverage{Complete: found.Complete}) + `","total_lines":`)
	b = strconv.AppendInt(b, int64(len(found.Logs)), 10)
	b = strconv.AppendInt(append(b, `,"back_lines":`...), int64(found.Back), 10)
	b = strconv.AppendInt(append(b, `,"forward_lines":`...), int64(len(found.Logs)-found.Back-1), 10)
	b = append(appendRows(append(b, `,"logs":`...), found.Logs), '}')
	send(q.w, 200, typeJSON, b)
	return nil
}

func (a *API) listTopics(q *request) error {
	line, err := q.number("line", maxLine)
	if err != nil {
		return err
	}
	if line < 1 {
		return badParameter("line", q.query.Get("line"), "below 1")
	}
	topics, next, err := a.Query.Topics(q.ctx(), q.logstore(), q.query.Get("token"), min(line, 500))
	if err != nil {
		return err
	}
	h := q.w.Header()
	h["X-Log-Count"] = []string{strconv.Itoa(len(topics))}
	h["X-Log-Nexttoken"] = []string{headerText(next)}
	return q.json(topics)
}
