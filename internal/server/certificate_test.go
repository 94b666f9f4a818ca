package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sluicelog/sluice/test/certs"
)

// pairFiles are the files of a certificate that a test writes.
type pairFiles struct {
	t *testing.T
	CertificateFiles
}

func newPairFiles(t *testing.T, p certs.Pair) pairFiles {
	dir := t.TempDir()
	f := pairFiles{t, CertificateFiles{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}}
	f.put(p)
	return f
}

func (f pairFiles) put(p certs.Pair) {
	f.write(f.Certificate, p.Certificate)
	f.write(f.Key, p.Key)
}

func (f pairFiles) write(path, text string) {
	f.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func openCertificate(t *testing.T, files CertificateFiles) (*Certificate, *syncBuffer) {
	t.Helper()
	log := &syncBuffer{}
	c, err := OpenCertificate(files, time.Now, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return c, log
}

// shown is the common name of the certificate that c presents.
func shown(t *testing.T, c *Certificate, client *tls.Config) (string, error) {
	t.Helper()
	at, from := net.Pipe()
	served := make(chan error, 1)
	go func() {
		s := tls.Server(at, c.TLS())
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x")) // a client learns only behind its handshake that its own certificate was refused
		}
		served <- errors.Join(err, s.Close())
	}()
	conn := tls.Client(from, client)
	_, err := conn.Read(make([]byte, 1))
	_ = from.Close()
	<-served
	if err != nil {
		return "", err
	}
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func trusting(a *certs.Authority) *tls.Config {
	conf := a.Client()
	conf.ServerName = "localhost"
	return conf
}

// New files are used from the next handshake on; files that hold no pair leave the old one in use, and are told once.
func TestCertificateFollowsItsFiles(t *testing.T) {
	a := certs.New(t)
	first, second := a.Issue(t, "first"), a.Issue(t, "second")
	files := newPairFiles(t, first)
	c, log := openCertificate(t, files.CertificateFiles)
	client := trusting(a)
	want := func(name string, reloads, failures float64) {
		t.Helper()
		if got, err := shown(t, c, client); got != name || err != nil {
			t.Errorf("got certificate %q, %v, want %q", got, err, name)
		}
		if r, f := float64(c.reloads.Load()), float64(c.failures.Load()); r != reloads || f != failures {
			t.Errorf("%g reloads and %g failures, want %g and %g", r, f, reloads, failures)
		}
	}
	want("first", 0, 0)

	files.write(files.Certificate, second.Certificate) // the key comes later
	if err := c.Reload(); err == nil {
		t.Error("a certificate with another one's key was taken")
	}
	if err := c.Reload(); err != nil {
		t.Errorf("what has not changed since was tried again: %v", err)
	}
	want("first", 0, 1)
	files.write(files.Key, second.Key)
	if err := c.Reload(); err != nil {
		t.Error(err)
	}
	want("second", 1, 1)

	for _, broken := range []string{"", "no PEM", strings.Repeat("x", certificateFile+1)} {
		files.write(files.Certificate, broken)
		if err := c.Reload(); err == nil {
			t.Errorf("took %.10q", broken)
		}
	}
	files.put(second)
	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err == nil {
		t.Error("took a pair without a key")
	}
	want("second", 1, 5)
	if n := strings.Count(log.String(), "the old one stays"); n != 5 {
		t.Errorf("5 failures are told %d times:\n%s", n, log.String())
	}
	files.put(first)
	if err := c.Reload(); err != nil {
		t.Error(err)
	}
	want("first", 2, 5)
	if n := testutil.CollectAndCount(c); n != 3 {
		t.Errorf("%d metrics, want 3", n)
	}
}

func TestCertificateHasToBeGoodAtStart(t *testing.T) {
	a := certs.New(t)
	pair, other := a.Issue(t, "a"), a.Issue(t, "b")
	for name, change := range map[string]func(*pairFiles){
		"another key":      func(f *pairFiles) { f.write(f.Key, other.Key) },
		"no certificate":   func(f *pairFiles) { f.Certificate += ".not" },
		"no authorities":   func(f *pairFiles) { f.Clients = f.Key },
		"authorities gone": func(f *pairFiles) { f.Clients = f.Key + ".not" },
	} {
		files := newPairFiles(t, pair)
		change(&files)
		if _, err := OpenCertificate(files.CertificateFiles, time.Now, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// With authorities of clients, nobody gets in without a certificate of theirs.
func TestCertificateOfClients(t *testing.T) {
	a, stranger := certs.New(t), certs.New(t)
	files := newPairFiles(t, a.Issue(t, "server"))
	files.Clients = filepath.Join(t.TempDir(), "clients.pem")
	files.write(files.Clients, a.PEM)
	c, _ := openCertificate(t, files.CertificateFiles)
	f := func(name string, pair *certs.Pair, ok bool) {
		t.Helper()
		client := trusting(a)
		if pair != nil {
			own, err := tls.X509KeyPair([]byte(pair.Certificate), []byte(pair.Key))
			if err != nil {
				t.Fatal(err)
			}
			client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
		}
		if _, err := shown(t, c, client); (err == nil) != ok {
			t.Errorf("%s: got error %v", name, err)
		}
	}
	good, bad := a.Issue(t, "agent"), stranger.Issue(t, "agent")
	f("its own", &good, true)
	f("another authority's", &bad, false)
	f("none", nil, false)
}

func TestOldTLSIsRefused(t *testing.T) {
	a := certs.New(t)
	c, _ := openCertificate(t, newPairFiles(t, a.Issue(t, "server")).CertificateFiles)
	client := trusting(a)
	client.MinVersion, client.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err := shown(t, c, client); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

// The files are looked at without anybody asking.
func TestCertificateIsWatched(t *testing.T) {
	a := certs.New(t)
	files := newPairFiles(t, a.Issue(t, "first"))
	second := a.Issue(t, "second")
	synctest.Test(t, func(t *testing.T) {
		c, _ := openCertificate(t, files.CertificateFiles)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		files.put(second)
		time.Sleep(2 * certificateEvery)
		if got := c.reloads.Load(); got != 1 {
			t.Errorf("%d reloads, want 1", got)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The log speaks up once a day when the end is near, and after it.
func TestEndOfCertificateIsTold(t *testing.T) {
	a := certs.New(t) // which signs for a day
	now := time.Now().Add(-30 * 24 * time.Hour)
	log := &syncBuffer{}
	c, err := OpenCertificate(newPairFiles(t, a.Issue(t, "server")).CertificateFiles, func() time.Time { return now },
		slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	f := func(later time.Duration, soon, over int) {
		t.Helper()
		now = now.Add(later)
		if err := c.Reload(); err != nil {
			t.Fatal(err)
		}
		if s, o := strings.Count(log.String(), "ends soon"), strings.Count(log.String(), "has expired"); s != soon || o != over {
			t.Errorf("told %d times that it ends soon and %d times that it has, want %d and %d", s, o, soon, over)
		}
	}
	f(0, 0, 0)
	f(29*24*time.Hour, 1, 0)
	f(time.Hour, 1, 0)
	f(23*time.Hour, 2, 0)
	f(25*time.Hour, 2, 1)
	f(time.Hour, 2, 1)
}

// One server has a plain and an encrypted door.
func TestServerSpeaksTLS(t *testing.T) {
	a := certs.New(t)
	c, _ := openCertificate(t, newPairFiles(t, a.Issue(t, "server")).CertificateFiles)
	door := listen(t)
	s := run(t, Options{}, Listener{Listener: door, Certificate: c})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting(a)}}
	for _, url := range []string{"https://" + door.Addr().String(), s.url} {
		resp, err := client.Get(url + "/read")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Proto != "HTTP/1.1" {
			t.Errorf("%s: got %s over %s", url, resp.Status, resp.Proto)
		}
	}
	client.CloseIdleConnections()
	s.stop()
	if err := <-s.done; err != nil {
		t.Errorf("stop: %v", err)
	}
}
