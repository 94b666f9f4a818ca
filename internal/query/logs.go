package query

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/segment"
)

// Page asks for a page of logs in order of time.
type Page struct {
	Filter
	Offset, Line int
	Reverse      bool // newest first
	PackMeta     bool // add the field __pack_meta__, for context queries
	Highlight    bool // say what of the logs the search found them by
}

// check refuses a page that cannot be.
func (p *Page) check() error {
	switch {
	case p.Offset < 0 || p.Offset > MaxOffset:
		return sluice.Errorf(sluice.Invalid, "offset", "offset has to be 0 to %d; ask for a shorter time range instead", MaxOffset)
	case p.Line < 0:
		return sluice.Errorf(sluice.Invalid, "line", "line must not be negative")
	}
	return nil
}

// MaxOffset is how far a page may be from the first one: that many places are kept in memory to find it.
const MaxOffset = 1_000_000

// Log is a log with its place.
type Log struct {
	Time   uint32
	Nanos  uint32
	Fields []sluice.Field // __source__, __topic__, tags and contents, under the names that clients know
	Shard  sluice.ShardID
	Cursor sluice.Position // of its log group
	Index  int             // in its log group
	Of     int             // logs in its log group
}

// Found is a page of logs.
type Found struct {
	Logs  []Log
	Terms []search.Highlighted // the words that they were found by
	Marks [][]search.Mark      // of each log, if that was asked for: what the search found it by
	Coverage
}

// Logs returns a page. Errors: those of the search, and Invalid [offset], [line].
func (e *Engine) Logs(ctx context.Context, p Page) (*Found, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	q, err := e.prepare(ctx, p.Filter)
	if err != nil {
		return nil, err
	}
	keys, cover, err := e.first(ctx, q, p.Offset+p.Line, p.Reverse)
	if err != nil {
		return nil, err
	}
	keys = keys[min(p.Offset, len(keys)):]
	found := &Found{Terms: q.bound.Terms, Coverage: cover}
	if found.Logs, err = q.fetch(ctx, keys); err != nil {
		return nil, err
	}
	found.Complete = found.Complete && len(found.Logs) == len(keys)
	if p.Highlight {
		found.Marks = q.marks(found.Logs)
	}
	q.addRowIDs(found.Logs)
	if p.PackMeta {
		err = q.addPackMeta(found.Logs)
	}
	return found, err
}

// marks says what of logs the search found them by.
func (q *question) marks(logs []Log) [][]search.Mark {
	marks := make([][]search.Mark, len(logs))
	var l index.Log
	for i := range logs {
		l.Set(logs[i].Fields)
		marks[i] = q.bound.Highlight(&l)
	}
	return marks
}

// fetch reads the logs at keys, in that order. Those that retention has taken since are left out.
func (q *question) fetch(ctx context.Context, keys []key) ([]Log, error) {
	defer step(ctx, "read logs")()
	found := make([]*Log, len(keys))
	if err := q.fetchRows(ctx, keys, found); err != nil {
		return nil, err
	}
	if err := q.fetchGroups(keys, found); err != nil {
		return nil, err
	}
	logs := make([]Log, 0, len(keys))
	for _, l := range found {
		if l != nil {
			logs = append(logs, *l)
		}
	}
	return logs, nil
}

// fetchRows reads the logs that segments have, those of one group at once.
func (q *question) fetchRows(ctx context.Context, keys []key, found []*Log) error {
	places := map[*segment.Group][]int{}
	for i, k := range keys {
		if k.group != nil {
			places[k.group] = append(places[k.group], i)
		}
	}
	for group, at := range places {
		slices.SortFunc(at, func(i, j int) int { return cmp.Compare(keys[i].row, keys[j].row) })
		rows := roaring.New()
		for _, i := range at {
			rows.Add(keys[i].row)
		}
		logs, err := group.Fetch(ctx, rows)
		var bad *segment.DamageError
		if errors.As(err, &bad) {
			q.damaged(group, err)
			continue // the callers see that logs are missing
		}
		if err != nil {
			return err
		}
		for n, i := range at {
			r := &logs[n]
			found[i] = &Log{Time: r.Time, Nanos: r.Nanos, Fields: flatRow(r), Shard: r.Shard, Cursor: r.Position, Index: r.Index}
		}
	}
	return nil
}

// fetchGroups reads the logs that are in the shard logs, and those that were updated.
func (q *question) fetchGroups(keys []key, found []*Log) error {
	var group *sluice.LogGroup
	var at key
	var buf []byte
	for i, k := range keys {
		if k.group != nil {
			continue
		}
		if r := q.amended.Now(placeOf(k)); r != nil {
			found[i] = logOf(r)
			continue
		}
		if group == nil || k.shard != at.shard || k.position != at.position {
			at = k
			var err error
			if group, err = q.read(&buf, k); err != nil {
				return err
			}
		}
		if group != nil {
			r := &group.Records[k.index]
			found[i] = &Log{
				Time: r.Time, Nanos: r.Nanos, Fields: flatten(group, r),
				Shard: k.shard, Cursor: k.position, Index: int(k.index), Of: len(group.Records),
			}
		}
	}
	return nil
}

// read reads the log group at k, nil if it is not there any more.
func (q *question) read(buf *[]byte, k key) (*sluice.LogGroup, error) {
	s, ok := q.logstore.Shard(k.shard)
	if !ok {
		return nil, nil
	}
	batch, err := s.Stored.Read(k.position, k.position+1, 1, 0)
	if err != nil {
		return nil, err
	}
	defer batch.Release()
	if len(batch.Groups) == 0 || batch.Groups[0].Position != k.position {
		return nil, nil
	}
	return decode(buf, &batch.Groups[0])
}

// flatten makes the fields of a log that clients see.
func flatten(g *sluice.LogGroup, r *sluice.Record) []sluice.Field {
	fields := make([]sluice.Field, 0, 2+len(g.Tags)+len(r.Fields))
	fields = append(fields, sluice.Field{Key: index.SourceField, Value: g.Source}, sluice.Field{Key: index.TopicField, Value: g.Topic})
	for _, tag := range index.VisibleTags(g.Tags) {
		fields = append(fields, sluice.Field{Key: index.TagPrefix + tag.Key, Value: tag.Value})
	}
	return append(fields, index.Visible(r.Fields)...)
}
