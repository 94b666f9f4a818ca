package httpsink_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/httpsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
	"github.com/sluicelog/sluice/test/certs"
)

// drip answers the first request of each connection with a piece of text every few milliseconds, for ever.
func drip(t *testing.T, begin, piece string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				request, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, request.Body) // an answer before the question is none
				tick := time.NewTicker(5 * time.Millisecond)
				defer tick.Stop()
				for text := begin; ; text = piece {
					if _, err := io.WriteString(c, text); err != nil {
						return
					}
					<-tick.C
				}
			})
		}
	})
	return l.Addr().String()
}

// TestSlowForEver: an answer that comes a byte at a time and never ends holds a batch no longer than the timeout. Whether it is a yes depends on
// whether its header came to an end.
func TestSlowForEver(t *testing.T) {
	for _, c := range []struct{ name, begin, piece, want string }{
		{"a status line that never ends", "HTTP/1.1 20", "0", "retry"},
		{"headers that never end", "HTTP/1.1 200 OK\r\n", "X-Again: 1\r\n", "retry"},
		{"a body that never ends behind a yes", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", ".", "yes"},
		{"a body that never ends behind a no", "HTTP/1.1 503 No\r\nContent-Length: 1000000\r\n\r\n", ".", "retry"},
		{"interim answers that never end", "HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n", "retry"},
	} {
		s := open(t, httpsink.Config{URL: "http://" + drip(t, c.begin, c.piece), TimeoutSeconds: 1})
		if err := send(t, s, 2); classOf(err) != c.want {
			t.Errorf("%s: %s (%v), want %s", c.name, classOf(err), err, c.want)
		}
	}
}

// TestChangedCertificate: a receiver comes back with a certificate of another authority. Logs wait, the reason says why, and when the old
// authority signs again they go out.
func TestChangedCertificate(t *testing.T) {
	ours, theirs := certs.New(t), certs.New(t)
	r := newReceiver(t, false)
	var mu sync.Mutex
	current := ours.Issue(t, "receiver").Server(t, nil) // guarded by mu
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0)}
	front.SetKeepAlivesEnabled(false) // a connection, and a handshake, for each batch
	t.Cleanup(func() { front.Close() })
	go front.Serve(tls.NewListener(l, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { //nolint:errcheck // ends with Close
		mu.Lock()
		defer mu.Unlock()
		return current, nil
	}}))
	change := func(a *certs.Authority) {
		mu.Lock()
		defer mu.Unlock()
		current = a.Issue(t, "receiver").Server(t, nil)
	}
	s := open(t, httpsink.Config{URL: "https://" + l.Addr().String(), TLS: &tlsconf.Config{CA: ours.PEM}})
	for _, c := range []struct {
		signer *certs.Authority
		want   string
	}{{ours, "yes"}, {theirs, "halt"}, {theirs, "halt"}, {ours, "yes"}} {
		change(c.signer)
		err := send(t, s, 2)
		if classOf(err) != c.want || c.want == "halt" && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("signed by ours %v: %s (%v), want %s", c.signer == ours, classOf(err), err, c.want)
		}
	}
}

// TestLostNames: while names do not resolve, batches wait, and say why; they are not given up, and the task is not paused.
func TestLostNames(t *testing.T) {
	r := newReceiver(t, false)
	lost := true
	resolve := func(ctx context.Context, network, address string) (net.Conn, error) {
		if lost {
			return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "server misbehaving", Name: "logs.example", IsTemporary: true}}
		}
		return dial(ctx, network, r.proxy.Addr())
	}
	s, err := httpsink.Open(httpsink.Config{URL: "http://logs.example"}, sink.Env{Dial: resolve, Dir: t.TempDir(), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		if err := send(t, s, 2); classOf(err) != "retry" || !strings.Contains(err.Error(), "logs.example") {
			t.Errorf("without names: %s (%v)", classOf(err), err)
		}
	}
	lost = false
	if err := send(t, s, 2); err != nil {
		t.Error(err)
	}
}
