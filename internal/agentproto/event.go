package agentproto

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// EventKind is what happened to an invocation on a machine.
type EventKind string

// The kinds of events; the package's comment says when each comes.
const (
	Accepted EventKind = "accepted"
	Rejected EventKind = "rejected"
	Started  EventKind = "started"
	Finished EventKind = "finished"
	Ended    EventKind = "ended"
)

// Outcome says how a run, or an invocation, came to its end.
type Outcome string

// Outcomes of finished: Exited, TimedOut, Terminated, Errored. Of ended: Completed, Stopped.
const (
	Exited     Outcome = "exited"     // by itself; the exit code says how. A file was sent: exit code 0
	TimedOut   Outcome = "timeout"    // killed, since its time was over
	Terminated Outcome = "terminated" // killed, since it was stopped
	Errored    Outcome = "error"      // it could not be carried out, or what came of it is unknown
	Completed  Outcome = "completed"  // its schedule has no more times, or a dry run found nothing wrong
	Stopped    Outcome = "stopped"    // while nothing ran
)

// Event is one event of an invocation on one instance.
type Event struct {
	Invocation string    `json:"invocation"`
	Seq        int64     `json:"seq"` // from 1
	Kind       EventKind `json:"kind"`
	Version    int       `json:"version"` // of the task
	At         Time      `json:"at"`
	Run        int64     `json:"run,omitempty"` // from 1; of started and finished
	Last       bool      `json:"last,omitempty"`
	Outcome    Outcome   `json:"outcome,omitempty"`   // of finished and ended
	ErrorCode  string    `json:"errorCode,omitempty"` // one of the codes of execution records, such as AccountNotExists; of rejected and finished
	ErrorInfo  string    `json:"errorInfo,omitempty"` // for people
	PID        int       `json:"pid,omitempty"`       // of started
	Result     *Result   `json:"result,omitempty"`    // of finished
}

// Result is what came of a run.
type Result struct {
	Start    Time   `json:"start"`
	Finish   Time   `json:"finish"`
	ExitCode *int64 `json:"exitCode,omitempty"` // nil where there is none
	Output   []byte `json:"output,omitempty"`   // as Clip made it: valid UTF-8
	Dropped  int64  `json:"dropped,omitempty"`  // bytes that are not in Output
	Bytes    int64  `json:"bytes,omitempty"`    // that were sent as Output messages
}

// Bounds of events.
const (
	MaxEvents    = 64 // in one message
	maxErrorCode = 64
	maxErrorInfo = 1024
)

// Events are events in the order of their invocations' numbers.
type Events struct {
	Events []Event `json:"events"`
}

// Kind implements [Message].
func (*Events) Kind() Kind { return KindEvents }

// Check implements [Message].
func (m *Events) Check() error {
	if len(m.Events) == 0 || len(m.Events) > MaxEvents {
		return fmt.Errorf("%d events are not 1 to %d", len(m.Events), MaxEvents)
	}
	for i := range m.Events {
		if err := m.Events[i].check(); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	return nil
}

func (e *Event) check() error {
	if err := checkID(e.Invocation); err != nil {
		return err
	}
	if e.Seq < 1 || e.Version < 0 || e.Run < 0 || len(e.ErrorCode) > maxErrorCode || len(e.ErrorInfo) > maxErrorInfo {
		return errors.New("a number is too small, or a text too long")
	}
	if !utf8.ValidString(e.ErrorCode) || !utf8.ValidString(e.ErrorInfo) {
		return errors.New("the error is not UTF-8")
	}
	var fits bool
	switch e.Kind {
	case Accepted:
		fits = e.Outcome == "" && e.Run == 0 && !e.Last
	case Rejected:
		fits = e.ErrorCode != "" && e.Run == 0 && e.Last
	case Started:
		fits = e.Run > 0 && !e.Last
	case Finished:
		fits = e.Run > 0 && (e.Outcome == Exited || e.Outcome == TimedOut || e.Outcome == Terminated || e.Outcome == Errored)
		if e.Result == nil {
			return errors.New("finished without a result")
		}
		return errors.Join(fitting(fits, e.Kind), e.Result.check(e.Outcome))
	case Ended:
		fits = e.Last && e.Run == 0 && (e.Outcome == Completed || e.Outcome == Stopped)
	default:
		return fmt.Errorf("kind %.20q is none that is known", e.Kind)
	}
	return fitting(fits && e.Result == nil, e.Kind)
}

func fitting(fits bool, kind EventKind) error {
	if !fits {
		return fmt.Errorf("%s has members that do not go with it, or lacks some", kind)
	}
	return nil
}

func (r *Result) check(o Outcome) error {
	switch {
	case len(r.Output) > MaxRecordOutput || !utf8.Valid(r.Output):
		return fmt.Errorf("the output of a record is at most %d bytes of UTF-8", MaxRecordOutput)
	case r.Dropped < 0 || r.Bytes < 0 || r.Start < 0 || r.Finish < 0:
		return errors.New("a number of the result is negative")
	case o == Exited && r.ExitCode == nil:
		return errors.New("exited without an exit code")
	}
	return nil
}

// Ack says what the server holds: nothing up to there needs to be sent again, and what is behind it does.
type Ack struct {
	Events []EventAck  `json:"events,omitempty"`
	Output []OutputAck `json:"output,omitempty"`
}

// EventAck is the number of the newest event of an invocation that the server holds.
type EventAck struct {
	Invocation string `json:"invocation"`
	Seq        int64  `json:"seq"`
}

// OutputAck is how much of the output of a run the server holds.
type OutputAck struct {
	Invocation string `json:"invocation"`
	Run        int64  `json:"run"`
	Offset     int64  `json:"offset"`
}

// Kind implements [Message].
func (*Ack) Kind() Kind { return KindAck }

// Check implements [Message].
func (*Ack) Check() error { return nil }

// Forget names invocations that an agent drops, with all their events: they are over, or were never this instance's. What runs of them is killed.
type Forget struct {
	Invocations []string `json:"invocations"`
}

// Kind implements [Message].
func (*Forget) Kind() Kind { return KindForget }

// Check implements [Message].
func (*Forget) Check() error { return nil }
