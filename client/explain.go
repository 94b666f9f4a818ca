package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
)

// Explanation says how a query is answered.
type Explanation struct {
	Search   string           `json:"search"`              // as the index configuration understands it
	Pipeline string           `json:"pipeline,omitempty"`  // SPL, if there is any
	SQL      string           `json:"engineSql,omitempty"` // the statement as the SQL engine runs it, if there is one
	Tables   []ExplainedTable `json:"tables"`
	Run      *ExplainedRun    `json:"run,omitempty"` // nil for a query that was not run
}

// ExplainedTable is what is read of one logstore.
type ExplainedTable struct {
	Logstore  string         `json:"logstore"`
	Segments  ExplainedParts `json:"segments"`
	RowGroups ExplainedParts `json:"rowGroups"`           // in the segments that are left
	Tail      int64          `json:"logGroupsNotIndexed"` // which are read from the shards
	Found     int64          `json:"found"`               // logs, those aside that the SQL engine reads by itself
}

// ExplainedParts is a number of things, and what becomes of them.
type ExplainedParts struct {
	All     int `json:"all"`
	Outside int `json:"outsideRange"` // of time, so not looked at
	Stale   int `json:"otherIndex"`   // built under another index configuration: every log is looked at
	Damaged int `json:"damaged"`      // left out
	Files   int `json:"readByEngine"` // left to the SQL engine as they are
}

// ExplainedRun is what running a query took.
type ExplainedRun struct {
	Progress       string               `json:"progress"` // Complete or Incomplete
	Rows           int                  `json:"rows"`     // of the answer
	ProcessedRows  int64                `json:"processedRows"`
	ProcessedBytes int64                `json:"processedBytes"`
	Milliseconds   float64              `json:"elapsedMillisecond"`
	Conditions     []ExplainedCondition `json:"conditions"` // parts of the search
	Steps          []ExplainedStep      `json:"steps"`
}

// ExplainedCondition is how a part of a search was decided in the segments.
type ExplainedCondition struct {
	Text       string `json:"text"`
	RowGroups  int    `json:"rowGroups"`    // that it was asked of
	RowsBefore int64  `json:"rowsBefore"`   // that mattered when it was asked
	RowsAfter  int64  `json:"rowsAfter"`    // that it left
	Values     int64  `json:"valuesRead"`   // because the token index alone could not tell
	Logs       int64  `json:"logsRead"`     // that were read whole for it
	Micros     int64  `json:"microseconds"` // of all processors together
}

// ExplainedStep is a part of the work.
type ExplainedStep struct {
	Name   string `json:"name"`
	Micros int64  `json:"microseconds"` // of all processors together
}

// Explain says how Logs with q is answered. With run it is, and how that went is in Run. Error codes as for Logs.
func (c *Client) Explain(ctx context.Context, ref sluice.LogstoreRef, q LogsQuery, run bool) (*Explanation, error) {
	if q.Line <= 0 || q.Line > MaxPage {
		q.Line = MaxPage
	}
	query := timeRangeQuery(q.From, q.To)
	query.Set("query", q.Query)
	query.Set("line", strconv.Itoa(q.Line))
	query.Set("offset", strconv.Itoa(q.Offset))
	query.Set("reverse", strconv.FormatBool(q.Reverse))
	query.Set("run", strconv.FormatBool(run))
	if q.Topic != "" {
		query.Set("topic", q.Topic)
	}
	x := new(Explanation)
	err := c.send(ctx, call{method: http.MethodGet, project: ref.Project, path: "/sluice/v1" + logstorePath(ref) + "/explain", query: query}, x)
	return x, err
}

// timeRangeQuery is a range of log times as parameters.
func timeRangeQuery(from, to time.Time) url.Values {
	return url.Values{
		"from": {strconv.FormatInt(from.Unix(), 10)}, "fromNs": {strconv.Itoa(from.Nanosecond())},
		"to": {strconv.FormatInt(to.Unix(), 10)}, "toNs": {strconv.Itoa(to.Nanosecond())},
	}
}
