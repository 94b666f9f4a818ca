//go:build compat

package httpsink_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/sinktest"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/certs"
	"github.com/sluicelog/sluice/test/netfault"
	"github.com/sluicelog/sluice/test/tools"
)

// nginx starts a real one before the receiver, with HTTP/2 over TLS, and returns its address and authority. It wants a token, takes bodies
// of 2 MB at most and passes /log on.
func nginx(t *testing.T, r *receiver) (address, ca string) {
	t.Helper()
	dir := t.TempDir()
	authority := certs.New(t)
	pair := authority.Issue(t, "nginx")
	address = tools.FreeAddresses(t, 1)[0]
	conf := fmt.Sprintf(`daemon off; master_process off; error_log stderr; pid %[1]s/pid;
events {}
http {
	access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	server {
		listen %[2]s ssl http2;
		ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem;
		client_max_body_size 2m;
		location /log {
			if ($http_authorization != "Bearer %[3]s") { return 401; }
			proxy_pass http://%[4]s;
		}
		location /moved { return 308 https://%[2]s/log; }
	}
}`, dir, address, secrets[0], r.server.Listener.Addr())
	for name, text := range map[string]string{"nginx.conf": conf, "cert.pem": pair.Certificate, "key.pem": pair.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(tools.Dir(t, "nginx-light"), "usr/sbin/nginx")
	tools.Run(t, []string{address}, nil, program, "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
	return address, authority.PEM
}

// TestRealNginx delivers through nginx.
func TestRealNginx(t *testing.T) {
	newDestination := func(t *testing.T) (*receiver, httpsink.Config) {
		r := newReceiver(t, false)
		address, ca := nginx(t, r)
		r.proxy = netfault.New(t, address)
		_, port, err := net.SplitHostPort(r.proxy.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c := secret(httpsink.Config{URL: "https://127.0.0.1:" + port + "/log", TLS: &tlsconf.Config{CA: ca}, Format: encode.Format{Compression: encode.Gzip}})
		return r, c
	}
	t.Run("conformance", func(t *testing.T) {
		sinktest.Run(t, sinktest.Harness{
			Open: func(t *testing.T) sinktest.Destination {
				r, c := newDestination(t)
				r.sink = open(t, c)
				return r
			},
			Repeats: sinktest.SameID, Secrets: secrets,
			Faults: map[sinktest.Fault]sinktest.Class{
				sinktest.Refuse: sinktest.Retry, sinktest.Cut: sinktest.Retry, sinktest.Stall: sinktest.Retry,
				sinktest.Invalid: sinktest.Refused, sinktest.Busy: sinktest.Later,
			},
		})
	})
	t.Run("refusals", func(t *testing.T) {
		r, c := newDestination(t)
		if err := send(t, open(t, c), 3); err != nil {
			t.Fatal(err)
		}
		moved, wrong, large := c, c, c
		moved.URL = strings.Replace(c.URL, "/log", "/moved", 1)
		wrong.Headers = map[string]sink.Secret{"Authorization": sink.NewSecret("Bearer other")}
		large.Compression = encode.None
		for name, conf := range map[string]httpsink.Config{"moved": moved, "token": wrong} {
			if got := classOf(send(t, open(t, conf), 3)); got != "halt" {
				t.Errorf("%s: %s, want a halt", name, got)
			}
		}
		b := open(t, large).Begin(sink.Header{})
		defer b.Release()
		e := entry(0)
		e.Fields[0].Value = strings.Repeat("x", 3<<20)
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
		if err := b.Send(t.Context(), sink.Point{Position: 9}); !errors.Is(err, sink.ErrTooLarge) {
			t.Errorf("a body over the limit: got %v, want too large", err)
		}
		r.server.CloseClientConnections()
		r.server.Close()
		if err := send(t, open(t, c), 3); classOf(err) != "retry" || !strings.Contains(err.Error(), fmt.Sprint(http.StatusBadGateway)) {
			t.Errorf("a receiver that is gone: got %v, want 502", err)
		}
	})
}
