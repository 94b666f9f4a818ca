package splunksink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/splunksink"
	"github.com/sluicelog/sluice/test/netfault"
	"github.com/sluicelog/sluice/test/splunkhec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "hunter2-1234-5678"

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

// splunk is a collector behind a network that can fail.
type splunk struct {
	*splunkhec.Server
	proxy *netfault.Proxy
	sink  sink.Sink
	log   *bytes.Buffer
}

func newSplunk(t *testing.T, hec *splunkhec.Server, c splunksink.Config) *splunk {
	t.Helper()
	s := &splunk{Server: hec, log: new(bytes.Buffer)}
	s.Token, s.MaxBody = token, 16<<20
	server := httptest.NewServer(s.Server)
	t.Cleanup(server.Close)
	s.proxy = netfault.New(t, server.Listener.Addr().String())
	if c.Token.IsZero() {
		c.Token = sink.NewSecret(token)
	}
	c.URL = "http://" + s.proxy.Addr()
	out, err := splunksink.Open(c, sink.Env{Dial: dial, Now: time.Now, Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	splunksink.Hurry(out)
	s.sink = out
	return s
}

func (s *splunk) Sink() sink.Sink { return s.sink }

func (s *splunk) Received(context.Context, int) ([]sinktest.Delivery, error) {
	var out []sinktest.Delivery
	for _, e := range s.Events() {
		text := []byte(e.Event)
		if e.Raw != "" {
			text = []byte(e.Raw)
		}
		fields, err := sinktest.DecodeJSON(text)
		if err != nil {
			return nil, err
		}
		out = append(out, sinktest.Delivery{ID: e.RequestID, Logs: [][]sink.Field{fields}})
	}
	return out, nil
}

func ptr[T any](v T) *T { return &v }

// answers of the faults that the collector makes itself.
var answers = map[sinktest.Fault]*splunkhec.Answer{
	sinktest.Unauthorized: {Status: 403, Code: 4, Text: "Invalid token " + token},
	sinktest.Forbidden:    {Status: 400, Code: 7, Text: "Incorrect index", Number: ptr(0)},
	sinktest.Missing:      {Status: 404, Plain: true},
	sinktest.Busy:         {Status: 503, Code: 9, Text: "Server is busy", Header: map[string]string{"Retry-After": "3"}},
	sinktest.Broken:       {Status: 500, Code: 8, Text: "Internal server error"},
	sinktest.TooLarge:     {Status: 413, Plain: true},
	sinktest.Invalid:      {Status: 400, Code: 6, Text: "Invalid data format", Number: ptr(3)},
}

func (s *splunk) Inject(f sinktest.Fault) {
	s.Fail(answers[f])
	switch f {
	case sinktest.Refuse:
		s.proxy.Refuse()
	case sinktest.Cut:
		s.proxy.Cut(200)
	case sinktest.Stall:
		s.proxy.Stall()
	case sinktest.Silent:
		s.proxy.CutAnswer(1)
	}
}

func (s *splunk) Heal() {
	s.Fail(nil)
	s.proxy.Heal()
}

func TestConformance(t *testing.T) {
	faults := map[sinktest.Fault]sinktest.Class{
		sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry, sinktest.Silent: sinktest.Retry,
		sinktest.Unauthorized: sinktest.Halt, sinktest.Forbidden: sinktest.Halt, sinktest.Missing: sinktest.Halt, sinktest.Busy: sinktest.Later,
		sinktest.Broken: sinktest.Retry, sinktest.TooLarge: sinktest.Oversize, sinktest.Invalid: sinktest.Refused,
	}
	for _, c := range []struct {
		name   string
		acks   bool
		config splunksink.Config
	}{
		{"events", false, splunksink.Config{}},
		{"events, acknowledged", true, splunksink.Config{Acks: true, Compression: encode.None}},
		{"lines", false, splunksink.Config{Endpoint: "raw"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sinktest.Run(t, sinktest.Harness{
				Open: func(t *testing.T) sinktest.Destination {
					return newSplunk(t, &splunkhec.Server{Acks: c.acks}, c.config)
				},
				Repeats: sinktest.SameID, Faults: faults, Secrets: []string{token},
			})
		})
	}
}

// entry makes the i-th log.
func entry(i int) *sink.Entry {
	return &sink.Entry{
		At: sink.Point{Position: 7, Index: i}, Time: 1767323045, Nanos: 678_000_000, Topic: "t", Source: "host1",
		Tags:   []sluice.Field{{Key: "__path__", Value: "/x"}},
		Fields: []sink.Field{{Key: "msg", Value: "hello"}, {Key: "code", Value: "200", Kind: sink.Number}},
	}
}

var (
	header = sink.Header{Project: "p1", Task: "t1", Shard: 3, From: sink.Point{Position: 7}}
	to     = sink.Point{Position: 8}
)

func newBatch(t *testing.T, s sink.Sink, n int) sink.Batch {
	t.Helper()
	b := s.Begin(header)
	t.Cleanup(b.Release)
	for i := range n {
		if err := b.Add(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		config splunksink.Config
		want   string
	}{
		{
			splunksink.Config{},
			`{"Time":1767323045.678,"Host":"host1","Source":"sluice:p1/t1","Sourcetype":"_json","Index":"","Event":{"msg":"hello","code":200},` +
				`"Fields":{"log_source":"host1","sluice_id":"p1/t1/3/7.0","tag:__path__":"/x","topic":"t"}}`,
		},
		{
			splunksink.Config{Rows: encode.Rows{Format: encode.KV}, Sourcetype: "st", Source: "s", Index: "main", Host: "h"},
			`{"Time":1767323045.678,"Host":"h","Source":"s","Sourcetype":"st","Index":"main","Event":"msg=hello||code=200",` +
				`"Fields":{"log_source":"host1","sluice_id":"p1/t1/3/7.0","tag:__path__":"/x","topic":"t"}}`,
		},
		{
			splunksink.Config{HostField: "msg"},
			`{"Time":1767323045.678,"Host":"hello","Source":"sluice:p1/t1","Sourcetype":"_json","Index":"","Event":{"msg":"hello","code":200},` +
				`"Fields":{"log_source":"host1","sluice_id":"p1/t1/3/7.0","tag:__path__":"/x","topic":"t"}}`,
		},
	} {
		s := newSplunk(t, &splunkhec.Server{}, c.config)
		if err := newBatch(t, s.sink, 1).Send(t.Context(), to); err != nil {
			t.Fatal(err)
		}
		e := s.Events()[0]
		got, err := json.Marshal(struct {
			Time                            json.Number
			Host, Source, Sourcetype, Index string
			Event                           json.RawMessage
			Fields                          map[string]any
		}{e.Time, e.Host, e.Source, e.Sourcetype, e.Index, e.Event, e.Fields})
		if err != nil || string(got) != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestCodes: what the engine is told by the collector's code.
func TestCodes(t *testing.T) {
	for _, c := range []struct {
		answer splunkhec.Answer
		want   string
	}{
		{splunkhec.Answer{Status: 200, Code: 0}, "yes"},
		{splunkhec.Answer{Status: 403, Code: 1}, "halt"},
		{splunkhec.Answer{Status: 401, Code: 2}, "halt"},
		{splunkhec.Answer{Status: 401, Code: 3}, "halt"},
		{splunkhec.Answer{Status: 403, Code: 4}, "halt"},
		{splunkhec.Answer{Status: 400, Code: 5}, "retry"},
		{splunkhec.Answer{Status: 400, Code: 6, Number: ptr(2)}, "refused 2+1"},
		{splunkhec.Answer{Status: 400, Code: 6}, "refused 0+0"},
		{splunkhec.Answer{Status: 400, Code: 6, Number: ptr(-1)}, "refused 0+0"},
		{splunkhec.Answer{Status: 400, Code: 7, Number: ptr(2)}, "halt"},
		{splunkhec.Answer{Status: 500, Code: 8}, "retry"},
		{splunkhec.Answer{Status: 503, Code: 9}, "retry"},
		{splunkhec.Answer{Status: 503, Code: 9, Header: map[string]string{"Retry-After": "3"}}, "later 3s"},
		{splunkhec.Answer{Status: 400, Code: 10}, "retry"},
		{splunkhec.Answer{Status: 400, Code: 11}, "retry"},
		{splunkhec.Answer{Status: 400, Code: 12, Number: ptr(0)}, "refused 0+1"},
		{splunkhec.Answer{Status: 400, Code: 13, Number: ptr(1)}, "refused 1+1"},
		{splunkhec.Answer{Status: 400, Code: 15, Number: ptr(1)}, "refused 1+1"},
		{splunkhec.Answer{Status: 400, Code: 16}, "halt"},
		{splunkhec.Answer{Status: 503, Code: 18}, "retry"},
		{splunkhec.Answer{Status: 503, Code: 19}, "retry"},
		{splunkhec.Answer{Status: 503, Code: 20}, "retry"},
		{splunkhec.Answer{Status: 413, Code: 27}, "too large"},
		{splunkhec.Answer{Status: 418, Code: 99}, "retry"},
		{splunkhec.Answer{Status: 200, Plain: true}, "halt"},
		{splunkhec.Answer{Status: 302, Plain: true}, "halt"},
		{splunkhec.Answer{Status: 400, Plain: true}, "halt"},
		{splunkhec.Answer{Status: 403, Plain: true}, "halt"},
		{splunkhec.Answer{Status: 413, Plain: true}, "too large"},
		{splunkhec.Answer{Status: 502, Plain: true}, "retry"},
		{splunkhec.Answer{Status: 429, Plain: true, Header: map[string]string{"Retry-After": "5"}}, "later 5s"},
	} {
		s := newSplunk(t, &splunkhec.Server{}, splunksink.Config{})
		s.Fail(&c.answer)
		if got := classOf(newBatch(t, s.sink, 3).Send(t.Context(), to)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.answer, got, c.want)
		}
	}
}

func classOf(err error) string {
	var (
		refused *sink.Refused
		halt    *sink.Halt
		later   *sink.Later
	)
	switch {
	case err == nil:
		return "yes"
	case errors.As(err, &refused):
		return fmt.Sprintf("refused %d+%d", refused.First, refused.Count)
	case errors.As(err, &halt):
		return "halt"
	case errors.As(err, &later):
		return fmt.Sprintf("later %v", later.After)
	case errors.Is(err, sink.ErrTooLarge):
		return "too large"
	}
	return "retry"
}

// TestLateAcknowledgement: the batch waits for it, and what was acknowledged behind the end of a try is not sent again.
func TestLateAcknowledgement(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newSplunk(t, &splunkhec.Server{Acks: true, Asked: cancel}, splunksink.Config{Acks: true}) // who asks has had the answer to the events
	s.HoldAcks(true)
	b := newBatch(t, s.sink, 3)
	if err := b.Send(ctx, to); classOf(err) != "retry" {
		t.Fatalf("without an acknowledgement: %v", err)
	}
	s.HoldAcks(false)
	if err := b.Send(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Events()); n != 3 {
		t.Errorf("%d events arrived, want 3", n)
	}
}

// TestLostAcknowledgement: a Splunk that was started again knows of none, and gets the batch again with the same ids.
func TestLostAcknowledgement(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newSplunk(t, &splunkhec.Server{Acks: true, Asked: cancel}, splunksink.Config{Acks: true}) // who asks has had the answer to the events
	s.HoldAcks(true)
	b := newBatch(t, s.sink, 1)
	if err := b.Send(ctx, to); err == nil {
		t.Fatal("send said yes")
	}
	s.Restart()
	s.HoldAcks(false)
	if err := b.Send(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	events := s.Events()
	if len(events) != 2 || events[0].Fields["sluice_id"] != events[1].Fields["sluice_id"] || events[0].RequestID != events[1].RequestID {
		t.Errorf("got %+v, want the event twice with the same ids", events)
	}
}

func TestAcksAreDisabled(t *testing.T) {
	s := newSplunk(t, &splunkhec.Server{}, splunksink.Config{Acks: true})
	for range 2 {
		if err := newBatch(t, s.sink, 1).Send(t.Context(), to); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(s.log.String(), "level=WARN"); n != 1 || strings.Contains(s.log.String(), token) {
		t.Errorf("the log is %q, want one warning", s.log)
	}
}

func TestNewChannel(t *testing.T) {
	const channel = "01234567-89ab-cdef-0123-456789abcdef"
	s := newSplunk(t, &splunkhec.Server{}, splunksink.Config{Channel: channel})
	b := newBatch(t, s.sink, 1)
	s.Fail(&splunkhec.Answer{Status: 400, Code: 11, Text: "Invalid data channel"})
	if err := b.Send(t.Context(), to); err == nil {
		t.Fatal("send said yes")
	}
	s.Fail(nil)
	if err := b.Send(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if got := s.Events()[0].Channel; got == channel || len(got) != len(channel) {
		t.Errorf("the channel is %q, want another", got)
	}
}

func TestIndex(t *testing.T) {
	s := newSplunk(t, &splunkhec.Server{Indexes: []string{"main"}}, splunksink.Config{Index: "other"})
	if got := classOf(newBatch(t, s.sink, 1).Send(t.Context(), to)); got != "halt" {
		t.Errorf("got %s, want a halt", got)
	}
}

func TestBlank(t *testing.T) {
	s := newSplunk(t, &splunkhec.Server{}, splunksink.Config{Rows: encode.Rows{Format: encode.KV}})
	b := s.sink.Begin(header)
	defer b.Release()
	e := entry(0)
	e.Fields = nil
	if err := b.Add(e); !errors.As(err, new(*sink.Refused)) || b.Len() != 0 || b.Encoded() != 0 {
		t.Errorf("got %v, and %d logs", err, b.Len())
	}
}

// TestValidate: each document is the field to blame and what is merged into a good one.
func TestValidate(t *testing.T) {
	for _, c := range []struct{ field, document string }{
		{"", `{}`},
		{"", `{"url":"https://h/prefix/services/collector","endpoint":"raw","format":"cef","acks":true,"channel":"01234567-89ab-cdef-0123-456789abcdef"}`},
		{"url", `{"url":""}`},
		{"url", `{"url":"splunk:8088"}`},
		{"url", `{"url":"https://u:hunter2@h"}`},
		{"url", `{"url":"https://h?token=hunter2"}`},
		{"tls", `{"url":"http://h","tls":{}}`},
		{"tls.ca", `{"tls":{"ca":"x"}}`},
		{"token", `{"token":""}`},
		{"token", `{"token":"a b"}`},
		{"endpoint", `{"endpoint":"metrics"}`},
		{"compression", `{"compression":"zstd"}`},
		{"channel", `{"channel":"1234"}`},
		{"sourcetype", `{"sourcetype":"a\nb"}`},
		{"index", `{"index":"` + strings.Repeat("i", 1025) + `"}`},
		{"ackSeconds", `{"ackSeconds":9}`},
		{"maxLogs", `{"maxLogs":-1}`},
		{"maxBytes", `{"maxBytes":1}`},
		{"maxAgeSeconds", `{"maxAgeSeconds":3601}`},
		{"timeoutSeconds", `{"timeoutSeconds":601}`},
		{"format", `{"format":"json-array"}`},
	} {
		conf := splunksink.Config{URL: "https://h:8088", Token: sink.NewSecret("hunter2")}
		if err := json.Unmarshal([]byte(c.document), &conf); err != nil {
			t.Fatalf("%s: %v", c.document, err)
		}
		err := conf.Validate()
		if c.field == "" && err != nil {
			t.Errorf("%.100s: %v", c.document, err)
		}
		if c.field != "" && (sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), c.field) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%.100s: got %v, want one about %s that shows no secret", c.document, err, c.field)
		}
	}
}
