package sqlite

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var shards = table[meta.Shard]{
	noun: "shard",
	name: "shards",
	keys: []string{"project", "logstore", "id"},
	columns: []string{
		"project", "logstore", "id", "log", "base", "begin_key", "end_key", "read_only", "closed", "parents",
		"created",
	},
	parent: &logstores,
	fields: func(s *meta.Shard) []any {
		return []any{
			&s.Project, &s.Logstore, &s.ID, &s.Log, &s.Base, (*hashKey)(&s.Begin), (*hashKey)(&s.End), &s.ReadOnly,
			(*moment)(&s.Closed), (*list[sluice.ShardID])(&s.Parents), (*moment)(&s.Created),
		}
	},
}

func (t *tx) Shard(ref sluice.LogstoreRef, id sluice.ShardID) (meta.Shard, error) {
	return shards.get(t, ref.Project, ref.Logstore, id)
}

func (t *tx) Shards(ref sluice.LogstoreRef) ([]meta.Shard, error) {
	return shards.list(t, ref.Project, ref.Logstore)
}

func (t *tx) AllShards() ([]meta.Shard, error) { return shards.list(t) }

func (t *tx) CountShards(project string) (int, error) {
	return t.countIn(project, "SELECT COUNT(*) FROM shards WHERE project = ? AND NOT read_only")
}

func (t *tx) CreateShard(s meta.Shard) (meta.Shard, error) {
	var err error
	if s.Log, err = t.nextLog(); err != nil {
		return meta.Shard{}, err
	}
	if err := shards.insert(t, &s); err != nil {
		return meta.Shard{}, err
	}
	return t.Shard(sluice.LogstoreRef{Project: s.Project, Logstore: s.Logstore}, s.ID)
}

// nextLog gives the next log number. The counter in the file goes back when the update fails, but somebody may have made a
// log of that number by then; the store remembers.
func (t *tx) nextLog() (sluice.LogID, error) {
	if t.readOnly {
		return 0, wrap("number a log", errReadOnly)
	}
	next := t.store.lastLog + 1
	err := t.row("UPDATE counters SET value = max(value + 1, ?) WHERE name = 'log' RETURNING value", []any{next}, &next)
	if err != nil {
		return 0, wrap("number a log", err)
	}
	t.store.lastLog = next
	return next, nil
}

func (t *tx) LastLog() (last sluice.LogID, err error) {
	return last, wrap("last log", t.row("SELECT value FROM counters WHERE name = 'log'", nil, &last))
}

func (t *tx) UpdateShard(s meta.Shard) error {
	old, err := t.Shard(sluice.LogstoreRef{Project: s.Project, Logstore: s.Logstore}, s.ID)
	if err != nil {
		return err
	}
	s.Log = old.Log
	return shards.update(t, &s)
}

func (t *tx) DeleteShard(ref sluice.LogstoreRef, id sluice.ShardID) error {
	return shards.delete(t, ref.Project, ref.Logstore, id)
}
