package syslogsink_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, address)
}

func open(t *testing.T, c syslogsink.Config, now func() time.Time) sink.Sink {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	s, err := syslogsink.Open(c, sink.Env{Dial: dial, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// at makes c deliver to an address.
func at(t *testing.T, c syslogsink.Config, address string) syslogsink.Config {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	c.Host = host
	c.Port, err = strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConformance(t *testing.T) {
	ca := certs.New(t)
	server, client := ca.Issue(t, "receiver"), ca.Issue(t, "sluice")
	faults := map[sinktest.Fault]sinktest.Class{
		sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry, sinktest.Silent: sinktest.Retry,
	}
	for _, c := range []struct {
		name   string
		config syslogsink.Config
		faults map[sinktest.Fault]sinktest.Class
		refuse bool
	}{
		{"counted", syslogsink.Config{Protocol: "tcp"}, faults, false},
		{"lines, refusing what is long", syslogsink.Config{Protocol: "tcp", Framing: "line", Long: "refuse"}, faults, true},
		{"3164", syslogsink.Config{Protocol: "tcp", Standard: "rfc3164", Framing: "line"}, nil, false},
		{"TLS with client certificates", syslogsink.Config{
			Protocol: "tls",
			TLS:      &tlsconf.Config{CA: ca.PEM, Certificate: client.Certificate, Key: sink.NewSecret(client.Key)},
		}, faults, false},
		{"kept open", syslogsink.Config{Protocol: "tcp", KeepOpen: true}, nil, false},
		{"kept open, TLS", syslogsink.Config{Protocol: "tls", KeepOpen: true, TLS: &tlsconf.Config{
			CA: ca.PEM, Certificate: client.Certificate, Key: sink.NewSecret(client.Key),
		}}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := sinktest.Harness{Faults: c.faults, Open: func(t *testing.T) sinktest.Destination {
				r := newReceiver(t, nil)
				if c.config.Protocol == "tls" {
					r = newReceiver(t, server.Server(t, ca))
				}
				conf := at(t, c.config, r.proxy.Addr())
				conf.MaxLength = 2 << 20
				r.sink = open(t, conf, nil)
				return r
			}}
			if c.refuse {
				h.Refusable = func() *sink.Entry {
					return &sink.Entry{Fields: []sink.Field{{Key: "n", Value: "x"}, {Key: "v", Value: strings.Repeat("x", 2<<20)}}}
				}
			}
			sinktest.Run(t, h)
		})
	}
}

// Over UDP the suite says what is not promised.
func TestConformanceOfUDP(t *testing.T) {
	for _, c := range []struct {
		name   string
		config syslogsink.Config
	}{
		{"5424", syslogsink.Config{}},
		{"3164", syslogsink.Config{Standard: "rfc3164"}},
		{"refusing what is long", syslogsink.Config{Long: "refuse"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := sinktest.Harness{
				Unanswered: true, Repeats: sinktest.Twice, Faults: map[sinktest.Fault]sinktest.Class{sinktest.Lost: sinktest.Delivered}, MaxValue: 30_000,
				Open: func(t *testing.T) sinktest.Destination {
					r := newBlackHole(t)
					conf := at(t, c.config, r.conn.LocalAddr().String())
					conf.Protocol, conf.MaxLength = syslogsink.UDP, 60_000
					r.sink = open(t, conf, nil)
					return r
				},
			}
			if c.config.Long == syslogsink.Reject {
				h.Refusable = func() *sink.Entry {
					return &sink.Entry{Fields: []sink.Field{{Key: "n", Value: "x"}, {Key: "v", Value: strings.Repeat("x", 60_000)}}}
				}
			}
			sinktest.Run(t, h)
		})
	}
}

// log makes a log of pairs.
func log(pairs ...string) *sink.Entry {
	e := &sink.Entry{At: sink.Point{Position: 7, Index: 2}, Time: 1767323045, Nanos: 678_000_000, Source: "host1"}
	for i := 0; i < len(pairs); i += 2 {
		e.Fields = append(e.Fields, sink.Field{Key: pairs[i], Value: pairs[i+1]})
	}
	return e
}

var header = sink.Header{Project: "p1", Task: "t1", Shard: 3}

// messages sends logs over TCP and returns what arrived.
func messages(t *testing.T, c syslogsink.Config, logs ...*sink.Entry) []string {
	t.Helper()
	r := newReceiver(t, nil)
	s := open(t, at(t, c, r.proxy.Addr()), nil)
	b := s.Begin(header)
	defer b.Release()
	for _, e := range logs {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(t.Context(), sink.Point{}); err != nil {
		t.Fatal(err)
	}
	return r.wait(t.Context(), 0)
}

func TestMessages(t *testing.T) {
	raw := encode.Rows{Format: syslogsink.Raw}
	sd := encode.Rows{Format: syslogsink.SD}
	params := map[string]string{"project": "p1", "logstore": "ls1"}
	for _, c := range []struct {
		name   string
		config syslogsink.Config
		log    *sink.Entry
		want   string
	}{
		// The frames of the reference, delivery h.3.
		{
			"parameters",
			syslogsink.Config{Rows: raw, Params: params},
			log("content", "hello"),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - [sluice@32473 logstore="ls1" project="p1"] hello`,
		},
		{
			"fields as parameters",
			syslogsink.Config{Rows: sd},
			log("k", `a"b\c]d`, "日志", "v", "two words", ""),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - [sluice@32473 k="a\"b\\c\]d" __="v" two_words=""]`,
		},
		{
			"a marked text",
			syslogsink.Config{Rows: raw, BOM: true, Params: map[string]string{"k": `a"b\c]d`}},
			log("content", "日志"),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - [sluice@32473 k="a\"b\\c\]d"] ` + "\ufeff日志",
		},
		{
			"3164",
			syslogsink.Config{Rows: raw, Standard: "rfc3164"},
			log("content", "hello"),
			`<14>Jan  2 03:04:05 host1 sluice: hello`,
		},
		{
			"3164 in another zone",
			syslogsink.Config{Rows: raw, Standard: "rfc3164", TimeZone: "Asia/Shanghai", Tag: "app"},
			log("content", "hello"),
			`<14>Jan  2 11:04:05 host1 app: hello`,
		},
		{
			"json",
			syslogsink.Config{},
			log("a", "1", "b", "x\ny"),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - - {"a":"1","b":"x\ny"}`,
		},
		{
			"kv",
			syslogsink.Config{Rows: encode.Rows{Format: encode.KV}},
			log("a", "1", "b", "x y"),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - - a=1||b=x y`,
		},
		{
			"cef",
			syslogsink.Config{Rows: encode.Rows{Format: encode.CEF}, Standard: "rfc3164"},
			log("src", "192.0.2.1"),
			`<14>Jan  2 03:04:05 host1 sluice: CEF:0|Sluice|Sluice|1|log|log|3|rt=1767323045678 src=192.0.2.1`,
		},
		{
			"priority and names",
			syslogsink.Config{
				Rows: raw, Facility: "local7", Severity: "debug", Hostname: "h2", Tag: "a-b/c.d", MsgID: "ID47", SeverityField: "level",
			},
			log("content", "m"),
			`<191>1 2026-01-02T03:04:05.678Z h2 a-b/c.d - ID47 - m`,
		},
		{
			"severity and host of the log",
			syslogsink.Config{Rows: raw, Facility: "0", SeverityField: "level", HostnameField: "host"},
			log("content", "m", "level", "ERROR", "host", "web 1.日"),
			`<3>1 2026-01-02T03:04:05.678Z web_1._ sluice - - - m`,
		},
		{
			"a log id",
			syslogsink.Config{Rows: raw, LogID: true},
			log("content", "m"),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - [sluice@32473 id="p1/t1/3/7.2"] m`,
		},
		{
			"lines",
			syslogsink.Config{Rows: raw, Framing: "line"},
			log("content", "a\nb\r\nc\x00d"),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - - a b  c d`,
		},
		{
			"bytes that are not UTF-8",
			syslogsink.Config{Rows: raw},
			log("content", "a\xff\xfeb\n"),
			"<14>1 2026-01-02T03:04:05.678Z host1 sluice - - - a\ufffdb\n",
		},
		{"no text", syslogsink.Config{Rows: raw}, log("content", ""), `<14>1 2026-01-02T03:04:05.678Z host1 sluice - - -`},
		{
			"truncated between characters",
			syslogsink.Config{Rows: raw, MaxLength: 480},
			log("content", strings.Repeat("日", 200)),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - - ` + strings.Repeat("日", (480-3-50)/3) + "…",
		},
		{
			"parameters that do not fit",
			syslogsink.Config{Rows: sd, MaxLength: 480},
			log("a", "1", "b", strings.Repeat("x", 500), "c", "3"),
			`<14>1 2026-01-02T03:04:05.678Z host1 sluice - - [sluice@32473 a="1" truncated="true"]`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := messages(t, c.config, c.log); len(got) != 1 || got[0] != c.want {
				t.Errorf("got  %q\nwant [%q]", got, c.want)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	for nanos, want := range map[uint32]string{
		0: "2026-01-02T03:04:05Z", 1_000: "2026-01-02T03:04:05.000001Z", 999_999_999: "2026-01-02T03:04:05.999999Z", 120_000_000: "2026-01-02T03:04:05.120Z",
	} {
		e := log("a", "b")
		e.Nanos, e.Source = nanos, ""
		got := messages(t, syslogsink.Config{}, e)
		if !strings.HasPrefix(got[0], "<14>1 "+want+" - sluice") {
			t.Errorf("%d ns: %q, want %s", nanos, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	text := strings.Repeat("0123456789日", 150)
	c := syslogsink.Config{Rows: encode.Rows{Format: syslogsink.Raw}, Long: "split", MaxLength: 480}
	got := messages(t, c, log("content", "short"), log("content", text), log("content", "end"))
	if n := len(got); n < 7 || !strings.HasSuffix(got[0], " - short") || !strings.HasSuffix(got[n-1], " - end") {
		t.Fatalf("got %q", got)
	}
	parts := got[1 : len(got)-1]
	joined := ""
	for i, part := range parts {
		head, rest, ok := strings.Cut(part, fmt.Sprintf(` [sluice@32473 part="%d/%d"] `, i+1, len(parts)))
		if !ok || len(part) > 480 || head != `<14>1 2026-01-02T03:04:05.678Z host1 sluice - -` {
			t.Errorf("part %d is %q", i+1, part)
		}
		joined += rest
	}
	if joined != text {
		t.Errorf("the parts make %q", joined)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		config syslogsink.Config
		log    *sink.Entry
	}{
		"the field is missing": {syslogsink.Config{Rows: encode.Rows{Format: syslogsink.Raw}}, log("other", "x")},
		"too long":             {syslogsink.Config{Long: "refuse", MaxLength: 480}, log("a", strings.Repeat("x", 500))},
		"too long, sd":         {syslogsink.Config{Rows: encode.Rows{Format: syslogsink.SD}, Long: "refuse", MaxLength: 480}, log("a", strings.Repeat("x", 500))},
	} {
		c.config.Host = "localhost"
		s := open(t, c.config, nil)
		b := s.Begin(header)
		if err := b.Add(c.log); !errors.As(err, new(*sink.Refused)) || b.Len() != 0 || b.Encoded() != 0 {
			t.Errorf("%s: got %v, and %d logs", name, err, b.Len())
		}
		b.Release()
	}
}

func TestDatagrams(t *testing.T) {
	port, next := datagrams(t)
	c := syslogsink.Config{Host: "127.0.0.1", Port: port, Protocol: "udp", Rows: encode.Rows{Format: syslogsink.Raw}}
	s := open(t, c, nil)
	b := s.Begin(header)
	defer b.Release()
	want := []string{"one", "two\nlines", strings.Repeat("x", 2000), ""}
	for _, text := range want {
		if err := b.Add(log("content", text)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // sent twice, all are there twice
		if err := b.Send(t.Context(), sink.Point{}); err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			message := next()
			const head = "<14>1 2026-01-02T03:04:05.678Z host1 sluice - - -"
			if len(text) > 1024 {
				text = text[:1024-len(head)-len(" …")] + "…"
			}
			if text != "" {
				text = " " + text
			}
			if message != head+text {
				t.Errorf("got %q, want %q behind the header", message, text)
			}
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// kept is a sink that keeps its connections, with a clock of the test.
type kept struct {
	*receiver
	now time.Time
}

func newKept(t *testing.T) *kept {
	k := &kept{receiver: newReceiver(t, nil), now: time.Unix(1767323045, 0)}
	c := syslogsink.Config{KeepOpen: true, Rows: encode.Rows{Format: syslogsink.Raw}}
	k.sink = open(t, at(t, c, k.proxy.Addr()), func() time.Time {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.now
	})
	return k
}

func (k *kept) pass(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(d)
}

func (k *kept) send(t *testing.T, text string) error {
	t.Helper()
	b := k.sink.Begin(header)
	defer b.Release()
	if err := b.Add(log("content", text)); err != nil {
		t.Fatal(err)
	}
	return b.Send(t.Context(), sink.Point{})
}

// texts are the messages without their headers.
func (k *kept) texts(t *testing.T, n int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out []string
	for _, m := range k.wait(ctx, n) {
		out = append(out, m[strings.LastIndexByte(m, ' ')+1:])
	}
	return strings.Join(out, " ")
}

// TestReplay: what was written in the last seconds before the connection broke is written again before the next batch, in order, and what
// is older is not.
func TestReplay(t *testing.T) {
	k := newKept(t)
	for i, text := range []string{"a", "b", "c"} {
		if err := k.send(t, text); err != nil {
			t.Fatal(err)
		}
		k.texts(t, i+1)
		k.pass(3 * time.Second)
	}
	if k.opened != 1 {
		t.Errorf("%d connections were opened for three batches", k.opened)
	}
	k.pass(-3 * time.Second)
	k.breakConnection(t)
	k.pass(time.Hour) // the window ends when the connection breaks, not when the next batch comes
	if err := k.send(t, "d"); err != nil {
		t.Fatal(err)
	}
	if got, want := k.texts(t, 6), "a b c b c d"; got != want {
		t.Errorf("the receiver got %s, want %s", got, want)
	}
}

// breakConnection ends the connection from the other side, and waits until the sink has seen it.
func (k *kept) breakConnection(t *testing.T) {
	t.Helper()
	k.hangUp()
	syslogsink.WaitBroken(k.sink, header.Shard)
}

// TestReplayWhenItBreaksLater: the receiver is away for a while, and nothing of the window is lost over the tries that fail.
func TestReplayWhenItBreaksLater(t *testing.T) {
	k := newKept(t)
	if err := k.send(t, "a"); err != nil {
		t.Fatal(err)
	}
	k.texts(t, 1)
	k.proxy.Refuse()
	syslogsink.WaitBroken(k.sink, header.Shard)
	for range 3 {
		k.pass(time.Minute)
		// A connection that is reset at once may still take the bytes: the batch counts as written then, and is in the window.
		if err := k.send(t, "b"); err == nil {
			syslogsink.WaitBroken(k.sink, header.Shard)
		}
	}
	k.proxy.Heal()
	if err := k.send(t, "c"); err != nil {
		t.Fatal(err)
	}
	got := k.texts(t, 3)
	if !strings.HasPrefix(got, "a a ") || !strings.HasSuffix(got, " c") && got != "a a c" {
		t.Errorf("the receiver got %s, want a twice and c at the end", got)
	}
}

// TestClosedEarly: a receiver that closes before it has read everything has not got the batch, although it closed in good order.
func TestClosedEarly(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	s := open(t, at(t, syslogsink.Config{}, l.Addr().String()), nil)
	for range 20 {
		b := s.Begin(header)
		for range 100 {
			if err := b.Add(log("a", strings.Repeat("x", 1000))); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Send(t.Context(), sink.Point{}); err == nil {
			t.Fatal("send said yes")
		}
		b.Release()
	}
}

func TestCertificates(t *testing.T) {
	ca, other := certs.New(t), certs.New(t)
	server := ca.Issue(t, "receiver").Server(t, ca)
	good, bad := ca.Issue(t, "sluice"), other.Issue(t, "stranger")
	key := func(p certs.Pair) sink.Secret { return sink.NewSecret(p.Key) }
	for _, c := range []struct {
		name string
		tls  tlsconf.Config
		halt string
	}{
		{"good", tlsconf.Config{CA: ca.PEM, Certificate: good.Certificate, Key: key(good)}, ""},
		{"any server", tlsconf.Config{SkipVerify: true, Certificate: good.Certificate, Key: key(good)}, ""},
		{"by name", tlsconf.Config{CA: ca.PEM + other.PEM, ServerName: "localhost", Certificate: good.Certificate, Key: key(good)}, ""},
		{"another authority", tlsconf.Config{CA: other.PEM, Certificate: good.Certificate, Key: key(good)}, "the destination's certificate is not trusted"},
		{"the system's authorities", tlsconf.Config{Certificate: good.Certificate, Key: key(good)}, "the destination's certificate is not trusted"},
		{"another name", tlsconf.Config{CA: ca.PEM, ServerName: "example.com", Certificate: good.Certificate, Key: key(good)}, "the destination's certificate is not trusted"},
		{"no certificate", tlsconf.Config{CA: ca.PEM}, "does not accept our certificate"},
		{"a stranger's certificate", tlsconf.Config{CA: ca.PEM, Certificate: bad.Certificate, Key: key(bad)}, "does not accept our certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReceiver(t, server)
			s := open(t, at(t, syslogsink.Config{Protocol: "tls", TLS: &c.tls}, r.proxy.Addr()), nil)
			b := s.Begin(header)
			defer b.Release()
			if err := b.Add(log("a", "b")); err != nil {
				t.Fatal(err)
			}
			for what, err := range map[string]error{"send": b.Send(t.Context(), sink.Point{}), "check": s.Check(t.Context())} {
				halt := (*sink.Halt)(nil)
				if c.halt == "" && err != nil || c.halt != "" && (!errors.As(err, &halt) || !strings.Contains(halt.Reason, c.halt)) {
					t.Errorf("%s: got %v, want %q", what, err, c.halt)
				}
			}
		})
	}
}
