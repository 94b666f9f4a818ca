package agent

import (
	"errors"
	"time"

	"github.com/sluicelog/sluice/internal/agent/journal"
	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
)

/*
A run, and what a crash at each step leaves:

	start ──► Prepare ──► record started ──► Begin ──► output … ──► Done ──► record finished ──► sent ──► removed
	nothing: it is started again   │             │                     │               │
	                               └─ lost       └─ found, or lost ────┘ found         └─ found, its output sent on
*/

// event writes an event, and has it sent. The caller holds a.mu.
func (a *Agent) event(inv *invocation, r *record) error {
	e := r.Event
	e.Invocation, e.Seq, e.Version, e.At = inv.id(), inv.Seq+1, inv.Task.Version, agentproto.TimeOf(a.now())
	r.At = e.At
	if r.Open != nil {
		r.Open.Start, r.Open.Seq = e.At, e.Seq
	}
	if r.Spool != nil {
		r.Spool.Seq = e.Seq
	}
	if err := a.commit(r, journal.Synced); err != nil {
		a.o.Logger.Warn("an event cannot be written, it is tried again", "invocation", inv.id(), "kind", e.Kind, "error", err)
		return err
	}
	a.queue(inv)
	a.push()
	return nil
}

// start begins the run that is due. The caller holds a.mu.
func (a *Agent) start(inv *invocation) {
	due := inv.due
	inv.due = time.Time{}
	switch {
	case inv.Over || inv.preparing || inv.Open != nil:
		return
	case inv.finish != nil:
		a.finish(inv, inv.finish)
		return
	case inv.stopped:
		a.plan(inv)
		return
	case len(inv.Events) > maxUnsent && inv.Task.Run != nil && inv.Task.Run.Repeat == agentproto.Period:
		a.o.Logger.Warn("a run is passed over: the server has not heard of too many before it", "invocation", inv.id(), "unsent", len(inv.Events))
		inv.Past = agentproto.TimeOf(due)
		a.plan(inv)
		return
	case !inv.hasContent: // the server sends it again
		if inv.Task.Run != nil && inv.Task.Run.Repeat == agentproto.Period {
			inv.Past = agentproto.TimeOf(due)
			a.plan(inv)
		}
		return
	}
	p, err := a.o.Policy()
	if err != nil {
		p = policy.Default() // only for its numbers: check refuses
	}
	if a.running >= p.MaxRuns {
		if !inv.waits {
			inv.waits = true
			a.waiting = append(a.waiting, inv)
		}
		return
	}
	a.running++
	inv.preparing = true
	s := &runner.Spec{Task: inv.Task, Run: inv.Runs + 1, Policy: p, MaxOutput: a.share(p)}
	a.tasks.Go(func() { a.run(inv, s, agentproto.TimeOf(due)) })
}

// share is how much a run may keep of its output: less when much is kept already.
func (a *Agent) share(p *policy.Policy) int64 {
	left := int64(p.MaxSpool)
	for _, n := range a.spooled {
		left -= n
	}
	most := min(int64(p.MaxOutput), max(left, 0))
	if a.welcome.Ticket != "" {
		most = min(most, a.welcome.OutputBytes)
	}
	return most
}

// ended lets go of a run's place, and begins what waits for one. The caller holds a.mu.
func (a *Agent) ended() {
	a.running--
	for len(a.waiting) > 0 {
		inv := a.waiting[0]
		a.waiting = a.waiting[1:]
		inv.waits = false
		if a.invocations[inv.id()] == inv && !inv.Over {
			inv.due = a.now()
			a.timer.ring()
			return
		}
	}
}

// run prepares a run, begins it, and sees it to its end.
func (a *Agent) run(inv *invocation, s *runner.Spec, due agentproto.Time) {
	process, err := a.prepare(s)
	a.mu.Lock()
	inv.preparing = false
	if a.gone(inv, s) {
		a.ended()
		a.mu.Unlock()
		if process != nil {
			process.Abandon()
		}
		return
	}
	o := &open{Due: due, Boot: a.o.BootID, MaxOutput: s.MaxOutput}
	e := &agentproto.Event{Kind: agentproto.Started, Run: s.Run}
	if process != nil {
		o.Ref = process.Ref()
		e.PID = o.Ref.PID
	}
	if a.event(inv, &record{Event: e, Open: o}) != nil {
		inv.due = a.now().Add(again)
		a.ended()
		a.timer.ring()
		a.mu.Unlock()
		if process != nil {
			process.Abandon()
		}
		return
	}
	if process != nil {
		inv.process, inv.stream = process, stream{}
		a.spooled[o.Ref.Dir] = s.MaxOutput
	}
	a.mu.Unlock()
	if err == nil {
		err = process.Begin()
	}
	if err != nil {
		a.settle(inv, process, refusedRun(err))
		return
	}
	a.watch(inv, process)
}

// gone reports whether an invocation is not to run any more, or not this way, and does what follows from it. The caller holds a.mu.
func (a *Agent) gone(inv *invocation, s *runner.Spec) bool {
	switch {
	case a.closed || a.invocations[inv.id()] != inv:
		return true
	case inv.stopped || inv.Task != s.Task: // or modified meanwhile
		a.plan(inv)
		return true
	}
	return false
}

