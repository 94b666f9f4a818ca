package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluicelog/sluice/internal/logpb"
)

// ProjectLogs returns the result of SQL over logstores of a project, which FROM names; WHERE has to bound __time__ or __date__ of
// each. Error codes: ParameterInvalid for a statement that cannot be read, with the place in the message; Unauthorized for a
// logstore that may not be read.
func (c *Client) ProjectLogs(ctx context.Context, project, sql string) (*Logs, error) {
	a, err := c.do(ctx, call{
		method: http.MethodGet, project: project, path: "/logs", query: url.Values{"query": {sql}}, accept: logpb.None, answerType: contentJSON,
	})
	if err != nil {
		return nil, err
	}
	l := &Logs{Last: true}
	info := a.header.Get("x-log-query-info")
	var told struct {
		Keys        []string `json:"keys"`
		ColumnTypes []string `json:"columnTypes"`
		Limited     int      `json:"limited,string"`
	}
	if err := json.Unmarshal([]byte(info), &told); err != nil {
		return nil, fmt.Errorf("decode what is told of the logs of %s: %w", project, err)
	}
	if l.Rows, err = decodeRows(a.body); err != nil {
		return nil, fmt.Errorf("decode the logs of %s: %w", project, err)
	}
	l.LogsMeta = LogsMeta{
		Complete: strings.EqualFold(a.header.Get("x-log-progress"), "Complete"), Count: len(l.Rows), HasSQL: true,
		Keys: told.Keys, ColumnTypes: told.ColumnTypes, Limited: told.Limited,
	}
	return l, nil
}
