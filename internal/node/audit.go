package node

import (
	"context"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/backfill"
	"github.com/sluicelog/sluice/internal/trail/courier"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/operation"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// audit is what answers about audit events, and delivers them.
type audit struct {
	history *history.History
	trails  *trails.Trails
	courier *courier.Courier
	jobs    *backfill.Jobs
}

func (n *Node) openAudit(ctx context.Context, c *config.Config, o Options, store meta.Store, ring *auth.Keyring, engine *query.Engine, d *iam.Directory) (*audit, error) {
	accounts := func(ctx context.Context) (numbers []string, err error) {
		all, err := d.Accounts(ctx)
		for _, account := range all {
			numbers = append(numbers, account.ID)
		}
		return numbers, err
	}
	door := ingest.New(n.Catalog, ingest.Options{Reserved: trail.Project, Past: -1, Future: -1, Now: o.Now}) // events keep their times
	to := &houses{n.Catalog, door, d}
	a := &audit{
		history: history.New(engine, trail.Events, history.Options{PerSecond: c.Trail.LookupsPerSecond, Now: o.Now, Logger: o.Logger}),
		trails: trails.New(store, trails.Options{
			Region: c.Assistant.Region, Destinations: to, Source: func(e *trail.Event) string { return shape.Options{}.Source(e.Service) }, Accounts: accounts, Now: o.Now,
		}),
	}
	a.courier = courier.New(a.trails, store, courier.Options{
		Log: n.Trail.Log(), S3: noBucket{}, OSS: noBucket{}, Houses: to, Keys: courier.NewKeys(store, ring, o.Now), Now: o.Now, Logger: o.Logger,
	})
	a.jobs = backfill.New(store, a.trails, a.history, to, backfill.Options{Accounts: accounts, Now: o.Now, Logger: o.Logger})
	return a, a.trails.Load(ctx)
}

// dataEvents are the names of data events, by service.
func dataEvents() map[string][]string {
	all := map[string][]string{}
	for _, service := range operation.Services() {
		for _, op := range operation.All(service) {
			if op.Category == trail.Data {
				all[service] = append(all[service], op.Name)
			}
		}
	}
	return all
}
