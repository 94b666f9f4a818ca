package agent

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// record is one change of what is known, as the journal has it (docs/format/agent-journal.md). Its parts are applied in the order of its members.
type record struct {
	At     agentproto.Time      `json:"at,omitempty"` // by the server's clock
	Ticket *ticket              `json:"ticket,omitempty"`
	State  *state               `json:"state,omitempty"` // all of an invocation: of a journal that was written anew
	Task   *agentproto.Task     `json:"task,omitempty"`  // is in force; without its content if that is sensitive
	Boot   string               `json:"boot,omitempty"`  // with Task: the boot that it came in
	Event  *agentproto.Event    `json:"event,omitempty"`
	Open   *open                `json:"open,omitempty"`  // with started
	Spool  *spool               `json:"spool,omitempty"` // with finished: output that is still to be sent
	Ack    *agentproto.EventAck `json:"ack,omitempty"`
	Over   []string             `json:"over,omitempty"`   // invocations that are to be forgotten
	Unsent []agentproto.Event   `json:"unsent,omitempty"` // of an invocation, behind those in State, which has them no more when they are many
}

// ticket opens the next connection.
type ticket struct {
	Ticket string        `json:"ticket"`
	Offset time.Duration `json:"offset"` // of the server's clock
}

// state is what lasts of an invocation.
type state struct {
	Task   *agentproto.Task   `json:"task"`
	Seq    int64              `json:"seq"`
	Events []agentproto.Event `json:"events,omitempty"` // that the server is not known to hold
	Runs   int64              `json:"runs,omitempty"`   // that have begun
	Open   *open              `json:"open,omitempty"`   // the run under way
	Spools []spool            `json:"spools,omitempty"`
	Boot   string             `json:"boot,omitempty"` // that it came in, or last ran in
	Past   agentproto.Time    `json:"past,omitempty"` // times of its schedule up to there are over
	Over   bool               `json:"over,omitempty"` // no further event follows
}

// open is a run under way.
type open struct {
	Ref       runner.Ref      `json:"ref"`
	Start     agentproto.Time `json:"start"`
	Seq       int64           `json:"seq"` // of its started
	Due       agentproto.Time `json:"due,omitempty"`
	Boot      string          `json:"boot,omitempty"`
	MaxOutput int64           `json:"maxOutput,omitempty"`
}

// spool is output of a run that is over, which the server is to get before the event that says so.
type spool struct {
	Ref     runner.Ref `json:"ref"`
	Run     int64      `json:"run"`
	Started int64      `json:"started"` // number of the event
	Seq     int64      `json:"seq"`     // of its finished
	Size    int64      `json:"size"`

	process runner.Process
	stream  stream
	settled bool // sent, or given up
	since   time.Time
}

func (r *record) encode() ([]byte, error) { return json.Marshal(r) }

// replay applies a record of the journal.
func (a *Agent) replay(raw []byte) error {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return err
	}
	a.apply(&r)
	return nil
}

// apply makes a record count. The caller holds a.mu, or is alone.
func (a *Agent) apply(r *record) {
	if r.Ticket != nil {
		a.ticket, a.offset = r.Ticket.Ticket, r.Ticket.Offset
	}
	if r.State != nil {
		a.invocations[r.State.Task.Invocation] = &invocation{state: *r.State}
	}
	if r.Task != nil {
		a.applyTask(r)
	}
	if r.Event != nil {
		if inv := a.invocations[r.Event.Invocation]; inv != nil {
			inv.applyEvent(r)
		}
	}
	if r.Ack != nil {
		if inv := a.invocations[r.Ack.Invocation]; inv != nil {
			inv.applyAck(r.Ack.Seq)
			if inv.Over && len(inv.Events) == 0 {
				a.bury(r.Ack.Invocation, r.At)
			}
		}
	}
	for _, e := range r.Unsent {
		if inv := a.invocations[e.Invocation]; inv != nil {
			inv.Events = append(inv.Events, e)
		}
	}
	for _, id := range r.Over {
		a.bury(id, r.At)
	}
}

