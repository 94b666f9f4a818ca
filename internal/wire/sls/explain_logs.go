package sls

import (
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
)

// ExplainLogs: GET /sluice/v1/logstores/{logstore}/explain
//
// Behavior: says how GetLogs with the same parameters is answered: what the index makes of the search, which segments and log groups
// are read, what the SQL engine is asked. With run=true the query is run, and the answer tells how each part of the search was
// decided, what was found and how long that took.
// Differs: an action of this server, not of Simple Log Service.

var explainLogsRoutes = []Route{
	{Method: "GET", Path: "/sluice/v1/logstores/{logstore}/explain", Action: "ExplainLogs", Permission: "log:GetLogStoreLogs", Resource: "logstore/{logstore}", handle: (*API).explainLogs},
}

func (a *API) explainLogs(q *request) error {
	k, err := askOf(q.query)
	if err != nil {
		return err
	}
	run, err := q.flag("run")
	if err != nil {
		return err
	}
	p, statement, err := k.page(q.logstore())
	if err != nil {
		return err
	}
	if statement.Kind == search.SQL {
		p.MayRead = q.mayRead
	}
	x, err := a.Query.Explain(q.ctx(), p, statement, run)
	if err != nil {
		return err
	}
	return q.json(explanationOf(x))
}

// The explanation as JSON. Times are microseconds.
type (
	explanation struct {
		Search   string           `json:"search"`
		Pipeline string           `json:"pipeline,omitempty"`
		SQL      string           `json:"engineSql,omitempty"`
		Tables   []explainedTable `json:"tables"`
		Run      *explainedRun    `json:"run,omitempty"`
	}
	explainedTable struct {
		Logstore  string         `json:"logstore"`
		Segments  explainedParts `json:"segments"`
		RowGroups explainedParts `json:"rowGroups"`
		Tail      int64          `json:"logGroupsNotIndexed"`
		Found     int64          `json:"found"`
	}
	explainedParts struct {
		All     int `json:"all"`
		Outside int `json:"outsideRange"`
		Stale   int `json:"otherIndex"`
		Damaged int `json:"damaged"`
		Files   int `json:"readByEngine"`
	}
	explainedRun struct {
		Progress     string               `json:"progress"`
		Rows         int                  `json:"rows"`
		Logs         int64                `json:"processedRows"`
		Bytes        int64                `json:"processedBytes"`
		Milliseconds float64              `json:"elapsedMillisecond"`
		Conditions   []explainedCondition `json:"conditions"`
		Steps        []explainedStep      `json:"steps"`
	}
	explainedCondition struct {
		Text   string `json:"text"`
		Groups int    `json:"rowGroups"`
		Before int64  `json:"rowsBefore"`
		After  int64  `json:"rowsAfter"`
		Values int64  `json:"valuesRead"`
		Logs   int64  `json:"logsRead"`
		Micros int64  `json:"microseconds"`
	}
	explainedStep struct {
		Name   string `json:"name"`
		Micros int64  `json:"microseconds"`
	}
)

func explanationOf(x *query.Explanation) explanation {
	out := explanation{Search: x.Search, Pipeline: x.Pipeline, SQL: x.SQL, Tables: []explainedTable{}}
	parts := func(p query.Parts) explainedParts {
		return explainedParts{p.All, p.Outside, p.Stale, p.Damaged, p.Files}
	}
	for _, t := range x.Tables {
		out.Tables = append(out.Tables, explainedTable{t.Logstore, parts(t.Segments), parts(t.Groups), t.Tail, t.Found})
	}
	if !x.Ran {
		return out
	}
	run := &explainedRun{
		Progress: progress(x.Coverage), Rows: x.Rows, Logs: x.Logs, Bytes: x.Bytes,
		Milliseconds: float64(x.Elapsed.Microseconds()) / 1000, Conditions: []explainedCondition{}, Steps: []explainedStep{},
	}
	for _, c := range x.Conditions {
		run.Conditions = append(run.Conditions, explainedCondition{c.Text, c.Asked, c.Before, c.After, c.Values, c.Logs, c.Took.Microseconds()})
	}
	for _, s := range x.Steps {
		run.Steps = append(run.Steps, explainedStep{s.Name, s.Took.Microseconds()})
	}
	out.Run = run
	return out
}
