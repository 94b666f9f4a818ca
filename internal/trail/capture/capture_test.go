package capture_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/capture"
	"github.com/sluicelog/sluice/internal/wire"
)

// dialect serves what the path says: /SERVICE/ACTION/STATUS.
type dialect struct {
	ran    []string
	during func(w http.ResponseWriter)
}

func (d *dialect) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	parts := strings.Split(r.URL.Path, "/")
	c.Service, c.Action, c.Project, c.Detail = parts[1], parts[2], "web", detail{r}
	if parts[3] == "401" {
		d.Refuse(w, r, c, sluice.Errorf(sluice.Unauthorized, "signature", "signature given is not matched"))
		return
	}
	if err := c.Start(); err != nil {
		d.Refuse(w, r, c, err)
		return
	}
	d.ran = append(d.ran, c.Action)
	switch parts[3] {
	case "panic":
		panic("in the middle of it")
	case "late-panic":
		w.WriteHeader(http.StatusOK)
		panic("in the middle of the answer")
	case "400":
		d.Refuse(w, r, c, sluice.Errorf(sluice.Invalid, "parameter", "%q is no number, and neither is %s nor %q", "hunter2!", r.URL.Query().Get("ttl2"), "web"))
		return
	}
	w.Header().Set("X-Log-Count", "1")
	_, _ = io.WriteString(w, `{"AccessKey":{"AccessKeyId":"AK2","AccessKeySecret":"hunter2!"}}`)
	if d.during != nil {
		d.during(w)
	}
}

func (d *dialect) Refuse(w http.ResponseWriter, _ *http.Request, c *wire.Call, err error) {
	status := map[sluice.Kind]int{sluice.Unauthorized: 401, sluice.Invalid: 400, sluice.Unavailable: 503}[sluice.KindOf(err)]
	c.Code, c.Err = sluice.KindOf(err).String(), err
	if status == 0 {
		status = 500
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, err.Error())
}

func (d *dialect) Drain() {}

type detail struct{ r *http.Request }

// accounts are whose keys tests have.
var accounts = map[string]*auth.Principal{"root": {Root: true, Account: "1"}, "user": {Account: "1", User: "ops"}, "tenant": {Owner: true, Account: "77"}}

func (d detail) Detail() wire.Detail {
	p := map[string]any{}
	for name, values := range d.r.URL.Query() {
		p[name] = values[0]
	}
	return wire.Detail{Version: "0.6.0", AccessKey: "AK1", Signature: "LOG-HMAC-SHA1", Principal: accounts[d.r.Header.Get("As")], Params: p, Objects: []string{"dashboard/d"}}
}

// writer keeps events in memory; err makes it fail.
type writer struct {
	mu     sync.Mutex // guards all
	events []*trail.Event
	waited int
	err    error // of Append
	known  error // of Err
	freed  []*trail.Event
	used   error // of ErrFreeing
}

func (w *writer) Append(_ context.Context, e *trail.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waited++
	if w.err == nil {
		w.events = append(w.events, e)
	}
	return w.err
}

