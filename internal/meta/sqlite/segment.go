package sqlite

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var segments = table[meta.Segment]{
	noun:    "segment",
	name:    "segments",
	keys:    []string{"project", "logstore", "name"},
	columns: []string{"project", "logstore", "name", "runs", "info", "created"},
	parent:  &logstores,
	quiet:   true,
	fields: func(s *meta.Segment) []any {
		return []any{&s.Project, &s.Logstore, &s.Name, (*list[meta.Run])(&s.Runs), (*blob)(&s.Info), (*moment)(&s.Created)}
	},
}

var indexProgress = table[meta.IndexProgress]{
	noun:    "progress",
	name:    "index_progress",
	keys:    []string{"project", "logstore", "shard"},
	columns: []string{"project", "logstore", "shard", "position"},
	parent:  &shards,
	quiet:   true,
	fields: func(p *meta.IndexProgress) []any {
		return []any{&p.Project, &p.Logstore, &p.Shard, &p.Position}
	},
}

var indexRebuilds = table[meta.IndexRebuild]{
	noun:    "rebuild",
	name:    "index_rebuilds",
	keys:    []string{"project", "logstore"},
	columns: []string{"project", "logstore", "last", "done", "left_over", "started", "finished", "canceled"},
	parent:  &logstores,
	quiet:   true,
	fields: func(r *meta.IndexRebuild) []any {
		return []any{&r.Project, &r.Logstore, &r.Last, &r.Done, &r.Left, (*moment)(&r.Started), (*moment)(&r.Finished), &r.Canceled}
	},
}

func (t *tx) IndexRebuild(ref sluice.LogstoreRef) (meta.IndexRebuild, error) {
	return indexRebuilds.get(t, ref.Project, ref.Logstore)
}

func (t *tx) IndexRebuilds() ([]meta.IndexRebuild, error) { return indexRebuilds.list(t) }
func (t *tx) SetIndexRebuild(r meta.IndexRebuild) error   { return indexRebuilds.replace(t, &r) }

func (t *tx) Segments(ref sluice.LogstoreRef) ([]meta.Segment, error) {
	return segments.list(t, ref.Project, ref.Logstore)
}

func (t *tx) AllSegments() ([]meta.Segment, error) { return segments.list(t) }
func (t *tx) CreateSegment(s meta.Segment) error   { return segments.insert(t, &s) }
func (t *tx) DeleteSegment(ref sluice.LogstoreRef, name string) error {
	return segments.delete(t, ref.Project, ref.Logstore, name)
}

func (t *tx) IndexProgress(ref sluice.LogstoreRef) ([]meta.IndexProgress, error) {
	all, err := indexProgress.scan(t, []any{ref.Project, ref.Logstore})
	if err == nil && len(all) == 0 {
		err = logstores.require(t, []any{ref.Project, ref.Logstore})
	}
	return all, wrap("list index progress", err)
}

func (t *tx) SetIndexProgress(p meta.IndexProgress) error {
	return indexProgress.replace(t, &p)
}
