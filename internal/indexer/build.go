package indexer

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/shard"
)

// indexNew makes one segment of what is new in a logstore, up to BatchBytes. more says that there is more.
func (x *Indexer) indexNew(ctx context.Context, ref sluice.LogstoreRef) (more bool, err error) {
	view, err := x.cat.Logstore(ctx, ref)
	if err != nil {
		return false, err
	}
	l, err := x.logstore(ctx, ref)
	if err != nil {
		return false, err
	}
	config, err := x.config(ctx, ref)
	if err != nil {
		return false, err
	}
	b := &builder{segment: segment.NewBuilder(fast(config.options())), room: x.o.BatchBytes}
	for i := range view.Shards {
		if err := b.shard(&view.Shards[i], l.progress[view.Shards[i].ID]); err != nil {
			return false, err
		}
	}
	if len(b.runs) == 0 {
		return false, nil
	}
	return b.room <= 0, x.commit(ctx, ref, l, config, b)
}

func fast(o segment.Options) segment.Options {
	o.Fast = true
	return o
}

func (x *Indexer) config(ctx context.Context, ref sluice.LogstoreRef) (*Config, error) {
	stored, err := x.cat.Index(ctx, ref)
	if err != nil {
		return nil, err
	}
	return ParseConfig(stored.Config)
}

// builder collects log groups of the shards of a logstore.
type builder struct {
	segment *segment.Builder
	room    int64 // raw bytes that still fit
	runs    []meta.Run
	buf     []byte
}

// What is read of a shard at once.
const (
	readGroups = 256
	readBytes  = 4 << 20
)

// shard adds what a shard has from a position on.
func (b *builder) shard(s *catalog.Shard, from sluice.Position) error {
	begin, end := s.Stored.Bounds()
	at := max(from, begin)
	for at < end && b.room > 0 {
		batch, err := s.Stored.Read(at, end, readGroups, readBytes)
		var bad *shard.CorruptError
		switch {
		case errors.As(err, &bad):
			end = at // what lies behind stays with the shard log, where every search meets the damage and says so
			continue
		case errors.Is(err, shard.ErrUnknownLog):
			return nil
		case err != nil:
			return err
		}
		for i := range batch.Groups {
			if err := b.group(s.ID, &batch.Groups[i]); err != nil {
				batch.Release()
				return err
			}
		}
		at = max(batch.Next, at+1)
		batch.Release()
	}
	if at > from && at > begin {
		b.runs = append(b.runs, meta.Run{Shard: s.ID, From: max(from, begin), To: at})
	}
	return nil
}

func (b *builder) group(id sluice.ShardID, g *shard.Group) error {
	if cap(b.buf) < g.Raw {
		b.buf = make([]byte, g.Raw)
	}
	raw := b.buf[:g.Raw]
	if err := lz4block.Decompress(raw, g.Data); err != nil {
		return err
	}
	decoded, err := logpb.Decode(raw)
	if err != nil {
		return err
	}
	b.room -= int64(g.Raw)
	rows(decoded, id, g.Position, b.segment.Add)
	return nil
}

// commit writes the segment, and makes it and the shards' progress part of the index in one step.
func (x *Indexer) commit(ctx context.Context, ref sluice.LogstoreRef, l *logstore, config *Config, b *builder) error {
	var made *Segment
	var row meta.Segment
	if b.segment.Rows() > 0 {
		var err error
		if row, made, err = x.write(ctx, ref, config, b.runs, func(name string) (segment.Info, error) {
			return b.segment.Write(ctx, x.objects, name)
		}); err != nil {
			return err
		}
	}
	err := x.store.Update(ctx, func(tx meta.Tx) error {
		if made != nil {
			if err := tx.CreateSegment(row); err != nil {
				return err
			}
		}
		for _, r := range b.runs {
			p := meta.IndexProgress{Project: ref.Project, Logstore: ref.Logstore, Shard: r.Shard, Position: r.To}
			if err := tx.SetIndexProgress(p); err != nil {
				return err
			}
		}
		return nil
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		if made != nil {
			x.doom(row.Name)
		}
		return err
	}
	if made != nil {
		l.segments = append(l.segments[:len(l.segments):len(l.segments)], made)
	}
	for _, r := range b.runs {
		l.progress[r.Shard] = r.To
	}
	return nil
}

// write makes a segment under a new name, and what metadata keeps of it.
func (x *Indexer) write(ctx context.Context, ref sluice.LogstoreRef, config *Config, runs []meta.Run,
	write func(name string) (segment.Info, error),
) (meta.Segment, *Segment, error) {
	info, err := write(x.nextName())
	if err != nil {
		return meta.Segment{}, nil, err
	}
	text, err := json.Marshal(stored{Config: config.ID, Info: info})
	if err != nil {
		return meta.Segment{}, nil, err
	}
	row := meta.Segment{Project: ref.Project, Logstore: ref.Logstore, Name: info.Name, Runs: runs, Info: text, Created: x.o.Now()}
	s, err := x.open(ctx, row)
	return row, s, err
}
