// Package agenttest is a model of an agent, for tests of what stands at the other end: it speaks the whole protocol, keeps a journal that survives its
// crashes, and runs nothing. What commands would do, the test decides.
//
//	journal: ticket, invocations, their events that are not acknowledged      survives Crash
//	world:   which runs began, and how often                                  survives everything; what tests look at
//	the rest: a connection and what was sent on it                            gone with Crash
package agenttest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// Options of an agent.
type Options struct {
	Instance string
	Machine  agentproto.Machine
	Keys     agentproto.Keys
	Now      func() time.Time // the machine's own clock, which may be wrong
	// Auto has runs begin at once, and end with what it returns; without it, Begin and Finish are the test's to call.
	Auto func(*agentproto.Task) Outcome
}

// Outcome is what a run comes to.
type Outcome struct {
	ExitCode  int64
	Output    []byte
	Outcome   agentproto.Outcome // "" for exited
	ErrorCode string
}

// Agent is a model of an agent. It is safe for concurrent use.
type Agent struct {
	o Options

	mu      sync.Mutex // guards what is below
	journal journal
	world   map[Run]int
	written map[Run][]byte // that runs wrote
	conn    net.Conn
	out     *sender // of conn
	welcome *agentproto.Welcome
	offset  time.Duration // of the server's clock from the machine's
	refused *agentproto.Refused
	errs    []error
	done    chan struct{} // closed when the reader of conn has ended
}

// Run names a run.
type Run struct {
	Invocation string
	Number     int64
}

// journal is what is on the disk of the machine.
type journal struct {
	ticket      string
	invocations map[string]*Invocation
	over        map[string]time.Time // when invocations ended, or were to be forgotten
}

// Invocation is one that an agent has.
type Invocation struct {
	Task    *agentproto.Task
	Seq     int64 // of the newest event
	Events  []agentproto.Event
	Runs    int64
	Running bool
	Over    bool

	synced bool // the server has said on this connection what it holds
	began  agentproto.Time
	acked  int64 // of the output of the run
	output []byte
	finish *agentproto.Event // waits until the output is acknowledged
}

// New makes an agent that has never connected.
func New(o Options) *Agent {
	return &Agent{o: o, journal: journal{invocations: map[string]*Invocation{}, over: map[string]time.Time{}}, world: map[Run]int{}, written: map[Run][]byte{}}
}

// Copy is an agent with a copy of a's disk, as the copy of a machine has it.
func (a *Agent) Copy() *Agent {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := New(a.o)
	c.journal.ticket = a.journal.ticket
	return c
}

// Connect says Hello on a connection and goes on until it breaks; then Done is closed.
func (a *Agent) Connect(conn net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conn, a.out, a.done, a.refused, a.welcome = conn, &sender{conn: conn}, make(chan struct{}), nil, nil
	go a.read(conn, a.done)
	h := &agentproto.Hello{Ticket: a.journal.ticket, BootID: "boot", Machine: a.o.Machine}
	for id, i := range a.journal.invocations {
		i.synced = false
		if len(h.Known) == agentproto.MaxKnown {
			h.More = true
			a.send(h)
			h = &agentproto.Hello{Ticket: a.journal.ticket, BootID: "boot", Machine: a.o.Machine}
		}
		h.Known = append(h.Known, agentproto.Known{Invocation: id, Version: i.Task.Version, Seq: i.Seq})
	}
	a.send(h)
}

// Done is closed when the connection is of no more use.
func (a *Agent) Done() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.done
}

// Refused is why the server ended the connection; nil if it did not say.
func (a *Agent) Refused() *agentproto.Refused {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused
}

// Connected reports whether the server has said Welcome on the present connection.
func (a *Agent) Connected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.welcome != nil && a.conn != nil
}

// Errors are what the server did wrong.
func (a *Agent) Errors() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.errs...)
}

// Disconnect breaks the connection, and waits until nothing of it is left.
func (a *Agent) Disconnect() {
	a.mu.Lock()
	conn, done := a.conn, a.done
	a.mu.Unlock()
	if conn != nil {
		conn.Close()
		<-done
	}
}

// Crash is the crash of the machine: runs end, and what came of them nobody knows.
func (a *Agent) Crash() {
	a.Disconnect()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range a.journal.invocations {
		if i.Running || i.finish != nil {
			i.Running, i.finish = true, nil
			a.finishLocked(i, Outcome{Outcome: agentproto.Errored, ErrorCode: "ClientRestarted"})
		}
		i.output = nil // what was not sent is gone
		a.release(i)
	}
}