// bury drops an invocation, and remembers its id.
func (a *Agent) bury(id string, at agentproto.Time) {
	delete(a.invocations, id)
	a.over[id] = at
}

func (a *Agent) applyTask(r *record) {
	inv := a.invocations[r.Task.Invocation]
	if inv == nil {
		inv = &invocation{state: state{Seq: r.Task.NextSeq - 1, Boot: r.Boot, Past: r.At}}
		if r.Task.Run != nil {
			inv.Runs = r.Task.Run.NextRun - 1
		}
		a.invocations[r.Task.Invocation] = inv
	}
	inv.Task = r.Task
}

func (inv *invocation) applyEvent(r *record) {
	e := *r.Event
	inv.Seq = e.Seq
	inv.Events = append(inv.Events, e)
	switch e.Kind {
	case agentproto.Started:
		inv.Runs, inv.Open = e.Run, r.Open
		inv.Past = max(inv.Past, r.Open.Due)
		inv.Boot = r.Open.Boot
	case agentproto.Finished:
		inv.Open = nil
		inv.Past = max(inv.Past, e.At)
		inv.Over = e.Last
		if r.Spool != nil {
			inv.Spools = append(inv.Spools, *r.Spool)
		}
	case agentproto.Rejected, agentproto.Ended:
		inv.Over = true
	case agentproto.Accepted:
	}
}

// applyAck drops what the server holds.
func (inv *invocation) applyAck(seq int64) {
	inv.Events = slices.DeleteFunc(inv.Events, func(e agentproto.Event) bool { return e.Seq <= seq })
	inv.Spools = slices.DeleteFunc(inv.Spools, func(s spool) bool { return s.Seq <= seq })
}

// snapshot is the whole state as records.
func (a *Agent) snapshot() [][]byte {
	now := agentproto.TimeOf(a.now())
	records := []*record{{Ticket: &ticket{a.ticket, a.offset}}}
	for _, id := range slices.Sorted(maps.Keys(a.invocations)) {
		lasts := a.invocations[id].state
		lasts.Task = bare(lasts.Task)
		events := lasts.Events
		lasts.Events = nil
		records = append(records, &record{At: now, State: &lasts})
		for some := range slices.Chunk(events, unsentInRecord) {
			records = append(records, &record{Unsent: some})
		}
	}
	const ids = 1000 // in a record, which is to stay well below journal.MaxRecord
	byTime := map[agentproto.Time][]string{}
	for id, at := range a.over {
		byTime[at] = append(byTime[at], id)
	}
	for _, at := range slices.Sorted(maps.Keys(byTime)) {
		for some := range slices.Chunk(byTime[at], ids) {
			records = append(records, &record{At: at, Over: some})
		}
	}
	raw := make([][]byte, 0, len(records))
	for _, r := range records {
		b, err := r.encode()
		if err != nil {
			panic(err) // structures of ours
		}
		raw = append(raw, b)
	}
	return raw
}

// unsentInRecord is how many events are in a record of a snapshot: each has 24 KiB of output at most, in base64.
const unsentInRecord = 16

// forgetOld drops ids that no task can bring any more.
func (a *Agent) forgetOld() {
	now := a.now()
	maps.DeleteFunc(a.over, func(_ string, at agentproto.Time) bool { return now.Sub(at.Go()) > agentproto.MaxLife })
}

// bare is a task as the journal has it.
func bare(t *agentproto.Task) *agentproto.Task {
	if !sensitive(t) {
		return t
	}
	c, r := *t, *t.Run
	r.Content, r.Password, r.Mask = nil, "", nil
	c.Run = &r
	return &c
}

func sensitive(t *agentproto.Task) bool { return t.Run != nil && t.Run.Sensitive }