// prepare checks and prepares a run.
func (a *Agent) prepare(s *runner.Spec) (runner.Process, error) {
	p, err := a.o.Policy()
	if err != nil {
		return nil, policy.Refuse(policy.NotApplicable, "the policy of this machine cannot be read: %v", err)
	}
	s.Policy = p
	if r := p.Allows(s.Task); r != nil { // the policy may have changed since the task came
		return nil, r
	}
	return a.o.Runner.Prepare(s)
}

// refusedRun is the result of a run that could not begin.
func refusedRun(err error) runner.Result {
	r := runner.Result{Outcome: agentproto.Errored, ErrorCode: policy.Exception, ErrorInfo: err.Error()}
	var refusal *policy.Refusal
	if errors.As(err, &refusal) {
		r.ErrorCode, r.ErrorInfo = refusal.Code, refusal.Info
	}
	return r
}

// watch sees a run to its end, and has its output sent meanwhile.
func (a *Agent) watch(inv *invocation, process runner.Process) {
	a.mu.Lock()
	if inv.stopped {
		process.Stop() // asked for between the record and Begin
	}
	a.mu.Unlock()
	live := time.NewTimer(liveAfter)
	defer live.Stop()
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-process.Changed():
		case <-live.C:
			a.mu.Lock()
			inv.stream.live = true
			a.mu.Unlock()
		case <-process.Done():
			a.settle(inv, process, process.Result())
			return
		}
		a.mu.Lock()
		if inv.stream.live || process.Kept() > agentproto.MaxRecordOutput {
			a.queue(inv)
			a.push()
		}
		a.mu.Unlock()
	}
}

// settle takes the result of a run.
func (a *Agent) settle(inv *invocation, process runner.Process, result runner.Result) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.ended()
	if a.invocations[inv.id()] != inv { // forgotten
		if process != nil {
			a.remove(process, process.Ref())
		}
		inv.process = nil
		return
	}
	a.finish(inv, a.finished(inv, process, result))
}

// finished makes the record that a run is over.
func (a *Agent) finished(inv *invocation, process runner.Process, r runner.Result) *record {
	start := inv.Open.Start
	e := &agentproto.Event{
		Kind: agentproto.Finished, Run: inv.Runs, Outcome: r.Outcome, ErrorCode: r.ErrorCode, ErrorInfo: clip(r.ErrorInfo),
		Result: &agentproto.Result{
			Start: start, Finish: start + agentproto.Time(r.Took.Milliseconds()), ExitCode: r.ExitCode, Output: r.Output, Dropped: r.Dropped, Bytes: r.Kept,
		},
	}
	if a.unsentOutput()+len(r.Output) > maxUnsentOutput {
		e.Result.Output, e.Result.Dropped = nil, r.Dropped+int64(len(r.Output))
	}
	rec := &record{Event: e}
	if process != nil && r.Kept > 0 && (!r.Whole || inv.stream.sent > 0) {
		rec.Spool = &spool{
			Ref: inv.Open.Ref, Run: inv.Runs, Started: inv.Open.Seq, Size: r.Kept, process: process, stream: inv.stream, since: a.o.Now(),
		}
	} else {
		e.Result.Bytes = 0
	}
	return rec
}

// Bounds of what waits for a server that is away: of an invocation, in events, after which its schedule pauses; and of the output in them, of all
// invocations, after which results have none (what is spooled is under the policy's limits).
const (
	maxUnsent       = 2000
	maxUnsentOutput = 8 << 20
)

// unsentOutput is the output in events that wait. The caller holds a.mu.
func (a *Agent) unsentOutput() (n int) {
	for _, inv := range a.invocations {
		for i := range inv.Events {
			if r := inv.Events[i].Result; r != nil {
				n += len(r.Output)
			}
		}
	}
	return n
}

// finish writes that a run is over, or tries again later. The caller holds a.mu.
func (a *Agent) finish(inv *invocation, r *record) {
	r.Event.Last = inv.single() || inv.stopped || r.Event.Outcome == agentproto.Terminated
	ref := inv.Open.Ref
	inv.finish = r
	// The record is applied before the disk is asked again, so what it holds of this process goes along.
	if a.event(inv, r) != nil {
		inv.due = a.now().Add(again)
		a.timer.ring()
		return
	}
	process := inv.process
	inv.finish, inv.process, inv.stream = nil, nil, stream{}
	if r.Spool == nil && process != nil {
		a.remove(process, ref)
	} else if r.Spool != nil {
		a.spooled[ref.Dir] = r.Spool.Size
	}
	a.plan(inv)
}

// remove removes what is left of a run, when it is over.
func (a *Agent) remove(process runner.Process, ref runner.Ref) {
	delete(a.spooled, ref.Dir)
	if process == nil {
		return
	}
	a.tasks.Go(func() {
		select {
		case <-process.Done():
			process.Remove()
		case <-a.ctx.Done(): // the next start removes it
		}
	})
}
