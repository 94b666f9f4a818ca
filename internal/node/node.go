// Package node puts the parts of one server together and takes them apart again. It is the only package that knows them all.
//
//	        SDKs, agents, CLI
//	            SLS REST
//	                │
//	    server   listen, limit, request id
//	    wire/sls bytes ⇄ domain calls, error codes
//	    auth     who is this, may they
//	       │                  │
//	    ingest             consumer
//	  the one write door   groups, checkpoints
//	       └───────┬──────────┘
//	            catalog   projects, logstores, shards
//	               │
//	     meta ─────┴───── shard
//	     names, ranges,   journal → sealed files → expired
//	     checkpoints
//
// A data directory belongs to one node at a time:
//
//	LOCK        held while a node is open
//	meta.db     metadata
//	secret.key  opens the secrets in it
//	shards/     the logs
package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/consumer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/quota"
	"github.com/sluicelog/sluice/internal/server"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/wire"
	"github.com/sluicelog/sluice/internal/wire/sls"
)

// Options of a node. The zero value of a field means the default in brackets; loggers and clocks of the parts are the node's.
type Options struct {
	DataDir    string // made if needed
	KeyFile    string // [secret.key in DataDir] opens the secrets in the metadata
	BaseDomain string // what project names stand in front of; addresses and localhost always work as well

	RootID, RootSecret string // ["" makes a root key at the first start] root credentials to have

	Skew         time.Duration // [15m] how far the date of a request may be off
	MaxBodyBytes int           // [10 MiB] of one request, before compression
	MaxPullBytes int           // [8 MiB] of one pull, before compression
	Region       string        // ["local"] what project objects say

	Shard       shard.Options
	Catalog     catalog.Options
	Ingest      ingest.Options
	ReadShard   quota.Rate // [off] what may be pulled from one shard, bytes before compression
	ReadProject quota.Rate // [off] what may be pulled from one project
	Server      server.Options

	Now    func() time.Time // [time.Now]
	Logger *slog.Logger     // [discard]
}

// Node is an open node.
type Node struct {
	Root    Root             // the root credentials
	Catalog *catalog.Catalog // for tests and tools that look behind the wire
	Ingest  *ingest.Door     // the write door for parts of the server itself

	server *server.Server
	close  []func() error // in the order of opening
}

// Root is the root key as found or made at start.
type Root struct {
	ID     string
	Secret string // only if it was made, or changed, just now: it cannot be told again
}

// Open opens the node in a data directory, bottom to top. ctx bounds opening alone.
func Open(ctx context.Context, o Options) (_ *Node, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	unlock, err := lockDir(o.DataDir)
	if err != nil {
		return nil, err
	}
	n.onClose(unlock)
	m := server.NewMetrics()

	// State.
	store, err := sqlite.Open(filepath.Join(o.DataDir, "meta.db"))
	if err != nil {
		return nil, err
	}
	n.onClose(store.Close)
	ring, err := auth.LoadOrCreateKeyring(cmp.Or(o.KeyFile, filepath.Join(o.DataDir, "secret.key")))
	if err != nil {
		return nil, err
	}
	keys := auth.NewKeys(store, ring, o.Now)
	if _, n.Root.ID, n.Root.Secret, err = keys.EnsureRoot(ctx, o.RootID, o.RootSecret); err != nil {
		return nil, err
	}
	stored := newStoreMetrics(m.Registry)
	o.Shard.Logger, o.Shard.Now, o.Shard.Committed = o.Logger, o.Now, stored.committed
	logs, err := shard.Open(vfs.OS{}, o.DataDir, o.Shard)
	if err != nil {
		return nil, err
	}
	n.onClose(logs.Close)
	stored.watch(logs)

	// Services.
	o.Catalog.Now = o.Now
	if n.Catalog, err = catalog.New(ctx, store, logs, o.Catalog, o.Logger); err != nil {
		return nil, err
	}
	o.Ingest.Now, o.Ingest.MaxRaw, o.Ingest.Observe = o.Now, o.MaxBodyBytes, stored.written
	n.Ingest = ingest.New(n.Catalog, o.Ingest)

	// Edge.
	addressing := wire.NewAddressing(o.BaseDomain, "localhost", machineName())
	dialect := sls.New(sls.Services{
		Auth:      auth.New(keys, o.Now, o.Skew),
		Keys:      keys,
		Catalog:   n.Catalog,
		Ingest:    n.Ingest,
		Reads:     ingest.NewReadQuota(o.ReadShard, o.ReadProject, o.Now),
		Consumers: consumer.New(store, n.Catalog, o.Now),
	}, sls.Options{
		Addressing: addressing, Endpoint: o.BaseDomain, Region: o.Region,
		MaxBodyBytes: o.MaxBodyBytes, MaxPullBytes: o.MaxPullBytes, Now: o.Now,
	})
	o.Server.Addressing = addressing
	o.Server.Healthy = func() error { return logs.Status().Failed }
	n.server = server.New(dialect, m, o.Server, o.Logger)
	return n, nil
}

// machineName is a name that some clients call the machine by; "" if it has none.
func machineName() string {
	name, _ := os.Hostname()
	return name
}

// Run serves l until ctx ends or a part fails, then drains. The node stays open.
func (n *Node) Run(ctx context.Context, l net.Listener) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.Catalog.Run(ctx) })
	g.Go(func() error { return n.server.Run(ctx, l) })
	return g.Wait()
}

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
