package assistant

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// Peer is the connection of an agent, as a session sees it. It is safe for concurrent use.
type Peer interface {
	// Send queues a message, and never waits: a peer that is too slow for its queue is closed.
	Send(m agentproto.Message)
	// Close ends the connection, behind a refusal if that is not nil.
	Close(refused *agentproto.Refused)
}

// Session is an agent that is connected. Its methods are for the one goroutine that reads from the connection.
type Session struct {
	s        *Service
	instance string
	peer     Peer
	kick     func()    // of a forgetful agent: tells it that there is something to claim
	began    time.Time // of a forgetful agent

	seen   time.Time // the last message; guarded by Service.mu
	active int       // runs under way, says the agent; guarded by Service.mu
}

// Bounds that agents are told.
const (
	outputWindow   = 256 << 10
	outputPatience = 60 // seconds
)

// Connect begins the session of an instance, whose certificate has been verified, and ends the one that it had. hello may be the sum of several.
// notAfter is when the certificate ends. A refusal is a *agentproto.Refused.
func (s *Service) Connect(_ context.Context, instance string, peer Peer, hello *agentproto.Hello, address string, notAfter time.Time) (*Session, error) {
	x := &Session{s: s, instance: instance, peer: peer, seen: s.now()}
	ticket := rand.Text()
	if err := s.commits.do(func(tx meta.Tx) (func(), error) {
		i, err := get[Instance](tx, kindInstance, instance)
		if err != nil {
			return nil, err
		}
		if i == nil {
			return nil, &agentproto.Refused{Code: agentproto.CodeUnknown, Reason: "there is no such instance: enrol again"}
		}
		if err := i.present(hello, ticket); err != nil {
			return nil, err
		}
		i.describe(&hello.Machine, address)
		i.LastSeen = s.now()
		return func() { s.open(x, i) }, putInstance(tx, i)
	}); err != nil {
		var r *agentproto.Refused
		if errors.As(err, &r) && r.Code == agentproto.CodeCloned {
			s.metrics.cloned.Inc()
			s.o.Logger.Error("an agent presents the identity of another: was its machine copied?", "instance", instance, "address", address, "reason", r.Reason)
		}
		return nil, err
	}
	peer.Send(&agentproto.Welcome{
		Time: agentproto.TimeOf(s.now()), Ticket: ticket, Heartbeat: int(s.o.Heartbeat / time.Second), OutputBytes: max(s.o.OutputBytes, 0),
		OutputWindow: outputWindow, OutputPatience: outputPatience, NotAfter: agentproto.TimeOf(notAfter),
	})
	return x, s.reconcile(x, hello.Known)
}

// present checks a ticket, and gives out the next.
func (i *Instance) present(hello *agentproto.Hello, next string) error {
	switch {
	case hello.Machine.MachineID != i.MachineID:
		return &agentproto.Refused{Code: agentproto.CodeCloned, Reason: "the agent is on another machine than the one that enrolled"}
	case i.NextTicket == next: // this very call, committed before and answered never
		return nil
	case hello.Ticket == i.NextTicket && i.NextTicket != "": // kept, and its confirmation lost
		i.Ticket = hello.Ticket
	case hello.Ticket != i.Ticket:
		return &agentproto.Refused{Code: agentproto.CodeCloned, Reason: "another agent with this identity has connected since"}
	}
	i.NextTicket = next
	return nil
}

// open makes x the session of its instance.
func (s *Service) open(x *Session, i *Instance) {
	s.mu.Lock()
	before := s.sessions[x.instance]
	s.sessions[x.instance] = x
	s.instances[x.instance] = i
	s.mu.Unlock()
	if before != nil {
		before.peer.Close(&agentproto.Refused{Code: agentproto.CodeReplaced, Reason: "a newer connection of the same agent took over"})
	}
}

