package collector_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/test/certs"
)

// relay is a receiver of Devo's protocol: lines over TLS, and no answers. Each connection's lines come as one text, at its end.
type relay struct {
	net.Listener
	lines chan string
}

func newRelay(t *testing.T, conf *tls.Config) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if conf != nil {
		l = tls.NewListener(l, conf)
	}
	r := &relay{l, make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				r.lines <- lines.Text()
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return r
}

func openDevo(t *testing.T, dir, config string) collector.Destination {
	t.Helper()
	env := sink.Env{Dial: (&net.Dialer{}).DialContext, Now: time.Now}
	d, err := collector.DevoKind(env, dir)("devo", json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// An event goes to Devo as the service that we follow sends it: the table is its tag, and the message is the event on one line.
func TestDevo(t *testing.T) {
	authority := certs.New(t)
	server, client, dir := authority.Issue(t, "localhost"), authority.Issue(t, "collector"), t.TempDir()
	for name, text := range map[string]string{"chain.crt": authority.PEM, "c.crt": client.Certificate, "c.key": client.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair([]byte(server.Certificate), []byte(server.Key))
	if err != nil {
		t.Fatal(err)
	}
	for _, acknowledge := range []string{"none", "close"} {
		r := newRelay(t, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert})
		_, port, _ := net.SplitHostPort(r.Addr().String())
		d := openDevo(t, dir, fmt.Sprintf(`{"address": "localhost", "port": %s, "type": "SSL", "chain": "chain.crt", "cert": "c.crt", "key": "c.key",
			"hostname": "h1", "acknowledge": %q}`, port, acknowledge))
		if err := d.Check(context.Background()); err != nil {
			t.Fatal(err)
		}
		del := &collector.Delivery{Input: "alibaba", Service: "actiontrail", Part: "cn-test", Tag: "cloud.alibaba.actiontrail.events", Events: []collector.Event{
			{Time: 1739791455, Topic: "t", Fields: []sink.Field{{Key: "event", Value: `{"eventId":"e-1","@devo_pulling_id":7}`, Kind: sink.JSON}}},
			{Time: 1739791456, Fields: []sink.Field{{Key: "MessageBody", Value: "two\nlines"}, {Key: "Priority", Value: "8", Kind: sink.Number}}},
			{Time: 1739791457, Topic: "audit", Source: "10.0.0.1", Tags: []sluice.Field{{Key: "k", Value: "v"}}, Fields: []sink.Field{{Key: "a", Value: `"b"`}}},
		}}
		if refused, err := d.Send(context.Background(), del); err != nil || len(refused) > 0 {
			t.Fatal(refused, err)
		}
		for _, want := range []string{
			`<14>Feb 17 11:24:15 h1 cloud.alibaba.actiontrail.events: {"eventId":"e-1","@devo_pulling_id":7}`,
			`<14>Feb 17 11:24:16 h1 cloud.alibaba.actiontrail.events: {"MessageBody":"two\nlines","Priority":8}`,
			`<14>Feb 17 11:24:17 h1 cloud.alibaba.actiontrail.events: {"__time__":1739791457,"__topic__":"audit","__source__":"10.0.0.1","__tag__:k":"v","a":"\"b\""}`,
		} {
			if got := <-r.lines; got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", acknowledge, got, want)
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A configuration that cannot be meant is refused with what is wrong.
func TestDevoRefuses(t *testing.T) {
	for config, want := range map[string]string{
		`{"address": "localhost", "type": "UDP"}`:                        "type:",
		`{"address": "localhost", "acknowledge": "maybe"}`:               "acknowledge:",
		`{"address": "localhost", "type": "TCP", "chain": "x"}`:          "TCP has no certificates",
		`{"address": "localhost", "chain": "there-is-no-such-file.crt"}`: "chain:",
		`{"address": ""}`:       "host:",
		`{"host": "localhost"}`: `"host"`,
	} {
		_, err := collector.DevoKind(sink.Env{}, t.TempDir())("devo", json.RawMessage(config))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want one with %q", config, err, want)
		}
	}
}
