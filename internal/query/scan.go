package query

import (
	"cmp"
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/shard"
)

// key is the place of a log, and what orders it among others.
type key struct {
	time     int64 // nanoseconds since 1970
	shard    sluice.ShardID
	position sluice.Position
	index    int32 // in its log group
}

func (a key) compare(b key) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.shard, b.shard), cmp.Compare(a.position, b.position), cmp.Compare(a.index, b.index))
}

// collector takes what matches in one shard.
type collector interface{ add(k key) }

// scan gives what matches in each shard to the collector made for it. Collectors are called from one goroutine each.
func (e *Engine) scan(ctx context.Context, q *question, collect func() collector) (Coverage, error) {
	began := e.o.Now()
	from := logBegin
	if e.o.Future >= 0 { // a log's time is at most that far ahead of its receipt
		from = receivedFrom(time.Unix(0, q.Range.From).Add(-e.o.Future))
	}
	var readers []*reader
	var scanners []*scanner
	for i := range q.logstore.Shards {
		s := &scanner{question: q, shard: q.logstore.Shards[i].ID, collector: collect()}
		scanners = append(scanners, s)
		readers = append(readers, &reader{shard: &q.logstore.Shards[i], from: from, to: logEnd, fn: s.group})
	}
	complete, err := e.read(ctx, readers)
	cover := Coverage{Complete: complete, Elapsed: e.o.Now().Sub(began)}
	for _, s := range scanners {
		cover.Logs += s.logs
		cover.Bytes += s.raw
	}
	return cover, err
}

// scanner looks at the logs of one shard.
type scanner struct {
	question  *question
	shard     sluice.ShardID
	collector collector

	log       index.Log
	logs, raw int64
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
		if at < q.Range.From || at >= q.Range.To {
			continue
		}
		s.log.SetRecord(r)
		if q.bound.Match(&s.log) {
			s.collector.add(key{time: at, shard: s.shard, position: g.Position, index: int32(i)})
		}
	}
}

func timeOf(r *sluice.Record) int64 { return int64(r.Time)*1e9 + int64(r.Nanos) }
