package assistant

import (
	"context"
	"time"

	"github.com/sluicelog/sluice/internal/meta"
)

// settle is how long an answer may be under way when a deadline has passed.
const settle = 10 * time.Second

// Sweep ends what has waited too long. Run calls it.
//
//	not taken, and nobody can have got it        Aborted when the time to deliver is over
//	not taken, agent is there                    Aborted soon after: its answer would have come
//	not taken, agent got it perhaps and is gone  Aborted when also the timeout and the grace are over
//	taken, to run once, agent is gone            Error when the timeout and the grace are over since it was last heard of
//	to be stopped, agent is gone                 Terminated, or Cancelled, after the grace
//
// A forgetful agent counts as gone as soon as it is silent: it does not come back to what it has not told.
//
// Agents that are connected look after timeouts themselves, and schedules wait for agents that are gone.
func (s *Service) Sweep(ctx context.Context) error {
	for _, t := range s.overdue() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.expire(t); err != nil {
			return err
		}
	}
	return nil
}

// overdue are the targets whose earliest deadline has passed.
func (s *Service) overdue() []*Target {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []*Target
	for instance, on := range s.live {
		i := s.instances[instance]
		remembers := s.sessions[instance] != nil && (i == nil || !i.forgetful())
		for _, t := range on {
			switch {
			case t.Status == Stopping:
				if !remembers && now.Sub(t.Stopped) >= s.o.Grace {
					due = append(due, t)
				}
			case !t.Accepted:
				if now.Sub(t.Created) >= s.o.Deliver {
					due = append(due, t)
				}
			case !remembers && t.Status != Scheduled && now.Sub(t.Updated) >= s.o.Grace:
				due = append(due, t)
			}
		}
	}
	return due
}

// expire ends a target if its deadline has passed.
func (s *Service) expire(t *Target) error {
	now := s.now()
	inv := s.invocation(t.Invocation)
	if inv == nil {
		return nil
	}
	patience := time.Duration(inv.Timeout)*time.Second + s.o.Grace
	connected, perhaps, forgetful := s.session(t.Instance) != nil, s.perhapsSent(t), s.forgetful(t.Instance)
	waited := now.Sub(t.Created) - s.o.Deliver
	switch {
	case t.Status == Stopping:
		return s.stopAlone(t)
	case !t.Accepted && !connected && !perhaps:
		return s.abort(t.key(), codeOffline, "the agent is not connected")
	case !t.Accepted && (connected && waited >= settle || waited >= patience):
		return s.abort(t.key(), codeNotDelivered, "the task did not reach its agent in time")
	case t.Accepted && forgetful && now.Sub(t.Updated) >= patience:
		return s.silent(t, inv.recurring())
	case t.Accepted && !forgetful && !inv.recurring() && now.Sub(t.Updated) >= patience && now.Sub(s.lastSeen(t.Instance)) >= patience:
		return s.lose(t.key())
	}
	return nil
}

func (s *Service) lastSeen(instance string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.instances[instance]; i != nil {
		return i.LastSeen
	}
	return time.Time{}
}

// abort ends a target that was not taken.
func (s *Service) abort(key targetKey, code, info string) error {
	return s.endIf(key, func(t *Target) bool { return !t.Accepted }, Aborted, code, info)
}

// lose ends a target of which nobody knows what came.
func (s *Service) lose(key targetKey) error {
	return s.endIf(key, func(t *Target) bool { return t.Accepted }, Errored, codeNoAnswer, "the agent took the task and never said what came of it")
}

// stopAlone ends a target that is to be stopped and whose agent is gone.
func (s *Service) stopAlone(t *Target) error {
	status := Terminated
	if t.Runs == 0 {
		status = Cancelled
	}
	return s.endIf(t.key(), func(t *Target) bool { return t.Status == Stopping }, status, codeNoAnswer, "the agent is gone, and did not confirm that it stopped")
}

// endIf ends a target that is still as it seemed.
func (s *Service) endIf(key targetKey, still func(*Target) bool, status Status, code, info string) error {
	return s.commits.do(func(tx meta.Tx) (func(), error) {
		t, err := get[Target](tx, kindTarget, key.name())
		if err != nil || t == nil {
			return nil, err
		}
		if t.Status.Final() { // somebody was faster, or this very change was, and its answer lost
			return func() { s.ended([]*Target{t}) }, nil
		}
		if !still(t) {
			return func() { s.setLive(t) }, nil
		}
		if t, err = s.endTarget(tx, key, status, code, info); err != nil || t == nil {
			return nil, err
		}
		return func() { s.ended([]*Target{t}) }, nil
	})
}
