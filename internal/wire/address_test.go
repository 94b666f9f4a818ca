package wire

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
)

func TestProjectFromAddress(t *testing.T) {
	a := NewAddressing("SLS.Test", "localhost")
	f := func(request, want string) {
		t.Helper()
		r := read(t, request)
		got, err := a.Project(r)
		if err != nil {
			t.Errorf("%q: %v", request, err)
		}
		if got != want {
			t.Errorf("%q: got project %q, want %q", request, got, want)
		}
	}

	f("GET / HTTP/1.1\nHost: web.sls.test", "web")
	f("GET / HTTP/1.1\nHost: web.sls.test:8080", "web")
	f("GET / HTTP/1.1\nHost: Web.SLS.test.", "web")
	f("GET / HTTP/1.1\nHost: sls.test", "")
	f("GET / HTTP/1.1\nHost: sls.test:80", "")
	f("GET / HTTP/1.1\nHost: localhost:8080", "")
	f("GET / HTTP/1.1\nHost: web.localhost:8080", "web")
	f("GET / HTTP/1.1\nHost: 127.0.0.1:8080", "")
	f("GET / HTTP/1.1\nHost: web.127.0.0.1:8080", "web")
	f("GET / HTTP/1.1\nHost: web.127.0.0.1", "web")
	f("GET / HTTP/1.1\nHost: [::1]:8080", "")
	f("GET / HTTP/1.1\nHost: ::1", "")

	// Proxy requests: the request line wins over Host.
	f("GET http://web.sls.test:80/logstores HTTP/1.1\nHost: other.sls.test", "web")
	f("GET http://sls.test/ HTTP/1.1\nHost: web.sls.test", "")

	// The header of agents wins over everything.
	f("GET / HTTP/1.1\nHost: 127.0.0.1\nx-log-project: web", "web")
	f("GET / HTTP/1.1\nHost: other.sls.test\nx-log-project: web", "web")
	f("GET / HTTP/1.1\nHost: nowhere.example\nx-log-project: web", "web")
	f("GET / HTTP/1.1\nHost: web.sls.test\nx-log-project:", "web")
}

func TestForeignHostIsRefused(t *testing.T) {
	a := NewAddressing("sls.test")
	for _, host := range []string{"example.com", "web.example.com", "a.b.sls.test", ".sls.test", "xsls.test", "a.b.127.0.0.1", ""} {
		r := read(t, "GET / HTTP/1.1\nHost: "+host)
		project, err := a.Project(r)
		if got := sluice.KindOf(err); err == nil || got != sluice.Invalid {
			t.Errorf("host %q: got project %q, error %v, want an invalid host", host, project, err)
		}
	}
}

func read(t *testing.T, request string) *http.Request {
	t.Helper()
	raw := strings.ReplaceAll(request, "\n", "\r\n") + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatalf("read %q: %v", request, err)
	}
	return r
}