// reconcile tells an agent where the server stands, and what there is to do. It is under the same roof as a session that just began: whatever is
// created meanwhile is sent by dispatch, perhaps twice.
func (s *Service) reconcile(x *Session, known []agentproto.Known) error {
	live := s.liveTargets(x.instance)
	ack, forget := &agentproto.Ack{}, &agentproto.Forget{}
	knows := map[string]agentproto.Known{}
	for _, k := range known {
		if t := live[k.Invocation]; t != nil {
			knows[k.Invocation] = k
			ack.Events = append(ack.Events, agentproto.EventAck{Invocation: k.Invocation, Seq: t.Seq})
		} else {
			forget.Invocations = append(forget.Invocations, k.Invocation)
		}
	}
	if len(ack.Events) > 0 {
		x.peer.Send(ack)
	}
	if len(forget.Invocations) > 0 {
		x.peer.Send(forget)
	}
	for id, t := range live {
		k, has := knows[id]
		switch {
		case has && k.Seq > 0 && !k.NeedContent && t.Status != Stopping && !s.modified(t, k.Version):
		case !has && !t.Accepted && s.expired(t):
			if err := s.abort(t.key(), codeNotDelivered, "the task did not reach its agent in time"); err != nil {
				return err
			}
		case !has && t.Accepted && t.Status != Stopping && !s.repeats(t):
			// It was taken, and the agent has forgotten all about it: nobody knows what came of it, so it is not begun again.
			if err := s.lose(t.key()); err != nil {
				return err
			}
		default:
			if err := s.sendTasks([]targetKey{t.key()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// invocation reads an invocation; nil if it is gone.
func (s *Service) invocation(id string) (inv *Invocation) {
	_ = s.store.View(context.Background(), func(tx meta.Tx) (err error) {
		inv, err = get[Invocation](tx, kindInvocation, id)
		return err
	})
	return inv
}

func (s *Service) modified(t *Target, version int) bool {
	inv := s.invocation(t.Invocation)
	return inv != nil && inv.Version > version
}

func (s *Service) repeats(t *Target) bool {
	inv := s.invocation(t.Invocation)
	return inv != nil && inv.recurring()
}

func (s *Service) expired(t *Target) bool { return !s.now().Before(t.Created.Add(s.o.Deliver)) }

// Receive takes one message. After an error the connection is of no more use.
func (x *Session) Receive(ctx context.Context, m agentproto.Message) error {
	x.s.mu.Lock()
	x.seen = x.s.now()
	x.s.mu.Unlock()
	switch m := m.(type) {
	case *agentproto.Kept:
		return x.kept(m)
	case *agentproto.Events:
		return x.events(m)
	case *agentproto.Output:
		return x.output(ctx, m)
	case *agentproto.Heartbeat:
		x.s.mu.Lock()
		x.active = m.Active
		x.s.mu.Unlock()
		x.peer.Send(&agentproto.Pong{Time: agentproto.TimeOf(x.s.now())})
		return nil
	case *agentproto.Renew:
		return x.renew(m)
	}
	return &agentproto.Refused{Code: agentproto.CodeProtocol, Reason: "that message has no place in a session"}
}

// Close ends the session, if it is still the one of its instance.
func (x *Session) Close() {
	s := x.s
	s.mu.Lock()
	mine := s.sessions[x.instance] == x
	if mine {
		delete(s.sessions, x.instance)
	}
	seen := x.seen
	s.mu.Unlock()
	if mine {
		_ = s.changeInstance(x.instance, anyInstance, func(i *Instance) error { // only what is shown
			i.LastSeen = seen
			return nil
		})
	}
}

func (x *Session) kept(m *agentproto.Kept) error {
	return x.s.changeInstance(x.instance, anyInstance, func(i *Instance) error {
		if i.NextTicket == m.Ticket {
			i.Ticket, i.NextTicket = m.Ticket, ""
		}
		return nil
	})
}

func (x *Session) renew(m *agentproto.Renew) error {
	request, err := x509.ParseCertificateRequest(m.CSR)
	if err == nil {
		err = request.CheckSignature()
	}
	if err != nil {
		return &agentproto.Refused{Code: agentproto.CodeProtocol, Reason: "the signing request is not valid"}
	}
	cert, err := x.s.identity.certify(x.instance, request.PublicKey, x.s.now())
	if err != nil {
		return err
	}
	x.peer.Send(&agentproto.Renewed{Certificate: cert})
	return nil
}

// batch is what came of the events of one message.
type batch struct {
	held    map[string]*Target // by invocation; nil where the agent is to forget it
	records bool               // there are some to be written
	ended   []Status
}

// events takes events, and acknowledges what is held of their invocations.
func (x *Session) events(m *agentproto.Events) error {
	var b batch
	if err := x.s.commits.do(func(tx meta.Tx) (func(), error) {
		b = batch{held: map[string]*Target{}}
		for i := range m.Events {
			if err := x.s.take(tx, x.instance, &m.Events[i], &b); err != nil {
				return nil, err
			}
		}
		return func() { x.s.took(&b) }, x.s.invoked(tx, x.instance, m.Events)
	}); err != nil {
		return err
	}
	ack, forget := &agentproto.Ack{}, &agentproto.Forget{}
	for id, t := range b.held {
		if t == nil {
			forget.Invocations = append(forget.Invocations, id)
			continue
		}
		ack.Events = append(ack.Events, agentproto.EventAck{Invocation: id, Seq: t.Seq})
	}
	if len(ack.Events) > 0 {
		x.peer.Send(ack)
	}
	if len(forget.Invocations) > 0 {
		x.peer.Send(forget)
	}
	return nil
}

// take applies an event if it is the next of its target.
func (s *Service) take(tx meta.Tx, instance string, e *agentproto.Event, b *batch) error {
	key := targetKey{e.Invocation, instance}
	t, err := get[Target](tx, kindTarget, key.name())
	if err != nil {
		return err
	}
	b.held[e.Invocation] = t
	if t == nil || e.Seq != t.Seq+1 {
		return nil
	}
	if t.Status.Final() {
		b.held[e.Invocation] = nil // ended here: what its agent has to say comes too late
		return nil
	}
	inv, err := getInvocation(tx, e.Invocation)
	if err != nil || inv == nil {
		return err
	}
	now := s.now()
	record := t.apply(inv, e, now)
	b.records = b.records || record
	if t.Status.Final() {
		b.ended = append(b.ended, t.Status)
	}
	return s.putChanged(tx, inv, t, record, now)
}

// took brings memory up to date after events.
func (s *Service) took(b *batch) {
	for _, t := range b.held {
		if t != nil {
			s.setLive(t)
			if !t.RunOpen {
				s.output.forget(t.key())
			}
			if b.records {
				s.outbox.wake(t.Account)
			}
		}
	}
	for _, status := range b.ended {
		s.metrics.ended(status)
	}
}

// invoked counts runs that began on an instance.
func (s *Service) invoked(tx meta.Tx, instance string, events []agentproto.Event) error {
	var began int64
	for i := range events {
		if events[i].Kind == agentproto.Started {
			began++
		}
	}
	if began == 0 {
		return nil
	}
	i, err := get[Instance](tx, kindInstance, instance)
	if err != nil || i == nil {
		return err
	}
	i.Invocations += began
	i.LastInvoked = s.now()
	return putInstance(tx, i)
}
