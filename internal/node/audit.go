package node

import (
	"context"

	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// audit is what answers about audit events and trails.
type audit struct {
	history *history.History
	trails  *trails.Trails
}

func openAudit(ctx context.Context, c *config.Config, o Options, store meta.Store, cat *catalog.Catalog, engine *query.Engine, d *iam.Directory) (*audit, error) {
	if _, err := ledger.OpenLog(ctx, cat); err != nil {
		return nil, err
	}
	a := &audit{history: history.New(engine, trail.Events, history.Options{PerSecond: c.Limits.LookupsPerSecond, Now: o.Now, Logger: o.Logger})}
	a.trails = trails.New(store, trails.Options{
		Region: c.Assistant.Region, Source: func(e *trail.Event) string { return shape.Options{}.Source(e.Service) }, Now: o.Now,
		Accounts: func(ctx context.Context) (numbers []string, err error) {
			all, err := d.Accounts(ctx)
			for _, account := range all {
				numbers = append(numbers, account.ID)
			}
			return numbers, err
		},
	})
	return a, a.trails.Load(ctx)
}
