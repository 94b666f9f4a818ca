package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/client"
)

// Whoever speaks TLS where it is not spoken, the other way around, or to a stranger, is told what to do.
func TestTLSIsExplained(t *testing.T) {
	handler := http.NotFoundHandler()
	quiet := log.New(io.Discard, "", 0)
	secure, plain := httptest.NewUnstartedServer(handler), httptest.NewUnstartedServer(handler)
	secure.Config.ErrorLog, plain.Config.ErrorLog = quiet, quiet
	secure.StartTLS()
	plain.Start()
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)
	home := t.TempDir()
	f := func(command, endpoint, what, next string) {
		t.Helper()
		env := func(name string) string {
			return map[string]string{"HOME": home, envEndpoint: endpoint, envAccessKeyID: "id", envSecret: "secret"}[name]
		}
		var told bytes.Buffer
		code := run(t.Context(), strings.Fields(command), env, strings.NewReader(""), &told, &told)
		if code != exitFailed || !strings.Contains(told.String(), what) || !strings.Contains(told.String(), next) {
			t.Errorf("%s at %s: exit code %d, told\n%s", command, endpoint, code, &told)
		}
	}
	const trust = "SSL_CERT_FILE names a file"
	f("project list", secure.URL, "error: the server's certificate is not accepted: ", trust)
	f("doctor", secure.URL, "fail  TLS certificate", trust)
	f("project list", "http://"+secure.Listener.Addr().String(), "error: the server speaks TLS", "Use https:// in the endpoint.")
	f("doctor", "http://"+secure.Listener.Addr().String(), "fail  server           the server speaks TLS", "fix: Use https:// in the endpoint")
	f("project list", "https://"+plain.Listener.Addr().String(), "error: the server does not speak TLS", "Use http:// in the endpoint.")
	f("project list", plain.URL, "error: the endpoint answers with status 404", "is it a Sluice server?")
}

// The name that a server at its defaults tells of itself does not resolve everywhere.
func TestNamesThatDoNotResolve(t *testing.T) {
	f := func(name, next string) {
		t.Helper()
		if _, got := explain(fmt.Errorf("get: %w", &net.DNSError{Name: name, IsNotFound: true})); !strings.HasPrefix(got, next) {
			t.Errorf("%s: told %q", name, got)
		}
	}
	f("sluice.localhost", "Names under localhost resolve on some machines only: name 127.0.0.1")
	f("logs.example.com", "Check the endpoint; it is the server's own name or address")
}

// Credentials that have ended are told from those that are wrong, in the words of each dialect.
func TestEndedCredentials(t *testing.T) {
	for _, code := range []string{"SecurityTokenExpired", "InvalidSecurityToken.Expired"} {
		if _, next := explain(&client.Error{Status: 401, Code: code, Message: "the security token has expired"}); !strings.Contains(next, "sluice iam assume-role") {
			t.Errorf("%s: told %q", code, next)
		}
	}
	for _, code := range []string{"RequestTimeExpired", "InvalidTimeStamp.Expired", "TimeExpired"} {
		if _, next := explain(&client.Error{Status: 400, Code: code, Message: "too old"}); !strings.Contains(next, "Set this machine's clock") {
			t.Errorf("%s: told %q", code, next)
		}
	}
}
