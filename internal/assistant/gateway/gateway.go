// Package gateway is where agents connect: it speaks TLS and frames, and hands messages to the assistant.
//
//	listener ── TLS 1.3 ──┬─ no certificate: one Enrol, one answer, the end
//	                      └─ certificate of our CA: Hello ──► assistant.Session ◄── messages, one by one
//	                                                               │
//	                                       queue of frames ◄───────┘  written by a goroutine that is there while there is something to write
//
// An idle connection costs a goroutine that waits for five bytes, and what TLS keeps; no buffers of ours.
package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
)

// Options of a gateway. The zero value of a field means the default in brackets.
type Options struct {
	MaxConnections int           // [20000]
	Idle           time.Duration // [2 min] without a message, after which a connection is closed; more than two heartbeats
	// Enrolled is told of every enrolment that was asked for, and of what came of it: answer is nil where err is not. An error of its own takes the answer
	// away from the agent. [nothing]
	Enrolled func(ctx context.Context, id Identity, e *agentproto.Enrol, answer *agentproto.Enrolled, err error) error
	Logger   *slog.Logger // [discard]
}

// Gateway serves agents. It is safe for concurrent use.
type Gateway struct {
	s     *assistant.Service
	o     Options
	slots chan struct{}
}

// New makes a gateway to an assistant.
func New(s *assistant.Service, o Options) *Gateway {
	const most = 20_000
	if o.MaxConnections == 0 {
		o.MaxConnections = most
	}
	if o.Idle == 0 {
		o.Idle = 2 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Gateway{s: s, o: o, slots: make(chan struct{}, o.MaxConnections)}
}

// handshakeTime bounds everything before a session: TLS, and the first message.
const handshakeTime = 15 * time.Second

// Run serves the agents that connect to l until ctx ends; then it closes l and all connections.
func (g *Gateway) Run(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	context.AfterFunc(ctx, func() { l.Close() })
	config := g.s.TLSConfig()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				continue
			}
			return fmt.Errorf("accept agents: %w", err)
		}
		select {
		case g.slots <- struct{}{}:
		default: // nobody who is there already is worse off
			conn.Close()
			continue
		}
		wg.Go(func() {
			defer func() { <-g.slots }()
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			g.accept(ctx, tls.Server(conn, config), conn.RemoteAddr())
		})
	}
}

// Identity is who is at the other end of a connection, as TLS says.
type Identity struct {
	Instance string // "" for a stranger
	NotAfter time.Time
	Address  netip.Addr
	Binding  []byte // see agentproto.Binding
}

func (g *Gateway) accept(ctx context.Context, conn *tls.Conn, from net.Addr) {
	defer conn.Close()
	shaking, cancel := context.WithTimeout(ctx, handshakeTime)
	err := conn.HandshakeContext(shaking)
	cancel()
	if err != nil {
		g.o.Logger.Debug("an agent's handshake failed", "remote", from, "error", err)
		return
	}
	state := conn.ConnectionState()
	id := Identity{}
	if at, err := netip.ParseAddrPort(from.String()); err == nil {
		id.Address = at.Addr().Unmap()
	}
	if len(state.PeerCertificates) > 0 {
		id.Instance, id.NotAfter = state.PeerCertificates[0].Subject.CommonName, state.PeerCertificates[0].NotAfter
	} else if id.Binding, err = agentproto.Binding(&state); err != nil {
		return
	}
	if state.NegotiatedProtocol != agentproto.ALPN {
		return
	}
	g.Serve(ctx, conn, id)
}

// Serve serves one connection to its end, and closes it.
func (g *Gateway) Serve(ctx context.Context, conn net.Conn, id Identity) {
	p := &peer{conn: conn, log: g.o.Logger}
	defer p.end()
	_ = conn.SetReadDeadline(time.Now().Add(handshakeTime))
	var err error
	if id.Instance == "" {
		err = g.enrol(ctx, p, id)
	} else {
		err = g.session(ctx, p, id)
	}
	var refused *agentproto.Refused
	switch {
	case errors.As(err, &refused):
		p.Close(refused)
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed):
		g.o.Logger.Debug("an agent's connection ended", "instance", id.Instance, "remote", id.Address, "error", err)
		if p.alive() {
			p.Close(&agentproto.Refused{Code: agentproto.CodeUnavailable, Reason: "the server cannot go on with this connection"})
		}
	}
}

// enrol answers one Enrol.
func (g *Gateway) enrol(ctx context.Context, p *peer, id Identity) error {
	m, err := agentproto.ReadFromAgent(p.conn)
	if err != nil {
		return err
	}
	request, ok := m.(*agentproto.Enrol)
	if !ok {
		return &agentproto.Refused{Code: agentproto.CodeProtocol, Reason: "without a certificate there is only Enrol"}
	}
	answer, err := g.s.Enrol(ctx, request, id.Binding, id.Address)
	if g.o.Enrolled != nil {
		if unrecorded := g.o.Enrolled(ctx, id, request, answer, err); unrecorded != nil && err == nil {
			err = unrecorded
		}
	}
	if err != nil {
		g.o.Logger.Warn("an enrolment was refused", "activation", request.Activation, "remote", id.Address, "error", err)
		return err
	}
	g.o.Logger.Info("an instance is enrolled", "instance", answer.Instance, "activation", request.Activation, "remote", id.Address)
	p.Send(answer)
	return nil
}

// session serves an instance.
func (g *Gateway) session(ctx context.Context, p *peer, id Identity) error {
	hello, err := readHello(p.conn)
	if err != nil {
		return err
	}
	address := ""
	if id.Address.IsValid() {
		address = id.Address.String()
	}
	x, err := g.s.Connect(ctx, id.Instance, p, hello, address, id.NotAfter)
	if x != nil {
		defer x.Close()
	}
	if err != nil {
		return err
	}
	for {
		_ = p.conn.SetReadDeadline(time.Now().Add(g.o.Idle))
		m, err := agentproto.ReadFromAgent(p.conn)
		if err != nil {
			return err
		}
		if err := x.Receive(ctx, m); err != nil {
			return err
		}
	}
}

// maxKnown bounds what an agent says it knows.
const maxKnown = 100_000

// readHello reads one Hello, or the sum of several.
func readHello(r io.Reader) (*agentproto.Hello, error) {
	var sum *agentproto.Hello
	for {
		m, err := agentproto.ReadFromAgent(r)
		if err != nil {
			return nil, err
		}
		h, ok := m.(*agentproto.Hello)
		if !ok {
			return nil, &agentproto.Refused{Code: agentproto.CodeProtocol, Reason: "a session begins with Hello"}
		}
		if sum == nil {
			sum = h
		} else {
			sum.Known = append(sum.Known, h.Known...)
		}
		if len(sum.Known) > maxKnown {
			return nil, &agentproto.Refused{Code: agentproto.CodeProtocol, Reason: "more invocations are known than any agent can have"}
		}
		if !h.More {
			return sum, nil
		}
	}
}
