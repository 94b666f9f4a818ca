package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testDialect answers by path.
type testDialect struct {
	entered chan struct{} // gets an element from each /wait
	leave   chan struct{} // lets /wait go
	drained chan struct{} // closed by Drain, which ends /stream
}

func (d *testDialect) Drain() { close(d.drained) }

func (d *testDialect) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	c.Action, _, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch r.URL.Path {
	case "/wait":
		d.entered <- struct{}{}
		<-d.leave
	case "/stream":
		d.entered <- struct{}{}
		<-d.drained
	case "/panic":
		panic("with a secret-free message")
	case "/panic-late":
		_, _ = io.WriteString(w, "half an ans")
		panic("too late")
	case "/fail":
		d.Refuse(w, r, c, sluice.Errorf(sluice.Internal, "disk", "what the client reads: %w", errors.New("the cause")))
		return
	case "/read":
		n, _ := io.Copy(io.Discard, r.Body)
		c.RawIn, c.GroupsIn = n, 1
	}
	_, _ = io.WriteString(w, "served")
}

func (d *testDialect) Refuse(w http.ResponseWriter, _ *http.Request, c *wire.Call, err error) {
	c.Code, c.Err = "Refused", err
	status := http.StatusInternalServerError
	if sluice.KindOf(err) == sluice.Unavailable {
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, err.Error())
}

// running is a server under test.
type running struct {
	*testDialect
	t      *testing.T
	server *Server
	url    string
	log    *syncBuffer
	stop   context.CancelFunc
	done   chan error
}

