package assistant

import (
	"fmt"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

/*
Target is an invocation on one instance:

	            accepted              started            finished
	Pending ───────────► Scheduled ◄────────── Running ──────────► Success, Failed, Error, Timeout
	   │ │  once: ─────────────────────────────►  ▲ │   a schedule: ► Scheduled again
	   │ │                                          │
	   │ └─ rejected ──► Invalid                    │ stop
	   │                                            ▼
	   ├─ nobody took it ──► Aborted             Stopping ── finished, ended ──► Terminated; Cancelled if nothing ever ran
	   └─ stop ──► Cancelled                        │
	                                                └── or the natural end that was faster

Its fields are those of the last run, if there was one.
*/
type Target struct {
	Invocation string `json:"invocation"`
	Instance   string `json:"instance"`
	Account    string `json:"account,omitempty"` // the invocation's
	Status     Status `json:"status"`
	Seq        int64  `json:"seq,omitempty"` // of the last event that was taken
	Accepted   bool   `json:"accepted,omitempty"`

	Runs     int64  `json:"runs,omitempty"`    // that have begun
	RunOpen  bool   `json:"runOpen,omitempty"` // the last of them is not over
	LastRun  Status `json:"lastRun,omitempty"` // how the last one that is over ended
	PID      int    `json:"pid,omitempty"`
	Recorded bool   `json:"recorded,omitempty"` // there is a record of the last run

	Created  time.Time `json:"created"`
	Updated  time.Time `json:"updated"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Stopped  time.Time `json:"stopped,omitzero"` // when it was asked to stop

	ExitCode  *int64 `json:"exitCode,omitempty"`
	Output    string `json:"output,omitempty"`
	Dropped   int64  `json:"dropped,omitempty"`
	ErrorCode string `json:"errorCode,omitempty"`
	ErrorInfo string `json:"errorInfo,omitempty"`
	Bytes     int64  `json:"bytes,omitempty"` // of output that are kept in full

	// Of forgetful agents alone.
	Claimed  int      `json:"claimed,omitempty"`  // version, plus 1, of the task that was handed out; 0: none was, or it is to be handed out again
	RunMark  string   `json:"runMark,omitempty"`  // how the agent calls the last run
	OverMark string   `json:"overMark,omitempty"` // how the report of its end is told from another
	OldMarks []string `json:"oldMarks,omitempty"` // how it called some runs before
	Sent     []byte   `json:"sent,omitempty"`     // what the run under way has written, at most MaxRecordOutput
}

// targetKey names a target.
type targetKey struct{ invocation, instance string }

func (t *Target) key() targetKey { return targetKey{t.Invocation, t.Instance} }

// name is the name of a target among items: those of an invocation lie together.
func (k targetKey) name() string { return k.invocation + "/" + k.instance }

// apply takes the next event of an agent into t. recorded says that what t shows now is to be written as a record.
func (t *Target) apply(inv *Invocation, e *agentproto.Event, now time.Time) (recorded bool) {
	at := e.At.Go()
	if at.After(now) || at.Before(t.Created) { // the agent reckons wrongly
		at = now
	}
	t.Seq, t.Updated = e.Seq, now
	switch e.Kind {
	case agentproto.Accepted:
		t.Accepted = true
		if inv.recurring() && t.Status == Pending {
			t.Status = Scheduled
		}
	case agentproto.Rejected:
		t.ErrorCode, t.ErrorInfo = e.ErrorCode, e.ErrorInfo
		t.finish(Invalid, at)
		return !t.Recorded
	case agentproto.Started:
		t.begin(e, at)
	case agentproto.Finished:
		return t.finishRun(inv, e, at)
	case agentproto.Ended:
		return t.endSchedule(inv, e, at)
	}
	return false
}

// begin begins a run: what the last one left is gone.
func (t *Target) begin(e *agentproto.Event, at time.Time) {
	t.Runs, t.RunOpen, t.Recorded, t.PID = e.Run, true, false, e.PID
	t.Started, t.Finished, t.ExitCode, t.Output, t.Dropped, t.ErrorCode, t.ErrorInfo, t.Bytes = at, time.Time{}, nil, "", 0, "", "", 0
	if t.Status != Stopping {
		t.Status = Running
	}
}

// finishRun ends a run, and t if nothing follows it.
func (t *Target) finishRun(inv *Invocation, e *agentproto.Event, at time.Time) bool {
	if !t.RunOpen || t.Runs != e.Run { // an agent that lost its own journal's start: the run counts all the same
		t.begin(e, at)
	}
	r := e.Result
	t.RunOpen = false
	t.ExitCode, t.Output, t.Dropped, t.Bytes = r.ExitCode, string(r.Output), r.Dropped, r.Bytes
	t.ErrorCode, t.ErrorInfo = e.ErrorCode, e.ErrorInfo
	if start := r.Start.Go(); !start.IsZero() && !start.Before(t.Created) && !start.After(at) {
		t.Started = start
	}
	t.Finished = at
	t.LastRun = t.outcome(inv, e)
	if e.Last || inv.single() {
		t.finish(t.LastRun, t.Finished)
	} else if t.Status != Stopping {
		t.Status = Scheduled
	}
	return inv.RepeatMode != agentproto.DryRun
}

// outcome is how a run ended, and fills in what its error is.
func (t *Target) outcome(inv *Invocation, e *agentproto.Event) Status {
	set := func(s Status, code, info string) Status {
		if t.ErrorCode == "" {
			t.ErrorCode, t.ErrorInfo = code, info
		}
		return s
	}
	switch e.Outcome {
	case agentproto.TimedOut:
		t.Finished = t.Started.Add(time.Duration(inv.Timeout) * time.Second)
		return set(TimedOut, codeTimeout, fmt.Sprintf("the command was killed after its timeout of %d seconds", inv.Timeout))
	case agentproto.Terminated:
		return Terminated
	case agentproto.Errored:
		return set(Errored, codeException, "the command could not be carried out")
	}
	if *t.ExitCode != 0 {
		return set(Failed, codeNonzero, fmt.Sprintf("the exit code is %d", *t.ExitCode))
	}
	t.ErrorCode, t.ErrorInfo = "", ""
	return Success
}

// endSchedule ends t while nothing runs.
func (t *Target) endSchedule(inv *Invocation, e *agentproto.Event, at time.Time) bool {
	if e.ErrorCode != "" {
		t.ErrorCode, t.ErrorInfo = e.ErrorCode, e.ErrorInfo
	}
	switch {
	case e.Outcome == agentproto.Stopped && t.Runs == 0:
		t.finish(Cancelled, at)
	case e.Outcome == agentproto.Stopped:
		t.finish(Terminated, at)
	case inv.RepeatMode == agentproto.DryRun, t.LastRun == Success:
		t.finish(Success, at)
	default:
		t.finish(Failed, at)
	}
	return inv.RepeatMode != agentproto.DryRun && t.Runs == 0
}

// end ends t without its agent. It reports whether that is to be written as a record.
func (t *Target) end(inv *Invocation, s Status, code, info string, now time.Time) bool {
	record := inv.RepeatMode != agentproto.DryRun && (t.RunOpen || t.Runs == 0)
	if record {
		t.ErrorCode, t.ErrorInfo = code, info
	}
	t.RunOpen, t.Updated = false, now
	t.finish(s, now)
	return record
}

func (t *Target) finish(s Status, at time.Time) {
	t.Status = s
	if t.Finished.IsZero() {
		t.Finished = at
	}
}
