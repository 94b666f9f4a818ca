package query

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/segment"
)

// segments asks the groups of a snapshot that can hold logs of the range, and gives collect what matches in each. It reports how
// far it got; groups are asked by as many workers as the engine has, in no order.
func (e *Engine) segments(ctx context.Context, q *question, b *budget, snap *indexer.Snapshot, table int,
	skip func(*indexer.Segment) bool, collect func() collector,
) (Coverage, error) {
	var logs, bytes atomic.Int64
	var damaged atomic.Bool
	var g errgroup.Group
	ask := func(s *indexer.Segment, group *segment.Group, amended bool) {
		c := collect()
		g.Go(func() error {
			select {
			case e.workers <- struct{}{}:
				defer func() { <-e.workers }()
			case <-ctx.Done():
				return nil
			}
			if b.spent() {
				return nil
			}
			end := step(ctx, "ask the token index of the segments")
			rows, err := q.rows(ctx, s, group)
			if err == nil && amended {
				err = q.hide(ctx, s, group, rows)
			}
			end()
			if err == nil {
				traceOf(ctx).noteFound(table, int64(rows.GetCardinality()))
				logs.Add(int64(group.Rows()))
				bytes.Add(group.Bytes())
				err = c.addRows(ctx, group, rows)
			}
			var bad *segment.DamageError
			if errors.As(err, &bad) {
				q.damaged(group, err)
				c.drop()
				damaged.Store(true)
				return nil
			}
			return err
		})
	}
	for _, s := range snap.Segments {
		if s.Bad != nil {
			damaged.Store(true)
			continue
		}
		if info := s.Info(); !q.overlaps(info.First, info.Last) {
			continue
		}
		if skip != nil && skip(s) {
			traceOf(ctx).noteFile(table)
			logs.Add(s.Info().Rows)
			bytes.Add(s.Info().Bytes)
			continue
		}
		amended := q.amends(s)
		for i := range s.Groups() {
			if group := s.Group(i); q.overlaps(group.First(), group.Last()) {
				ask(s, group, amended)
			}
		}
	}
	err := g.Wait()
	return Coverage{Complete: !b.over.Load() && !damaged.Load(), Logs: logs.Load(), Bytes: bytes.Load()}, err
}

// damaged reports that a group is left out of an answer. Its segment will be made anew.
func (q *question) damaged(g *segment.Group, err error) {
	q.logger.Error("damaged segment, left out of an answer", "project", q.Ref.Project, "logstore", q.Ref.Logstore, "error", err)
	if q.snapshot == nil {
		return
	}
	for _, s := range q.snapshot.Segments {
		if s.Segment == g.Segment() {
			s.MarkDamaged()
		}
	}
}

// overlaps reports whether logs from first to last can be in the range.
func (q *question) overlaps(first, last time.Time) bool {
	return last.UnixNano() >= q.Range.From && first.UnixNano() < q.Range.To
}

// rows finds the rows of a group that a question asks for.
func (q *question) rows(ctx context.Context, s *indexer.Segment, group *segment.Group) (*roaring.Bitmap, error) {
	within, err := q.inRange(ctx, group)
	if err != nil {
		return nil, err
	}
	if q.Topic != "" && !within.IsEmpty() {
		if within, err = group.Filter(ctx, segment.ColumnTopic, within, func(v string) bool { return v == q.Topic }); err != nil {
			return nil, err
		}
	}
	p := &planner{q: q, group: group}
	if s.Config != q.config.ID { // other tokens: only the logs themselves can tell
		if _, all := q.bound.Root.(search.All); all {
			return within, nil
		}
		return p.byLog(ctx, q.bound.Root, within)
	}
	for _, c := range s.Columns() {
		p.cols = append(p.cols, c.Name)
	}
	return p.rows(ctx, q.bound.Root, within)
}

// inRange returns the rows whose time is in the range.
func (q *question) inRange(ctx context.Context, group *segment.Group) (*roaring.Bitmap, error) {
	from, err := group.RowAt(ctx, q.Range.From/1e9)
	if err != nil {
		return nil, err
	}
	to, err := group.RowAt(ctx, (q.Range.To+1e9-1)/1e9)
	if err != nil {
		return nil, err
	}
	rows := roaring.New()
	rows.AddRange(uint64(from), uint64(to))
	if q.Range.From%1e9 == 0 && q.Range.To%1e9 == 0 || rows.IsEmpty() {
		return rows, nil
	}
	times, err := group.Times(ctx)
	if err != nil {
		return nil, err
	}
	for from < to && times[from] < q.Range.From {
		rows.Remove(from)
		from++
	}
	for from < to && times[to-1] >= q.Range.To {
		to--
		rows.Remove(to)
	}
	return rows, nil
}

// flatRow makes the fields of a row that clients see.
func flatRow(r *segment.Row) []sluice.Field {
	fields := make([]sluice.Field, 0, 2+len(r.Tags)+len(r.Fields))
	fields = append(fields, sluice.Field{Key: index.SourceField, Value: r.Source}, sluice.Field{Key: index.TopicField, Value: r.Topic})
	for _, tag := range r.Tags {
		fields = append(fields, sluice.Field{Key: index.TagPrefix + tag.Key, Value: tag.Value})
	}
	return append(fields, r.Fields...)
}
