// Package node puts the parts of one server together and takes them apart again. It is the only package that knows them all.
//
//	      SDKs, agents, CLI
//	          SLS REST
//	              │
//	  server   listen, limit, request id
//	  wire/sls bytes ⇄ domain calls, error codes
//	  auth     who is this, may they
//	     │                  │
//	  ingest             consumer
//	the one write door   groups, checkpoints
//	     └───────┬──────────┘
//	          catalog   projects, logstores, shards
//	             │
//	   meta ─────┴───── shard
//	   names, ranges,   journal → sealed files → expired
//	   checkpoints
//
// A data directory belongs to one node at a time:
//
//	LOCK        held while a node is open
//	meta.db     metadata
//	secret.key  opens the secrets in it
//	server.id   who the server is, written where its segments are in a bucket
//	journal/    log groups as they came in, those of all shards
//	index/      segments: what searches need not read the shard logs for
//	index.cache/  pieces of segments that are in a bucket
//	shards/     log groups that have left the journal, by shard
package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/assistant/luban"
	"github.com/sluicelog/sluice/internal/asyncsql"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/backup"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/consumer"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/deletion"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/keyquota"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/places"
	"github.com/sluicelog/sluice/internal/queue"
	"github.com/sluicelog/sluice/internal/reindex"
	"github.com/sluicelog/sluice/internal/server"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/shipper"
	"github.com/sluicelog/sluice/internal/site"
	"github.com/sluicelog/sluice/internal/trail/capture"
	"github.com/sluicelog/sluice/internal/trail/importer"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/wire"
	"github.com/sluicelog/sluice/internal/wire/agent"
	"github.com/sluicelog/sluice/internal/wire/aws"
	"github.com/sluicelog/sluice/internal/wire/mns"
	"github.com/sluicelog/sluice/internal/wire/pop"
	"github.com/sluicelog/sluice/internal/wire/sls"
)

// Options of a node that no operator sets. The zero value of a field means the default in brackets.
type Options struct {
	Now        func() time.Time // [time.Now] the clock of all parts
	Logger     *slog.Logger     // [discard]
	Release    string           // ["dev"] the version of the program, for who has to know later which it was
	Processors int              // [GOMAXPROCS] how many there are: what is parallel to use them all counts by it
}

// Node is an open node.
type Node struct {
	Root     Root             // the root credentials
	Catalog  *catalog.Catalog // for tests and tools that look behind the wire
	Ingest   *ingest.Door     // the write door for parts of the server itself
	Index    *indexer.Indexer
	Delivery *delivery.Engine

	Trail *ledger.Recorder
	Audit *capture.Audit

	Assistant *assistant.Service
	agents    *gateway.Gateway
	luban     *luban.Gateway
	queues    *queue.Service
	audit     *audit

	collectors *collector.Collector // nil for none
	log        *slog.Logger
	imports    *importer.Service
	deletions  *deletion.Tasks

	server      *server.Server
	root        string // id of the root account
	keys        *auth.Keys
	certificate *server.Certificate // nil without TLS
	close       []func() error      // in the order of opening
}

// Root is the root key as found or made at start.
type Root struct {
	ID     string
	Secret string // only if it was made, or changed, just now: it cannot be told again
}

