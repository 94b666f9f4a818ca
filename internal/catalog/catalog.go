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
