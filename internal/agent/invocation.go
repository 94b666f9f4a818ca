package agent

import (
	"time"

	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/schedule"
)

// invocation is what the agent knows of one: its state, which lasts, and what goes with the process.
type invocation struct {
	state

	hasContent bool           // Task has its content
	due        time.Time      // when the next run begins; zero: nothing is planned
	preparing  bool           // a run is about to begin
	waits      bool           // in Agent.waiting
	stopped    bool           // it is to end
	process    runner.Process // of the run under way
	stream     stream         // of its output
	finish     *record        // of a run that is over, while the disk is too full to say so

	acked  int64 // events that the server holds, as it said on this connection; -1: it has not
	flying bool  // events are on their way
	queued bool  // in Agent.dirty
	stuck  bool  // the server has lost events: nothing can be done
}

func (inv *invocation) id() string { return inv.Task.Invocation }

// spec is a run of the invocation.
func (inv *invocation) spec(run int64, p *policy.Policy) *runner.Spec {
	if p == nil {
		p = policy.Default()
	}
	return &runner.Spec{Task: inv.Task, Run: run, Policy: p}
}

// single reports whether nothing follows one run.
func (inv *invocation) single() bool {
	r := inv.Task.Run
	return r == nil || r.Repeat == agentproto.Once || r.Repeat == agentproto.NextRebootOnly || r.Repeat == agentproto.DryRun
}

// late is how much a time may be over for a run to begin all the same: the agent may just have been started anew.
const late = time.Minute

// plan sets when the next run begins. An invocation that has no more times ends. The caller holds a.mu.
func (a *Agent) plan(inv *invocation) {
	inv.due = time.Time{}
	if inv.Over || inv.Open != nil || inv.preparing || inv.finish != nil || inv.Task.Kind == agentproto.TaskStop {
		return
	}
	if inv.stopped {
		a.end(inv, agentproto.Stopped)
		return
	}
	defer a.timer.ring()
	now := a.now()
	r := inv.Task.Run
	switch {
	case r == nil, r.Repeat == agentproto.Once:
		inv.due = now
	case r.Repeat == agentproto.DryRun:
		a.end(inv, agentproto.Completed)
	case r.Repeat == agentproto.NextRebootOnly, r.Repeat == agentproto.EveryReboot:
		if inv.Boot != a.o.BootID {
			inv.due = now
		}
	default:
		a.planSchedule(inv, now)
	}
}

func (a *Agent) planSchedule(inv *invocation, now time.Time) {
	s, err := schedule.Parse(inv.Task.Run.Frequency)
	if err == nil {
		after := inv.Past.Go()
		if oldest := now.Add(-late); after.Before(oldest) {
			after = oldest // what was missed is over
		}
		if at, ok := s.Next(after, inv.Task.Run.Created.Go(), a.o.Local); ok {
			inv.due = at
			return
		}
	}
	a.end(inv, agentproto.Completed)
}

// end says that no run follows. If the disk is full, it is tried again.
func (a *Agent) end(inv *invocation, o agentproto.Outcome) {
	e := &agentproto.Event{Kind: agentproto.Ended, Outcome: o, Last: true}
	if a.event(inv, &record{Event: e}) != nil {
		inv.due = a.now().Add(again)
	}
}

// again is when something is tried again that the disk was too full for.
const again = 5 * time.Second
