package query

import (
	"context"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/search"
)

// Page asks for a page of logs in order of time.
type Page struct {
	Filter
	Offset, Line int
	Reverse      bool // newest first
	PackMeta     bool // add the field __pack_meta__, for context queries
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
	Coverage
}

// Logs returns a page. Errors: those of the search, and Invalid [offset], [line].
func (e *Engine) Logs(ctx context.Context, p Page) (*Found, error) {
	switch {
	case p.Offset < 0 || p.Offset > MaxOffset:
		return nil, sluice.Errorf(sluice.Invalid, "offset", "offset has to be 0 to %d; ask for a shorter time range instead", MaxOffset)
	case p.Line < 0:
		return nil, sluice.Errorf(sluice.Invalid, "line", "line must not be negative")
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
	if found.Logs, err = q.fetch(keys); err != nil {
		return nil, err
	}
	found.Complete = found.Complete && len(found.Logs) == len(keys)
	for i := range found.Logs {
		if l := &found.Logs[i]; p.PackMeta {
			l.Fields = append(l.Fields, sluice.Field{Key: "__pack_meta__", Value: l.PackMeta()})
		}
	}
	return found, nil
}

// first returns the keys of the n logs that come first, in order.
func (e *Engine) first(ctx context.Context, q *question, n int, reverse bool) ([]key, Coverage, error) {
	var parts []*first
	cover, err := e.scan(ctx, q, func() collector {
		f := &first{n: n, order: order(reverse)}
		parts = append(parts, f)
		return f
	})
	var keys []key
	for _, f := range parts {
		keys = append(keys, f.keys...)
	}
	slices.SortFunc(keys, order(reverse))
	return keys[:min(n, len(keys))], cover, err
}

func order(reverse bool) func(a, b key) int {
	if reverse {
		return func(a, b key) int { return b.compare(a) }
	}
	return key.compare
}

// first collects the n keys that come first in an order, with as many more in between.
type first struct {
	n     int
	order func(a, b key) int
	keys  []key
	worst key // of the n best so far, once full
	full  bool
}

func (f *first) add(k key) {
	if f.n == 0 || f.full && f.order(k, f.worst) > 0 {
		return
	}
	f.keys = append(f.keys, k)
	if len(f.keys) >= 2*f.n+64 {
		slices.SortFunc(f.keys, f.order)
		f.keys = f.keys[:f.n]
		f.worst, f.full = f.keys[f.n-1], true
	}
}

// fetch reads the logs at keys, in that order. Those that retention has taken since are left out.
func (q *question) fetch(keys []key) ([]Log, error) {
	logs := make([]Log, 0, len(keys))
	var group *sluice.LogGroup
	var at key
	var buf []byte
	for _, k := range keys {
		if group == nil || k.shard != at.shard || k.position != at.position {
			at = k
			g, err := q.read(&buf, k)
			if err != nil {
				return logs, err
			}
			group = g
		}
		if group == nil {
			continue
		}
		r := &group.Records[k.index]
		logs = append(logs, Log{
			Time: r.Time, Nanos: r.Nanos, Fields: flatten(group, r),
			Shard: k.shard, Cursor: k.position, Index: int(k.index), Of: len(group.Records),
		})
	}
	return logs, nil
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
	fields = append(fields, sluice.Field{Key: "__source__", Value: g.Source}, sluice.Field{Key: "__topic__", Value: g.Topic})
	for _, tag := range g.Tags {
		fields = append(fields, sluice.Field{Key: "__tag__:" + tag.Key, Value: tag.Value})
	}
	return append(fields, r.Fields...)
}
