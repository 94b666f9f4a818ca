package segment

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
)

// Key is what orders rows and tells them apart: the time of a log, and its place in the shard logs.
type Key struct {
	Time     int64 // nanoseconds since 1970
	Shard    sluice.ShardID
	Position sluice.Position
	Index    int32
}

// Keys returns the keys of rows, in their order.
func (g *Group) Keys(ctx context.Context, rows *roaring.Bitmap) ([]Key, error) {
	keys := make([]Key, rows.GetCardinality())
	for _, c := range []struct {
		chunk int
		set   func(k *Key, v int64)
	}{
		{chunkTime, func(k *Key, v int64) { k.Time = v * 1e9 }},
		{chunkNanos, func(k *Key, v int64) { k.Time += v }},
		{-chunkShard, func(k *Key, v int64) { k.Shard = sluice.ShardID(v) }},
		{-chunkPosition, func(k *Key, v int64) { k.Position = sluice.Position(v) }},
		{-chunkIndex, func(k *Key, v int64) { k.Index = int32(v) }},
	} {
		values, err := g.integers(ctx, c.chunk, rows)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			c.set(&keys[i], v)
		}
	}
	return keys, nil
}

// RowsOf returns the rows whose log groups are at positions for which at is true, whatever their shards.
func (g *Group) RowsOf(ctx context.Context, at func(sluice.Position) bool) (*roaring.Bitmap, error) {
	positions, err := g.integers(ctx, -chunkPosition, nil)
	if err != nil {
		return nil, err
	}
	rows := roaring.New()
	last, is := sluice.Position(-1), false
	for row, p := range positions {
		if p := sluice.Position(p); p != last {
			last, is = p, at(p)
		}
		if is {
			rows.Add(uint32(row))
		}
	}
	return rows, nil
}

// Rest returns the rows that have fields without a column.
func (g *Group) Rest(ctx context.Context) (*roaring.Bitmap, error) {
	d, err := g.directory(ctx)
	if err != nil {
		return nil, err
	}
	return g.chunk(d, -chunkRest).presentRows(ctx)
}
