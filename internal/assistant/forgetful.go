package assistant

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// A forgetful agent keeps no journal: the open-source client of Cloud Assistant is one. It claims what it has to do instead of being sent it, numbers
// nothing, tells most things once and some several times, and knows nothing after a restart. What an agent with a journal settles by numbers is settled here by
// what is in metadata:
//
//	Claim   commits that a task was taken before the task is handed out, so that none is handed out twice
//	Report  finds out in its transaction whether it tells something new, by the marks that a target keeps of its last run
//	Sweep   ends what nothing is heard of: there is nobody who remembers

// forgetful reports whether an instance's agent is one.
func (i *Instance) forgetful() bool { return len(i.Key) > 0 }

func (s *Service) forgetful(instance string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[instance]
	return i != nil && i.forgetful()
}

// SigningInstance is the key that signs the requests of a forgetful agent (PKIX, DER), and the id of its machine; false if there is no such instance.
func (s *Service) SigningInstance(instance string) (key []byte, machineID string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.instances[instance]
	if i == nil || !i.forgetful() {
		return nil, "", false
	}
	return i.Key, i.MachineID, true
}

// Attend begins the session of a forgetful agent, and ends the one that it had. kick tells the agent that there is something to claim; like the peer's
// methods it never waits. What the peer is sent is Forget alone.
func (s *Service) Attend(instance string, peer Peer, kick func(), version, intranet, internet string) (*Session, error) {
	x := &Session{s: s, instance: instance, peer: peer, kick: kick, began: s.now(), seen: s.now()}
	err := s.commits.do(func(tx meta.Tx) (func(), error) {
		i, err := get[Instance](tx, kindInstance, instance)
		if err != nil {
			return nil, err
		}
		if i == nil {
			return nil, &agentproto.Refused{Code: agentproto.CodeUnknown, Reason: "there is no such instance: register again"}
		}
		i.LastSeen, i.InternetIP = s.now(), or(internet, i.InternetIP)
		i.AgentVersion, i.IntranetIP = or(version, i.AgentVersion), or(intranet, i.IntranetIP)
		return func() { s.open(x, i) }, putInstance(tx, i)
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// Beat notes that a forgetful agent is alive, and reports whether there is something that it could claim.
func (s *Service) Beat(instance string) (waiting bool) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.sessions[instance]; x != nil {
		x.seen = now
	} else if i := s.instances[instance]; i != nil {
		seen := *i
		seen.LastSeen = now
		s.instances[instance] = &seen
	}
	for _, t := range s.live[instance] {
		if !t.Accepted || t.Status == Stopping {
			return true
		}
	}
	return false
}

// Cloned counts and tells that two agents show one identity.
func (s *Service) Cloned(instance, address, why string) {
	s.metrics.cloned.Inc()
	s.o.Logger.Error("an agent presents the identity of another: was its machine copied?", "instance", instance, "address", address, "reason", why)
}

// MaxClaim is how many tasks are handed out at once.
const MaxClaim = 40

// claim is what a forgetful agent asks for, and what comes of it.
type claim struct {
	fresh, cold bool
	since       time.Time // when its process can have begun at the earliest
	tasks       []*agentproto.Task
	more        bool
	ended       []*Target
	changed     []*Target
}

// Claim returns what an instance has to do, at most MaxClaim tasks, and whether there is more. Each of them counts as taken when Claim returns. fresh
// says that the agent has just started and knows of nothing: schedules are handed out once more, and what had begun is lost. cold says that its machine has
// just started, too.
func (s *Service) Claim(instance string, fresh, cold bool) (tasks []*agentproto.Task, more bool, err error) {
	var c claim
	err = s.commits.do(func(tx meta.Tx) (func(), error) {
		c = claim{fresh: fresh, cold: cold, since: s.now()}
		if x := s.session(instance); x != nil {
			c.since = x.began
		}
		keys, err := liveOn(tx, instance)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if err := s.claimOne(tx, key, &c); err != nil {
				return nil, err
			}
		}
		return func() {
			for _, t := range c.changed {
				s.setLive(t)
			}
			s.ended(c.ended)
		}, nil
	})
	if err != nil {
		return nil, false, err
	}
	return c.tasks, c.more, nil
}

// claimOne adds the task of a target to a claim, if there is one.
func (s *Service) claimOne(tx meta.Tx, key targetKey, c *claim) error {
	t, err := get[Target](tx, kindTarget, key.name())
	if err != nil || t == nil || t.Status.Final() {
		return err
	}
	inv, err := getInvocation(tx, key.invocation)
	if err != nil || inv == nil {
		return err
	}
	if c.fresh && t.Accepted && t.Updated.Before(c.since) {
		if err := s.restarted(tx, inv, t, c); err != nil || t.Status.Final() {
			return err
		}
	}
	switch reboot := inv.RepeatMode == agentproto.EveryReboot || inv.RepeatMode == agentproto.NextRebootOnly; {
	case t.Status == Stopping:
	case t.Accepted && t.Claimed == inv.Version+1:
		return nil // it has it
	case !t.Accepted && s.expired(t):
		return nil // Sweep ends it
	case reboot && !(c.fresh && c.cold):
		return s.accept(tx, inv, t, 0, c)
	}
	if len(c.tasks) == MaxClaim {
		c.more = true
		return nil
	}
	return s.handOut(tx, inv, t, c)
}

// handOut accepts a target in the name of its agent, and puts its task into the claim.
func (s *Service) handOut(tx meta.Tx, inv *Invocation, t *Target, c *claim) error {
	if t.Status != Stopping {
		if err := s.accept(tx, inv, t, inv.Version+1, c); err != nil {
			return err
		}
	}
	task, err := s.taskOf(tx, t.key())
	if err == nil && task != nil && task.Run != nil && task.Run.Sensitive {
		err = &resolveError{codeNoSecret, "the agent of this instance would leave a secret parameter in a file on its machine: use an agent that does not"}
	}
	if why, ok := err.(*resolveError); ok { //nolint:errorlint // never wrapped
		over, err := s.endTarget(tx, t.key(), Invalid, why.code, why.info)
		if over != nil {
			c.ended = append(c.ended, over)
		}
		return err
	}
	if err == nil && task != nil && task.Kind == agentproto.TaskStop { // such an agent asks what kind of thing it is to stop
		task.Run = &agentproto.Run{CommandID: inv.CommandID, Type: inv.Type, Timeout: inv.Timeout, Repeat: inv.RepeatMode, Frequency: inv.Frequency}
	}
	if err == nil && task != nil {
		c.tasks = append(c.tasks, task)
	}
	return err
}

// accept notes that an agent takes a target, and which task of it was handed out: its version and 1, or 0 for none.
func (s *Service) accept(tx meta.Tx, inv *Invocation, t *Target, claimed int, c *claim) error {
	if t.Accepted && t.Claimed == claimed {
		return nil
	}
	now := s.now()
	if !t.Accepted {
		t.apply(inv, &agentproto.Event{Seq: t.Seq + 1, Kind: agentproto.Accepted, At: agentproto.TimeOf(now)}, now)
	}
	t.Claimed = claimed
	c.changed = append(c.changed, t)
	return putTarget(tx, t)
}

// restarted settles what an agent had begun before it forgot all: the run under way, or the one that may have been, is lost.
func (s *Service) restarted(tx meta.Tx, inv *Invocation, t *Target, c *claim) error {
	now := s.now()
	const info = "the agent was restarted, and nobody knows what came of the run"
	if inv.single() && (t.RunOpen || t.Claimed > 0) && t.Status != Stopping && inv.RepeatMode != agentproto.DryRun {
		over, err := s.endTarget(tx, t.key(), Errored, codeRestarted, info)
		if over != nil {
			*t = *over
			c.ended = append(c.ended, over)
		}
		return err
	}
	if t.RunOpen && !inv.single() {
		e := t.closing(agentproto.Errored, codeRestarted, info, now)
		record := t.apply(inv, e, now)
		t.OverMark, t.Sent = overHere, nil
		if err := s.putChanged(tx, inv, t, record, now); err != nil {
			return err
		}
		c.changed = append(c.changed, t)
		s.outbox.wake(t.Account)
	}
	if t.Claimed != 0 { // even if this claim has no room for it
		t.Claimed = 0
		c.changed = append(c.changed, t)
		return putTarget(tx, t)
	}
	return nil
}

// overHere is the mark of the end of a run that its agent did not tell.
const overHere = "over here"

// closing is the event that ends the run under way without its agent.
func (t *Target) closing(outcome agentproto.Outcome, code, info string, now time.Time) *agentproto.Event {
	clip := agentproto.Clip{}
	_, _ = clip.Write(t.Sent) // never fails
	output, dropped := clip.Result()
	return &agentproto.Event{
		Seq: t.Seq + 1, Kind: agentproto.Finished, At: agentproto.TimeOf(now), Run: t.Runs, Outcome: outcome, ErrorCode: code, ErrorInfo: info,
		Result: &agentproto.Result{Start: agentproto.TimeOf(t.Started), Finish: agentproto.TimeOf(now), Output: output, Dropped: t.Dropped + dropped},
	}
}

// ReportKind is what a report of a forgetful agent tells.
type ReportKind int

// The kinds of reports.
const (
	ReportVerified ReportKind = iota // a dry run found nothing wrong
	ReportRejected                   // it cannot be done here
	ReportRunning                    // a run has begun, or goes on: with the next piece of its output
	ReportOver                       // a run is over
	ReportStopped                    // it was stopped: while it ran if RunMark is not ""
	ReportEnded                      // no run follows: its schedule has no more times
)

// Report is what a forgetful agent tells of an invocation.
type Report struct {
	Kind       ReportKind
	Invocation string

	RunMark  string // the same in all reports of a run, and different in the next run
	OverMark string // the same in all repetitions of one report of the end of a run

	Start, End time.Time // of the run, as far as they are known
	Outcome    agentproto.Outcome
	ExitCode   *int64
	Output     []byte // what no report before had
	Dropped    int64  // bytes that are in no report
	ErrorCode  string
	ErrorInfo  string
}

// Report takes a report, once. held is whether the invocation is under way on the instance: if not, whatever the agent does for it is of no use.
func (s *Service) Report(_ context.Context, instance string, r *Report) (held bool, err error) {
	var b batch
	err = s.commits.do(func(tx meta.Tx) (func(), error) {
		held, b = false, batch{held: map[string]*Target{}}
		key := targetKey{r.Invocation, instance}
		t, err := get[Target](tx, kindTarget, key.name())
		if err != nil || t == nil || t.Status.Final() {
			return nil, err
		}
		inv, err := getInvocation(tx, key.invocation)
		if err != nil || inv == nil {
			return nil, err
		}
		held = true
		events := r.events(inv, t)
		if err := s.takeReport(tx, inv, t, r, events, &b); err != nil {
			return nil, err
		}
		return func() { s.took(&b) }, s.invoked(tx, instance, events)
	})
	return held, err
}

// takeReport applies the events of a report.
func (s *Service) takeReport(tx meta.Tx, inv *Invocation, t *Target, r *Report, events []agentproto.Event, b *batch) error {
	now := s.now()
	b.held[t.Invocation] = t
	for i := range events {
		e := &events[i]
		e.Seq = t.Seq + 1
		if e.At == 0 {
			e.At = agentproto.TimeOf(now)
		}
		record := t.apply(inv, e, now)
		b.records = b.records || record
		switch e.Kind {
		case agentproto.Started:
			t.newMark(r.RunMark)
		case agentproto.Finished:
			t.OverMark, t.Sent = r.OverMark, nil
		}
		if err := s.putChanged(tx, inv, t, record, now); err != nil {
			return err
		}
		if t.Status.Final() {
			b.ended = append(b.ended, t.Status)
			return nil
		}
	}
	if r.Kind == ReportRunning && t.RunOpen && r.ofLast(inv, t) && len(r.Output) > 0 {
		room := min(max(agentproto.MaxRecordOutput-len(t.Sent), 0), len(r.Output))
		t.Sent = append(t.Sent, r.Output[:room]...)
		t.Dropped += int64(len(r.Output) - room)
		t.Output, t.Updated = firstText(t.Sent), now
		return putTarget(tx, t)
	}
	return nil
}

// maxOldMarks is how many runs back a report that comes late is known for one.
const maxOldMarks = 8

// newMark notes how a run that begins is called.
func (t *Target) newMark(mark string) {
	if t.Runs > 1 {
		t.OldMarks = append(t.OldMarks, t.RunMark)
		t.OldMarks = t.OldMarks[max(0, len(t.OldMarks)-maxOldMarks):]
	}
	t.RunMark, t.OverMark, t.Sent = mark, "", nil
}

// ofLast reports whether r is of the last run of a target.
func (r *Report) ofLast(inv *Invocation, t *Target) bool {
	return t.Runs > 0 && (inv.single() || r.RunMark == t.RunMark)
}

// events are what a report tells that is new, without their numbers. There is none in what is told again, or late.
func (r *Report) events(inv *Invocation, t *Target) []agentproto.Event {
	var events []agentproto.Event
	add := func(e agentproto.Event) { events = append(events, e) }
	if !t.Accepted {
		add(agentproto.Event{Kind: agentproto.Accepted})
	}
	known := r.ofLast(inv, t)
	if !known && slices.Contains(t.OldMarks, r.RunMark) {
		return nil // of a run that is long over
	}
	begin := func() { // unless it has begun
		if t.RunOpen && known {
			return
		}
		if t.RunOpen { // of whose end nothing was heard
			add(*t.closing(agentproto.Errored, codeNoAnswer, "the agent began another run, and never said what came of this one", t.Updated))
		}
		add(agentproto.Event{Kind: agentproto.Started, Run: t.Runs + 1, At: agentproto.TimeOf(r.Start)})
	}
	switch r.Kind {
	case ReportVerified:
		if inv.RepeatMode == agentproto.DryRun {
			add(agentproto.Event{Kind: agentproto.Ended, Last: true, Outcome: agentproto.Completed})
		}
	case ReportRejected:
		add(agentproto.Event{Kind: agentproto.Rejected, Last: true, ErrorCode: r.ErrorCode, ErrorInfo: r.ErrorInfo})
	case ReportRunning:
		if !known {
			begin()
		}
	case ReportOver:
		if known && !t.RunOpen {
			if t.OverMark == r.OverMark || t.OverMark == overHere || r.Outcome != agentproto.Errored {
				break // told again, or too late
			}
			later := *r // another run that never began, told with the times of the one before
			later.Start, later.End = time.Time{}, time.Time{}
			r = &later
		}
		begin()
		add(r.finished(inv, t, strings.HasPrefix(inv.Frequency, "at(")))
	case ReportStopped:
		if t.RunOpen || r.RunMark != "" && !known {
			if !t.RunOpen {
				begin()
			}
			add(r.finished(inv, t, true))
			break
		}
		add(agentproto.Event{Kind: agentproto.Ended, Last: true, Outcome: agentproto.Stopped})
	case ReportEnded:
		add(agentproto.Event{Kind: agentproto.Ended, Last: true, Outcome: agentproto.Completed})
	}
	return events
}

// finished is the event that the run which the report is of is over.
func (r *Report) finished(inv *Invocation, t *Target, last bool) agentproto.Event {
	e := agentproto.Event{
		Kind: agentproto.Finished, Run: t.Runs, Last: last, Outcome: r.Outcome, ErrorCode: r.ErrorCode, ErrorInfo: r.ErrorInfo, At: agentproto.TimeOf(r.End),
	}
	var before []byte
	dropped := r.Dropped
	switch {
	case t.RunOpen && (r.ofLast(inv, t) || r.Kind == ReportStopped):
		before, dropped = t.Sent, dropped+t.Dropped
	default:
		e.Run++
	}
	if inv.recurring() && len(before)+len(r.Output) < agentproto.MaxRecordOutput {
		dropped = 0 // the open-source client says what an earlier run dropped
	}
	clip := agentproto.Clip{}
	_, _ = clip.Write(before) // never fails
	_, _ = clip.Write(r.Output)
	output, more := clip.Result()
	e.Result = &agentproto.Result{
		Start: agentproto.TimeOf(r.Start), Finish: agentproto.TimeOf(r.End), ExitCode: r.ExitCode, Output: output, Dropped: dropped + more,
	}
	return e
}

// silent ends what a forgetful agent has not spoken of for too long.
func (s *Service) silent(t *Target, recurring bool) error {
	if !recurring {
		return s.lose(t.key())
	}
	if !t.RunOpen {
		return nil // it waits for its time
	}
	_, err := s.Report(context.Background(), t.Instance, &Report{
		Kind: ReportOver, Invocation: t.Invocation, RunMark: t.RunMark, OverMark: overHere, Outcome: agentproto.Errored,
		ErrorCode: codeNoAnswer, ErrorInfo: "the agent began the run, and never said what came of it",
	})
	return err
}
