// Package consumer shares the shards of a logstore out among the consumers of a group.
package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// Groups are the consumer groups of one node. It is safe for concurrent use.
type Groups struct{}

func New(store meta.Store, cat *catalog.Catalog, now func() time.Time) *Groups { return &Groups{} }

func (g *Groups) Create(ctx context.Context, group meta.ConsumerGroup) error {
	return errors.ErrUnsupported
}

func (g *Groups) Update(ctx context.Context, ref sluice.LogstoreRef, name string, change func(*meta.ConsumerGroup)) error {
	return errors.ErrUnsupported
}

func (g *Groups) Delete(ctx context.Context, ref sluice.LogstoreRef, name string) error {
	return errors.ErrUnsupported
}

func (g *Groups) List(ctx context.Context, ref sluice.LogstoreRef) ([]meta.ConsumerGroup, error) {
	return nil, errors.ErrUnsupported
}

func (g *Groups) Heartbeat(ctx context.Context, ref sluice.LogstoreRef, group, consumer string, held []sluice.ShardID) ([]sluice.ShardID, error) {
	return nil, errors.ErrUnsupported
}

func (g *Groups) SetCheckpoint(ctx context.Context, ref sluice.LogstoreRef, group, consumer string, shard sluice.ShardID, cursor string, force bool) error {
	return errors.ErrUnsupported
}

func (g *Groups) Checkpoints(ctx context.Context, ref sluice.LogstoreRef, group string, shard *sluice.ShardID) ([]meta.Checkpoint, error) {
	return nil, errors.ErrUnsupported
}