// Executions is how often each run began.
func (a *Agent) Executions() map[Run]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[Run]int{}
	for k, v := range a.world {
		out[k] = v
	}
	return out
}

// Written is what a run wrote.
func (a *Agent) Written(r Run) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return bytes.Clone(a.written[r])
}

// Each calls fn with each invocation that the agent has, in no order; fn may begin and finish runs by the functions it is given.
func (a *Agent) Each(fn func(i *Invocation, begin func(), finish func(Outcome))) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range a.journal.invocations {
		fn(i, func() { a.beginLocked(i) }, func(o Outcome) { a.finishLocked(i, o) })
	}
}

// read reads until the connection breaks.
func (a *Agent) read(conn net.Conn, done chan struct{}) {
	defer close(done)
	for {
		m, err := agentproto.ReadFromServer(conn)
		if err != nil {
			conn.Close()
			a.mu.Lock()
			if a.conn == conn {
				a.conn = nil
			}
			a.mu.Unlock()
			return
		}
		a.mu.Lock()
		if a.conn == conn {
			a.take(m)
		}
		a.mu.Unlock()
	}
}

// take takes one message. The caller holds a.mu.
func (a *Agent) take(m agentproto.Message) {
	switch m := m.(type) {
	case *agentproto.Welcome:
		a.welcome, a.offset = m, m.Time.Go().Sub(a.o.Now())
		a.journal.ticket = m.Ticket
		a.send(&agentproto.Kept{Ticket: m.Ticket})
	case *agentproto.Refused:
		a.refused = m
	case *agentproto.Envelope:
		a.takeTask(m)
	case *agentproto.Ack:
		a.takeAck(m)
	case *agentproto.Forget:
		for _, id := range m.Invocations {
			delete(a.journal.invocations, id)
			a.journal.over[id] = a.now()
		}
	}
}

// now is the server's time, as the agent reckons it.
func (a *Agent) now() time.Time { return a.o.Now().Add(a.offset) }

func (a *Agent) send(m agentproto.Message) {
	if a.conn != nil {
		a.out.send(m)
	}
}

func (a *Agent) takeTask(e *agentproto.Envelope) {
	t, err := a.o.Keys.Open(e, a.o.Instance, a.now())
	if errors.Is(err, agentproto.ErrExpired) {
		return
	}
	if err != nil {
		a.errs = append(a.errs, err)
		return
	}
	if at, over := a.journal.over[t.Invocation]; over && a.now().Sub(at) < agentproto.MaxLife {
		return
	}
	i := a.journal.invocations[t.Invocation]
	switch {
	case t.Kind == agentproto.TaskStop:
		a.stop(i, t)
	case i == nil:
		i = &Invocation{Task: t, Seq: t.NextSeq - 1}
		if t.Run != nil {
			i.Runs = t.Run.NextRun - 1
		}
		a.journal.invocations[t.Invocation] = i
		a.event(i, agentproto.Event{Kind: agentproto.Accepted})
		if a.o.Auto != nil {
			a.auto(i)
		}
	case t.Version > i.Task.Version:
		i.Task = t
	}
}

// auto carries a task out at once, or, if it repeats, leaves it to the test.
func (a *Agent) auto(i *Invocation) {
	if r := i.Task.Run; r != nil && r.Repeat != agentproto.Once {
		return
	}
	a.beginLocked(i)
	a.finishLocked(i, a.o.Auto(i.Task))
}

func (a *Agent) stop(i *Invocation, t *agentproto.Task) {
	if i == nil {
		i = &Invocation{Task: t, Seq: t.NextSeq - 1}
		a.journal.invocations[t.Invocation] = i
	}
	switch {
	case i.Over:
	case i.Running:
		i.Over = true
		a.finishLocked(i, Outcome{Outcome: agentproto.Terminated})
	case i.finish != nil: // its output is on the way; then it is over
		i.Over = true
		i.finish.Last = true
	default:
		i.Over = true
		a.event(i, agentproto.Event{Kind: agentproto.Ended, Outcome: agentproto.Stopped, Last: true})
	}
}

// End ends a schedule that has no more times.
func (a *Agent) End(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := a.journal.invocations[id]; i != nil && !i.Over && !i.Running && i.finish == nil {
		i.Over = true
		a.event(i, agentproto.Event{Kind: agentproto.Ended, Outcome: agentproto.Completed, Last: true})
	}
}

// single reports whether nothing follows the run of i.
func (i *Invocation) single() bool {
	return i.Task.Run == nil || i.Task.Run.Repeat == agentproto.Once || i.Task.Run.Repeat == agentproto.NextRebootOnly
}

