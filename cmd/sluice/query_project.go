package main

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/sheet"
)

// queryProject runs SQL over the logstores of a project.
func (a *app) queryProject(cmd *cobra.Command, project, sql string, o queryOptions) error {
	for _, flag := range []string{"last", "from", "to", "topic", "asc", "reverse", "limit"} {
		if cmd.Flags().Changed(flag) {
			return misused(cmd, errors.New("--"+flag+" is not for SQL over a project: say it in the statement"))
		}
	}
	project, err := projectArg(cmd, project)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	sql = strings.TrimSpace(sql)
	q := &querier{app: a, c: c, complete: true, begun: a.now(), limit: 1} // the limit is the statement's
	q.pages = func(ctx context.Context) iter.Seq2[*client.Logs, error] {
		return func(yield func(*client.Logs, error) bool) { yield(c.ProjectLogs(ctx, project, sql)) }
	}
	if q.results, err = a.results(cmd, o.out, o.field); err != nil {
		return err
	}
	q.results.kinds = func() map[string]sheet.Kind { return nil }
	return suggest(cmd.Context(), c, sluice.LogstoreRef{Project: project}, pointedIn(q.run(cmd.Context()), sql, sql))
}
