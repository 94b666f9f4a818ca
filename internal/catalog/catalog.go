// Package catalog owns the life of projects, logstores and shards: names and limits, creation and cascade on delete, split
// and merge, retention, automatic split. It keeps metadata and shard logs in step, and gives the hot paths a view of a
// logstore that costs no query.
//
//	create ──> readwrite ──split, merge──> readonly ──retention──> gone
//	             │  seal the parents' logs · one meta transaction · open the children's logs
//	             └── automatic split, after sustained load
//
// Invariants:
//   - The read-write shards of a logstore cover the key space exactly, at every moment that anyone can observe.
//   - A parent's log is sealed before its children exist, so that no log group enters a parent after a child was readable.
//   - A log exists on disk exactly when a shard in meta names it; leftovers of a crash are removed at start.
package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// Options of a catalog. The zero value of a field means the default in brackets.
type Options struct {
	MaxProjectsPerAccount  int           // [10000]
	MaxLogstoresPerProject int           // [200]
	MaxShardsPerProject    int           // [400] read-write shards
	MaxShardsPerLogstore   int           // [4096] of all states: splits and merges leave read-only ones for as long as logs are kept
	RetentionEvery         time.Duration // [1m] how often old files are looked for
	SplitAfter             time.Duration // [5m] how long a shard must be over SplitBytesPerSecond or SplitWritesPerSecond
	SplitBytesPerSecond    int64         // [5 MiB] raw
	SplitWritesPerSecond   int64         // [500]
	Now                    func() time.Time
}

func (o Options) withDefaults() Options {
	orDefault(&o.MaxProjectsPerAccount, 10_000)
	orDefault(&o.MaxLogstoresPerProject, 200)
	orDefault(&o.MaxShardsPerProject, 400)
	orDefault(&o.MaxShardsPerLogstore, maxLogstoreShards)
	orDefault(&o.RetentionEvery, time.Minute)
	orDefault(&o.SplitAfter, 5*time.Minute)
	orDefault(&o.SplitBytesPerSecond, 5<<20)
	orDefault(&o.SplitWritesPerSecond, 500)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func orDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Catalog is the catalog of one node. It is safe for concurrent use.
type Catalog struct {
	store meta.Store
	logs  *shard.Store
	o     Options
	log   *slog.Logger

	protected string // a project in which nothing changes; see Protect

	views   views
	fills   singleflight.Group
	reshard locks // one split, merge or shard removal at a time in each logstore

	resharded bell // rung after each split and merge

	mu   sync.Mutex // guards open; held while a log is opened, taken by deleters after their commit
	open map[sluice.LogID]stored
}

// stored is an open log with what is counted about it.
type stored struct {
	log     *shard.Log
	traffic *Traffic
}

// New opens the log of every shard in store, seals those of read-only shards, and has logs drop what no shard names. It refuses
// logs that are newer than the metadata: what the metadata never heard of is no leftover.
func New(ctx context.Context, store meta.Store, logs *shard.Store, o Options, log *slog.Logger) (*Catalog, error) {
	c := &Catalog{store: store, logs: logs, o: o.withDefaults(), log: log, open: map[sluice.LogID]stored{}}
	var shards []meta.Shard
	var last sluice.LogID
	err := store.View(ctx, func(tx meta.Tx) (err error) {
		if last, err = tx.LastLog(); err != nil {
			return err
		}
		shards, err = tx.AllShards()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list shards: %w", err)
	}
	if newest := logs.Newest(); newest > last {
		return nil, fmt.Errorf("there is a log %d, and the metadata knows of %d: they are not from the same time; "+
			"bring back the metadata that belongs to the logs, or move journal and shards away", uint64(newest), uint64(last))
	}
	for _, s := range shards {
		if _, err := c.openLog(s); err != nil {
			return nil, err
		}
	}
	if err := logs.Retain(); err != nil {
		return nil, fmt.Errorf("drop logs that no shard names: %w", err)
	}
	return c, nil
}

// Run removes what is past its retention and splits busy shards until ctx ends.
func (c *Catalog) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return every(ctx, c.o.RetentionEvery, c.expire) })
	g.Go(func() error { return every(ctx, c.o.SplitAfter/splitSamples, newSplitter(c).round) })
	return g.Wait()
}

// every calls f each time d has passed, until ctx ends.
func every(ctx context.Context, d time.Duration, f func(context.Context)) error {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f(ctx)
		}
	}
}

// openLog returns the open log of s. The caller holds mu, or is alone.
func (c *Catalog) openLog(s meta.Shard) (stored, error) {
	if h, ok := c.open[s.Log]; ok {
		return h, nil
	}
	l, err := c.logs.Log(s.Log, s.Base)
	if err != nil {
		return stored{}, fmt.Errorf("open log %v of shard %v of %s/%s: %w", s.Log, s.ID, s.Project, s.Logstore, err)
	}
	if s.ReadOnly {
		l.Seal()
	}
	h := stored{log: l, traffic: new(Traffic)}
	c.open[s.Log] = h
	return h, nil
}

// dropLogs removes the logs of shards that metadata no longer names. What fails stays on disk until the next start.
func (c *Catalog) dropLogs(shards []meta.Shard) {
	c.mu.Lock()
	for _, s := range shards {
		delete(c.open, s.Log)
	}
	c.mu.Unlock()
	for _, s := range shards {
		if err := c.logs.Drop(s.Log); err != nil {
			c.log.Warn("cannot drop the log of a deleted shard, the next start will", "project", s.Project,
				"logstore", s.Logstore, "shard", s.ID, "log", s.Log, "error", err)
		}
	}
}
