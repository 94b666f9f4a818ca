package query

import (
	"cmp"
	"context"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/shard"
)

// key is the place of a log, and what orders it among others.
type key struct {
	time     int64 // nanoseconds since 1970
	shard    sluice.ShardID
	position sluice.Position
	index    int32 // in its log group

	group *segment.Group // where it was found, nil for a shard log
	row   uint32         // in group
}

func (a key) compare(b key) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.shard, b.shard), cmp.Compare(a.position, b.position), cmp.Compare(a.index, b.index))
}

// collector takes what matches in one part of a logstore, from one goroutine.
type collector interface {
	add(k key, l *index.Log)                                                   // a log of a shard log; l is valid during the call
	addRows(ctx context.Context, g *segment.Group, rows *roaring.Bitmap) error // rows of a segment; the bitmap is the collector's
	drop()                                                                     // forget all: the part turned out to be damaged
}

// scan gives what matches to collectors, one for each part: the groups of segments, updated logs, and what the shard logs have behind segments.
// A segment for which skip, if not nil, is true is left to the caller.
func (e *Engine) scan(ctx context.Context, q *question, skip func(*indexer.Segment) bool, collect func() collector) (Coverage, error) {
	began := e.o.Now()
	b := e.budget(ctx)
	snap, err := e.snapshot(ctx, q.Ref)
	if err != nil {
		return Coverage{}, err
	}
	q.snapshot = snap
	table, err := traceOf(ctx).noteScan(e, q, snap)
	if err != nil {
		return Coverage{}, err
	}
	cover, err := e.segments(ctx, q, b, snap, table, skip, collect)
	if err != nil {
		return cover, err
	}
	cover.Logs += q.updated(b, snap, collect)
	var readers []*reader
	var scanners []*scanner
	for i := range q.logstore.Shards {
		id := q.logstore.Shards[i].ID
		s := &scanner{question: q, shard: id, collector: collect()}
		scanners = append(scanners, s)
		readers = append(readers, &reader{shard: &q.logstore.Shards[i], from: e.tail(q, snap.Progress[id]), to: logEnd, fn: s.group})
	}
	end := step(ctx, "read the shard logs behind the segments")
	complete, err := e.read(b, readers)
	end()
	cover.Complete = cover.Complete && complete
	for _, s := range scanners {
		cover.Logs += s.logs
		cover.Bytes += s.raw
		traceOf(ctx).noteFound(table, s.found)
	}
	cover.Elapsed = e.o.Now().Sub(began)
	return cover, err
}

// snapshot is the index of a logstore now, an empty one where there is none.
func (e *Engine) snapshot(ctx context.Context, ref sluice.LogstoreRef) (*indexer.Snapshot, error) {
	if e.index == nil {
		return &indexer.Snapshot{}, nil
	}
	return e.index.Snapshot(ctx, ref)
}

// tail is where a shard log has what no segment has, and what can be of the range: a log's time is at most Future ahead of its
// receipt.
func (e *Engine) tail(q *question, indexed sluice.Position) bound {
	return func(l *shard.Log) (sluice.Position, error) {
		at, end := l.Bounds()
		if at = max(at, indexed); at >= end || e.o.Future < 0 {
			return at, nil
		}
		first, err := l.Seek(time.Unix(0, q.Range.From).Add(-e.o.Future))
		return max(at, first), err
	}
}

// scanner looks at the logs of one shard.
type scanner struct {
	question  *question
	shard     sluice.ShardID
	collector collector

	log              index.Log
	logs, raw, found int64
}

func (s *scanner) group(g *shard.Group, decoded *sluice.LogGroup) {
	s.raw += int64(g.Raw)
	s.logs += int64(len(decoded.Records))
	q := s.question
	if q.Topic != "" && decoded.Topic != q.Topic {
		return
	}
	s.log.SetGroup(decoded)
	for i := range decoded.Records {
		r := &decoded.Records[i]
		at := timeOf(r)
		k := key{time: at, shard: s.shard, position: g.Position, index: int32(i)}
		if at < q.Range.From || at >= q.Range.To || q.amended.Hides(placeOf(k)) {
			continue
		}
		s.log.SetRecord(r)
		if q.bound.Match(&s.log) {
			s.found++
			s.collector.add(k, &s.log)
		}
	}
}

func timeOf(r *sluice.Record) int64 { return int64(r.Time)*1e9 + int64(r.Nanos) }
