package agent

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/sluicelog/sluice/internal/agent/journal"
	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/schedule"
)

// Refusal is an envelope that was not opened.
type Refusal struct {
	At         time.Time `json:"at"`
	Invocation string    `json:"invocation,omitempty"` // if it could be read
	Why        string    `json:"why"`
}

const maxRefusals = 16

var errReplayed = errors.New("the task was received before")

// open verifies an envelope. The caller holds a.mu.
func (a *Agent) open(e *agentproto.Envelope) (*agentproto.Task, error) {
	now := a.now()
	t, err := a.o.Keys.Open(e, a.o.Instance, now)
	if err != nil {
		return nil, err
	}
	if _, seen := a.nonces[t.Nonce]; seen {
		return nil, errReplayed
	}
	const many = 10_000
	if len(a.nonces) >= many {
		maps.DeleteFunc(a.nonces, func(_ string, expires agentproto.Time) bool { return !now.Before(expires.Go()) })
	}
	a.nonces[t.Nonce] = t.Expires
	return t, nil
}

// refuse notes an envelope that was not opened. Its sender is told nothing: it may be anybody.
func (a *Agent) refuse(err error) {
	a.refusals[a.refused%maxRefusals] = Refusal{At: a.now(), Why: err.Error()}
	a.refused++
	a.o.Logger.Error("a task was refused", "error", err)
}

// take takes a task. The caller holds a.mu.
func (a *Agent) take(e *agentproto.Envelope) {
	t, err := a.open(e)
	if err != nil {
		a.refuse(err)
		return
	}
	if at, over := a.over[t.Invocation]; over && a.now().Sub(at.Go()) <= agentproto.MaxLife {
		return
	}
	inv := a.invocations[t.Invocation]
	switch {
	case t.Kind == agentproto.TaskStop:
		err = a.stop(inv, t)
	case inv == nil:
		err = a.accept(t, e.Key)
	case inv.Task.Kind == agentproto.TaskStop, inv.Over:
	case t.Version > inv.Task.Version:
		err = a.replace(inv, t)
	case t.Version == inv.Task.Version && !inv.hasContent:
		inv.Task, inv.hasContent = t, true
		if inv.Open == nil && !inv.preparing {
			a.plan(inv)
		}
	}
	if err != nil {
		a.o.Logger.Error("a task was not taken", "invocation", t.Invocation, "error", err)
	}
}

// accept takes an invocation that is new, or rejects it.
func (a *Agent) accept(t *agentproto.Task, key string) error {
	e := &agentproto.Event{Kind: agentproto.Accepted}
	if r := a.check(t, key); r != nil {
		e = &agentproto.Event{Kind: agentproto.Rejected, ErrorCode: r.Code, ErrorInfo: clip(r.Info), Last: true}
		a.o.Logger.Warn("a task was rejected", "invocation", t.Invocation, "caller", t.Caller, "reason", r)
	}
	e.Invocation, e.Seq, e.Version, e.At = t.Invocation, t.NextSeq, t.Version, agentproto.TimeOf(a.now())
	if err := a.commit(&record{At: e.At, Task: bare(t), Boot: a.o.BootID, Event: e}, journal.Taken); err != nil {
		return err
	}
	inv := a.invocations[t.Invocation]
	inv.Task, inv.hasContent = t, true
	inv.acked = -1
	if a.link != nil {
		inv.acked = t.NextSeq - 1
	}
	a.plan(inv)
	a.queue(inv)
	a.push()
	return nil
}

// check says why a task cannot be done here; nil if it can.
func (a *Agent) check(t *agentproto.Task, key string) *policy.Refusal {
	p, err := a.o.Policy()
	if err != nil {
		return policy.Refuse(policy.NotApplicable, "the policy of this machine cannot be read: %v", err)
	}
	if len(a.invocations) >= p.MaxInvocations {
		return policy.Refuse(policy.Exception, "the agent has %d invocations, its policy allows no more", len(a.invocations))
	}
	if r := p.Task(t, key); r != nil {
		return r
	}
	if r := a.checkSchedule(t); r != nil {
		return r
	}
	return a.o.Runner.Check(&runner.Spec{Task: t, Run: 1, Policy: p})
}

func (a *Agent) checkSchedule(t *agentproto.Task) *policy.Refusal {
	if t.Run == nil || t.Run.Repeat != agentproto.Period {
		return nil
	}
	s, err := schedule.Parse(t.Run.Frequency)
	if err != nil {
		return policy.Refuse(schedule.CodeOf(err), "%v", err)
	}
	if _, ok := s.Next(a.now().Add(-late), t.Run.Created.Go(), a.o.Local); !ok {
		return policy.Refuse(schedule.CodeOf(s.Check(a.now(), 0)), "%q has no time that is still to come", t.Run.Frequency)
	}
	return nil
}

// replace takes a newer version.
func (a *Agent) replace(inv *invocation, t *agentproto.Task) error {
	if err := a.commit(&record{At: agentproto.TimeOf(a.now()), Task: bare(t)}, journal.Taken); err != nil {
		return err
	}
	inv.Task, inv.hasContent = t, true
	a.plan(inv)
	return nil
}

// stop ends an invocation.
func (a *Agent) stop(inv *invocation, t *agentproto.Task) error {
	if inv == nil {
		e := &agentproto.Event{
			Invocation: t.Invocation, Seq: t.NextSeq, Version: t.Version, At: agentproto.TimeOf(a.now()), Kind: agentproto.Ended, Outcome: agentproto.Stopped, Last: true,
		}
		if err := a.commit(&record{At: e.At, Task: t, Event: e}, journal.Synced); err != nil {
			return err
		}
		inv = a.invocations[t.Invocation]
		inv.hasContent, inv.acked = true, t.NextSeq-1
		a.queue(inv)
		a.push()
		return nil
	}
	inv.stopped = true
	switch {
	case inv.Over:
	case inv.process != nil:
		inv.process.Stop()
	case inv.preparing: // it sees that
	default:
		a.plan(inv)
	}
	return nil
}

// forget drops invocations that the server knows nothing of.
func (a *Agent) forget(ids []string) error {
	known := ids[:0:0]
	for _, id := range ids {
		if a.invocations[id] != nil {
			known = append(known, id)
		}
	}
	if len(known) == 0 {
		return nil
	}
	gone := make([]*invocation, 0, len(known))
	for _, id := range known {
		gone = append(gone, a.invocations[id])
	}
	if err := a.commit(&record{At: agentproto.TimeOf(a.now()), Over: known}, journal.Synced); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	for _, inv := range gone {
		a.drop(inv)
	}
	return nil
}

// drop lets go of what an invocation has that is forgotten.
func (a *Agent) drop(inv *invocation) {
	inv.stopped, inv.due = true, time.Time{}
	if inv.process != nil {
		inv.process.Stop() // watch removes it
	}
	for i := range inv.Spools {
		a.remove(inv.Spools[i].process, inv.Spools[i].Ref)
	}
	inv.Spools = nil
}

// clip cuts text to what an event may hold.
func clip(text string) string {
	const most = 1000
	if len(text) <= most {
		return text
	}
	for n := most; ; n-- {
		if text[n]&0xC0 != 0x80 {
			return text[:n]
		}
	}
}
