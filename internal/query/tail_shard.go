package query

import (
	"context"
	"errors"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/spl"
	"github.com/sluicelog/sluice/internal/shard"
)

// What a tail reads of a shard at once, and what it makes of it at most.
const (
	tailGroups     = 256
	tailBytes      = 256 << 10
	tailEventBytes = 32 << 20 // of the rows that a pipeline makes of a batch; those behind are skipped
	tailSteps      = 400_000  // of evaluation that one log may cost
)

// tailed is what one read of a shard gave.
type tailed struct {
	shard sluice.ShardID
	next  sluice.Position // where to read on
	event *TailEvent      // nil if nothing is to be told
	err   error           // the end of it: shard.ErrUnknownLog, or what failed
}

// follower reads one shard for a tail.
type follower struct {
	*tail
	shard  *catalog.Shard
	at     sluice.Position
	caught bool // it was at the end once: from now on it may fall behind

	buf    []byte
	log    index.Log
	runner *spl.Runner // nil without a pipeline
	event  *TailEvent  // being made
	bytes  int         // of its rows
}

// follow sends what comes in at a shard from a position on, until ctx ends or the shard is gone.
func (t *tail) follow(ctx context.Context, s *catalog.Shard, at sluice.Position) {
	f := &follower{tail: t, shard: s, at: at}
	if t.pipeline != nil {
		f.runner = spl.NewRunner(t.pipeline, spl.Options{Memory: tailEventBytes, Steps: tailSteps, FoldNames: true, Now: t.e.o.Now}, f.keep)
	}
	for ctx.Err() == nil {
		event, err := f.next(ctx)
		select {
		case t.came <- tailed{s.ID, f.at, event, err}:
		case <-ctx.Done():
		}
		if err != nil {
			return
		}
	}
}

// next waits for logs, reads some, and returns what is to be told of them.
func (f *follower) next(ctx context.Context) (*TailEvent, error) {
	log := f.shard.Stored
	if err := log.Wait(ctx, f.at); err != nil {
		return nil, err
	}
	batch, err := log.Read(f.at, 0, tailGroups, tailBytes)
	var bad *shard.CorruptError
	if errors.As(err, &bad) {
		f.at = max(bad.Next, f.at+1)
		return &TailEvent{Skipped: &Skipped{Groups: int64(bad.Next - bad.Position), Damaged: true}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer batch.Release()
	if f.caught && len(batch.Groups) > 0 && f.e.o.Now().Sub(batch.Groups[0].Received) > f.e.o.Tail.Lag {
		return f.skip(batch.End)
	}
	f.caught = f.caught || batch.Next >= batch.End
	if err := f.batch(ctx, batch.Groups); err != nil {
		return nil, err
	}
	f.at = max(batch.Next, f.at)
	if len(f.event.Rows) == 0 && f.event.Skipped == nil {
		return nil, nil
	}
	return f.event, nil
}

// batch makes the event of some groups. What a pipeline costs is for the asker to choose, so as many run at once as there are
// processors, whatever the number of tails and shards.
func (f *follower) batch(ctx context.Context, groups []shard.Group) error {
	if f.runner != nil {
		select {
		case f.e.tailTurns <- struct{}{}:
			defer func() { <-f.e.tailTurns }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.event, f.bytes = &TailEvent{}, 0
	amended, err := f.amended(ctx)
	if err != nil {
		return err
	}
	for i := range groups {
		g, err := decode(&f.buf, &groups[i])
		if err != nil {
			return err
		}
		f.group(g, groups[i].Position, amended)
	}
	return nil
}

// amended is what became of logs until now: more than when the tail began.
func (f *follower) amended(ctx context.Context) (*amend.View, error) {
	l, err := f.e.cat.Logstore(ctx, f.q.Ref)
	if err != nil {
		return nil, err
	}
	return f.e.o.Amended.View(ctx, l)
}

// group adds the logs of a group that the search finds, as they are now.
func (f *follower) group(g *sluice.LogGroup, at sluice.Position, amended *amend.View) {
	f.log.SetGroup(g)
	for i := range g.Records {
		p := amend.Place{Shard: f.shard.ID, Position: at, Index: int32(i)}
		if !amended.Hides(p) {
			f.record(g, &g.Records[i])
		} else if now := amended.Now(p); now != nil {
			f.log.SetGroup(&now.Log)
			f.record(&now.Log, now.Record())
			f.log.SetGroup(g)
		}
	}
}

// record adds a log if the search finds it. f.log has the fields of its group.
func (f *follower) record(g *sluice.LogGroup, r *sluice.Record) {
	if f.q.bound != nil {
		f.log.SetRecord(r)
		if !f.q.bound.Match(&f.log) {
			return
		}
	}
	row := rowOf(&Log{Time: r.Time, Nanos: r.Nanos, Fields: flatten(g, r)})
	if f.runner == nil || f.runner.Row(row) != nil { // what a pipeline fails on comes as it is
		_ = f.keep(row) // never fails
	}
}

// keep adds a row to the event, as long as there is room.
func (f *follower) keep(row []sluice.Field) error {
	if f.bytes > tailEventBytes {
		if f.event.Skipped == nil {
			f.event.Skipped = &Skipped{}
		}
		f.event.Skipped.Logs++
		return nil
	}
	row = unique(row)
	for _, field := range row {
		f.bytes += len(field.Key) + len(field.Value)
	}
	f.event.Rows = append(f.event.Rows, row)
	return nil
}

// skip goes to end and tells how many logs lie between.
func (f *follower) skip(end sluice.Position) (*TailEvent, error) {
	skipped := &Skipped{}
	for f.at < end {
		batch, err := f.shard.Stored.Read(f.at, end, readGroups, readBytes)
		var bad *shard.CorruptError
		switch {
		case errors.As(err, &bad):
			f.at = max(bad.Next, f.at+1)
			continue
		case err != nil:
			return nil, err
		}
		for i := range batch.Groups {
			skipped.Logs += int64(batch.Groups[i].Logs)
		}
		skipped.Groups += int64(len(batch.Groups))
		f.at = max(batch.Next, f.at+1)
		batch.Release()
	}
	return &TailEvent{Skipped: skipped}, nil
}
