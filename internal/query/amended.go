package query

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/segment"
)

/*
Logs that were deleted or updated since they were written (package amend). Segments and shard logs have what was written; whoever reads them
leaves out what the question's view hides, and what updated logs say now is matched as a part of its own:

	rows of a segment ── less those that are hidden ──┐
	logs of a shard log ── less those too ────────────┼──> collectors
	updated logs of the range, as they are now ───────┘

Where a statement reads a segment as the file that it is, the numbers of hidden rows go along.
*/

// amends reports whether a segment has rows that are hidden.
func (q *question) amends(s *indexer.Segment) bool {
	if q.amended == nil {
		return false
	}
	for _, r := range s.Runs {
		if q.amended.HidesAny(r.Shard, r.From, r.To) {
			return true
		}
	}
	return false
}

// fewRows have their places looked up, before all of a group are.
const fewRows = 1024

// hide takes the hidden rows of a group of s out of rows.
func (q *question) hide(ctx context.Context, s *indexer.Segment, g *segment.Group, rows *roaring.Bitmap) error {
	if rows.IsEmpty() {
		return nil
	}
	var hidden *roaring.Bitmap
	var err error
	if m := memoOf(s, g); (m == nil || m.version != q.amended.Version()) && rows.GetCardinality() <= fewRows {
		hidden, err = q.hidden(ctx, g, rows)
	} else {
		hidden, err = q.hiddenRows(ctx, s, g)
	}
	if err == nil {
		rows.AndNot(hidden)
	}
	return err
}

// memo are the rows of a group that a view hides. It lies with the segment, for the next question.
type memo struct {
	version uint64
	rows    *roaring.Bitmap
}

func memoOf(s *indexer.Segment, g *segment.Group) *memo {
	m, _ := s.Memo.Load(g.FirstRow())
	known, _ := m.(*memo)
	return known
}

// hiddenRows returns the rows of a group of s that are hidden, which are not to be changed. After a change it looks for those alone that the change
// was about.
func (q *question) hiddenRows(ctx context.Context, s *indexer.Segment, g *segment.Group) (*roaring.Bitmap, error) {
	now, known := &memo{q.amended.Version(), roaring.New()}, memoOf(s, g)
	if known != nil && known.version == now.version {
		return known.rows, nil
	}
	at := map[sluice.Position]bool{}
	changed, all := []amend.Place(nil), true
	if known != nil {
		if places, ok := q.amended.Since(known.version); ok {
			changed, all = places, false
			now.rows.Or(known.rows)
		}
	}
	for _, r := range s.Runs {
		if all {
			q.amended.Positions(r.Shard, r.From, r.To, func(p sluice.Position) bool { at[p] = true; return true })
		}
		for _, p := range changed {
			if p.Shard == r.Shard && p.Position >= r.From && p.Position < r.To {
				at[p.Position] = true
			}
		}
	}
	if len(at) > 0 {
		rows, err := g.RowsOf(ctx, func(p sluice.Position) bool { return at[p] })
		if err == nil {
			rows, err = q.hidden(ctx, g, rows)
		}
		if err != nil {
			return nil, err
		}
		now.rows.Or(rows)
	}
	s.Memo.Store(g.FirstRow(), now)
	return now.rows, nil
}

// hiddenNumbers are the hidden rows of a segment, by their numbers in its file.
func (q *question) hiddenNumbers(ctx context.Context, s *indexer.Segment) (*roaring.Bitmap, error) {
	numbers := roaring.New()
	for i := range s.Groups() {
		g := s.Group(i)
		rows, err := q.hiddenRows(ctx, s, g)
		if err != nil {
			return nil, err
		}
		numbers.Or(roaring.AddOffset64(rows, g.FirstRow()))
	}
	return numbers, nil
}

// hidden returns those out of rows that are hidden.
func (q *question) hidden(ctx context.Context, g *segment.Group, rows *roaring.Bitmap) (*roaring.Bitmap, error) {
	keys, err := g.Keys(ctx, rows)
	if err != nil {
		return nil, err
	}
	hidden := roaring.New()
	it := rows.Iterator()
	for _, k := range keys {
		if row := it.Next(); q.amended.Hides(amend.Place{Shard: k.Shard, Position: k.Position, Index: k.Index}) {
			hidden.Add(row)
		}
	}
	return hidden, nil
}

// updated gives collector the updated logs that a question asks for, as they are now, and returns how many it looked at.
func (q *question) updated(b *budget, snap *indexer.Snapshot, collect func() collector) (looked int64) {
	rows := q.amended.Between(q.Range.From, q.Range.To)
	if len(rows) == 0 {
		return 0
	}
	c := collect()
	var l index.Log
	for _, r := range rows {
		if b.spent() {
			return looked
		}
		if q.Topic != "" && r.Log.Topic != q.Topic || !q.there(snap, r.Place) {
			continue
		}
		looked++
		l.SetGroup(&r.Log)
		l.SetRecord(r.Record())
		if q.bound.Match(&l) {
			c.add(key{time: r.Time(), shard: r.Shard, position: r.Position, index: r.Index}, &l)
		}
	}
	return looked
}

// there reports whether a place is in a shard log or in a segment still: an updated log goes when the one goes that was written.
func (q *question) there(snap *indexer.Snapshot, p amend.Place) bool {
	if s, ok := q.logstore.Shard(p.Shard); ok {
		if begin, end := s.Stored.Bounds(); p.Position >= begin && p.Position < end {
			return true
		}
	}
	return slices.ContainsFunc(snap.Segments, func(s *indexer.Segment) bool { return holds(s, p) })
}

// holds reports whether s was made of the log group at p.
func holds(s *indexer.Segment, p amend.Place) bool {
	return slices.ContainsFunc(s.Runs, func(r meta.Run) bool { return r.Shard == p.Shard && p.Position >= r.From && p.Position < r.To })
}

// logOf makes an updated log what clients see.
func logOf(r *amend.Row) *Log {
	return &Log{
		Time: r.Record().Time, Nanos: r.Record().Nanos, Fields: flatten(&r.Log, r.Record()),
		Shard: r.Shard, Cursor: r.Position, Index: int(r.Index),
	}
}

// placeOf is the place of a key.
func placeOf(k key) amend.Place {
	return amend.Place{Shard: k.shard, Position: k.position, Index: k.index}
}

// RowIDField is the field in which logs that may be modified have their row id.
const RowIDField = "__rowid__"

// RowID names l for deletion and update.
func (l *Log) RowID() string {
	return amend.Place{Shard: l.Shard, Position: l.Cursor, Index: int32(l.Index)}.RowID()
}

// addRowIDs adds to logs what names them, if they may be modified.
func (q *question) addRowIDs(logs []Log) {
	if !q.logstore.Modifiable {
		return
	}
	for i := range logs {
		l := &logs[i]
		l.Fields = slices.DeleteFunc(l.Fields, func(f sluice.Field) bool { return f.Key == RowIDField })
		l.Fields = append(l.Fields, sluice.Field{Key: RowIDField, Value: l.RowID()})
	}
}