func (a *Agent) beginLocked(i *Invocation) {
	if i.Over || i.Running || i.finish != nil || i.single() && i.Runs > 0 {
		return
	}
	i.Runs++
	i.Running, i.began, i.acked, i.output = true, agentproto.TimeOf(a.now()), 0, nil
	a.event(i, agentproto.Event{Kind: agentproto.Started, Run: i.Runs, PID: 1})
	a.world[Run{i.Task.Invocation, i.Runs}]++ // after the journal has it
}

func (a *Agent) finishLocked(i *Invocation, o Outcome) {
	if !i.Running {
		return
	}
	i.Running = false
	if o.Outcome == "" {
		o.Outcome = agentproto.Exited
	}
	if o.ErrorCode != "ClientRestarted" {
		a.written[Run{i.Task.Invocation, i.Runs}] = o.Output
	}
	var clip agentproto.Clip
	_, _ = clip.Write(o.Output)
	shown, dropped := clip.Result()
	r := &agentproto.Result{Start: i.began, Finish: agentproto.TimeOf(a.now()), Output: shown, Dropped: dropped, Bytes: int64(len(o.Output))}
	if o.Outcome == agentproto.Exited {
		r.ExitCode = &o.ExitCode
	}
	i.Over = i.Over || i.single()
	i.finish = &agentproto.Event{Kind: agentproto.Finished, Run: i.Runs, Outcome: o.Outcome, ErrorCode: o.ErrorCode, Last: i.Over, Result: r}
	i.output = o.Output
	a.release(i)
}

// release sends the output of a run that is over, and then its event.
func (a *Agent) release(i *Invocation) {
	if i.finish == nil {
		return
	}
	if rest := i.output[min(i.acked, int64(len(i.output))):]; len(rest) > 0 {
		a.send(&agentproto.Output{Invocation: i.Task.Invocation, Run: i.Runs, Offset: i.acked, Data: rest[:min(len(rest), agentproto.MaxChunk)]})
		return
	}
	e := *i.finish
	i.finish = nil
	a.event(i, e)
}

// event puts an event into the journal, and sends it.
func (a *Agent) event(i *Invocation, e agentproto.Event) {
	i.Seq++
	e.Invocation, e.Seq, e.Version, e.At = i.Task.Invocation, i.Seq, i.Task.Version, agentproto.TimeOf(a.now())
	i.Events = append(i.Events, e)
	a.send(&agentproto.Events{Events: []agentproto.Event{e}})
}

func (a *Agent) takeAck(m *agentproto.Ack) {
	for _, ack := range m.Events {
		i := a.journal.invocations[ack.Invocation]
		if i == nil {
			continue
		}
		gap := len(i.Events) > 0 && ack.Seq < i.Events[0].Seq-1
		if gap {
			a.errs = append(a.errs, fmt.Errorf("%s: the server has lost event %d", ack.Invocation, ack.Seq+1))
		}
		dropped := 0
		for len(i.Events) > 0 && i.Events[0].Seq <= ack.Seq {
			i.Events = i.Events[1:]
			dropped++
		}
		switch {
		case len(i.Events) == 0 && i.Over && i.finish == nil && !i.Running:
			delete(a.journal.invocations, ack.Invocation)
			a.journal.over[ack.Invocation] = a.now()
		case (dropped == 0 || !i.synced) && len(i.Events) > 0: // it holds less than was sent
			a.send(&agentproto.Events{Events: i.Events[:min(len(i.Events), agentproto.MaxEvents)]})
		}
		i.synced = true
		a.resumeOutput(i)
	}
	for _, ack := range m.Output {
		i := a.journal.invocations[ack.Invocation]
		if i == nil || ack.Run != i.Runs || i.finish == nil {
			continue
		}
		if ack.Offset == i.acked && a.welcome != nil && ack.Offset >= a.welcome.OutputBytes { // the server wants no more
			i.output = i.output[:min(ack.Offset, int64(len(i.output)))]
		}
		i.acked = ack.Offset
		a.release(i)
	}
}

// resumeOutput begins with output when the server knows that its run began.
func (a *Agent) resumeOutput(i *Invocation) {
	if i.finish != nil && len(i.Events) == 0 {
		a.release(i)
	}
}

// Describe says what an agent knows of an invocation.
func (a *Agent) Describe(id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at, ok := a.journal.over[id]; ok {
		return fmt.Sprintf("over since %v", at)
	}
	i := a.journal.invocations[id]
	if i == nil {
		return "unknown"
	}
	return fmt.Sprintf("%s, seq %d, %d events, runs %d, running %v, over %v, finish %v", i.Task.Kind, i.Seq, len(i.Events), i.Runs, i.Running, i.Over, i.finish != nil)
}
