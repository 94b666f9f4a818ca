package delivery

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Status is how a task does.
type Status struct {
	Task
	Lag      time.Duration // age of the oldest log that is not dealt with; 0: there is none
	Backlog  int64         // log groups not dealt with
	Counters Counters      // over all shards; those of redrives are in Redriven
	Redriven Counters
	Redrive  bool      // one is under way
	Error    string    // of the last try, while tries fail
	Failing  time.Time // since when; zero: they do not
	Success  time.Time // the last delivery
	Rate     float64   // logs delivered per second, over about the last minute
	ByteRate float64   // bytes, the same way
	Shards   []ShardStatus
}

// ShardStatus is how a task does in one shard.
type ShardStatus struct {
	Shard    sluice.ShardID
	Redrive  bool
	Point    string // "position.index": everything before is dealt with
	Finished bool
	Lag      time.Duration
	Backlog  int64
	Counters Counters
	Error    string
	Failing  time.Time
	Success  time.Time
	Owner    string // the engine that works on it
}

// Status returns how a task does, as metadata and the shard logs say now: it is the same from every engine.
func (e *Engine) Status(ctx context.Context, project, name string) (*Status, error) {
	var m meta.DeliveryTask
	var points []meta.DeliveryPoint
	err := e.store.View(ctx, func(tx meta.Tx) (err error) {
		if m, err = tx.DeliveryTask(project, name); err != nil {
			return err
		}
		points, err = tx.DeliveryPoints(project, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.statusOf(ctx, m, points)
}

func (e *Engine) statusOf(ctx context.Context, m meta.DeliveryTask, points []meta.DeliveryPoint) (*Status, error) {
	t, err := taskOf(m)
	if err != nil {
		return nil, err
	}
	s := &Status{Task: *t}
	for _, p := range points {
		one, err := e.shardStatus(ctx, t, p)
		if err != nil {
			return nil, err
		}
		s.add(one)
	}
	s.Rate, s.ByteRate = e.rates(taskKey{m.Project, m.Name})
	if s.State == Online && !s.Failing.IsZero() {
		s.State, s.Reason = Failing, s.Error
	}
	return s, nil
}

func (s *Status) add(one ShardStatus) {
	s.Shards = append(s.Shards, one)
	if one.Redrive {
		s.Redriven.Add(&one.Counters)
		s.Redrive = s.Redrive || !one.Finished
	} else {
		s.Counters.Add(&one.Counters)
		s.Lag = max(s.Lag, one.Lag)
		s.Backlog += one.Backlog
	}
	if one.Success.After(s.Success) {
		s.Success = one.Success
	}
	if !one.Failing.IsZero() && (s.Failing.IsZero() || one.Failing.Before(s.Failing)) {
		s.Failing, s.Error = one.Failing, one.Error
	}
}

// shardStatus says how a task does in a shard. Shards that are gone have no backlog.
func (e *Engine) shardStatus(ctx context.Context, t *Task, p meta.DeliveryPoint) (ShardStatus, error) {
	c, err := readCounters(p)
	s := ShardStatus{
		Shard: p.Shard, Redrive: p.Stream == streamRedrive, Point: pointOf(p).String(), Finished: p.Finished, Counters: c,
		Error: p.Error, Failing: p.Failing, Success: p.Delivered, Owner: p.Owner,
	}
	if err != nil || p.Finished {
		return s, err
	}
	view, err := e.cat.Logstore(ctx, e.sourceOf(t, p.Stream))
	if sluice.KindOf(err) == sluice.NotFound {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	at, ok := view.Shard(p.Shard)
	if !ok || at.Log != p.Log {
		return s, nil
	}
	begin, end := at.Stored.Bounds()
	if p.End != 0 {
		end = min(end, p.End)
	}
	first := max(p.Position, begin)
	if first >= end {
		return s, nil
	}
	s.Backlog = int64(end - first)
	if received, err := at.Stored.ReceivedAt(first); err == nil {
		s.Lag = max(0, e.o.Now().Sub(received))
	}
	return s, nil
}

// sourceOf is the logstore that a stream of a task reads.
func (e *Engine) sourceOf(t *Task, stream string) sluice.LogstoreRef {
	if stream == streamRedrive {
		return sluice.LogstoreRef{Project: t.Project, Logstore: t.Spec.DeadLetterStore()}
	}
	return sluice.LogstoreRef{Project: t.Project, Logstore: t.Spec.Source.Logstore}
}
