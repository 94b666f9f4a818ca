// Package agentproto is what the server and the agents on machines say to each other. Both ends are built on it; it imports the standard
// library alone.
//
//	agent                                     server
//	  │ ── TLS 1.3, ALPN "sluice-agent/1" ──────► │   the agent dials, always; nothing ever dials the agent
//	  │                                           │
//	  │  the first time, without a certificate    │
//	  │ ── Enrol(activation, proof, CSR) ───────► │   proof of the code, which itself is not sent
//	  │ ◄─ Enrolled(certificate, CA, key, proof) ─│   the server proves the code, too; both close
//	  │                                           │
//	  │  from then on, with the certificate       │
//	  │ ── Hello(ticket, boot, known) ──────────► │   who I am, and what I know of
//	  │ ◄─ Welcome(time, ticket) ─────────────────│   or Refused(code, reason), and the end
//	  │ ── Kept(ticket) ────────────────────────► │   the new ticket is on disk
//	  │ ◄─ Ack(seq of each known) ────────────────│   go on behind these
//	  │ ◄─ Forget(invocations) ───────────────────│   those that are over, or were never mine
//	  │ ◄─ Task(envelope) … ──────────────────────│   what it has to do, and to stop; again after each Hello
//	  │ ── Events(accepted, started, finished) ─► │
//	  │ ── Output(run, offset, bytes) ──────────► │
//	  │ ◄─ Ack(seq, offsets) ─────────────────────│   durable: the agent may drop them
//	  │ ── Heartbeat ───────────────────────────► │   every Welcome.Heartbeat
//	  │ ◄─ Pong(time) ────────────────────────────│
//	  │ ── Renew(CSR) ──────────────────────────► │   when half of the certificate's life is over
//	  │ ◄─ Renewed(certificate) ──────────────────│
//
// # Frames
//
// Each message is a frame: a byte for its kind, the length of the rest in four bytes, big endian, and a JSON object (frame.go). A receiver
// passes over kinds that it does not know, and members that it does not know, so that either end may be newer. A frame over the limit of its
// direction ends the connection before memory is spent on it.
//
// # Tasks
//
// A task comes in an envelope (envelope.go): the bytes of its JSON, and an Ed25519 signature over them, by a key that the agent got at its
// enrolment and that is not the key of TLS. An agent does nothing that is not so signed, not for its own instance, of a version it does not know,
// or that it gets at Task.Expires or later by the server's clock. The nonce is different in each envelope; one that was seen before is refused.
//
// A task of kind run or file belongs to an invocation, which has versions: the same one again (after a reconnection) is answered with the state
// that the agent has, and never begins anything; a higher version replaces the schedule and the content of the runs that have not begun. A task
// of kind stop ends an invocation: what runs is killed (finished, terminated), what did not begin does not (ended, stopped). Of an invocation that the agent
// does not know it is answered with ended at once, and a run of it that comes later is passed over.
//
// Content of a task that is Sensitive holds secrets: it is not written to the journal, the script that is made of it goes when its run is over,
// and the words in Mask are replaced in output by as many asterisks as MaskText has. An agent that has restarted says NeedContent of such an
// invocation in Hello, and gets the task again.
//
// # Events: once
//
// Of each invocation the agent numbers its events from Task.NextSeq of the first task it got of it (1, unless it lost a journal), and writes each to its
// journal, synced, before it is sent:
//
//	                            ┌───────── run n ──────────┐
//	Task ──► accepted ──────────┴─► started ──► finished ──┴─► (next run, or:) ended
//	     └─► rejected, the end          once-only tasks end with finished(last)
//
//	accepted   the task is in the journal; a schedule waits for its time now
//	rejected   it cannot be done here, and why: its only event, and its last
//	started    run Run began; written before the process is made
//	finished   run Run is over, with its outcome and its output
//	ended      no run follows: it was stopped while nothing ran, or its schedule has no more times
//
// An agent remembers the ids of invocations that are over, or that it was told to forget, for MaxLife, which no task outlives: one that was under way
// meanwhile must not begin them again.
//
// finished and ended may say Last (ended always does): nothing follows. The server takes an event only if it is the next one of its invocation, in one
// transaction with all that follows from it, and answers Ack with the number that it holds, whatever it was sent: so an event counts once, and a gap or
// a repetition heals by itself. An agent drops an event when it is acknowledged, and an invocation when its last event is, or on Forget.
//
// A run never begins twice: an agent that finds "started" in its journal after a restart, and no process of that run, reports it finished with
// outcome error and ClientRestarted. Runs are numbered from 1, and never overlap; a time that comes while a run goes on is passed over.
//
// # Output
//
// The output of a run is one stream of bytes, both of its standard streams in the order in which they were read. It goes as Output messages from
// offset 0 on, at most Welcome.OutputBytes of it; a run that is over soon, and whose record shows all of its output, needs none. A piece counts only when
// the start of its run has been acknowledged; one that came before is not answered. The server takes a chunk only at the offset that it holds, and answers with that offset: the same
// rule as for events. Chunks not yet acknowledged are at most Welcome.OutputWindow bytes per run, so that a slow server slows the agent and no
// memory fills. finished comes after the last chunk was acknowledged, or given up after Welcome.OutputPatience, and carries, beside, what the record of
// the run shows (Clip): head and tail of at most 24 KiB in valid UTF-8, and how many bytes are left out.
//
// # Time
//
// Times are milliseconds since 1970 by the server's clock, as the agent reckons it from Welcome and Pong: an agent whose clock is an hour off
// expires tasks, begins schedules and reports runs by the same time as the server.
//
// # Identity
//
// The certificate names the instance. Each connection gets a new ticket, which the agent keeps, synced, before it says Kept; from then on only that one
// opens. A copy of an agent's directory therefore presents a ticket that is spent, or spends the one that the original has: whichever comes second is
// refused (CodeCloned), and an operator hears of it. An agent that crashed before Kept may still use the ticket before.
package agentproto

import "time"

// ALPN names the protocol and its version in the TLS handshake.
const ALPN = "sluice-agent/1"

// ServerName is the name in the server's certificate, whatever address it is dialed at: the certificate's issuer is what the agent trusts.
const ServerName = "sluice-agent-server"

// Time is a time on the wire: milliseconds since 1970 by the server's clock; 0 is none.
type Time int64

// TimeOf is t on the wire; the zero time is 0.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixMilli())
}

// Go is t as a time.Time in UTC; 0 is the zero time.
func (t Time) Go() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(t)).UTC()
}
