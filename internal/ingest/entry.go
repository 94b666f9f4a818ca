package ingest

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/shard"
)

// maxReroutes is how many times one write looks for another shard because the one it chose was split, merged or deleted
// under it. Each time it waits until that is over, so even a storm of splits needs bad luck to get this far.
const maxReroutes = 16

// entry is one write on its way in. It lives on the stack of the call.
type entry struct {
	door    *Door
	began   time.Time
	outcome Outcome
	client  netip.Addr
	anyTime bool // logs may be of any time
	reserve bool // it may go into the reserve of a full disk

	raw    *[]byte // borrowed; the group before compression
	packed *[]byte // borrowed; the block, when it is not the body itself
	block  shard.Block

	shard    sluice.ShardID
	position sluice.Position
}

func (e *entry) put(ctx context.Context, p Put) error {
	l, err := e.logstore(ctx, p.Ref)
	if err != nil {
		return err
	}
	r, err := routeOf(p.HashKey)
	if err != nil {
		return err
	}
	raw, body := p.Body, []byte(nil)
	if p.Codec != logpb.None {
		if p.RawSize > e.door.o.MaxRaw {
			return tooLarge(p.RawSize, e.door.o.MaxRaw)
		}
		e.raw = e.door.buffers.get(max(p.RawSize, 0))
		if raw, err = logpb.Decompress(*e.raw, p.Codec, p.Body, p.RawSize); err != nil {
			return err
		}
		if p.Codec == logpb.LZ4 {
			body = p.Body
		}
	}
	return e.store(ctx, l, r, raw, body)
}

func (e *entry) append(ctx context.Context, group *sluice.LogGroup) error {
	l, err := e.logstore(ctx, e.outcome.Ref)
	if err != nil {
		return err
	}
	e.raw = e.door.buffers.get(0)
	*e.raw = logpb.Append(*e.raw, group)
	return e.store(ctx, l, route{}, *e.raw, nil)
}

// logstore is the logstore that is written to, if this door leads to it.
func (e *entry) logstore(ctx context.Context, ref sluice.LogstoreRef) (*catalog.Logstore, error) {
	if ref.Project == e.door.o.Reserved && ref.Project != "" {
		return nil, sluice.Errorf(sluice.Unauthorized, "action", "project %s is the server's own: nobody else writes to it", ref.Project)
	}
	return e.door.cat.Logstore(ctx, ref)
}

// store checks raw and appends it; packed is raw as one LZ4 block, if the client sent it so.
func (e *entry) store(ctx context.Context, l *catalog.Logstore, r route, raw, packed []byte) error {
	stats, err := logpb.Check(raw, e.limits())
	if err != nil || stats.Logs == 0 {
		return err
	}
	s, err := r.choose(l)
	if err != nil {
		return err
	}
	if err := e.door.admit(l.Project, s, len(raw)); err != nil {
		return err
	}
	e.block.Logs = stats.Logs
	if err := e.pack(l, raw, packed); err != nil {
		return err
	}
	e.door.buffers.put(e.raw) // a sync is a long time to hold it
	e.raw = nil
	return e.appendTo(ctx, s, r)
}

// limits of a group that arrives now.
func (e *entry) limits() logpb.Limits {
	o := &e.door.o
	lim := logpb.Limits{MaxRaw: o.MaxRaw, MaxLogs: o.MaxLogs, MaxKey: o.MaxKey, MaxValue: o.MaxValue, MaxTags: o.MaxTags}
	if o.Past > 0 && !e.anyTime {
		lim.Earliest = seconds(e.began.Add(-o.Past))
	}
	if o.Future > 0 && !e.anyTime {
		lim.Latest = seconds(e.began.Add(o.Future))
	}
	return lim
}

func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }

