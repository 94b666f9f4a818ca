// Package ingest is the one write door: every log group, from a client or from a part of the server itself, enters here and
// nowhere else. It checks the bytes, asks the quotas, picks the shard, adds the tags the logstore asks for, and appends.
//
//	bytes ──decompress──> protobuf ──check──> shard ──> quota ──> append (durable) ──> position
//	  └──────── kept as received when they are one LZ4 block ──────┘
package ingest

import (
	"context"
	"net/netip"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/quota"
	"github.com/sluicelog/sluice/internal/shard"
)

// Put is one write as a dialect hands it in.
type Put struct {
	Ref     sluice.LogstoreRef
	Codec   logpb.Codec // of Body
	RawSize int         // length of Body before compression, as the client claims; not looked at when there is none
	Body    []byte      // one LogGroup; must not change until Put returns
	HashKey string      // "" spreads over the read-write shards
	Client  netip.Addr  // for the __client_ip__ tag; the zero Addr adds none
}

// Options of a door. The zero value of a field means the default in brackets.
type Options struct {
	MaxRaw   int           // [10 MiB] bytes of a group before compression; a little less than shard.MaxBlock at most
	MaxLogs  int           // [512,000] logs in a group
	MaxKey   int           // [1 KiB] bytes of a key
	MaxValue int           // [10 MiB] bytes of a value
	MaxTags  int           // [1,000] tags of a group
	Past     time.Duration // [7 days] how old a log may be; below 0: any age
	Future   time.Duration // [15m] how far ahead of the clock a log may be; below 0: any time
	Reserved string        // [none] a project that this door does not lead to
	Shard    quota.Rate    // [off] what one shard takes, bytes before compression
	Project  quota.Rate    // [off] what one project takes
	Now      func() time.Time
	Observe  func(Outcome) // [none] called at the end of every write, from its goroutine
}

func (o Options) withDefaults() Options {
	orDefault(&o.MaxRaw, 10<<20)
	o.MaxRaw = min(o.MaxRaw, shard.MaxBlock-tagRoom)
	orDefault(&o.MaxLogs, 512_000)
	orDefault(&o.MaxKey, 1<<10)
	orDefault(&o.MaxValue, 10<<20)
	orDefault(&o.MaxTags, 1000)
	orDefault(&o.Past, 7*24*time.Hour)
	orDefault(&o.Future, 15*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Outcome tells what came of one write. Raw, Stored and Logs are 0 as far as the write did not get.
type Outcome struct {
	Ref    sluice.LogstoreRef
	Raw    int // bytes before compression, with added tags
	Stored int // bytes of the block
	Logs   int
	Took   time.Duration
	Err    error
}

// Door is the write door. It is safe for concurrent use, and is a [sluice.Appender].
type Door struct {
	cat      *catalog.Catalog
	o        Options
	shards   *quota.Limiter[sluice.LogID]
	projects *quota.Limiter[string]
	buffers  buffers
}

// New makes a door to the logstores of cat.
func New(cat *catalog.Catalog, o Options) *Door {
	o = o.withDefaults()
	return &Door{
		cat: cat, o: o,
		shards:   quota.New[sluice.LogID](o.Shard, o.Now),
		projects: quota.New[string](o.Project, o.Now),
	}
}

// Put stores one log group as a client sent it. A nil error means that it is on disk, or that it has no logs and was dropped;
// then the position is 0.
func (d *Door) Put(ctx context.Context, p Put) (sluice.ShardID, sluice.Position, error) {
	e := entry{door: d, began: d.o.Now(), outcome: Outcome{Ref: p.Ref}, client: p.Client}
	defer e.free()
	err := e.put(ctx, p)
	e.observe(err)
	return e.shard, e.position, err
}

// Append stores one log group of a part of the server itself, under the same rules. It is spread over the read-write shards.
func (d *Door) Append(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup) (
	sluice.ShardID, sluice.Position, error,
) {
	return d.appendGroup(ctx, ref, group, entry{})
}

func (d *Door) appendGroup(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup, e entry) (
	sluice.ShardID, sluice.Position, error,
) {
	e.door, e.began, e.outcome = d, d.o.Now(), Outcome{Ref: ref}
	defer e.free()
	err := e.append(ctx, group)
	e.observe(err)
	return e.shard, e.position, err
}

// AnyTime is the door for parts of the server that load history: logs of any time pass, and all other rules hold.
func (d *Door) AnyTime() sluice.Appender { return anyTime{d} }

type anyTime struct{ door *Door }

// Append implements [sluice.Appender].
func (a anyTime) Append(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup) (sluice.ShardID, sluice.Position, error) {
	return a.door.appendGroup(ctx, ref, group, entry{anyTime: true})
}

// FromReserve is the door for parts of the server that have to write something small before they make room: on a full disk it takes what
// [shard.Log.AppendFromReserve] does. All other rules hold.
func (d *Door) FromReserve() sluice.Appender { return fromReserve{d} }

type fromReserve struct{ door *Door }

// Append implements [sluice.Appender].
func (r fromReserve) Append(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup) (sluice.ShardID, sluice.Position, error) {
	return r.door.appendGroup(ctx, ref, group, entry{reserve: true})
}
