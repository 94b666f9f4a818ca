package agent

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/agent/journal"
	"github.com/sluicelog/sluice/internal/agentproto"
)

/*
What is sent, and when:

	events of an invocation    in order, some at a time, the next when those are acknowledged
	output of a run            when its "started" is acknowledged, Welcome.OutputWindow ahead of the acknowledgement
	its "finished"             when its output is acknowledged, or Welcome.OutputPatience over

Acknowledgements heal everything: they say what the server holds, and what is behind that is sent. Memory is bounded by the link, which takes
no more than maxQueue.
*/

// Bounds of what is under way.
const (
	maxBatch  = 80 << 10 // JSON of events in one message, well below agentproto.MaxFromAgent
	liveAfter = 300 * time.Millisecond
)

// queue has an invocation looked at for what it has to send. The caller holds a.mu.
func (a *Agent) queue(inv *invocation) {
	if !inv.queued {
		inv.queued = true
		a.dirty = append(a.dirty, inv)
	}
}

// push sends what can be sent now. The caller holds a.mu.
func (a *Agent) push() {
	for a.link != nil && a.link.ready && len(a.dirty) > 0 && a.link.room() {
		inv := a.dirty[0]
		a.dirty = a.dirty[1:]
		inv.queued = false
		if a.invocations[inv.id()] != inv || inv.stuck {
			continue
		}
		a.sendOutput(inv)
		a.sendEvents(inv)
	}
}

// sendEvents sends the next events of an invocation, unless some are on their way.
func (a *Agent) sendEvents(inv *invocation) {
	if inv.flying || inv.acked < 0 {
		return
	}
	var batch []agentproto.Event
	size := 0
	for i := range inv.Events {
		e := &inv.Events[i]
		if e.Seq <= inv.acked {
			continue
		}
		if e.Kind == agentproto.Finished && !a.settled(inv, e) {
			break
		}
		raw, err := json.Marshal(e)
		if err != nil || len(batch) > 0 && size+len(raw) > maxBatch {
			break
		}
		size += len(raw)
		if batch = append(batch, *e); len(batch) == agentproto.MaxEvents {
			break
		}
	}
	if len(batch) > 0 {
		inv.flying = true
		a.link.send(&agentproto.Events{Events: batch})
	}
}

// settled reports whether the output before an event is with the server, or given up.
func (a *Agent) settled(inv *invocation, e *agentproto.Event) bool {
	i := slices.IndexFunc(inv.Spools, func(s spool) bool { return s.Seq == e.Seq })
	if i < 0 {
		return true
	}
	s := &inv.Spools[i]
	if !s.settled {
		s.settled = s.stream.acked >= min(s.Size, a.welcome.OutputBytes) || s.stream.full || a.overdue(s)
	}
	if s.settled {
		e.Result.Bytes = min(s.stream.acked, s.Size)
	}
	return s.settled
}

// patience is how long a run that is over waits for its output.
func (a *Agent) patience() time.Duration {
	return time.Duration(a.welcome.OutputPatience) * time.Second
}

// overdue reports whether the server has had its time for output, while it was there.
func (a *Agent) overdue(s *spool) bool {
	return a.o.Now().Sub(later(s.since, a.link.since)) >= a.patience()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// settleLate looks again at invocations whose output is overdue, or will be.
func (a *Agent) settleLate(sleep *time.Duration) {
	if a.link == nil || !a.link.ready {
		return
	}
	for _, inv := range a.invocations {
		for i := range inv.Spools {
			s := &inv.Spools[i]
			if s.settled {
				continue
			}
			if wait := a.patience() - a.o.Now().Sub(later(s.since, a.link.since)); wait > 0 {
				*sleep = min(*sleep, wait)
			} else {
				a.queue(inv)
			}
		}
	}
}

// takeAck takes what the server holds. The caller holds a.mu.
func (a *Agent) takeAck(m *agentproto.Ack) {
	for _, ack := range m.Events {
		if inv := a.invocations[ack.Invocation]; inv != nil {
			a.ackEvents(inv, ack)
		}
	}
	for _, ack := range m.Output {
		if inv := a.invocations[ack.Invocation]; inv != nil {
			a.ackOutput(inv, ack)
		}
	}
	a.push()
}

func (a *Agent) ackEvents(inv *invocation, ack agentproto.EventAck) {
	inv.flying = false
	if len(inv.Events) > 0 && ack.Seq < inv.Events[0].Seq-1 {
		inv.stuck = true
		a.o.Logger.Error("the server has lost events of an invocation", "invocation", inv.id(), "holds", ack.Seq, "next", inv.Events[0].Seq)
		return
	}
	before := inv.acked
	inv.acked = max(inv.acked, ack.Seq)
	if ack.Seq < before { // it held more on this connection
		inv.acked = ack.Seq
	}
	spools := slices.Clone(inv.Spools)
	if len(inv.Events) > 0 && inv.Events[0].Seq <= ack.Seq {
		if err := a.commit(&record{At: agentproto.TimeOf(a.now()), Ack: &ack}, journal.Lazy); err != nil {
			a.o.Logger.Warn("an acknowledgement cannot be written", "invocation", inv.id(), "error", err)
			return
		}
		for _, s := range spools {
			if s.Seq <= ack.Seq {
				a.remove(s.process, s.Ref)
			}
		}
	}
	a.queue(inv)
}
