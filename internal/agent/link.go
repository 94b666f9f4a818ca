package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/agent/journal"
	"github.com/sluicelog/sluice/internal/agentproto"
)

// maxQueue bounds what waits for a connection that takes bytes slowly. Messages that are sent whatever waits are few and small.
const maxQueue = 512 << 10

// link is a connection.
type link struct {
	conn  net.Conn
	since time.Time // by the machine's clock
	ready bool      // the server has said Welcome; guarded by Agent.mu
	low   func()    // called when the queue is empty again

	mu      sync.Mutex // guards what is below; taken after Agent.mu
	queue   []byte
	writing bool
	closed  bool
	writers sync.WaitGroup
}

// send queues a message.
func (l *link) send(m agentproto.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	frames, err := agentproto.Append(l.queue, m)
	if err != nil {
		l.conn.Close() // it is a mistake of ours, and the next connection begins anew
		return
	}
	l.queue = frames
	if !l.writing {
		l.writing = true
		l.writers.Go(l.write)
	}
}

// room reports whether more may be queued.
func (l *link) room() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) < maxQueue
}

const writeTime = time.Minute

func (l *link) write() {
	for {
		l.mu.Lock()
		frames := l.queue
		l.queue = nil
		if len(frames) == 0 {
			l.writing = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		_ = l.conn.SetWriteDeadline(time.Now().Add(writeTime))
		if _, err := l.conn.Write(frames); err != nil {
			l.close()
			continue
		}
		l.low()
	}
}

func (l *link) close() {
	l.mu.Lock()
	l.closed, l.queue = true, nil
	l.mu.Unlock()
	l.conn.Close()
}

// Bounds of the pauses between connections.
const (
	minBackoff  = time.Second
	maxBackoff  = time.Minute
	longBackoff = 10 * time.Minute // when somebody has to act before it can help
)

// backoff is how long to wait after so many tries in a row: anything up to a bound that doubles, so that many agents do not come at once.
func backoff(tries int) time.Duration {
	const doublings = 6
	most := min(minBackoff<<min(tries, doublings), maxBackoff)
	return minBackoff/2 + rand.N(most)
}

// keepConnected connects, again and again, until ctx ends.
func (a *Agent) keepConnected(ctx context.Context) {
	for tries := 0; ctx.Err() == nil; tries++ {
		welcomed, err := a.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if welcomed {
			tries = 0
		}
		wait := a.o.Backoff(tries)
		var refused *agentproto.Refused
		if errors.As(err, &refused) && refused.Permanent() {
			wait += longBackoff
			a.o.Logger.Error("the server refuses this machine until somebody acts", "code", refused.Code, "reason", refused.Reason)
		} else {
			a.o.Logger.Warn("not connected", "error", err, "again", wait.Round(time.Millisecond))
		}
		a.mu.Lock()
		a.trouble = fmt.Sprint(err)
		a.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// connect serves one connection to its end. welcomed says that the server took it.
func (a *Agent) connect(ctx context.Context) (welcomed bool, err error) {
	conn, err := a.o.Dial(ctx, func() time.Time {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.now()
	})
	if err != nil {
		return false, err
	}
	l := &link{conn: conn, since: a.o.Now()}
	l.low = func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.push()
	}
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	a.mu.Lock()
	a.link = l
	a.hello(l)
	a.mu.Unlock()
	beats := a.beat(ctx, l)
	err = a.read(l)
	l.close()
	a.mu.Lock()
	a.link = nil
	welcomed = l.ready
	for _, inv := range a.invocations {
		inv.flying = false
	}
	a.mu.Unlock()
	close(beats)
	l.writers.Wait()
	return welcomed, err
}

// hello says who is there, and what is known. The caller holds a.mu.
func (a *Agent) hello(l *link) {
	ids := slices.Sorted(maps.Keys(a.invocations))
	for {
		h := &agentproto.Hello{Ticket: a.ticket, BootID: a.o.BootID, Machine: a.o.Machine}
		some := ids[:min(len(ids), agentproto.MaxKnown)]
		ids = ids[len(some):]
		for _, id := range some {
			inv := a.invocations[id]
			inv.acked, inv.flying, inv.stuck = -1, false, false
			inv.stream.reset()
			for i := range inv.Spools {
				inv.Spools[i].stream.reset()
			}
			h.Known = append(h.Known, agentproto.Known{
				Invocation: id, Version: inv.Task.Version, Seq: inv.Seq, NeedContent: !inv.hasContent && !inv.Over,
			})
		}
		h.More = len(ids) > 0
		l.send(h)
		if !h.More {
			return
		}
	}
}

// handshakeTime bounds the wait for the first message; silence is how many heartbeats may be without an answer later.
const (
	handshakeTime = 30 * time.Second
	silence       = 3
)

// read takes messages until the connection ends.
func (a *Agent) read(l *link) error {
	wait := handshakeTime
	for {
		_ = l.conn.SetReadDeadline(time.Now().Add(wait))
		m, err := agentproto.ReadFromServer(l.conn)
		if err != nil {
			return fmt.Errorf("read from the server: %w", err)
		}
		a.mu.Lock()
		a.seen = a.o.Now()
		err = a.receive(l, m)
		if l.ready {
			wait = silence * a.welcome.Every()
		}
		a.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// receive takes one message. The caller holds a.mu.
func (a *Agent) receive(l *link, m agentproto.Message) error {
	switch m := m.(type) {
	case *agentproto.Welcome:
		return a.welcomed(l, m)
	case *agentproto.Refused:
		return m
	case *agentproto.Envelope:
		a.take(m)
	case *agentproto.Ack:
		a.takeAck(m)
	case *agentproto.Forget:
		return a.forget(m.Invocations)
	case *agentproto.Pong:
		a.told(m.Time)
	case *agentproto.Renewed:
		if err := a.o.Renew.Renewed(m.Certificate); err != nil {
			a.o.Logger.Error("the new certificate was not kept", "error", err)
		}
	}
	return nil
}

// welcomed keeps the ticket, and says so.
func (a *Agent) welcomed(l *link, m *agentproto.Welcome) error {
	a.told(m.Time)
	if err := a.commit(&record{Ticket: &ticket{m.Ticket, a.offset}}, journal.Synced); err != nil {
		return fmt.Errorf("keep the ticket: %w", err)
	}
	a.welcome, l.ready, a.trouble = *m, true, ""
	l.send(&agentproto.Kept{Ticket: m.Ticket})
	a.o.Logger.Info("connected", "server", fmt.Sprint(l.conn.RemoteAddr()), "clockOff", a.offset.Round(time.Millisecond))
	return nil
}

// beat sends heartbeats until what it returns is closed, and asks for a new certificate when it is time.
func (a *Agent) beat(ctx context.Context, l *link) chan<- struct{} {
	stop := make(chan struct{})
	l.writers.Go(func() {
		const before = 10 * time.Second // the server has said Welcome, which tells how often
		every := before
		asked := false
		for {
			select {
			case <-ctx.Done():
				return
			case <-stop:
				return
			case <-time.After(every):
			}
			a.mu.Lock()
			ready, active := l.ready, a.running
			if ready {
				every = a.welcome.Every()
			}
			now := a.now()
			a.mu.Unlock()
			if !ready {
				continue
			}
			l.send(&agentproto.Heartbeat{Active: active})
			if !asked && a.o.Renew != nil && halfOver(a.o.Renew.Certificate(), now) {
				asked = true
				a.renew(l)
			}
		}
	})
	return stop
}

func halfOver(c *x509.Certificate, now time.Time) bool {
	return now.After(c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 2))
}

func (a *Agent) renew(l *link) {
	csr, err := a.o.Renew.CSR()
	if err != nil {
		a.o.Logger.Error("a new certificate cannot be asked for", "error", err)
		return
	}
	l.send(&agentproto.Renew{CSR: csr})
}
