package query

import (
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/segment"
)

// present returns the logs at keys as they are now, or as change makes them if it is not nil, without those that are gone. It reads shard logs, which have logs as they came in; and segments for
// those that retention has taken there, and not here yet. Errors: TooLarge [amendments] for more than a logstore may keep.
func (q *question) present(ctx context.Context, keys []key, change func(*amend.Row) error) ([]amend.Row, error) {
	slices.SortFunc(keys, func(a, b key) int { a.time, b.time = 0, 0; return a.compare(b) })
	p := &presence{q: q, change: change}
	for _, k := range keys {
		if err := p.find(ctx, k); err != nil {
			return nil, err
		}
	}
	return p.rows, nil
}

// presence is what was found of logs.
type presence struct {
	q      *question
	change func(*amend.Row) error
	rows   []amend.Row
	bytes  int64

	buf   []byte
	at    key              // of group
	group *sluice.LogGroup // read last, nil if the shard log does not have it
	read  bool             // at is that of a group that was looked for
}

func (p *presence) find(ctx context.Context, k key) error {
	place := placeOf(k)
	if r := p.q.amended.Now(place); r != nil {
		return p.add(place, &r.Log, r.Record())
	}
	if p.q.amended.Hides(place) {
		return nil
	}
	if err := p.readGroup(k); err != nil {
		return err
	}
	if p.group == nil {
		return p.findRow(ctx, k)
	}
	if int(k.index) < len(p.group.Records) { // or somebody made the row id up
		return p.add(place, p.group, &p.group.Records[k.index])
	}
	return nil
}

// readGroup reads the log group of k, if it was not read for the key before.
func (p *presence) readGroup(k key) (err error) {
	if p.read && k.shard == p.at.shard && k.position == p.at.position {
		return nil
	}
	p.at, p.group, p.read = k, nil, true
	if s, ok := p.q.logstore.Shard(k.shard); ok {
		if _, end := s.Stored.Bounds(); k.position < end {
			p.group, err = p.q.read(&p.buf, k)
		}
	}
	return err
}

// findRow looks for k in segments.
func (p *presence) findRow(ctx context.Context, k key) error {
	if k.group == nil {
		found, err := p.q.inSegments(ctx, k)
		if err != nil || found == nil {
			return err
		}
		k = *found
	}
	rows, err := k.group.Fetch(ctx, roaring.BitmapOf(k.row))
	if err != nil {
		return err
	}
	r := &rows[0]
	return p.add(placeOf(k), &sluice.LogGroup{Topic: r.Topic, Source: r.Source, Tags: r.Tags}, &sluice.Record{Time: r.Time, Nanos: r.Nanos, Fields: r.Fields})
}

// inSegments returns k with where it is in a segment, nil if it is in none.
func (q *question) inSegments(ctx context.Context, k key) (*key, error) {
	for _, s := range q.snapshot.Segments {
		if s.Bad != nil || !holds(s, placeOf(k)) {
			continue
		}
		for i := range s.Groups() {
			if found, err := inGroup(ctx, s.Group(i), k); err != nil || found != nil {
				return found, err
			}
		}
	}
	return nil, nil
}

func inGroup(ctx context.Context, g *segment.Group, k key) (*key, error) {
	rows, err := g.RowsOf(ctx, func(p sluice.Position) bool { return p == k.position })
	if err != nil || rows.IsEmpty() {
		return nil, err
	}
	keys, err := g.Keys(ctx, rows)
	if err != nil {
		return nil, err
	}
	it := rows.Iterator()
	for _, there := range keys {
		if row := it.Next(); there.Shard == k.shard && there.Index == k.index {
			k.group, k.row = g, row
			return &k, nil
		}
	}
	return nil, nil
}

// add adds a log, changed, as a row that shares no memory with its group.
func (p *presence) add(place amend.Place, g *sluice.LogGroup, r *sluice.Record) error {
	row := amend.Row{Place: place, Log: sluice.LogGroup{Topic: g.Topic, Source: g.Source, Tags: g.Tags, Records: []sluice.Record{*r}}}
	if p.change != nil {
		if err := p.change(&row); err != nil {
			return err
		}
	}
	if p.bytes += row.Bytes(); p.bytes > amend.MaxNowBytes {
		return sluice.Errorf(sluice.TooLarge, "amendments", "the logs that are found would have more than %d MiB, as much as updated ones of a logstore may have in all; "+
			"nothing was changed: ask for fewer", amend.MaxNowBytes>>20)
	}
	log, err := logpb.Decode(logpb.Append(nil, &row.Log))
	if err != nil {
		return err
	}
	row.Log = *log
	p.rows = append(p.rows, row)
	return nil
}