// pack makes the block: packed as it came, or else raw compressed, with the tags that the logstore asks for behind it.
func (e *entry) pack(l *catalog.Logstore, raw, packed []byte) (err error) {
	e.block.Raw, e.block.Data = len(raw), packed
	if packed != nil {
		e.block.Tail, err = lz4block.Tail(packed)
	}
	if packed == nil || err != nil { // what decodes but cannot be joined to other blocks is compressed again
		e.packed = e.door.buffers.get(len(raw) + len(raw)/128 + tagRoom)
		if *e.packed, err = logpb.Compress(*e.packed, logpb.LZ4, raw); err != nil {
			return err
		}
		e.block.Data = *e.packed
		if e.block.Tail, err = lz4block.Tail(e.block.Data); err != nil {
			return err
		}
	}
	if l.AppendMeta {
		if err := e.addTags(); err != nil {
			return err
		}
	}
	e.outcome.Raw, e.outcome.Stored, e.outcome.Logs = e.block.Raw, len(e.block.Data), e.block.Logs
	return nil
}

// tagRoom is enough for the tags that addTags adds, and for the seam that joins them.
const tagRoom = 256

// addTags joins the tags of reference sls-api 4.2 to the block without decoding it: tags are one field of a group, and
// protobuf fields concatenate.
func (e *entry) addTags() error {
	var room [tagRoom]byte
	tags := room[:0]
	if e.client.IsValid() {
		tags = logpb.AppendTag(tags, "__client_ip__", e.client.Unmap().WithZone("").String())
	}
	tags = logpb.AppendTag(tags, "__receive_time__", strconv.FormatInt(e.began.Unix(), 10))

	joined := e.door.buffers.get(len(e.block.Data) + 2*tagRoom)
	j := joiners.Get().(*lz4block.Joiner)
	defer joiners.Put(j)
	j.Reset(*joined)
	err := j.Block(e.block.Data, e.block.Tail)
	j.Literals(tags)
	*joined, e.block.Tail = j.Finish()
	e.block.Data = *joined
	e.block.Raw += len(tags)
	e.door.buffers.put(e.packed)
	e.packed = joined
	return err
}

var joiners = sync.Pool{New: func() any { return lz4block.NewJoiner(nil) }}

// appendTo appends the block to s, or to where its route leads after s was split, merged or deleted.
func (e *entry) appendTo(ctx context.Context, s *catalog.Shard, r route) error {
	for range maxReroutes {
		store := s.Stored.Append
		if e.reserve {
			store = s.Stored.AppendFromReserve
		}
		position, err := store(ctx, e.block)
		if err == nil {
			s.Traffic.Add(e.block.Raw)
			e.shard, e.position = s.ID, position
			return nil
		}
		if !errors.Is(err, shard.ErrSealed) && !errors.Is(err, shard.ErrUnknownLog) {
			return refused(err)
		}
		l, err := e.door.cat.Settled(ctx, e.outcome.Ref)
		if err != nil {
			return err
		}
		if s, err = r.choose(l); err != nil {
			return err
		}
	}
	return sluice.Errorf(sluice.Unavailable, "server", "the shards of %s are being split and merged, please retry", e.outcome.Ref)
}

// refused turns the error of an append into one for the client.
func refused(err error) error {
	switch {
	case errors.Is(err, shard.ErrDiskFull):
		return sluice.Errorf(sluice.Unavailable, "server", "the server's disk is full, writing resumes when there is room: %w", err)
	case errors.Is(err, shard.ErrFailed):
		return sluice.Errorf(sluice.Unavailable, "server", "the server cannot write to its disk until it is restarted: %w", err)
	case errors.Is(err, shard.ErrClosed):
		return sluice.Errorf(sluice.Unavailable, "server", "the server is shutting down: %w", err)
	}
	return err
}

// free gives back what was borrowed.
func (e *entry) free() {
	e.door.buffers.put(e.raw)
	e.door.buffers.put(e.packed)
}

func (e *entry) observe(err error) {
	if e.door.o.Observe != nil {
		e.outcome.Took, e.outcome.Err = e.door.o.Now().Sub(e.began), err
		e.door.o.Observe(e.outcome)
	}
}

func tooLarge(size, limit int) error {
	return sluice.Errorf(sluice.TooLarge, "body-size", "the log group is over the limit: %d of %d bytes", size, limit)
}
