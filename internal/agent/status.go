package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// Status is what an agent says of itself on its machine.
type Status struct {
	Instance    string        `json:"instance"`
	Connected   bool          `json:"connected"`
	Since       time.Time     `json:"since,omitzero"`    // of the connection
	Trouble     string        `json:"trouble,omitempty"` // why there is none
	Heard       time.Time     `json:"heard,omitzero"`    // when the server was last heard
	ClockOff    time.Duration `json:"clockOff"`          // of the server's clock from the machine's
	Running     int           `json:"running"`
	Waiting     int           `json:"waiting"`
	Journal     int64         `json:"journal"` // bytes
	Spooled     int64         `json:"spooled"` // bytes of output that are kept, or may be
	Refused     int           `json:"refused"` // envelopes since the start
	Refusals    []Refusal     `json:"refusals,omitempty"`
	Invocations []TaskStatus  `json:"invocations,omitempty"`
}

// TaskStatus is an invocation that is not over, or not all told.
type TaskStatus struct {
	Invocation string              `json:"invocation"`
	Kind       agentproto.TaskKind `json:"kind"`
	Name       string              `json:"name,omitempty"`
	Runs       int64               `json:"runs"`
	Running    bool                `json:"running"`
	Next       time.Time           `json:"next,omitzero"`
	Unsent     int                 `json:"unsent"` // events
	Over       bool                `json:"over"`
}

// Status is how things stand.
func (a *Agent) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := Status{
		Instance: a.o.Instance, Trouble: a.trouble, Heard: a.seen, ClockOff: a.offset, Running: a.running, Waiting: len(a.waiting),
		Journal: a.journal.Size(), Refused: a.refused,
	}
	if a.link != nil && a.link.ready {
		s.Connected, s.Since = true, a.link.since
	}
	for _, n := range a.spooled {
		s.Spooled += n
	}
	for n := max(0, a.refused-maxRefusals); n < a.refused; n++ {
		s.Refusals = append(s.Refusals, a.refusals[n%maxRefusals])
	}
	for id, inv := range a.invocations {
		t := TaskStatus{Invocation: id, Kind: inv.Task.Kind, Runs: inv.Runs, Running: inv.Open != nil, Next: inv.due, Unsent: len(inv.Events), Over: inv.Over}
		if inv.Task.Run != nil {
			t.Name = inv.Task.Run.CommandName
		}
		s.Invocations = append(s.Invocations, t)
	}
	slices.SortFunc(s.Invocations, func(x, y TaskStatus) int { return cmp.Compare(x.Invocation, y.Invocation) })
	return s
}