// Open opens the node that c describes, bottom to top. ctx bounds opening alone.
func Open(ctx context.Context, c *config.Config, o Options) (_ *Node, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Release = cmp.Or(o.Release, "dev")
	n := &Node{log: o.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	unlock, err := Lock(c.DataDir)
	if err != nil {
		return nil, err
	}
	n.onClose(unlock)
	if err := backup.CheckDir(c.DataDir); err != nil {
		return nil, err
	}
	metrics := server.NewMetrics()
	stored := newStoreMetrics(metrics.Registry)
	if err := n.openCertificate(c, o, metrics); err != nil {
		return nil, err
	}

	// State.
	store, err := sqlite.Open(filepath.Join(c.DataDir, "meta.db"))
	if err != nil {
		return nil, err
	}
	n.onClose(store.Close)
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(c.DataDir, "secret.key"))
	if err != nil {
		return nil, err
	}
	logs, err := shard.Open(vfs.OS{}, c.DataDir, shardOptions(c, o, stored))
	if err != nil {
		return nil, err
	}
	n.onClose(logs.Close)
	stored.watch(logs)

	// Services.
	if n.Catalog, err = catalog.New(ctx, store, logs, catalogOptions(c, o), o.Logger); err != nil {
		return nil, err
	}
	n.Ingest = ingest.New(n.Catalog, ingestOptions(c, o, stored))
	segments, err := n.openObjects(ctx, c, o, stored)
	if err != nil {
		return nil, fmt.Errorf("open the index: %w", err)
	}
	if n.Index, err = indexer.New(ctx, store, n.Catalog, segments, indexer.Options{Now: o.Now, Logger: o.Logger}); err != nil {
		return nil, err
	}
	stored.watchIndex(n.Index)
	where, err := places.Open(c.Query.GeoDatabase, c.Query.ISPDatabase)
	if err != nil {
		return nil, err
	}
	n.onClose(where.Close)
	queries := queryOptions(c, o, segments, where)
	queries.Amended = amend.New(store, n.Catalog, n.Index)
	stored.watchAmended(queries.Amended)
	engine := query.New(n.Catalog, n.Index, queries)
	n.onClose(engine.Close)
	n.deletions = deletion.New(store, n.Catalog, engine, deletion.Options{Now: o.Now, Logger: o.Logger})
	statements := asyncsql.New(asyncsql.Options{Now: o.Now})
	n.onClose(statements.Close)
	history := shipper.NewHistory(n.Catalog, n.Ingest, o.Logger)
	directory := iam.New(store, o.Now)
	n.keys = auth.NewKeys(store, ring, directory, o.Now)
	if err := n.openTrail(ctx, c, o, store, logs, ring, directory); err != nil {
		return nil, fmt.Errorf("open the audit events: %w", err)
	}
	metrics.Registry.MustRegister(n.Trail)
	if n.Delivery, err = openDelivery(c, o, store, n.Catalog, n.Ingest, ring, n.keys, history, n.deliveryDisabled); err != nil {
		return nil, err
	}
	role, err := ossRole(c)
	if err != nil {
		return nil, err
	}
	metrics.Registry.MustRegister(n.Delivery)
	if err := n.openAssistant(ctx, c, o, store, ring, directory); err != nil {
		return nil, err
	}
	metrics.Registry.MustRegister(n.Assistant)
	if n.collectors, err = n.openCollectors(c, o); err != nil {
		return nil, err
	}
	if n.collectors != nil {
		metrics.Registry.MustRegister(collectorMetrics{n.collectors})
	}
	if err := n.openQueues(ctx, c, o, store); err != nil {
		return nil, err
	}
	metrics.Registry.MustRegister(n.queues)
	if err := n.openImports(c, o, store, ring); err != nil {
		return nil, err
	}
	proxies, err := config.ParseNetworks(c.Server.TrustedProxies)
	if err != nil {
		return nil, err
	}
	// The last that can fail: a root secret that was made gets to be shown.
	_, n.Root.ID, n.Root.Secret, err = n.keys.EnsureRoot(ctx, c.Root.AccessKeyID.Reveal(), c.Root.AccessKeySecret.Reveal())
	if err != nil {
		return nil, err
	}

	backups, err := backup.New(backupNode(c, o, store, logs, n.Index))
	if err != nil {
		return nil, err
	}

	documents := control.New(store, ring, controlOptions(c, o))
	agents, err := openAgents(c, o, documents)
	if err != nil {
		return nil, err
	}

	audit, err := openAudit(ctx, c, o, auditParts{store, ring, n.Catalog, engine, directory, n.Trail, role})
	if err != nil {
		return nil, fmt.Errorf("open the trails: %w", err)
	}
	audit.guard(n.keys)
	n.audit = audit
	metrics.Registry.MustRegister(audit.courier)

	// Edge.
	addressing := wire.NewAddressing(c.BaseDomain, "localhost", machineName())
	authenticator := auth.New(n.keys, o.Now, auth.Options{Proxies: proxies})
	keyQuotas := keyquota.New(store, keyQuotaOptions(c, o))
	dialect := sls.New(sls.Services{
		Auth:       authenticator,
		Keys:       n.keys,
		Identity:   directory,
		Catalog:    n.Catalog,
		Ingest:     n.Ingest,
		Reads:      readQuota(c, o),
		Consumers:  consumer.New(store, n.Catalog, o.Now),
		Query:      engine,
		Deletions:  n.deletions,
		AsyncSQL:   statements,
		Deliveries: n.Delivery,
		Shippers:   shipper.New(n.Delivery, history, role),
		Index:      n.Index,
		Reindex:    reindex.New(documents, n.Index, o.Now),
		Backups:    backups,
		KeyQuotas:  keyQuotas,
		Control:    documents,
		Agents:     agents,
		Imports:    n.imports,
		Trail:      n.Trail,
	}, dialectOptions(c, o, addressing))
	rpc := pop.New(pop.Services{
		Auth:       authenticator,
		Keys:       n.keys,
		Identity:   directory,
		KeyQuotas:  keyQuotas,
		Sites:      site.New(n.Catalog, store, site.Options{Now: o.Now}),
		Deliveries: n.Delivery,
		OSS:        role,
		Assistant:  n.Assistant,

		AssistantSettings: assistant.NewSettings(n.Assistant, n.Delivery, role),

		Control: documents,

		History:     audit.history,
		HistoryJobs: audit.jobs,
		Trails:      audit.trails,
		DataEvents:  dataEvents,
	})
	claimants := []wire.Claimant{rpc, mns.New(authenticator, keyQuotas, n.queues), aws.New(aws.Services{
		Auth: authenticator, Quotas: keyQuotas, Trails: audit.trails, History: audit.history, Keys: audit.keys, Shape: audit.shape, Now: o.Now,
	})}
	if c.Agents.Networks != "" {
		claimants = append(claimants, agent.New(agents, agent.Options{Addressing: addressing, Project: c.Agents.Project}))
	}
	n.Audit = capture.New(wire.Select(dialect, claimants...), n.Trail, captureOptions(c, o, directory, n.keys, authenticator))
	n.Audit.Select(audit.trails.Wants)
	n.server = server.New(n.Audit, metrics, serverOptions(c, addressing, logs), o.Logger)
	return n, nil
}

