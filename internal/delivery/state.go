package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// From says where Start begins a task that was online before.
type From uint8

// Where to begin.
const (
	FromPoint From = iota // where it stopped
	FromNow               // at what arrives from now on; what lies before is counted as skipped
)

// Verify asks the destination whether logs could be delivered now. While it does, a task that never ran shows itself as verifying;
// then its Reason says what is wrong, or is empty. The error is the destination's, of kind Invalid, or one of metadata.
func (e *Engine) Verify(ctx context.Context, project, name string) (*Task, error) {
	key := taskKey{project, name}
	m, err := e.stored(ctx, key)
	if err != nil {
		return nil, err
	}
	if State(m.State) != Draft && State(m.State) != Verifying {
		if err := e.check(ctx, m); err != nil {
			return nil, err
		}
		return taskOf(m)
	}
	if m.State, err = e.setDraft(ctx, key, Verifying, ""); err != nil {
		return nil, err
	}
	failed := e.check(ctx, m)
	reason := ""
	if failed != nil {
		reason = failed.Error()
	}
	// The caller may be gone by now; the task must not stay in a state that nobody ends.
	if m.State, err = e.setDraft(context.WithoutCancel(ctx), key, Draft, reason); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return e.Task(ctx, project, name)
}

// setDraft moves a task between draft and verifying, unless it went on meanwhile.
func (e *Engine) setDraft(ctx context.Context, key taskKey, to State, reason string) (string, error) {
	t, err := e.change(ctx, key, func(m *meta.DeliveryTask) error {
		if s := State(m.State); s != Draft && s != Verifying {
			return errUnchanged
		}
		m.State, m.Reason = string(to), reason
		return nil
	})
	if err != nil {
		return "", err
	}
	return string(t.State), nil
}

// check opens the sink of a task and asks it.
func (e *Engine) check(ctx context.Context, m meta.DeliveryTask) error {
	s, masks, err := e.openSink(m)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Check(ctx); err != nil {
		return sluice.Errorf(sluice.Invalid, "deliverytask", "the destination of %s does not answer as it should: %w", m.Name, masks.Err(err))
	}
	return nil
}

