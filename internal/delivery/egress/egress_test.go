package egress

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// errFound ends a dial that is allowed: tests connect to nothing but loopback.
var errFound = errors.New("found")

// dialed asks a dialer to connect, through net/http's reading of a URL, and says what came of it.
func dialed(t *testing.T, d *Dialer, url string) string {
	t.Helper()
	var found netip.AddrPort
	d.found = func(at netip.AddrPort) error {
		found = at
		return errFound
	}
	transport := &http.Transport{DialContext: d.DialContext}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		return "no"
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	halt := (*sink.Halt)(nil)
	switch {
	case err == nil:
		answer.Body.Close()
		return "answered"
	case found.IsValid(): // maybe behind one that was refused, whose error is the one to see
		return "dialed " + netip.AddrPortFrom(found.Addr().Unmap(), found.Port()).String()
	case errors.As(err, &halt):
		return "refused"
	}
	return "no"
}

func TestAddresses(t *testing.T) {
	file, err := os.Open("testdata/addresses.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	names := newNames()
	forms := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		want, url, ok := strings.Cut(lines.Text(), "  ")
		if !ok || strings.HasPrefix(want, "#") {
			continue
		}
		url = strings.TrimLeft(url, " ")
		forms++
		if got := dialed(t, New(Options{Resolver: names.resolver()}), url); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	if forms < 200 {
		t.Errorf("%d forms were tried, want 200", forms)
	}
}

func TestRebinding(t *testing.T) {
	d := New(Options{Resolver: newNames().resolver()})
	for i, want := range []string{"dialed 203.0.113.7:80", "refused", "refused"} {
		if got := dialed(t, d, "http://rebind.test/"); got != want {
			t.Errorf("dial %d: %s, want %s", i, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	d := New(Options{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/30"), netip.MustParsePrefix("10.1.0.0/16")},
		Deny:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		Listeners: []netip.AddrPort{
			netip.MustParseAddrPort("203.0.113.1:8080"), netip.MustParseAddrPort("[::]:9090"), netip.MustParseAddrPort("0.0.0.0:7070"),
		},
		Resolver: newNames().resolver(),
	})
	d.policy.local = func() []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("192.168.7.7"), netip.MustParseAddr("fc00::7")}
	}
	for url, want := range map[string]string{
		"http://127.0.0.1/":                "dialed 127.0.0.1:80",
		"http://[::ffff:127.0.0.1]/":       "dialed 127.0.0.1:80",
		"http://x.127-0-0-1.test/":         "dialed 127.0.0.1:80",
		"http://127.0.0.4/":                "refused",
		"http://[::1]/":                    "refused",
		"http://[64:ff9b::127.0.0.1]/":     "refused",
		"http://10.1.2.3/":                 "dialed 10.1.2.3:80",
		"http://10.2.2.3/":                 "refused",
		"http://[64:ff9b::10.2.2.3]/":      "refused",
		"http://[fd00::1]/":                "refused",
		"http://192.168.1.1/":              "dialed 192.168.1.1:80",
		"http://203.0.113.1/":              "dialed 203.0.113.1:80",
		"http://203.0.113.1:8080/":         "refused",
		"http://[2002:cb00:7101::1]:8080/": "refused",
		"http://192.168.7.7/":              "dialed 192.168.7.7:80",
		"http://192.168.7.7:9090/":         "refused",
		"http://192.168.7.7:7070/":         "refused",
		"http://192.168.7.8:7070/":         "dialed 192.168.7.8:7070",
		"http://[fc00::7]:9090/":           "refused",
	} {
		if got := dialed(t, d, url); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

func TestNetworks(t *testing.T) {
	d := New(Options{Allow: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}})
	for _, network := range []string{"unix", "unixgram", "ip", "ip4:icmp", "", "TCP", "tcp5"} {
		if _, err := d.DialContext(t.Context(), network, "127.0.0.1:1"); !errors.As(err, new(*sink.Halt)) {
			t.Errorf("network %q: got error %v, want a refusal", network, err)
		}
	}
	for _, address := range []string{"", ":", ":80", "127.0.0.1", "/var/run/docker.sock", "@abstract"} {
		if c, err := d.DialContext(t.Context(), "tcp", address); err == nil {
			c.Close()
			t.Errorf("address %q: connected", address)
		}
	}
}

// TestRealConnections: what is allowed is connected to, and what is refused never sees a connection.
func TestRealConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := New(Options{}).DialContext(t.Context(), "tcp", l.Addr().String()); !errors.As(err, new(*sink.Halt)) {
		t.Errorf("got error %v, want a refusal", err)
	}
	c, err := New(Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	server, err := l.Accept() // the refused one would be first in line
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if server.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("the listener was connected to from %v, want %v", server.RemoteAddr(), c.LocalAddr())
	}
	u, err := New(Options{}).DialContext(t.Context(), "udp", l.Addr().String())
	if err == nil {
		u.Close()
		t.Error("UDP is not judged")
	}
}

func TestReasonsAreShown(t *testing.T) {
	d := New(Options{Resolver: newNames().resolver()})
	for address, want := range map[string]string{
		"localhost:80":            "is loopback",
		"169.254.169.254:80":      "is the metadata service of a cloud",
		"[64:ff9b::7f00:1]:80":    "carries 127.0.0.1, which is loopback",
		"2130706433:80":           "write it as four decimal numbers",
		"x.127-0-0-1.test:80":     "an operator can allow its network",
		"[2001:db8::5efe:0:0]:80": "means this machine",
	} {
		_, err := d.DialContext(t.Context(), "tcp", address)
		if halt := (*sink.Halt)(nil); !errors.As(err, &halt) || !strings.Contains(halt.Reason, want) {
			t.Errorf("%s: got error %v, want one that says %q", address, err, want)
		}
	}
}

func FuzzDial(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:80", "[::1]:80", "2130706433:80", "x.127-0-0-1.test:80", "[fe80::1%lo]:80", "[::ffff:7f00:1]:1"} {
		f.Add(seed)
	}
	names := newNames()
	f.Fuzz(func(t *testing.T, address string) {
		d := New(Options{Resolver: names.resolver()})
		d.found = func(at netip.AddrPort) error {
			if a := at.Addr().Unmap(); a.IsLoopback() || a.IsUnspecified() || a.IsLinkLocalUnicast() || a.IsMulticast() {
				t.Errorf("%q leads to %v", address, a)
			}
			return errFound
		}
		if c, err := d.DialContext(t.Context(), "tcp", address); err == nil {
			c.Close()
			t.Errorf("%q was connected to", address)
		}
	})
}
