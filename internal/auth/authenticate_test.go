package auth

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/sign"
)

// request is a write as a client would sign it, with the body's digest.
func request(version sign.Version, id, secret string, at time.Time, body string, more ...string) *http.Request {
	r := httptest.NewRequest("POST", "/logstores/web%20log/shards/lb?key=a%2Fb&x", strings.NewReader(body))
	r.Host = "my-project.sluice.local:7070"
	r.Header.Set("x-log-apiversion", "0.6.0")
	r.Header.Set("Content-Type", "application/x-protobuf")
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	part := signedPart(r)
	if version == sign.V4 {
		sum := sha256.Sum256([]byte(body))
		r.Header.Set("x-log-content-sha256", hex.EncodeToString(sum[:]))
		r.Header.Set("x-log-date", at.UTC().Format("20060102T150405Z"))
		sign.SignV4(secret, id, "any-region", part)
		return r
	}
	if body != "" {
		r.Header.Set("Content-MD5", fmt.Sprintf("%X", md5.Sum([]byte(body))))
	}
	r.Header.Set("Date", at.UTC().Format(http.TimeFormat))
	sign.SignV1(secret, id, part)
	return r
}

var versions = []sign.Version{sign.V1, sign.V4}

func TestAuthenticate(t *testing.T) {
	b := newBench(t)
	a := New(b.Keys, b.now, Options{})
	c := b.create(t, NewKey{Projects: []string{"p"}, ReadOnly: true})
	for _, version := range versions {
		for _, body := range []string{"", "a body"} {
			who, digest, err := a.Authenticate(request(version, c.ID, c.Secret, b.clock, body))
			if err != nil {
				t.Errorf("%v: %v", version, err)
				continue
			}
			if who.AccessKeyID != c.ID || who.Root || !who.ReadOnly || len(who.Projects) != 1 || who.Projects[0] != "p" {
				t.Errorf("%v: got %+v", version, who)
			}
			if err := digest.Check([]byte(body)); err != nil {
				t.Errorf("%v: the body that was signed: %v", version, err)
			}
			if body != "" {
				wantError(t, "another body", digest.Check([]byte("another")), sluice.Invalid, "digest")
				wantError(t, "no body", digest.Check(nil), sluice.Invalid, "digest")
			}
		}
	}
}

