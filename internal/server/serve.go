package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/wire"
)

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if operation := s.operation(r); operation != nil {
		operation(w, r)
		return
	}
	begin := s.o.Now()
	c := &wire.Call{ID: newRequestID()}
	in := &countedBody{ReadCloser: r.Body}
	r.Body = in
	leave := func() {}
	out := &recorder{ResponseWriter: w, refused: func() { leave(); in.drain(w, r) }}
	defer func() { s.record(r, c, out, in.n, s.o.Now().Sub(begin)) }()
	defer s.recoverPanic(out, r, c)
	select {
	case s.places <- struct{}{}:
		s.metrics.inFlight.Inc()
		leave = sync.OnceFunc(func() { // at the end, or before the rest of a refused body is read
			s.metrics.inFlight.Dec()
			<-s.places
		})
		defer leave()
	default:
		s.dialect.Refuse(out, r, c, sluice.Errorf(sluice.Unavailable, "server", "the server is busy: %d requests are being served", s.o.MaxRequests))
		return
	}
	s.dialect.Serve(out, r, c)
}

// newRequestID makes 24 upper-case hexadecimal digits: not to be guessed is no aim, never twice is.
func newRequestID() string {
	const digits = "0123456789ABCDEF"
	var id [24]byte
	high, low := rand.Uint64(), rand.Uint64()
	for i := range 16 {
		id[i] = digits[high>>(4*i)&15]
	}
	for i := range 8 {
		id[16+i] = digits[low>>(4*i)&15]
	}
	return string(id[:])
}

// recoverPanic answers a request that panicked. An answer that has begun cannot be taken back: its connection is cut.
func (s *Server) recoverPanic(w *recorder, r *http.Request, c *wire.Call) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	c.Err = fmt.Errorf("panic: %v", p)
	s.log.Error("request panicked", "requestId", c.ID, "action", c.Action, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.dialect.Refuse(w, r, c, c.Err)
}

// record counts, charges and logs one request.
func (s *Server) record(r *http.Request, c *wire.Call, w *recorder, bodyBytes int64, took time.Duration) {
	s.metrics.observe(c, w.status, bodyBytes, w.n, took)
	if c.Charge != nil {
		c.Charge(bodyBytes, w.n)
	}
	level := slog.LevelDebug
	if c.Err != nil {
		level = slog.LevelInfo
	}
	if w.status == http.StatusInternalServerError { // not 503: a busy server must not be made busier by its log
		level = slog.LevelError
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("requestId", c.ID), slog.String("action", c.Action), slog.Int("status", w.status),
		slog.String("project", clip(c.Project)), slog.String("logstore", clip(c.Logstore)), slog.String("accessKey", c.AccessKey),
		slog.String("method", clip(r.Method)), slog.String("path", clip(r.URL.Path)), slog.String("client", r.RemoteAddr),
		slog.Int64("bytesIn", bodyBytes), slog.Int64("bytesOut", w.n), slog.Duration("took", took),
	}
	if c.Err != nil {
		attrs = append(attrs, slog.String("code", c.Code), slog.String("error", clip(causes(c.Err))))
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// clip keeps what strangers choose from filling the log: a request can be refused for 64 KiB of name.
func clip(s string) string {
	const most = 512
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// causes is err with what is behind it: a *sluice.Error prints only what a client may read.
func causes(err error) string {
	text := err.Error()
	var e *sluice.Error
	if errors.As(err, &e) && e.Err != nil && e.Err.Error() != text {
		text += " (" + e.Err.Error() + ")"
	}
	return text
}

// recorder is a ResponseWriter that remembers what was sent.
type recorder struct {
	http.ResponseWriter
	refused func() // called before an error is answered
	status  int
	n       int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		if status >= http.StatusBadRequest {
			w.refused()
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.n += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// What of a refused body is still read.
const (
	drainBytes = 32 << 20
	drainTime  = 2 * time.Second
)

// countedBody is a request body that counts what was read of it.
type countedBody struct {
	io.ReadCloser
	n     int64
	ended bool // at its end, or broken
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	b.ended = b.ended || err != nil
	return n, err
}

// drain reads what is left of a refused body, within limits. Many clients send all before they look for an answer; if the
// connection broke under them, they would take the refusal for a network failure and send again.
func (b *countedBody) drain(w http.ResponseWriter, r *http.Request) {
	if b.ended || r.ContentLength == 0 || r.ContentLength > drainBytes || r.Header.Get("Expect") != "" {
		return
	}
	if http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime)) == nil {
		_, _ = io.CopyN(io.Discard, b.ReadCloser, drainBytes)
	}
}
