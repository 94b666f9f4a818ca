//go:build compat

package syslogsink_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/netfault"
	"github.com/sluicelog/sluice/test/syslogd"
)

// real is a daemon and a sink that reaches it through a network that can fail. Tests share the daemon, and see what came since they began.
type real struct {
	*syslogd.Daemon
	proxy *netfault.Proxy
	sink  sink.Sink
	skip  int
}

func newReal(t *testing.T, d *syslogd.Daemon, c syslogsink.Config) *real {
	t.Helper()
	address := d.TCP
	if c.Protocol == "tls" {
		address = d.TLS
		pair := d.CA.Issue(t, "sluice")
		c.TLS = &tlsconf.Config{CA: d.CA.PEM, Certificate: pair.Certificate, Key: sink.NewSecret(pair.Key)}
	}
	r := &real{Daemon: d, proxy: netfault.New(t, address)}
	before, err := d.Messages(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.skip = len(before)
	c.MaxLength = 2 << 20
	r.sink = open(t, at(t, c, r.proxy.Addr()), nil)
	return r
}

func (r *real) Sink() sink.Sink { return r.sink }

func (r *real) Received(ctx context.Context, n int) ([]sinktest.Delivery, error) {
	messages, err := r.Messages(ctx, r.skip, n)
	if err != nil {
		return nil, err
	}
	var out []sinktest.Delivery
	for _, m := range messages {
		fields, err := jsonOf("<14>" + m.Text)
		if err != nil {
			continue // the daemon keeps what a connection ends in the middle of
		}
		out = append(out, sinktest.Delivery{Logs: [][]sink.Field{fields}})
	}
	return out, nil
}

func (r *real) Inject(f sinktest.Fault) {
	switch f {
	case sinktest.Refuse:
		r.proxy.Refuse()
	case sinktest.Cut:
		r.proxy.Cut(1000)
	case sinktest.Stall:
		r.proxy.Stall()
	}
}

func (r *real) Heal() { r.proxy.Heal() }

func TestRealRsyslog(t *testing.T) {
	d := syslogd.Rsyslog(t)
	realConformance(t, d, "octet", "line")
	// rsyslog reads 3164, too.
	want := syslogd.Message{Host: "host1", Program: "sluice", Facility: "local3", Severity: "err", Data: "-", Text: " a=1||b=two words"}
	c := syslogsink.Config{Standard: "rfc3164", Framing: "line", Facility: "local3", Severity: "err", Rows: encode.Rows{Format: encode.KV}}
	realMessage(t, d, c, want, "a", "1", "b", "two words")
	want = syslogd.Message{Host: "host1", Program: "sluice", Facility: "user", Severity: "info", Data: `[sluice@32473 k="a\"b\\c\]d" x="日志"]`}
	realMessage(t, d, syslogsink.Config{Rows: encode.Rows{Format: syslogsink.SD}}, want, "k", `a"b\c]d`, "x", "日志")
}

func TestRealSyslogNG(t *testing.T) {
	d := syslogd.SyslogNG(t)
	realConformance(t, d, "octet")
	want := syslogd.Message{Host: "host1", Program: "app", Facility: "local7", Severity: "debug", Data: `[sluice@32473 env="prod"]`, Text: "日志 hello"}
	c := syslogsink.Config{
		Protocol: "tls", Facility: "local7", Severity: "debug", Tag: "app", Params: map[string]string{"env": "prod"}, Rows: encode.Rows{Format: syslogsink.Raw},
	}
	realMessage(t, d, c, want, "content", "日志 hello")
}

func realConformance(t *testing.T, d *syslogd.Daemon, framings ...string) {
	faults := map[sinktest.Fault]sinktest.Class{sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry}
	for _, framing := range framings {
		for _, c := range []syslogsink.Config{{Framing: framing}, {Framing: framing, Protocol: "tls"}, {Framing: framing, KeepOpen: true}} {
			name := framing + " " + c.Protocol
			h := sinktest.Harness{
				Open:   func(t *testing.T) sinktest.Destination { return newReal(t, d, c) },
				Faults: faults,
			}
			if c.KeepOpen {
				name, h.Faults = name+"kept open", nil
			}
			t.Run(name, func(t *testing.T) { sinktest.Run(t, h) })
		}
	}
}

// realMessage sends one log and compares what the daemon understood.
func realMessage(t *testing.T, d *syslogd.Daemon, c syslogsink.Config, want syslogd.Message, pairs ...string) {
	t.Helper()
	r := newReal(t, d, c)
	b := r.sink.Begin(header)
	defer b.Release()
	if err := b.Add(log(pairs...)); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(t.Context(), sink.Point{}); err != nil {
		t.Fatal(err)
	}
	got, err := d.Messages(t.Context(), r.skip, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]syslogd.Message{want}, got); diff != "" {
		t.Error(diff)
	}
}