func (w *writer) Offer(e *trail.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func (w *writer) Err() error { return w.known }

func (w *writer) AppendFreed(_ context.Context, e *trail.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.freed = append(w.freed, e)
	return nil
}

func (w *writer) ErrFreeing() error { return w.used }

type bench struct {
	*dialect
	*writer
	t     *testing.T
	audit *capture.Audit
}

func newBench(t *testing.T, o capture.Options) *bench {
	o.Owner = func(string) string { return "77" }
	o.Source = func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.1") }
	b := &bench{dialect: &dialect{}, writer: &writer{}, t: t}
	b.audit = capture.New(b.dialect, b.writer, o)
	return b
}

func (b *bench) call(path string) *httptest.ResponseRecorder {
	b.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://web.sls.test"+path, nil)
	r.Header.Set("User-Agent", "tool/1\x01")
	b.audit.Serve(w, r, &wire.Call{ID: "0123456789ABCDEF01234567"})
	return w
}

// last is the newest event, and the only one since the last call of last.
func (b *bench) last() *trail.Event {
	b.t.Helper()
	if len(b.events) != 1 {
		b.t.Fatalf("there are %d events, want one", len(b.events))
	}
	e := b.events[0]
	b.events = nil
	return e
}

func TestEvents(t *testing.T) {
	b := newBench(t, capture.Options{Region: "r1", Root: "1"})
	b.call("/sls/CreateLogStore/200?logstoreName=app&ttl=30&x=hunter2!")
	e := b.last()
	want := `sls CreateLogStore Management false 77 {unknown     AK1 0001-01-01 00:00:00 +0000 UTC} 192.0.2.1 tool/1 200 ` +
		`map[logstoreName:app ttl:30 x:map[present:true]] map[] []`
	e.Resources = nil
	if got := fmt.Sprint(e.Service, " ", e.Name, " ", e.Category, " ", e.ReadOnly, " ", e.Account, " ", e.Identity, " ", e.Source, " ", e.Agent, " ", e.Status, " ",
		e.Request, " ", e.Response, " ", e.Resources); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	b.call("/sls/CreateLogStore/200?logstoreName=app")
	got := b.last().Resources
	if want := "[{ACS::SLS::Project web acs:log:r1:77:project/web} {ACS::SLS::Logstore app acs:log:r1:77:project/web/logstore/app} {ACS::SLS::Dashboard d }]"; fmt.Sprint(got) != want {
		t.Errorf("resources: got %v, want %s", got, want)
	}
	b.call("/ram/CreateAccessKey/200?UserName=ops")
	if e = b.last(); fmt.Sprint(e.Response) != "map[AccessKey:map[AccessKeyId:AK2 AccessKeySecret:HIDDEN]]" || e.Resources[1].Name != "ops" {
		t.Errorf("got %+v", e)
	}
	b.call("/sls/DeleteLogStore/401")
	if e = b.last(); e.Status != 401 || e.ErrorCode != "unauthorized" || e.ErrorMessage != "signature given is not matched" {
		t.Errorf("got %+v", e)
	}
	b.call("/sls//400")
	if e = b.last(); e.Name != "" || e.ReadOnly || e.Category != trail.Management {
		t.Errorf("an action that was not found: %+v", e)
	}
	b.call("/sls/CreateLogStore/400?ttl2=hunter3!")
	if e = b.last(); e.ErrorMessage != `"…" is no number, and neither is … nor "web"` {
		t.Errorf("the message is %s", e.ErrorMessage)
	}
}

func TestDataEvents(t *testing.T) {
	b := newBench(t, capture.Options{OneIn: 3})
	b.call("/sls/PutLogs/200")
	if len(b.events) != 0 {
		t.Error("a data event is recorded that nobody asked for")
	}
	b.audit.Select(func(e *trail.Event) bool { return e.Name == "PostLogStoreLogs" && !e.Time.IsZero() }) // trails choose by time, too
	for range 30 {
		b.call("/sls/PutLogs/200")
		b.call("/sls/GetLogs/200")
	}
	if len(b.events) != 10 || fmt.Sprint(b.events[0].Additional["sampledOneIn"]) != "3" {
		t.Errorf("%d events of 30 calls, want each third", len(b.events))
	}
	b.audit.Select(nil)
	b.call("/sls/PutLogs/200")
	if len(b.events) != 10 {
		t.Error("a data event is recorded after nobody asked any more")
	}
}

// In strict mode the answer of a call that changes something comes after its event.
func TestStrictWaits(t *testing.T) {
	b := newBench(t, capture.Options{Strict: true})
	out := httptest.NewRecorder()
	b.during = func(http.ResponseWriter) {
		if out.Body.Len() > 0 {
			t.Error("a part of the answer was sent before its event was written")
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://h/ram/CreateAccessKey/200", nil)
	b.audit.Serve(out, r, &wire.Call{})
	b.during = nil
	if b.waited != 1 || out.Code != 200 || !strings.Contains(out.Body.String(), "hunter2!") || out.Header().Get("X-Log-Count") != "1" {
		t.Errorf("%d waited, the answer is %d %s", b.waited, out.Code, out.Body)
	}
	if e := b.last(); fmt.Sprint(e.Response) == "map[]" {
		t.Error("nothing is told of the answer")
	}
	b.call("/sls/GetLogStore/200")
	b.call("/sls/DeleteLogStore/401")
	if b.waited != 1 {
		t.Error("a read, or a call that was not begun, waited for its event")
	}
}

// Nothing is done while events cannot be written; what could not be recorded although it was done is marked.
func TestStrictFails(t *testing.T) {
	b := newBench(t, capture.Options{Strict: true})
	b.known = errors.New("the disk is full")
	if w := b.call("/sls/CreateLogStore/200"); w.Code != 503 || len(b.ran) != 0 {
		t.Errorf("got %d %s, and %v ran", w.Code, w.Body, b.ran)
	}
	if e := b.last(); e.ErrorCode != "unavailable" {
		t.Errorf("got %+v", e)
	}
	if w := b.call("/sls/GetLogStore/200"); w.Code != 200 {
		t.Errorf("a read: got %d %s", w.Code, w.Body)
	}
	b.known, b.err, b.events = nil, errors.New("the disk is full"), nil
	w := b.call("/sls/DeleteLogStore/200")
	if w.Code != 503 || w.Header().Get("X-Sluice-Executed") != "true" || w.Header().Get("X-Log-Count") != "" || strings.Contains(w.Body.String(), "hunter2!") {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
}

// On a full disk only calls of the root account that make room are carried out, and only while something is kept for their events.
func TestStrictOnAFullDisk(t *testing.T) {
	full := errors.New("the disk is full")
	f := func(as, path string, used error, done bool) {
		t.Helper()
		b := newBench(t, capture.Options{Strict: true, Root: "1"})
		b.known, b.err, b.used = full, full, used
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "http://web.sls.test"+path, nil)
		r.Header.Set("As", as)
		b.audit.Serve(w, r, &wire.Call{})
		if !done && (w.Code != 503 || len(b.ran) > 0 || len(b.freed) > 0 || len(b.events) != 1) {
			t.Errorf("%s %s: got %d, %v ran, %d events from the reserve, %d others", as, path, w.Code, b.ran, len(b.freed), len(b.events))
		}
		if done && (w.Code >= 500 || len(b.ran) != 1 || len(b.freed) != 1 || len(b.events) > 0) {
			t.Errorf("%s %s: got %d, %v ran, %d events from the reserve, %d others", as, path, w.Code, b.ran, len(b.freed), len(b.events))
		}
	}
	f("root", "/sls/DeleteLogStore/200", nil, true)
	f("user", "/sls/UpdateLogStore/200", nil, true)
	f("root", "/sls/DeleteProject/400", nil, true)
	f("root", "/sls/DeleteLogStore/200", full, false)
	f("tenant", "/sls/DeleteLogStore/200", nil, false)
	f("", "/sls/DeleteLogStore/200", nil, false)
	f("root", "/sls/CreateLogStore/200", nil, false)
	f("root", "/sls/DeleteLogs/200", nil, false) // which hides logs, and frees nothing
}

// A panic is an event, once, whether the answer had begun or not.
func TestPanics(t *testing.T) {
	b := newBench(t, capture.Options{Strict: true})
	serve := func(path string) {
		t.Helper()
		c := &wire.Call{}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://h"+path, nil)
		w := httptest.NewRecorder()
		defer func() {
			if recover() == nil {
				t.Error("the server does not get to see the panic")
			}
			if w.Body.Len() == 0 && !strings.Contains(path, "late") || strings.Contains(path, "Delete") { // as the server does
				b.audit.Refuse(w, r, c, errors.New("panic"))
			}
		}()
		b.audit.Serve(w, r, c)
	}
	serve("/sls/CreateLogStore/panic")
	if e := b.last(); e.Status != 500 || e.Name != "CreateLogStore" || e.ErrorMessage != "internal error" {
		t.Errorf("got %+v", e)
	}
	serve("/sls/DeleteLogStore/late-panic") // kept back, so nothing was sent yet
	if e := b.last(); e.Status != 500 {
		t.Errorf("got %+v", e)
	}
	serve("/sls/GetLogStore/late-panic")
	if e := b.last(); e.Status != 200 {
		t.Errorf("got %+v", e)
	}
}

// What a call costs of whose action nobody wants events.
func BenchmarkUnwanted(b *testing.B) {
	a := capture.New(&dialect{}, &writer{}, capture.Options{Owner: func(string) string { return "" }, Now: func() time.Time { return time.Time{} }})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://h/sls/PutLogs/200", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		w.Body.Reset()
		a.Serve(w, r, &wire.Call{})
	}
}

// What a management event costs its call: everything but the writing.
func BenchmarkManagement(b *testing.B) {
	to := &writer{}
	a := capture.New(&dialect{}, to, capture.Options{
		Owner: func(string) string { return "1" }, Source: func(*http.Request) netip.Addr { return netip.Addr{} },
	})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://h/sls/CreateLogStore/200?logstoreName=app&ttl=30&shardCount=2", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		w.Body.Reset()
		to.events = to.events[:0]
		a.Serve(w, r, &wire.Call{})
	}
}
