package assistant

import (
	"strings"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// liveOn are the targets of an instance, or of all, that are not over, by invocation.
func liveOn(tx meta.Tx, instance string) ([]targetKey, error) {
	rows, err := tx.Items(kindLive, meta.ItemRange{Group: instance})
	if err != nil {
		return nil, err
	}
	keys := make([]targetKey, len(rows))
	for i, row := range rows {
		keys[i].invocation, keys[i].instance, _ = strings.Cut(row.Name, "/")
	}
	return keys, nil
}

// liveInvocations are the invocations that are not over.
func liveInvocations(tx meta.Tx) ([]string, error) {
	keys, err := liveOn(tx, "")
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.invocation
	}
	return unique(ids), err
}

// setLive brings the index of what is not over up to date with a target that was committed; t is not changed from then on.
func (s *Service) setLive(t *Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	on := s.live[t.Instance]
	switch {
	case !t.Status.Final():
		if on == nil {
			on = map[string]*Target{}
			s.live[t.Instance] = on
		}
		on[t.Invocation] = t
	case on != nil:
		delete(on, t.Invocation)
		if len(on) == 0 {
			delete(s.live, t.Instance)
		}
	}
	if t.Status.Final() {
		delete(s.sent, t.key())
	}
}

// liveTargets returns what is under way on an instance.
func (s *Service) liveTargets(instance string) map[string]*Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]*Target, len(s.live[instance]))
	for id, t := range s.live[instance] {
		out[id] = t
	}
	return out
}

// ended brings memory up to date with targets that were ended here, tells their agents, and wakes the writer of records.
func (s *Service) ended(targets []*Target) {
	for _, t := range targets {
		s.setLive(t)
		s.output.forget(t.key())
		s.metrics.ended(t.Status)
		if x := s.session(t.Instance); x != nil {
			x.peer.Send(&agentproto.Forget{Invocations: []string{t.Invocation}})
		}
		s.outbox.wake(t.Account)
	}
}

// session is the connection of an instance's agent; nil if there is none.
func (s *Service) session(instance string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[instance]
}