func TestAuthenticateRoot(t *testing.T) {
	b := newBench(t)
	_, id, secret, err := b.EnsureRoot(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	who, _, err := New(b.Keys, b.now, Options{}).Authenticate(request(sign.V1, id, secret, b.clock, ""))
	if err != nil || !who.Root {
		t.Errorf("got %+v and error %v, want root", who, err)
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	b := newBench(t)
	a := New(b.Keys, b.now, Options{})
	c, other := b.create(t, NewKey{}), b.create(t, NewKey{})
	off, gone := b.create(t, NewKey{}), b.create(t, NewKey{})
	if err := b.Disable(t.Context(), off.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	for _, version := range versions {
		signed := func(key Created, at time.Time) *http.Request {
			return request(version, key.ID, key.Secret, at, "a body")
		}
		changed := func(change func(*http.Request)) *http.Request {
			r := signed(c, b.clock)
			change(r)
			return r
		}
		for _, test := range []struct {
			name string
			r    *http.Request
			kind sluice.Kind
			noun string
		}{
			{"no authorization", changed(func(r *http.Request) { r.Header.Del("Authorization") }), sluice.Invalid, "accesskeyid"},
			{"unknown key", request(version, "nobody", "x", b.clock, ""), sluice.Unauthorized, "accesskey"},
			{"deleted key", signed(gone, b.clock), sluice.Unauthorized, "accesskey"},
			{"disabled key", signed(off, b.clock), sluice.Unauthorized, "accesskey-disabled"},
			{"disabled key, wrong secret", request(version, off.ID, "x", b.clock, ""), sluice.Unauthorized, "signature"},
			{"wrong secret", request(version, c.ID, "x", b.clock, ""), sluice.Unauthorized, "signature"},
			{"empty secret", request(version, c.ID, "", b.clock, ""), sluice.Unauthorized, "signature"},
			{"another key's secret", request(version, c.ID, other.Secret, b.clock, ""), sluice.Unauthorized, "signature"},
			{"another method", changed(func(r *http.Request) { r.Method = "PUT" }), sluice.Unauthorized, "signature"},
			{"another path", changed(func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/x", "" }), sluice.Unauthorized, "signature"},
			{"another query", changed(func(r *http.Request) { r.URL.RawQuery = "key=c" }), sluice.Unauthorized, "signature"},
			{"another header", changed(func(r *http.Request) { r.Header.Set("x-log-bodyrawsize", "1") }), sluice.Unauthorized, "signature"},
			{"a token that was not signed", changed(func(r *http.Request) { r.Header.Set(HeaderToken, "t") }), sluice.Unauthorized, "signature"},
			{"a token for a permanent key", request(version, c.ID, c.Secret, b.clock, "", HeaderToken, "t"), sluice.Unauthorized, "token"},
			{"too old", signed(c, b.clock.Add(-DefaultSkew-time.Second)), sluice.Invalid, "requesttime-expired"},
			{"too new", signed(c, b.clock.Add(DefaultSkew+time.Second)), sluice.Invalid, "requesttime-expired"},
			{"another digest", changed(func(r *http.Request) {
				r.Header.Set("Content-MD5", strings.Repeat("0", 32))
				r.Header.Set("x-log-content-sha256", strings.Repeat("0", 64))
			}), sluice.Unauthorized, "signature"},
		} {
			who, _, err := a.Authenticate(test.r)
			wantError(t, fmt.Sprintf("%v, %s", version, test.name), err, test.kind, test.noun)
			if who != nil {
				t.Errorf("%v, %s: got principal %+v", version, test.name, who)
			}
		}
		for _, at := range []time.Time{b.clock.Add(-DefaultSkew), b.clock.Add(DefaultSkew)} {
			if _, _, err := a.Authenticate(signed(c, at)); err != nil {
				t.Errorf("%v: a date at the edge of the skew: %v", version, err)
			}
		}
	}
}

// The Go SDK's tests look for this text.
func TestUnknownKeyIsNamed(t *testing.T) {
	b := newBench(t)
	_, _, err := New(b.Keys, b.now, Options{}).Authenticate(request(sign.V1, "nobody", "x", b.clock, ""))
	if err == nil || err.Error() != "AccessKeyId not found: nobody" {
		t.Errorf("got %v", err)
	}
}

func TestMalformedRequests(t *testing.T) {
	b := newBench(t)
	a := New(b.Keys, b.now, Options{})
	c := b.create(t, NewKey{})
	for _, test := range []struct {
		name    string
		version sign.Version
		change  func(http.Header)
		noun    string
	}{
		{"v1 without method", sign.V1, func(h http.Header) { h.Del("x-log-signaturemethod") }, "signaturemethod-missing"},
		{"v1 with an odd method", sign.V1, func(h http.Header) { h.Set("x-log-signaturemethod", "rot13") }, "signaturemethod"},
		{"v1 without date", sign.V1, func(h http.Header) { h.Del("Date") }, "date-missing"},
		{"v1 with an odd date", sign.V1, func(h http.Header) { h.Set("Date", "today") }, "date"},
		{"v1 with an odd digest", sign.V1, func(h http.Header) { h.Set("Content-MD5", "xyz") }, "digest"},
		{"v4 without date", sign.V4, func(h http.Header) { h.Del("x-log-date") }, "date-missing"},
		{"v4 with another day", sign.V4, func(h http.Header) { h.Set("x-log-date", "20231115T221320Z") }, "requesttime"},
		{"v4 without digest", sign.V4, func(h http.Header) { h.Del("x-log-content-sha256") }, "digest"},
		{"v4 with a short digest", sign.V4, func(h http.Header) { h.Set("x-log-content-sha256", "00") }, "digest"},
		{"v4 with an odd digest", sign.V4, func(h http.Header) { h.Set("x-log-content-sha256", strings.Repeat("z", 64)) }, "digest"},
	} {
		r := request(test.version, c.ID, c.Secret, b.clock, "a body")
		test.change(r.Header)
		_, _, err := a.Authenticate(r)
		wantError(t, test.name, err, sluice.Invalid, test.noun)
	}
}

func TestBodyWithoutDigest(t *testing.T) {
	b := newBench(t)
	c := b.create(t, NewKey{})
	r := request(sign.V1, c.ID, c.Secret, b.clock, "")
	_, digest, err := New(b.Keys, b.now, Options{}).Authenticate(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := digest.Check([]byte("a body that Content-MD5 was left out for")); err != nil {
		t.Errorf("v1 promises nothing without Content-MD5: %v", err)
	}
}

func TestTemporaryKey(t *testing.T) {
	b := newBench(t)
	a := New(b.Keys, b.now, Options{})
	c, other := b.create(t, NewKey{Temporary: time.Hour}), b.create(t, NewKey{Temporary: time.Hour})
	for _, version := range versions {
		with := func(headers ...string) error {
			_, _, err := a.Authenticate(request(version, c.ID, c.Secret, b.clock, "", headers...))
			return err
		}
		if err := with(HeaderToken, c.Token); err != nil {
			t.Errorf("%v: with its token: %v", version, err)
		}
		wantError(t, "without token", with(), sluice.Unauthorized, "token")
		wantError(t, "with another token", with(HeaderToken, other.Token), sluice.Unauthorized, "token")
		wantError(t, "with half a token", with(HeaderToken, c.Token[:10]), sluice.Unauthorized, "token")

		start := b.clock
		b.clock = c.Expires.Add(-1)
		if err := with(HeaderToken, c.Token); err != nil {
			t.Errorf("%v: in its last moment: %v", version, err)
		}
		b.clock = c.Expires
		wantError(t, "expired", with(HeaderToken, c.Token), sluice.Unauthorized, "token-expired")
		wantError(t, "expired, without token", with(), sluice.Unauthorized, "token")
		b.clock = start
	}
}

func TestChangesOfAKeyCountAtOnce(t *testing.T) {
	b := newBench(t)
	a := New(b.Keys, b.now, Options{})
	c := b.create(t, NewKey{})
	try := func() error {
		_, _, err := a.Authenticate(request(sign.V1, c.ID, c.Secret, b.clock, ""))
		return err
	}
	for range 3 {
		if err := try(); err != nil {
			t.Fatal(err)
		}
		if err := b.Disable(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		wantError(t, "disabled", try(), sluice.Unauthorized, "accesskey-disabled")
		if err := b.Enable(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
	}
	who, _, err := a.Authenticate(request(sign.V1, c.ID, c.Secret, b.clock, ""))
	if err != nil {
		t.Fatal(err)
	}
	if now, err := a.Renew(t.Context(), who); err != nil || now.AccessKeyID != c.ID {
		t.Errorf("renewed: %+v, %v", now, err)
	}
	if err := b.Disable(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	_, err = a.Renew(t.Context(), who)
	wantError(t, "renewed while disabled", err, sluice.Unauthorized, "accesskey-disabled")
	if err := b.Delete(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	wantError(t, "deleted", try(), sluice.Unauthorized, "accesskey")
	_, err = a.Renew(t.Context(), who)
	wantError(t, "renewed when deleted", err, sluice.Unauthorized, "accesskey")
}

// Disable runs while others authenticate with the same key: once it has returned, none gets through.
func TestDisableBesideRequests(t *testing.T) {
	b := newBench(t)
	a := New(b.Keys, b.now, Options{})
	c := b.create(t, NewKey{})
	for range 5 {
		disabled := make(chan struct{})
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for done := false; !done; {
					select {
					case <-disabled:
						done = true
					default:
					}
					_, _, err := a.Authenticate(request(sign.V1, c.ID, c.Secret, b.clock, ""))
					if done && err == nil {
						t.Error("a request got through after Disable had returned")
					}
				}
			})
		}
		if err := b.Disable(t.Context(), c.ID); err != nil {
			t.Error(err)
		}
		close(disabled)
		wait.Wait()
		if err := b.Enable(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// Everything goes over the wire here: net/http's own idea of Host and path, in the usual and in the absolute form.
func TestOverTheWire(t *testing.T) {
	b := newBench(t)
	a := New(b.Keys, b.now, Options{})
	c := b.create(t, NewKey{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := a.Authenticate(r); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	address := server.Listener.Addr().(*net.TCPAddr)
	for _, version := range versions {
		// Clients sign their Host with or without the port, and some send it without.
		for _, host := range []string{"p.sluice.local", fmt.Sprintf("p.sluice.local:%d", address.Port)} {
			for _, absolute := range []bool{false, true} {
				r := request(version, c.ID, c.Secret, b.clock, "")
				part := signedPart(r)
				part.Host = host
				if version == sign.V4 {
					sign.SignV4(c.Secret, c.ID, "r", part)
				} else {
					sign.SignV1(c.Secret, c.ID, part)
				}
				target := part.Path + "?" + part.Query
				if absolute {
					target = "http://p.sluice.local" + target
				}
				head := "POST " + target + " HTTP/1.1\r\nHost: p.sluice.local\r\n"
				if status := send(t, address.String(), head, r.Header); !strings.Contains(status, " 200 ") {
					t.Errorf("%v, host %s, absolute form %v: got %s", version, host, absolute, status)
				}
			}
		}
	}
}

// send writes a request by hand, which http.Client would tidy up, and returns the answer's first line.
func send(t *testing.T, address, head string, h http.Header) string {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var b strings.Builder
	b.WriteString(head)
	if err := h.Write(&b); err != nil {
		t.Fatal(err)
	}
	b.WriteString("Connection: close\r\nContent-Length: 0\r\n\r\n")
	if _, err := conn.Write([]byte(b.String())); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	status, _, _ := strings.Cut(string(answer[:n]), "\r\n")
	return status
}

// BenchmarkAuthenticate shows that a wrong secret and an unknown key cost the same, and what a right one costs.
func BenchmarkAuthenticate(b *testing.B) {
	bench := newBench(b)
	a := New(bench.Keys, bench.now, Options{})
	c := bench.create(b, NewKey{})
	for name, r := range map[string]*http.Request{
		"right":   request(sign.V1, c.ID, c.Secret, bench.clock, ""),
		"wrong":   request(sign.V1, c.ID, "wrong", bench.clock, ""),
		"unknown": request(sign.V1, "nobody", "wrong", bench.clock, ""),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = a.Authenticate(r)
			}
		})
	}
}
