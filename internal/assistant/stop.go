package assistant

import (
	"context"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Stop ends an invocation on instances, or on all of its own if none is named. What is over stays as it is.
func (fl *Fleet) Stop(_ context.Context, invocation string, instances []string) error {
	if len(instances) > maxFileTargets {
		return fail(sluice.TooLarge, "InstanceIds.ExceedLimit", "%d instances are given, at most %d are allowed", len(instances), maxFileTargets)
	}
	return fl.s.commits.do(func(tx meta.Tx) (func(), error) {
		inv, err := fl.invocation(tx, invocation)
		if err != nil {
			return nil, err
		}
		targets, err := targetsOf(tx, inv.ID)
		if err != nil {
			return nil, err
		}
		for _, id := range instances {
			if !slices.ContainsFunc(targets, func(t *Target) bool { return t.Instance == id }) {
				return nil, fail(sluice.NotFound, "InvalidInstance.NotFound", "instance %.80q has no part in the invocation", id)
			}
		}
		if len(instances) > 0 {
			targets = slices.DeleteFunc(targets, func(t *Target) bool { return !slices.Contains(instances, t.Instance) })
		}
		return fl.s.stopTargets(tx, inv, targets)
	})
}

// stopTargets asks for the end of targets: those that no agent can have are over at once, and the others when their agents say so.
func (s *Service) stopTargets(tx meta.Tx, inv *Invocation, targets []*Target) (func(), error) {
	now := s.now()
	var over, asked []*Target
	for _, t := range targets {
		if t.Status.Final() {
			continue
		}
		if t.Status == Stopping { // asked again, or committed before and answered never
			asked = append(asked, t)
			continue
		}
		t.Stopped, t.Updated = now, now
		if s.perhapsSent(t) || t.Accepted {
			t.Status = Stopping
			asked = append(asked, t)
			if err := putTarget(tx, t); err != nil {
				return nil, err
			}
			continue
		}
		record := t.end(inv, Cancelled, "", "", now)
		over = append(over, t)
		if err := s.putChanged(tx, inv, t, record, now); err != nil {
			return nil, err
		}
	}
	return func() {
		s.ended(over)
		s.dispatch(asked)
	}, nil
}

// perhapsSent reports whether an agent may have a task.
func (s *Service) perhapsSent(t *Target) bool {
	if s.forgetful(t.Instance) { // a claim is committed before it is handed out
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[t.key()] || t.Created.Before(s.started)
}
