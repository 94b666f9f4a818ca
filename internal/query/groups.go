package query

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/shard"
)

// bound finds an end of what is read of a shard log.
type bound func(*shard.Log) (sluice.Position, error)

func logBegin(l *shard.Log) (sluice.Position, error) {
	begin, _ := l.Bounds()
	return begin, nil
}

func logEnd(l *shard.Log) (sluice.Position, error) {
	_, end := l.Bounds()
	return end, nil
}

func receivedFrom(t time.Time) bound {
	return func(l *shard.Log) (sluice.Position, error) { return l.Seek(t) }
}

// reader reads the log groups of one shard between two bounds.
type reader struct {
	shard    *catalog.Shard
	from, to bound
	fn       func(*shard.Group, *sluice.LogGroup)

	damaged bool
	buf     []byte
}

// What a reader reads at once.
const (
	readGroups = 256
	readBytes  = 4 << 20
)

// budget ends reading: when time is over, or the asker has gone.
type budget struct {
	ctx  context.Context
	ends time.Time
	now  func() time.Time
	over atomic.Bool
}

func (b *budget) spent() bool {
	if !b.over.Load() && (b.ctx.Err() != nil || !b.now().Before(b.ends)) {
		b.over.Store(true)
	}
	return b.over.Load()
}

// read runs readers, as many at once as the engine has workers, and reports whether all of them got through.
func (e *Engine) read(ctx context.Context, readers []*reader) (complete bool, err error) {
	b := &budget{ctx: ctx, ends: e.o.Now().Add(e.o.Budget), now: e.o.Now}
	var g errgroup.Group
	for _, r := range readers {
		g.Go(func() error {
			select {
			case e.workers <- struct{}{}:
				defer func() { <-e.workers }()
				return r.run(b)
			case <-ctx.Done():
				return nil
			}
		})
	}
	if err := g.Wait(); err != nil {
		return false, err
	}
	complete = !b.over.Load()
	for _, r := range readers {
		complete = complete && !r.damaged
	}
	return complete, ctx.Err()
}

func (r *reader) run(b *budget) error {
	at, err := r.from(r.shard.Stored)
	if err != nil {
		return r.survive(err, &at, b)
	}
	end, err := r.to(r.shard.Stored)
	if err != nil {
		return r.survive(err, &end, b)
	}
	for at < end && !b.spent() {
		batch, err := r.shard.Stored.Read(at, end, readGroups, readBytes)
		if err != nil {
			if err = r.survive(err, &at, b); err != nil {
				return err
			}
			continue
		}
		for i := range batch.Groups {
			g, err := decode(&r.buf, &batch.Groups[i])
			if err != nil {
				batch.Release()
				return err
			}
			r.fn(&batch.Groups[i], g)
		}
		at = max(batch.Next, at+1)
		batch.Release()
	}
	return nil
}

// survive notes damage, and where reading goes on. Of a shard that was deleted meanwhile, or when the server stops, what was
// read is all there is. Other errors end the query.
func (r *reader) survive(err error, at *sluice.Position, b *budget) error {
	var bad *shard.CorruptError
	switch {
	case errors.As(err, &bad):
		r.damaged = true
		*at = max(bad.Next, *at+1)
		return nil
	case errors.Is(err, shard.ErrUnknownLog), errors.Is(err, shard.ErrClosed):
		b.over.Store(true)
		return nil
	}
	return err
}

// decode turns a stored group into a log group. buf is scratch.
func decode(buf *[]byte, g *shard.Group) (*sluice.LogGroup, error) {
	if cap(*buf) < g.Raw {
		*buf = make([]byte, g.Raw)
	}
	raw := (*buf)[:g.Raw]
	if err := lz4block.Decompress(raw, g.Data); err != nil {
		return nil, err
	}
	return logpb.Decode(raw)
}
