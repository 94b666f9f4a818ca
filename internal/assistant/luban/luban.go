// Package luban is where the open-source client of Cloud Assistant connects (github.com/aliyun/aliyun_assist_client, managed instances): it speaks that
// client's HTTP paths, which all begin with /luban, and hands what they mean to the assistant.
//
//	client                                      server
//	  │ ── POST instance/register ────────────────► │   activation code and public key, in TLS
//	  │ ── WebSocket notify_server ───────────────► │   stays open: the kick channel
//	  │ ◄─ "kick_vm" ─────────────────────────────  │   there is something to fetch
//	  │ ── POST task/list ────────────────────────► │   assistant.Claim: handed out once
//	  │ ── POST task/running, finish, error … ────► │   assistant.Report: each counts once
//	  │ ── GET heart-beat ────────────────────────► │   each minute; shows whether two machines have one identity
//
// The client never polls: what it is not told of on the kick channel it does not do. All requests but the registration and a probe are signed by the key that was
// registered; what is signed is the instance, its machine, a time and a number, and neither path nor body, with MD5. So the listener is TLS alone, a
// request counts once (replays.go), and no other door of the server takes these signatures.
//
// Invariants:
//   - Nothing is kept here that a restart must not lose: the assistant's metadata says what was handed out and told.
//   - Bodies, headers, requests per instance and sockets are bounded before memory is spent on them.
//   - An identity that two processes show at once is refused, both of them, until one has been silent for a while (host.go).
package luban

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/sluicelog/sluice/internal/assistant"
)

// Options of a gateway. The zero value of a field means the default in brackets.
type Options struct {
	MaxConnections int           // [20000]
	Idle           time.Duration // [3 min] without a word on the kick channel, after which it is closed; clients ping each minute
	// Registered is told of every registration that was asked for, and of what came of it. An error of its own takes the answer away from the agent. [nothing]
	Registered func(ctx context.Context, r *assistant.Registration, from netip.Addr, instance string, err error) error
	Now        func() time.Time
	Logger     *slog.Logger // [discard]
}

// Gateway serves clients. It is safe for concurrent use.
type Gateway struct {
	s       *assistant.Service
	o       Options
	mux     *http.ServeMux
	replays *replays

	mu    sync.Mutex // guards hosts
	hosts map[string]*host
}

// New makes a gateway to an assistant.
func New(s *assistant.Service, o Options) *Gateway {
	const most = 20_000
	if o.MaxConnections == 0 {
		o.MaxConnections = most
	}
	if o.Idle == 0 {
		o.Idle = 3 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{s: s, o: o, mux: http.NewServeMux(), replays: newReplays(), hosts: map[string]*host{}}
	g.routes()
	return g
}

func (g *Gateway) routes() {
	g.mux.HandleFunc("GET /luban/api/connection_detect", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	g.mux.HandleFunc("POST /luban/api/instance/register", g.register)
	for pattern, serve := range map[string]handler{
		"POST /luban/api/instance/deregister": g.deregister,
		"GET /luban/api/heart-beat":           g.heartbeat,
		"GET /luban/notify_server":            g.notify,
		"POST /luban/api/v1/task/list":        g.tasks,
		"POST /luban/api/v1/task/{report}":    g.report,
		"/luban/{path...}":                    g.quiet,
	} {
		g.mux.HandleFunc(pattern, g.signed(serve))
	}
}

// Times of a connection.
const (
	headerTime  = 15 * time.Second
	requestTime = time.Minute
	// idleTime is short: between two heartbeats a new connection costs less than one that waits.
	idleTime   = 20 * time.Second
	drainTime  = 5 * time.Second
	maxHeaders = 16 << 10
)

// Run serves the clients that connect to l, with TLS of the certificates that certificate chooses, until ctx ends; then it closes l and all connections.
func (g *Gateway) Run(ctx context.Context, l net.Listener, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) error {
	server := &http.Server{
		Handler: g, ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaders,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(g.o.Logger.Handler(), slog.LevelDebug),
		Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true) // WebSockets need it, and one protocol is enough
	var sockets sync.WaitGroup
	done := make(chan struct{})
	sockets.Go(func() {
		select {
		case <-ctx.Done():
		case <-done:
		}
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		_ = server.Shutdown(drain) // what is left is cut
		_ = server.Close()
	})
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate, NextProtos: []string{"http/1.1"}}
	err := server.Serve(tls.NewListener(netutil.LimitListener(l, g.o.MaxConnections), config))
	close(done)
	sockets.Wait()
	g.closeAll()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ServeHTTP implements [http.Handler]. The caller has seen to TLS.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// closeAll closes all kick channels, and waits until nobody serves them.
func (g *Gateway) closeAll() {
	g.mu.Lock()
	var open []*socket
	for _, h := range g.hosts {
		h.mu.Lock()
		for s := range h.sockets {
			open = append(open, s)
		}
		h.mu.Unlock()
	}
	g.mu.Unlock()
	for _, s := range open {
		s.Close(nil)
		<-s.gone
	}
}
