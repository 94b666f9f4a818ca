package agent

import (
	"slices"

	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// stream is how far the output of a run is with the server.
type stream struct {
	live  bool  // the run has gone on for long enough that somebody may look on
	sent  int64 // on this connection
	acked int64
	full  bool // the server wants no more
	again int  // acknowledgements in a row that brought nothing
}

// maxAgain is how often the same output is sent before it is given up.
const maxAgain = 20

// reset begins again behind what was acknowledged, on a new connection.
func (s *stream) reset() { s.sent, s.again = s.acked, 0 }

// sendOutput sends what can be sent of the output of the runs of an invocation. The caller holds a.mu.
func (a *Agent) sendOutput(inv *invocation) {
	for i := range inv.Spools {
		s := &inv.Spools[i]
		if inv.acked >= s.Started && inv.acked < s.Seq && !s.settled {
			a.sendStream(inv, s.Run, s.process, &s.stream, s.Size)
		}
	}
	if o := inv.Open; o != nil && inv.process != nil && inv.acked >= o.Seq {
		if kept := inv.process.Kept(); inv.stream.live || kept > agentproto.MaxRecordOutput {
			a.sendStream(inv, inv.Runs, inv.process, &inv.stream, kept)
		}
	}
}

// sendStream sends pieces as far as the window and the link have room.
func (a *Agent) sendStream(inv *invocation, run int64, p runner.Process, s *stream, size int64) {
	size = min(size, a.welcome.OutputBytes)
	for !s.full && s.sent < size && s.sent < s.acked+int64(a.welcome.OutputWindow) {
		if !a.link.room() {
			a.queue(inv)
			return
		}
		piece := make([]byte, min(size-s.sent, agentproto.MaxChunk, s.acked+int64(a.welcome.OutputWindow)-s.sent))
		n, err := p.ReadAt(piece, s.sent)
		if n == 0 {
			if err != nil {
				a.o.Logger.Warn("output of a run cannot be read", "invocation", inv.id(), "run", run, "error", err)
				s.full = true
			}
			return
		}
		a.link.send(&agentproto.Output{Invocation: inv.id(), Run: run, Offset: s.sent, Data: piece[:n]})
		s.sent += int64(n)
	}
}

// ackOutput takes how much of a run the server has.
func (a *Agent) ackOutput(inv *invocation, ack agentproto.OutputAck) {
	s := &inv.stream
	if i := slices.IndexFunc(inv.Spools, func(s spool) bool { return s.Run == ack.Run }); i >= 0 {
		s = &inv.Spools[i].stream
	} else if ack.Run != inv.Runs || inv.Open == nil {
		return
	}
	switch {
	case ack.Offset > s.acked:
		s.acked, s.again = ack.Offset, 0
		s.sent = max(s.sent, s.acked)
	case ack.Offset >= a.welcome.OutputBytes:
		s.full = true
	default: // a piece did not follow what the server has
		s.acked, s.sent = ack.Offset, ack.Offset
		if s.again++; s.again > maxAgain {
			s.full = true
		}
	}
	a.queue(inv)
}