// Start brings a task online. The first time its points are set, to where the task's document says. Starting an online task does nothing,
// but with FromNow it is Conflict [deliverytask]: pause it first.
func (e *Engine) Start(ctx context.Context, project, name string, from From) (*Task, error) {
	key := taskKey{project, name}
	m, err := e.stored(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := e.checkProved(ctx, m); err != nil {
		return nil, err
	}
	ref := sluice.LogstoreRef{Project: project, Logstore: m.Logstore}
	view, err := e.cat.Logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	return e.changeWith(ctx, key, func(tx meta.Tx, m *meta.DeliveryTask) error {
		if State(m.State) == Online {
			if from == FromNow {
				return sluice.Errorf(sluice.Conflict, "deliverytask", "delivery task %s is online: pause it first", name)
			}
			return errUnchanged
		}
		m.State, m.Reason = string(Online), ""
		switch {
		case m.Started.IsZero():
			m.Started = e.o.Now()
			return e.setFirstPoints(tx, m, view)
		case from == FromNow:
			return e.skipToEnd(tx, m, view)
		}
		return nil
	})
}

// setFirstPoints sets the points of a task that goes online for the first time, on the shards that there are. Those that come later are
// read from their beginning.
func (e *Engine) setFirstPoints(tx meta.Tx, m *meta.DeliveryTask, view *catalog.Logstore) error {
	t, err := taskOf(*m)
	if err != nil {
		return err
	}
	for i := range view.Shards {
		s := &view.Shards[i]
		at, err := e.startOf(t.Spec.Source.Start, s)
		if err != nil {
			return fmt.Errorf("shard %v: %w", s.ID, err)
		}
		p := meta.DeliveryPoint{Project: m.Project, Task: m.Name, Shard: s.ID, Log: s.Log, Position: at}
		if err := tx.SetDeliveryPoint(p); err != nil {
			return err
		}
	}
	return nil
}

// startOf is where a task begins that starts now.
func (e *Engine) startOf(start string, s *catalog.Shard) (sluice.Position, error) {
	begin, end := s.Stored.Bounds()
	switch start {
	case startBeginning:
		return begin, nil
	case "", startNow:
		return end, nil
	}
	at, err := time.Parse(time.RFC3339, start)
	if err != nil {
		return 0, err
	}
	if at.After(e.o.Now()) {
		return 0, invalid("source.start: %s is yet to come; start the task then, or at \"now\"", start)
	}
	return s.Stored.Seek(at)
}

// skipToEnd moves the points of a task to the ends of the shards. Under a new epoch: who still works on the old ones is too late.
func (e *Engine) skipToEnd(tx meta.Tx, m *meta.DeliveryTask, view *catalog.Logstore) error {
	points, err := tx.DeliveryPoints(m.Project, m.Name)
	if err != nil {
		return err
	}
	for _, p := range points {
		s, ok := view.Shard(p.Shard)
		if !ok || p.Stream != streamOwn || p.Finished || p.Log != s.Log {
			continue
		}
		_, end := s.Stored.Bounds()
		c, err := readCounters(p)
		if err != nil {
			return err
		}
		c.SkippedGroups += max(0, int64(end-p.Position))
		c.Skipped += c.InFlight
		c.InFlight = 0
		p.Position, p.Index, p.IntentPosition, p.IntentIndex = end, 0, 0, 0
		p.Error, p.Failing, p.Owner, p.Counters = "", time.Time{}, "", c.encode()
		if p.Epoch, err = tx.NextEpoch(); err != nil {
			return err
		}
		if err := tx.SetDeliveryPoint(p); err != nil {
			return err
		}
	}
	return nil
}

// disabled tells that the engine paused a task by itself.
func (e *Engine) disabled(key taskKey, reason string) {
	if e.o.Disabled != nil {
		e.o.Disabled(key.project, key.name, reason)
	}
}

// Pause stops a task where it is, and says why.
func (e *Engine) Pause(ctx context.Context, project, name, reason string) (*Task, error) {
	return e.stop(ctx, taskKey{project, name}, Paused, reason)
}

// Offline takes a task offline. Its points stay: a Start goes on there.
func (e *Engine) Offline(ctx context.Context, project, name string) (*Task, error) {
	return e.stop(ctx, taskKey{project, name}, Offline, "")
}

func (e *Engine) stop(ctx context.Context, key taskKey, to State, reason string) (*Task, error) {
	return e.change(ctx, key, func(m *meta.DeliveryTask) error {
		if to == Paused && State(m.State) != Online && State(m.State) != Paused {
			return sluice.Errorf(sluice.Conflict, "deliverytask", "delivery task %s is %s and cannot be paused", key.name, m.State)
		}
		if State(m.State) == to && m.Reason == reason {
			return errUnchanged
		}
		m.State, m.Reason = string(to), reason
		return nil
	})
}

// Redrive delivers the dead letters of a task again: those written from one time up to another; zero times are no bounds, and none that is
// written later is among them. What fails again becomes a dead letter again, with a higher attempt. The task goes online if it is not.
// A redrive that is under way is Conflict [deliverytask].
func (e *Engine) Redrive(ctx context.Context, project, name string, from, to time.Time) (*Task, error) {
	key := taskKey{project, name}
	m, err := e.stored(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := e.checkProved(ctx, m); err != nil {
		return nil, err
	}
	t, err := taskOf(m)
	if err != nil {
		return nil, err
	}
	ref := sluice.LogstoreRef{Project: project, Logstore: t.Spec.DeadLetterStore()}
	view, err := e.cat.Logstore(ctx, ref)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, sluice.Errorf(sluice.NotFound, "deliverytask", "there are no dead letters: logstore %s does not exist", ref.Logstore)
	}
	if err != nil {
		return nil, err
	}
	return e.changeWith(ctx, key, func(tx meta.Tx, m *meta.DeliveryTask) error {
		if m.Started.IsZero() {
			return sluice.Errorf(sluice.Conflict, "deliverytask", "delivery task %s never ran, and has no dead letters", name)
		}
		m.State, m.Reason = string(Online), ""
		return e.setRedrivePoints(tx, m, view, from, to)
	})
}

// setRedrivePoints sets the points of a redrive. Counters go on from the last one.
func (e *Engine) setRedrivePoints(tx meta.Tx, m *meta.DeliveryTask, view *catalog.Logstore, from, to time.Time) error {
	points, err := tx.DeliveryPoints(m.Project, m.Name)
	if err != nil {
		return err
	}
	before := map[sluice.ShardID]meta.DeliveryPoint{}
	for _, p := range points {
		if p.Stream != streamRedrive {
			continue
		}
		if _, there := view.Shard(p.Shard); there && !p.Finished {
			return sluice.Errorf(sluice.Conflict, "deliverytask", "a redrive of delivery task %s is under way", m.Name)
		}
		before[p.Shard] = p
	}
	for i := range view.Shards {
		s := &view.Shards[i]
		first, last, err := rangeOf(s.Stored, from, to)
		if err != nil {
			return err
		}
		p := meta.DeliveryPoint{
			Project: m.Project, Task: m.Name, Stream: streamRedrive, Shard: s.ID, Log: s.Log, Position: first, End: last,
			Finished: first >= last, Counters: before[s.ID].Counters,
		}
		if p.Epoch, err = tx.NextEpoch(); err != nil {
			return err
		}
		if err := tx.SetDeliveryPoint(p); err != nil {
			return err
		}
	}
	return nil
}

// rangeOf returns the positions of what a log received from one time up to another.
func rangeOf(l *shard.Log, from, to time.Time) (first, last sluice.Position, err error) {
	first, last = l.Bounds()
	if !from.IsZero() {
		if first, err = l.Seek(from); err != nil {
			return 0, 0, err
		}
	}
	if !to.IsZero() {
		last, err = l.Seek(to)
	}
	return first, last, err
}
