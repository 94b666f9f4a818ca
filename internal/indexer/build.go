package indexer

import (
	"context"
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/shard"
)

// indexNew makes one segment of what is new in a logstore, of one group of rows or BatchBytes at most. more says that what is left
// fills another one; less than that waits for the next tick, so that under load nearly all logs are built into segments once.
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
	f, err := newFeed(view.Shards, l.progress)
	if err != nil {
		return false, err
	}
	defer f.close()
	if f.left() == 0 {
		return false, nil
	}
	b := &batch{segment: x.builder(config.options()), room: x.o.BatchBytes}
	full, err := b.fill(f)
	if err != nil {
		return false, err
	}
	x.built = true
	more = full && f.left() >= int64(b.groups)
	return more, x.commit(ctx, ref, l, config, b, f.runs)
}

// builder returns the one builder of segments, for its memory. Much more of that than what was built last needed is given back.
func (x *Indexer) builder(o segment.Options) *segment.Builder {
	const share = 8
	if x.segment == nil || x.segment.Bytes() < x.most/share {
		x.segment, x.most = segment.NewBuilder(o), 0
		return x.segment
	}
	x.most = max(x.most, x.segment.Bytes())
	x.segment.Reset(o)
	return x.segment
}

func (x *Indexer) config(ctx context.Context, ref sluice.LogstoreRef) (*Config, error) {
	stored, err := x.cat.Index(ctx, ref)
	if err != nil {
		return nil, err
	}
	return ParseConfig(stored.Config)
}

// batch is the log groups that become one segment.
type batch struct {
	segment *segment.Builder
	room    int64 // raw bytes that still fit
	groups  int
	decoder logpb.Decoder
	buf     []byte
}

// fill adds groups until there are none, or no more fit.
func (b *batch) fill(f *feed) (full bool, err error) {
	for {
		g, id := f.next()
		if g == nil {
			return false, nil
		}
		if b.groups > 0 && (b.room <= 0 || !b.segment.Room(g.Logs, int64(g.Raw))) {
			return true, nil
		}
		if err := b.add(id, g); err != nil {
			return false, err
		}
		if err := f.take(id); err != nil {
			return false, err
		}
	}
}

func (b *batch) add(id sluice.ShardID, g *shard.Group) error {
	if cap(b.buf) < g.Raw {
		b.buf = make([]byte, g.Raw)
	}
	raw := b.buf[:g.Raw]
	if err := lz4block.Decompress(raw, g.Data); err != nil {
		return err
	}
	decoded, err := b.decoder.Decode(raw)
	if err != nil {
		return err
	}
	b.room -= int64(g.Raw)
	b.groups++
	rows(decoded, id, g.Position, b.segment.Add)
	return nil
}

// commit writes the segment, and makes it and the shards' progress part of the index in one step.
func (x *Indexer) commit(ctx context.Context, ref sluice.LogstoreRef, l *logstore, config *Config, b *batch, runs []meta.Run) error {
	c := &change{progress: runs}
	if b.segment.Rows() > 0 {
		row, made, err := x.write(ctx, ref, config, runs, func(name string) (segment.Info, error) {
			return b.segment.Write(ctx, x.objects, name)
		})
		if err != nil {
			return err
		}
		c.add = []*built{{row, made}}
	}
	return x.apply(ctx, ref, l, c)
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