// run serves on a listener of its own and on others.
func run(t *testing.T, o Options, others ...Listener) *running {
	t.Helper()
	o.Addressing = wire.NewAddressing("sls.test")
	l := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	s := &running{
		testDialect: &testDialect{entered: make(chan struct{}, 8), leave: make(chan struct{}), drained: make(chan struct{})},
		t:           t, url: "http://" + l.Addr().String(), log: &syncBuffer{}, stop: stop, done: make(chan error, 1),
	}
	s.server = New(s.testDialect, NewMetrics(), o, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	go func() { s.done <- s.server.Run(ctx, append(others, Listener{Listener: l})...) }()
	t.Cleanup(func() {
		stop()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// get asks for a path under a host name.
func (s *running) get(host, path string) (status int, body string) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Host = host
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(raw)
}

func (s *running) want(host, path string, status int, part string) {
	s.t.Helper()
	if got, body := s.get(host, path); got != status || !strings.Contains(body, part) {
		s.t.Errorf("%s%s: got %d %.300q, want %d and %q", host, path, got, body, status, part)
	}
}

func (s *running) wait() error {
	s.stop()
	return <-s.done
}

func TestOperationsHideNoProject(t *testing.T) {
	s := run(t, Options{})
	for _, host := range []string{"sls.test", "127.0.0.1", "probe.internal"} {
		s.want(host, "/healthz", 200, "ok")
		s.want(host, "/readyz", 200, "ok")
		s.want(host, "/metrics", 200, "go_goroutines")
	}
	s.want("web.sls.test", "/healthz", 200, "served")
	s.want("web.127.0.0.1", "/metrics", 200, "served")
	s.want("sls.test", "/healthz/", 200, "served")
	if err := s.wait(); err != nil {
		t.Error(err)
	}
}

func TestUnhealthyIsNotReady(t *testing.T) {
	s := run(t, Options{Healthy: func() error { return errors.New("the journal failed") }})
	s.want("sls.test", "/healthz", 200, "ok")
	s.want("sls.test", "/readyz", 503, "unhealthy")
}

func TestMetricsCountRequests(t *testing.T) {
	s := run(t, Options{})
	resp, err := http.Post(s.url+"/read", "text/plain", strings.NewReader("twelve bytes"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.want("sls.test", "/fail", 500, "what the client reads")
	_, text := s.get("sls.test", "/metrics")
	for _, line := range []string{
		`sluice_requests_total{action="read",code="",status="200"} 1`,
		`sluice_requests_total{action="fail",code="Refused",status="500"} 1`,
		`sluice_body_bytes_total{action="read",direction="in"} 12`,
		`sluice_body_bytes_total{action="read",direction="out"} 6`,
		`sluice_raw_bytes_total{direction="in"} 12`,
		`sluice_log_groups_total{direction="in"} 1`,
		`sluice_request_seconds_count{action="read"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("metrics have no line %s", line)
		}
	}
}

// A panic ends one request, is answered where it still can be, and is logged with its stack.
func TestPanics(t *testing.T) {
	s := run(t, Options{})
	s.want("sls.test", "/panic", 500, "panic: with a secret-free message")
	if status, body := s.get("sls.test", "/panic-late"); status != 0 {
		t.Errorf("half an answer looks whole: %d %q", status, body)
	}
	s.want("sls.test", "/", 200, "served")
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	for _, part := range []string{`panic="with a secret-free message"`, `panic="too late"`, "server_test.go"} {
		if log := s.log.String(); !strings.Contains(log, part) {
			t.Errorf("the log has no %s: %s", part, log)
		}
	}
}

func TestAccessLog(t *testing.T) {
	s := run(t, Options{})
	s.want("sls.test", "/ok", 200, "served")
	s.want("sls.test", "/fail", 500, "")
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	var lines []string
	for line := range strings.SplitSeq(s.log.String(), "\n") {
		if strings.Contains(line, "msg=request ") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 2 {
		t.Fatalf("got %d lines for two requests: %q", len(lines), lines)
	}
	for i, parts := range [][]string{
		{"level=DEBUG", "action=ok", "status=200"},
		{"level=ERROR", "action=fail", "status=500", "code=Refused", "the cause"},
	} {
		for _, part := range parts {
			if !strings.Contains(lines[i], part) {
				t.Errorf("line %q has no %s", lines[i], part)
			}
		}
		if !regexp.MustCompile(`requestId=[0-9A-F]{24} `).MatchString(lines[i]) {
			t.Errorf("line %q has no request id of 24 digits", lines[i])
		}
	}
}

// What a stranger sends may be long; what the log says of it is not.
func TestAccessLogIsShort(t *testing.T) {
	s := run(t, Options{})
	s.want("sls.test", "/fail/"+strings.Repeat("x", 60<<10), 200, "served")
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	if log := s.log.String(); len(log) > 4<<10 || !strings.Contains(log, "path=/fail/xxx") {
		t.Errorf("%d bytes for one request: %.200q", len(log), log)
	}
}

// More requests than places get an answer at once, that makes clients come back.
func TestTooManyRequests(t *testing.T) {
	s := run(t, Options{MaxRequests: 2})
	var waiting sync.WaitGroup
	for range 2 {
		waiting.Go(func() { s.want("sls.test", "/wait", 200, "served") })
		<-s.entered
	}
	s.want("sls.test", "/", 503, "busy")
	s.want("sls.test", "/healthz", 200, "ok") // probes always get through
	close(s.leave)
	waiting.Wait()
	s.want("sls.test", "/", 200, "served")
}

// A stop lets running requests end and takes no new ones.
func TestDrain(t *testing.T) {
	s := run(t, Options{})
	var waiting sync.WaitGroup
	waiting.Go(func() { s.want("sls.test", "/wait", 200, "served") })
	<-s.entered
	s.stop()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	select {
	case err := <-s.done:
		t.Errorf("the server stopped under a request: %v", err)
	default:
	}
	close(s.leave)
	waiting.Wait()
	if err := <-s.done; err != nil {
		t.Errorf("drain: %v", err)
	}
}

// An answer that would go on for ever is told to end.
func TestDrainEndsStreams(t *testing.T) {
	s := run(t, Options{DrainTime: time.Minute})
	var listening sync.WaitGroup
	listening.Go(func() { s.want("sls.test", "/stream", 200, "served") })
	<-s.entered
	if err := s.wait(); err != nil {
		t.Errorf("drain: %v", err)
	}
	listening.Wait()
}

// A request that does not end is cut off when the drain time is over.
func TestDrainEnds(t *testing.T) {
	s := run(t, Options{DrainTime: 50 * time.Millisecond})
	var waiting sync.WaitGroup
	waiting.Go(func() { s.get("sls.test", "/wait") })
	<-s.entered
	if err := s.wait(); err != nil {
		t.Errorf("a client that hangs makes the stop a failure: %v", err)
	}
	waiting.Wait() // its connection was closed
	if !strings.Contains(s.log.String(), "cut off") {
		t.Error("the log does not tell")
	}
	close(s.leave)
}

// A client that dribbles its headers or its body loses its connection, and its place with it.
func TestSlowClients(t *testing.T) {
	s := run(t, Options{HeaderTime: 50 * time.Millisecond, BodyTime: 100 * time.Millisecond})
	f := func(request string) {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) { // any other end is one, also that of a write that came too late
			t.Errorf("%.20q: the server still waits: %v", request, err)
		}
	}
	f("GET / HTTP/1.1\r\nHost: sls.test\r\nX-Never")
	f("POST /read HTTP/1.1\r\nHost: sls.test\r\nContent-Length: 1000\r\n\r\nsome")
}

// A refused body that is still on its way is read, so that the client gets to see the answer.
func TestRefusedBodyIsDrained(t *testing.T) {
	s := run(t, Options{})
	body := bytes.Repeat([]byte("x"), 8<<20)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Like clients that look for the answer only when all is sent.
	if _, err := io.WriteString(conn, "POST /fail HTTP/1.1\r\nHost: sls.test\r\nConnection: close\r\nContent-Length: 8388608\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(body); err != nil {
		t.Fatalf("the connection broke while the body was sent: %v", err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.Contains(answer, []byte("what the client reads")) {
		t.Errorf("got %q, %v", answer, err)
	}
}

// Who was refused and sends the body slowly takes no place from others.
func TestRefusedKeepNoPlace(t *testing.T) {
	s := New(&testDialect{}, NewMetrics(), Options{Addressing: wire.NewAddressing("sls.test")}, slog.New(slog.DiscardHandler))
	read := 0
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://sls.test/fail", readerFunc(func([]byte) (int, error) {
		read++
		if n := len(s.places); n != 0 {
			t.Errorf("%d places are taken while the body of a refused request is read", n)
		}
		return 0, io.EOF
	}))
	s.ServeHTTP(deadlineRecorder{httptest.NewRecorder()}, r)
	if read == 0 {
		t.Error("the body was not read")
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// deadlineRecorder takes read deadlines, as a connection does.
type deadlineRecorder struct{ *httptest.ResponseRecorder }

func (deadlineRecorder) SetReadDeadline(time.Time) error { return nil }

// More connections than places wait until one closes, and none waits longer than the server runs.
func TestTooManyConnections(t *testing.T) {
	s := run(t, Options{MaxConnections: 2})
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: sls.test\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	answered := func(conn net.Conn, within time.Duration) bool {
		_ = conn.SetReadDeadline(time.Now().Add(within))
		n, _ := conn.Read(make([]byte, 1))
		return n == 1
	}
	first, second := dial(), dial()
	if !answered(first, time.Minute) || !answered(second, time.Minute) {
		t.Error("a connection within the limit has no answer")
	}
	third := dial()
	if answered(third, 50*time.Millisecond) {
		t.Error("a connection over the limit has an answer")
	}
	first.Close()
	if !answered(third, time.Minute) {
		t.Error("a connection has no answer though another one closed")
	}
	if err := s.wait(); err != nil {
		t.Error(err)
	}
}

func TestRequestIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		id := newRequestID()
		if len(id) != 24 || strings.Trim(id, "0123456789ABCDEF") != "" || seen[id] {
			t.Fatalf("request id %q", id)
		}
		seen[id] = true
	}
}
