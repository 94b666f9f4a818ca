// Package catalog owns the life of projects, logstores and shards: names and limits, creation and cascade on delete, split
// and merge, retention, automatic split. It keeps metadata and shard logs in step, and gives the hot paths a view of a logstore that
// costs no query.
//
// Invariants:
//   - The read-write shards of a logstore cover the key space exactly, at every moment that anyone can observe.
//   - A parent's log is sealed before its children exist, so that no log group enters a parent after a child was readable.
//   - A log exists on disk exactly when a shard in meta names it; leftovers of a crash are removed at start.
package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// Logstore is an immutable view of one logstore as of some generation of the metadata.
type Logstore struct {
	meta.Logstore
	Shards []Shard // all, by id
}

// Shard is a shard with its open log.
type Shard struct {
	meta.Shard
	Stored *shard.Log
}

// Shard finds a shard by number.
func (l *Logstore) Shard(id sluice.ShardID) (*Shard, bool) {
	for i := range l.Shards {
		if l.Shards[i].ID == id {
			return &l.Shards[i], true
		}
	}
	return nil, false
}

// Options of a catalog. The zero value of a field means the default in brackets.
type Options struct {
	MaxShardsPerProject    int           // [400] read-write shards
	MaxLogstoresPerProject int           // [200]
	RetentionEvery         time.Duration // [1m] how often old files are looked for
	SplitAfter             time.Duration // [5m] how long a shard must be over SplitBytesPerSecond or SplitWritesPerSecond
	SplitBytesPerSecond    int64         // [5 MiB] raw
	SplitWritesPerSecond   int64         // [500]
	Now                    func() time.Time
}

// Catalog is the catalog of one node. It is safe for concurrent use.
type Catalog struct{}

// ProjectFilter chooses projects. Empty fields choose all; a Size of 0 means 500.
type ProjectFilter struct {
	Name            string // part of the name
	Description     string // part of the description, in any case
	ResourceGroupID string
	Offset, Size    int
}

// LogstoreFilter chooses logstores of a project. Empty fields choose all; a Size of 0 means 500.
type LogstoreFilter struct {
	Name          string // part of the name
	TelemetryType string // None chooses those that have none
	Mode          string
	Offset, Size  int
}

func New(ctx context.Context, store meta.Store, logs *shard.Store, o Options, log *slog.Logger) (*Catalog, error) {
	return nil, errors.ErrUnsupported
}

func (c *Catalog) Run(ctx context.Context) error { return errors.ErrUnsupported }

func (c *Catalog) CreateProject(ctx context.Context, p meta.Project) error {
	return errors.ErrUnsupported
}
func (c *Catalog) Project(ctx context.Context, name string) (meta.Project, error) {
	return meta.Project{}, errors.ErrUnsupported
}
func (c *Catalog) Projects(ctx context.Context, f ProjectFilter) (page []meta.Project, total int, err error) {
	return nil, 0, errors.ErrUnsupported
}
func (c *Catalog) UpdateProject(ctx context.Context, name string, change func(*meta.Project)) error {
	return errors.ErrUnsupported
}
func (c *Catalog) DeleteProject(ctx context.Context, name string) error { return errors.ErrUnsupported }

func (c *Catalog) CreateLogstore(ctx context.Context, l meta.Logstore, shardCount int) error {
	return errors.ErrUnsupported
}
func (c *Catalog) Logstore(ctx context.Context, ref sluice.LogstoreRef) (*Logstore, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) Logstores(ctx context.Context, project string, f LogstoreFilter) (names []string, total int, err error) {
	return nil, 0, errors.ErrUnsupported
}
func (c *Catalog) UpdateLogstore(ctx context.Context, ref sluice.LogstoreRef, change func(*meta.Logstore) error) error {
	return errors.ErrUnsupported
}
func (c *Catalog) DeleteLogstore(ctx context.Context, ref sluice.LogstoreRef) error {
	return errors.ErrUnsupported
}

func (c *Catalog) Shards(ctx context.Context, ref sluice.LogstoreRef) ([]meta.Shard, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) Split(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, at *sluice.HashKey, count int) ([]meta.Shard, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) Merge(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID) ([]meta.Shard, error) {
	return nil, errors.ErrUnsupported
}
func (c *Catalog) DeleteShard(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID) error {
	return errors.ErrUnsupported
}

func (c *Catalog) CreateIndex(ctx context.Context, ref sluice.LogstoreRef, config json.RawMessage) error {
	return errors.ErrUnsupported
}
func (c *Catalog) UpdateIndex(ctx context.Context, ref sluice.LogstoreRef, config json.RawMessage) error {
	return errors.ErrUnsupported
}

// Index returns the index configuration as GET answers it: Config holds what was sent, the defaults, and the fields that
// the server adds (ttl, index_mode, storage, lastModifyTime).
func (c *Catalog) Index(ctx context.Context, ref sluice.LogstoreRef) (meta.Index, error) {
	return meta.Index{}, errors.ErrUnsupported
}
func (c *Catalog) DeleteIndex(ctx context.Context, ref sluice.LogstoreRef) error {
	return errors.ErrUnsupported
}
