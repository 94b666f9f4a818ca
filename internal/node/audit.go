package node

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/backfill"
	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/courier"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/trail/operation"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// audit is what answers about audit events and trails, and delivers for them.
type audit struct {
	history *history.History
	trails  *trails.Trails
	keys    *courier.Keys
	courier *courier.Courier
	jobs    *backfill.Jobs
	shape   shape.Options
}

// auditParts are what it stands on.
type auditParts struct {
	store     meta.Store
	ring      *auth.Keyring
	cat       *catalog.Catalog
	engine    *query.Engine
	directory *iam.Directory
	events    *ledger.Recorder
	oss       delivery.OSSRole
}

func openAudit(ctx context.Context, c *config.Config, o Options, p auditParts) (*audit, error) {
	aliases, err := aliasesOf(c, p.directory.Root())
	if err != nil {
		return nil, err
	}
	to, err := trailDestinations(c, o, p, aliases)
	if err != nil {
		return nil, err
	}
	accounts := func(ctx context.Context) (numbers []string, err error) {
		all, err := p.directory.Accounts(ctx)
		for _, account := range all {
			numbers = append(numbers, account.ID)
		}
		return numbers, err
	}
	a := &audit{
		history: history.New(p.engine, trail.Events, history.Options{PerSecond: c.Trail.LookupsPerSecond, Now: o.Now, Logger: o.Logger}),
		keys:    courier.NewKeys(p.store, p.ring, o.Now),
		shape:   shape.Options{Account: aliases.Of},
	}
	a.trails = trails.New(p.store, trails.Options{
		Region: c.Assistant.Region, Aliases: aliases, Destinations: to, Now: o.Now,
		Source:   func(e *trail.Event) string { return a.shape.Source(e.Service) },
		Accounts: accounts,
	})
	a.courier = courier.New(a.trails, p.store, courier.Options{
		Log: p.events.Log(), S3: to.S3, OSS: to.OSS, Houses: to.Houses, Keys: a.keys, Shape: a.shape,
		Tell: func(account, name string, details map[string]any) {
			p.events.Offer(deliveryEvent(o.Now(), c.Assistant.Region, account, name, details))
		},
		Cadence: c.Trail.FileInterval, DigestEvery: c.Trail.DigestInterval, Now: o.Now, Logger: o.Logger,
	})
	a.jobs = backfill.New(p.store, a.trails, a.history, to.Houses, backfill.Options{Accounts: accounts, Now: o.Now, Logger: o.Logger})
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

// aliasesOf are the twelve digits of accounts, by their numbers.
func aliasesOf(c *config.Config, root string) (trails.Aliases, error) {
	aliases, err := config.ParseAliases(c.Trail.AccountAliases)
	if digits := aliases[rootAccount]; digits != "" {
		aliases[root] = digits
	}
	return aliases, err
}

// rootAccount is what the configuration calls the root account.
const rootAccount = "root"

// trailDestinations are where trails may deliver to: buckets by the operator's keys, and projects through a door of their own, which takes events of any age.
func trailDestinations(c *config.Config, o Options, p auditParts, aliases trails.Aliases) (*courier.Destinations, error) {
	dialer, err := newDialer(c)
	if err != nil {
		return nil, err
	}
	list, err := config.ParseBuckets(c.Trail.Buckets)
	if err != nil {
		return nil, err
	}
	door := ingest.New(p.cat, ingest.Options{Past: -1, Future: -1, Now: o.Now, Reserved: trail.Project})
	to := &courier.Destinations{
		Root: p.directory.Root(), Aliases: aliases,
		Houses: courier.NewHouses(p.cat, door, func(account, owner string) bool {
			return account == owner || p.directory.IsRoot(account) && p.directory.IsRoot(owner)
		}),
	}
	for _, b := range list {
		to.Buckets = append(to.Buckets, courier.Permission{Account: b.Project, Bucket: b.Bucket})
	}
	if id := c.Trail.S3AccessKeyID.Reveal(); id != "" {
		to.S3 = bucket.NewS3(bucket.S3Options{
			Endpoint: c.Trail.S3Endpoint, Region: c.Trail.S3Region, AccessKeyID: id, SecretAccessKey: c.Trail.S3SecretAccessKey.Reveal(),
			VirtualHost: c.Trail.S3AddressStyle == "host", Dial: dialer.DialContext,
		})
	}
	if p.oss.AccessKeyID != "" {
		to.OSS = bucket.NewOSS(bucket.OSSOptions{
			Endpoint: p.oss.Endpoint, Region: p.oss.Region, AccessKeyID: p.oss.AccessKeyID, AccessKeySecret: p.oss.AccessKeySecret, Dial: dialer.DialContext,
		})
	}
	return to, nil
}

// deliveryEvent is what an account is told of its deliveries.
func deliveryEvent(now time.Time, region, account, name string, details map[string]any) *trail.Event {
	now = now.UTC().Truncate(time.Millisecond)
	e := &trail.Event{
		ID: ledger.NewID(), Time: now, Received: now, Category: trail.Management, Type: trail.ServiceEvent, Service: trail.ServiceServer, Name: name,
		Region: region, Account: account, Identity: trail.Identity{Kind: trail.System}, Request: details,
	}
	if of, _ := details["trail"].(string); of != "" {
		e.Resources = []trail.Resource{{Type: "ACS::ActionTrail::Trail", Name: of}}
	}
	return e
}

// guard keeps the logstores of trails to these.
func (a *audit) guard(keys *auth.Keys) {
	keys.Reserve(func(ref sluice.LogstoreRef) bool { return a.trails.Owns(ref) })
}
