package query

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
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

// budget ends a scan: when time is over, or the asker has gone.
type budget struct {
	ctx  context.Context
	ends time.Time
	now  func() time.Time
	over atomic.Bool
}

func (b *budget) spent() bool {
	if !b.over.Load() && (b.ctx.Err() != nil || !b.now().Before(b.ends)) {
		b.over.Store(true)
	}
	return b.over.Load()
}

// scan gives what matches in each shard to the collector made for it. Collectors are called from one goroutine each.
func (e *Engine) scan(ctx context.Context, q *question, collect func(sluice.ShardID) collector) (Coverage, error) {
	began := e.o.Now()
	b := &budget{ctx: ctx, ends: began.Add(e.o.Budget), now: e.o.Now}
	var logs, raw atomic.Int64
	var damaged atomic.Bool
	var g errgroup.Group
	for i := range q.logstore.Shards {
		s := &scanner{engine: e, question: q, shard: &q.logstore.Shards[i], budget: b, collector: collect(q.logstore.Shards[i].ID)}
		g.Go(func() error {
			select {
			case e.workers <- struct{}{}:
				defer func() { <-e.workers }()
			case <-ctx.Done():
				return nil
			}
			err := s.run()
			logs.Add(s.logs)
			raw.Add(s.raw)
			if s.damaged {
				damaged.Store(true)
			}
			return err
		})
	}
	err := g.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return Coverage{
		Complete: !b.over.Load() && !damaged.Load(), Logs: logs.Load(), Bytes: raw.Load(), Elapsed: e.o.Now().Sub(began),
	}, err
}

// scanner reads one shard from where the range can begin to its end.
type scanner struct {
	engine    *Engine
	question  *question
	shard     *catalog.Shard
	budget    *budget
	collector collector

	log     index.Log
	buf     []byte
	logs    int64
	raw     int64
	damaged bool
}

// What a scanner reads at once.
const (
	scanGroups = 256
	scanBytes  = 4 << 20
)

func (s *scanner) run() error {
	from, err := s.start()
	if err != nil {
		return s.survive(err, nil)
	}
	for !s.budget.spent() {
		batch, err := s.shard.Stored.Read(from, 0, scanGroups, scanBytes)
		if err != nil {
			if err = s.survive(err, &from); err != nil {
				return err
			}
			continue
		}
		for i := range batch.Groups {
			if err := s.group(&batch.Groups[i]); err != nil {
				batch.Release()
				return err
			}
		}
		from = batch.Next
		end := from >= batch.End
		batch.Release()
		if end {
			return nil
		}
	}
	return nil
}

// start finds the first log group that can hold a log of the range: a log's time is at most Future ahead of its receipt.
func (s *scanner) start() (sluice.Position, error) {
	if s.engine.o.Future < 0 {
		begin, _ := s.shard.Stored.Bounds()
		return begin, nil
	}
	return s.shard.Stored.Seek(time.Unix(0, s.question.Range.From).Add(-s.engine.o.Future))
}

// survive notes damage, and where reading goes on; a shard that was deleted meanwhile has no more to say. Other errors end the query.
func (s *scanner) survive(err error, from *sluice.Position) error {
	var bad *shard.CorruptError
	switch {
	case errors.As(err, &bad) && from != nil:
		s.damaged = true
		*from = bad.Next
		return nil
	case errors.Is(err, shard.ErrUnknownLog):
		s.budget.over.Store(true)
		return nil
	case errors.As(err, &bad):
		s.damaged = true
		return nil
	}
	return err
}

// group looks at the logs of one log group.
func (s *scanner) group(g *shard.Group) error {
	decoded, err := decode(&s.buf, g)
	if err != nil {
		return err
	}
	s.raw += int64(g.Raw)
	s.logs += int64(len(decoded.Records))
	q := s.question
	if q.Topic != "" && decoded.Topic != q.Topic {
		return nil
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
			s.collector.add(key{time: at, shard: s.shard.ID, position: g.Position, index: int32(i)})
		}
	}
	return nil
}

func timeOf(r *sluice.Record) int64 { return int64(r.Time)*1e9 + int64(r.Nanos) }

// decode turns a stored group into a log group. buf is scratch.
func decode(buf *[]byte, g *shard.Group) (*sluice.LogGroup, error) {
	if cap(*buf) < g.Raw {
		*buf = make([]byte, g.Raw)
	}
	raw := (*buf)[:g.Raw]
	if err := lz4block.Decompress(raw, g.Data); err != nil {
		return nil, err
	}
	return logpb.Decode(raw)
}
