package auth

import (
	"crypto/tls"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestWhereARequestComesFrom(t *testing.T) {
	b := newBench(t)
	a := New(b.Keys, b.now, Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}})
	f := func(peer, forwarded, proto, want string, secure bool) {
		t.Helper()
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		if proto != "" {
			r.Header.Set("X-Forwarded-Proto", proto)
		}
		c := a.transport(r, b.clock)
		got := ""
		if c.Source.IsValid() {
			got = c.Source.String()
		}
		if got != want || c.Secure != secure || !c.Time.Equal(b.clock) {
			t.Errorf("from %s for %q by %q: got %q, secure %v; want %q, %v", peer, forwarded, proto, got, c.Secure, want, secure)
		}
	}
	f("192.0.2.1:5", "", "", "192.0.2.1", false)
	f("[::ffff:192.0.2.1]:5", "", "", "192.0.2.1", false)
	f("[fe80::1%eth0]:5", "", "", "fe80::1", false)
	// Whoever is no proxy may say what he likes.
	f("192.0.2.1:5", "10.1.1.1", "https", "192.0.2.1", false)
	f("10.0.0.1:5", "", "", "10.0.0.1", false)
	f("10.0.0.1:5", "198.51.100.7", "https", "198.51.100.7", true)
	f("10.0.0.1:5", "198.51.100.7", "http", "198.51.100.7", false)
	f("[2001:db8::1]:5", "198.51.100.7", "HTTPS", "198.51.100.7", true)
	// Only what trusted proxies added counts: the client wrote the rest.
	f("10.0.0.1:5", "127.0.0.1, 198.51.100.7, 10.0.0.2", "", "198.51.100.7", false)
	f("10.0.0.1:5", "10.9.9.9", "", "10.9.9.9", false)
	f("10.0.0.1:5", "198.51.100.7, nonsense", "", "", false)
	f("10.0.0.1:5", "198.51.100.7,", "", "", false)
	f("nonsense", "", "", "", false)

	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13}
	if c := a.transport(r, b.clock); !c.Secure || c.TLSVersion != "1.3" {
		t.Errorf("over TLS: got %+v", c)
	}
}
