package sls

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
)

// GetProjectLogs: GET /logs
//
// Behavior: the result of SQL over logstores of the project, which FROM names; WHERE has to bound __time__ or __date__ of each. The
// caller has to be allowed to read their logs. The answer is that of GetLogs.
// Differs: powerSql is accepted, and changes neither speed nor limits.

var projectLogsRoutes = []Route{
	{Method: "GET", Path: "/logs", Action: "GetProjectLogs", Resource: "project", handle: (*API).getProjectLogs},
}

func (a *API) getProjectLogs(q *request) error {
	power, err := q.flag("powerSql")
	if err != nil {
		return err
	}
	sql := q.query.Get("query")
	if sql == "" {
		return sluice.Errorf(sluice.Invalid, "parameter", "query is missing: send a statement like select ... from LOGSTORE where __time__ >= ... and __time__ < ...")
	}
	result, err := a.Query.ProjectSQL(q.ctx(), q.project, sql, q.mayRead)
	if err != nil {
		return err
	}
	m := metaOfSQL("", sql, result)
	m.PowerSQL = power
	q.array(&answer{m, table(result.Columns, result.Rows)})
	return nil
}

// mayRead asks whether the signer may read the logs of a logstore that a statement names.
func (q *request) mayRead(ref sluice.LogstoreRef) error {
	return q.principal.Authorize(auth.Action{Name: "log:GetLogStoreLogs"}, auth.Resource{Project: ref.Project, Logstore: ref.Logstore})
}
