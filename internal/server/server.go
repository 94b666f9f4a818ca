// Package server carries the dialects: it listens, gives every request an id, limits what clients can occupy, answers
// operators, logs and counts, and drains when it is told to stop.
//
//	accept ──> limit ──> [TLS] ──> id ──> operations (/healthz /readyz /metrics, off project hosts)
//	                                └──> dialect ──> access log, metrics
//
// Invariants:
//   - A request that was begun is finished, or cut off when the drain time is over; none begins after the stop.
//   - A panic ends one request, with an answer, and nothing else.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/wire"
)

// Options of a server. The zero value of a field means the default in brackets.
type Options struct {
	Addressing     wire.Addressing
	MaxRequests    int           // [512] served at once; more get the dialect's busy answer
	MaxConnections int           // [8192] open at once; more wait
	MaxHeader      int           // [64 KiB] bytes of a request's line and headers
	HeaderTime     time.Duration // [10s] for a request's line and headers to arrive
	BodyTime       time.Duration // [2m] for a request to arrive whole
	AnswerTime     time.Duration // [3m] for a request to be answered, counted from its headers
	IdleTime       time.Duration // [2m] a connection may wait for its next request
	DrainTime      time.Duration // [7s] for running requests to end after the stop
	Now            func() time.Time
	Healthy        func() error // [always] why the node should get no more requests, for /readyz
}

func (o Options) withDefaults() Options {
	orDefault(&o.MaxRequests, 512)
	orDefault(&o.MaxConnections, 8192)
	orDefault(&o.MaxHeader, 64<<10)
	orDefault(&o.HeaderTime, 10*time.Second)
	orDefault(&o.BodyTime, 2*time.Minute)
	orDefault(&o.AnswerTime, 3*time.Minute)
	orDefault(&o.IdleTime, 2*time.Minute)
	orDefault(&o.DrainTime, 7*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Healthy == nil {
		o.Healthy = func() error { return nil }
	}
	return o
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Server is the network edge of one node.
type Server struct {
	o       Options
	dialect wire.Dialect // the only one so far; what picks among several belongs into serve
	metrics *Metrics
	log     *slog.Logger
	places  chan struct{} // one token for each request being served
	ready   atomic.Bool
}

// New makes a server of a dialect.
func New(dialect wire.Dialect, m *Metrics, o Options, log *slog.Logger) *Server {
	o = o.withDefaults()
	return &Server{o: o, dialect: dialect, metrics: m, log: log, places: make(chan struct{}, o.MaxRequests)}
}

// Listener is a door of a server.
type Listener struct {
	net.Listener
	Certificate *Certificate // makes it speak TLS; nil for plain HTTP
}

// Run serves the listeners until ctx ends, then drains: /readyz says no, no connection is accepted, running requests are finished. Those
// that are not within DrainTime are cut off, which is logged and no error: a client that hangs must not make a stop a failure.
func (s *Server) Run(ctx context.Context, listeners ...Listener) error {
	h := &http.Server{
		Handler:                      s,
		ReadHeaderTimeout:            s.o.HeaderTime,
		ReadTimeout:                  s.o.BodyTime,
		WriteTimeout:                 s.o.AnswerTime,
		IdleTimeout:                  s.o.IdleTime,
		MaxHeaderBytes:               s.o.MaxHeader,
		DisableGeneralOptionsHandler: true,                                                // "OPTIONS *" is answered like all that has no action
		ErrorLog:                     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // clients that break off
		BaseContext:                  func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	served := make(chan error, len(listeners))
	open := make(chan struct{}, s.o.MaxConnections)
	s.ready.Store(true) // before the first request can ask
	for _, l := range listeners {
		door := limitConnections(l.Listener, open)
		if l.Certificate != nil {
			door = tls.NewListener(door, l.Certificate.TLS()) // the handshake is within the limit
		}
		go func() { served <- fmt.Errorf("serve %s: %w", l.Addr(), h.Serve(door)) }()
	}
	select {
	case err := <-served:
		return errors.Join(err, h.Close())
	case <-ctx.Done():
	}
	return s.drain(h)
}

func (s *Server) drain(h *http.Server) error {
	s.ready.Store(false)
	s.dialect.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), s.o.DrainTime)
	defer cancel()
	err := h.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.log.Warn("requests that were still running are cut off", "after", s.o.DrainTime)
	return h.Close()
}
