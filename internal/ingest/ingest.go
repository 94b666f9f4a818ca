// Package ingest is the one write door: every log group, from a client or from a part of the server itself, enters here and
// nowhere else. It checks the bytes, asks the quotas, picks the shard, adds the tags the logstore asks for, and appends.
//
//	bytes ──decompress──> protobuf ──check──> quota ──> shard ──> append (durable) ──> position
//	  └──────── kept as received when they are one LZ4 block ───────┘
package ingest

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
)

// Put is one write as a dialect hands it in.
type Put struct {
	Ref     sluice.LogstoreRef
	Codec   logpb.Codec // of Body
	RawSize int         // length of Body before compression, as the client claims
	Body    []byte      // one LogGroup; must not change until Put returns
	HashKey string      // "" spreads over the read-write shards
	Client  netip.Addr  // for the __client_ip__ tag; the zero Addr adds none
}

// Options of a door. The zero value of a field means the default in brackets.
type Options struct {
	MaxRaw   int           // [10 MiB] bytes of a group before compression
	MaxLogs  int           // [512,000] logs in a group
	MaxKey   int           // [1 KiB] bytes of a key
	MaxValue int           // [10 MiB] bytes of a value
	MaxTags  int           // [1,000] tags of a group
	Past     time.Duration // [168h] how old a log may be; below 0: any age
	Future   time.Duration // [15m] how far ahead of the clock a log may be; below 0: any time
	Shard    Rate          // [off] what one shard takes
	Project  Rate          // [off] what one project takes
	Now      func() time.Time
	Observe  func(Outcome) // [none] called at the end of every write, from its goroutine
}

// Rate limits a flow. 0 is no limit.
type Rate struct {
	BytesPerSecond    int64 // before compression
	RequestsPerSecond int64
}

// Outcome tells what came of one write.
type Outcome struct {
	Ref    sluice.LogstoreRef
	Raw    int // bytes before compression, as stored
	Stored int // bytes of the block
	Logs   int
	Took   time.Duration
	Err    error
}

// Door is the write door. It is safe for concurrent use.
type Door struct{}

func New(cat *catalog.Catalog, o Options) *Door { return &Door{} }

func (d *Door) Put(ctx context.Context, p Put) (sluice.ShardID, sluice.Position, error) {
	return 0, 0, errors.ErrUnsupported
}

func (d *Door) Append(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup) (sluice.ShardID, sluice.Position, error) {
	return 0, 0, errors.ErrUnsupported
}

// ReadQuota limits pulls. It is safe for concurrent use.
type ReadQuota struct{}

// NewReadQuota makes the limits of one shard and of one project; now is the clock.
func NewReadQuota(perShard, perProject Rate, now func() time.Time) *ReadQuota { return &ReadQuota{} }

// Admit counts one pull, or returns the Throttled error to send.
func (q *ReadQuota) Admit(project string, log sluice.LogID) error { return errors.ErrUnsupported }

// Charge counts the raw bytes that a pull returned; later pulls wait for them.
func (q *ReadQuota) Charge(project string, log sluice.LogID, raw int) {}
