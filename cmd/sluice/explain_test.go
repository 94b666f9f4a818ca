package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