// machineName is a name that some clients call the machine by; "" if it has none.
func machineName() string {
	name, _ := os.Hostname()
	return name
}

// Run serves at the listeners until ctx ends or a part fails, then drains. The node stays open.
func (n *Node) Run(ctx context.Context, l *Listeners) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.Catalog.Run(ctx) })
	g.Go(func() error { return n.keys.Run(ctx) })
	g.Go(func() error { return n.Index.Run(ctx) })
	g.Go(func() error { return n.deletions.Run(ctx) })
	g.Go(func() error { return n.Delivery.Run(ctx) })
	g.Go(func() error { return n.Assistant.Run(ctx) })
	g.Go(func() error { return n.queues.Run(ctx) })
	if n.collectors != nil {
		g.Go(func() error { return n.runCollectors(ctx) })
	}
	g.Go(func() error { return n.audit.courier.Run(ctx) })
	g.Go(func() error { return n.audit.jobs.Run(ctx) })
	g.Go(func() error {
		if err := n.imports.Run(ctx); ctx.Err() == nil {
			return err
		}
		return nil // also where it was stopped before it had begun
	})
	if l.Agents != nil {
		g.Go(func() error { return n.agents.Run(ctx, l.Agents) })
	}
	if l.Luban != nil {
		g.Go(func() error { return n.luban.Run(ctx, l.Luban, n.lubanCertificates()) })
	}
	if n.certificate != nil {
		g.Go(func() error { return n.certificate.Run(ctx) })
	}
	if l.Admin != nil {
		g.Go(func() error { return n.server.RunAdmin(ctx, l.Admin) })
	}
	g.Go(func() error { return n.server.Run(ctx, n.doors(l)...) })
	return g.Wait()
}

// Reload looks again at what a running node takes from files: its TLS certificate. What cannot be used is logged and leaves the old
// in use.
func (n *Node) Reload() {
	if n.certificate != nil {
		_ = n.certificate.Reload() // logged
	}
}

// Handler serves one request as a listener would, for tests and benchmarks that need no network.
func (n *Node) Handler() http.Handler { return n.server }

func (n *Node) onClose(f func() error) { n.close = append(n.close, f) }

// Close closes what Open opened, top to bottom. No request may be running.
func (n *Node) Close() error {
	var errs []error
	for len(n.close) > 0 {
		last := len(n.close) - 1
		errs = append(errs, n.close[last]())
		n.close = n.close[:last]
	}
	return errors.Join(errs...)
}
