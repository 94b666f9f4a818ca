package sqlite

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var consumerGroups = table[meta.ConsumerGroup]{
	noun:    "consumergroup",
	name:    "consumer_groups",
	keys:    []string{"project", "logstore", "name"},
	columns: []string{"project", "logstore", "name", "timeout", "in_order", "created", "modified"},
	parent:  &logstores,
	fields: func(g *meta.ConsumerGroup) []any {
		return []any{&g.Project, &g.Logstore, &g.Name, &g.Timeout, &g.Order, (*moment)(&g.Created), (*moment)(&g.Modified)}
	},
}

var checkpoints = table[meta.Checkpoint]{
	noun:    "checkpoint",
	name:    "checkpoints",
	keys:    []string{"project", "logstore", "consumer_group", "shard"},
	columns: []string{"project", "logstore", "consumer_group", "shard", "cursor", "consumer", "updated"},
	parent:  &consumerGroups,
	quiet:   true,
	fields: func(c *meta.Checkpoint) []any {
		return []any{&c.Project, &c.Logstore, &c.Group, &c.Shard, &c.Cursor, &c.Consumer, (*moment)(&c.Updated)}
	},
}

func (t *tx) ConsumerGroup(ref sluice.LogstoreRef, name string) (meta.ConsumerGroup, error) {
	return consumerGroups.get(t, ref.Project, ref.Logstore, name)
}

func (t *tx) ConsumerGroups(ref sluice.LogstoreRef) ([]meta.ConsumerGroup, error) {
	return consumerGroups.list(t, ref.Project, ref.Logstore)
}

func (t *tx) CreateConsumerGroup(g meta.ConsumerGroup) error { return consumerGroups.insert(t, &g) }
func (t *tx) UpdateConsumerGroup(g meta.ConsumerGroup) error { return consumerGroups.update(t, &g) }

func (t *tx) DeleteConsumerGroup(ref sluice.LogstoreRef, name string) error {
	return consumerGroups.delete(t, ref.Project, ref.Logstore, name)
}

func (t *tx) Checkpoints(ref sluice.LogstoreRef, group string) ([]meta.Checkpoint, error) {
	return checkpoints.list(t, ref.Project, ref.Logstore, group)
}

// SetCheckpoint is the one change that consumers make all the time, so it does not make caches stale.
func (t *tx) SetCheckpoint(c meta.Checkpoint) error {
	fields := checkpoints.fields(&c)
	if err := consumerGroups.require(t, fields); err != nil { // before a missing shard
		return err
	}
	if err := shards.require(t, []any{c.Project, c.Logstore, c.Shard}); err != nil {
		return err
	}
	return checkpoints.replace(t, &c)
}
