package segment

import (
	"context"
	"fmt"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
)

// Fetch returns logs as they came in, in the order of rows.
func (g *Group) Fetch(ctx context.Context, rows *roaring.Bitmap) ([]Row, error) {
	d, err := g.directory(ctx)
	if err != nil {
		return nil, err
	}
	if !rows.IsEmpty() && int(rows.Maximum()) >= g.Rows() {
		return nil, fmt.Errorf("fetch row %d of %d: %w", rows.Maximum(), g.Rows(), errMalformed)
	}
	f := &fetcher{group: g, dir: d, rows: rows, index: make(map[uint32]int, rows.GetCardinality())}
	for it := rows.Iterator(); it.HasNext(); {
		f.index[it.Next()] = len(f.index)
	}
	f.out = make([]Row, len(f.index))
	for _, step := range []func(context.Context) error{f.identity, f.shapes, f.rest, f.values} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return f.out, nil
}

// fetcher puts logs together, column by column.
type fetcher struct {
	group *Group
	dir   *loadedDirectory
	rows  *roaring.Bitmap
	index map[uint32]int // of a row in out
	out   []Row
	slots map[int][]slot // places that wait for the value of a chunk, by chunk
	waits map[int][]slot // places that wait for entries of the rest column, by row in out
}

// slot is a place in a row that a chunk fills.
type slot struct {
	row   int // in out
	field *sluice.Field
	tag   bool
}

func (f *fetcher) identity(ctx context.Context) error {
	for _, c := range []struct {
		chunk int
		set   func(r *Row, v int64)
	}{
		{chunkTime, func(r *Row, v int64) { r.Time = uint32(v) }},
		{chunkNanos, func(r *Row, v int64) { r.Nanos = uint32(v) }},
		{-chunkShard, func(r *Row, v int64) { r.Shard = sluice.ShardID(v) }},
		{-chunkPosition, func(r *Row, v int64) { r.Position = sluice.Position(v) }},
		{-chunkIndex, func(r *Row, v int64) { r.Index = int(v) }},
	} {
		values, err := f.group.integers(ctx, c.chunk, f.rows)
		if err != nil {
			return err
		}
		for i, v := range values {
			c.set(&f.out[i], v)
		}
	}
	return nil
}

// shapes makes the fields of each row, without values.
func (f *fetcher) shapes(ctx context.Context) error {
	f.slots, f.waits = map[int][]slot{}, map[int][]slot{}
	c := f.group.chunk(f.dir, -chunkShape)
	return c.each(ctx, f.rows, func(row uint32, shape string, _ int32) error {
		if !f.shape(f.index[row], shape) {
			return c.rowDamage(row)
		}
		return nil
	})
}

func (f *fetcher) shape(at int, encoded string) bool {
	shape, ok := readShape([]byte(encoded), len(f.dir.chunks))
	if !ok {
		return false
	}
	tags, chunks := shape.tags, shape.chunks
	r := &f.out[at]
	all := make([]sluice.Field, len(chunks))
	r.Tags, r.Fields = all[:tags:tags], all[tags:]
	for i, c := range chunks {
		if c == 0 {
			f.waits[at] = append(f.waits[at], slot{at, &all[i], i < tags})
			continue
		}
		all[i].Key = f.group.chunk(f.dir, c).column.name
		if i < tags {
			all[i].Key = strings.TrimPrefix(all[i].Key, TagPrefix)
		}
		f.slots[c] = append(f.slots[c], slot{at, &all[i], i < tags})
	}
	return true
}

// rest fills in the fields without a column.
func (f *fetcher) rest(ctx context.Context) error {
	if len(f.waits) == 0 {
		return nil
	}
	c := f.group.chunk(f.dir, -chunkRest)
	broken := false
	err := f.group.eachRest(ctx, f.dir, f.rows, func(row uint32, entries []restEntry) {
		at := f.index[row]
		if len(entries) != len(f.waits[at]) {
			broken = true
			return
		}
		for i, to := range f.waits[at] {
			key := entries[i].key
			if to.tag {
				key = strings.TrimPrefix(key, TagPrefix)
			}
			to.field.Key, to.field.Value = strings.Clone(key), strings.Clone(entries[i].value)
		}
		delete(f.waits, at)
	})
	if err == nil && (broken || len(f.waits) > 0) {
		err = c.pageDamage(&c.pages[0], errMalformed)
	}
	return err
}

// values fills in what columns hold.
func (f *fetcher) values(ctx context.Context) error {
	exact := f.group.chunk(f.dir, -chunkExact)
	for _, of := range []struct {
		chunk int
		set   func(r *Row, v string)
	}{
		{chunkSource, func(r *Row, v string) { r.Source = v }},
		{chunkTopic, func(r *Row, v string) { r.Topic = v }},
	} {
		c := f.group.chunk(f.dir, of.chunk)
		err := c.eachText(ctx, exact, f.rows, func(row uint32, _ int32, value string) {
			of.set(&f.out[f.index[row]], strings.Clone(value))
		})
		if err != nil {
			return err
		}
	}
	for number, slots := range f.slots {
		c := f.group.chunk(f.dir, number)
		waiting := make(map[int]*sluice.Field, len(slots))
		for _, s := range slots {
			waiting[s.row] = s.field
		}
		err := c.eachText(ctx, exact, f.rows, func(row uint32, _ int32, value string) {
			if to := waiting[f.index[row]]; to != nil {
				to.Value = strings.Clone(value)
				delete(waiting, f.index[row])
			}
		})
		if err != nil {
			return err
		}
		if len(waiting) > 0 {
			return c.pageDamage(&c.pages[0], errMalformed)
		}
	}
	return nil
}
