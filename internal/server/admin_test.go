package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Operators get what the main listener has for them and more; the main listener never has the more.
func TestAdminListener(t *testing.T) {
	s := run(t, Options{})
	l := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.server.RunAdmin(ctx, l) }()
	get := func(method, url, host string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	for path, shows := range map[string]string{
		"/healthz": "ok", "/readyz": "ok", "/metrics": "sluice_requests_in_flight", "/debug/build": `"version":"devel`,
		"/debug/goroutines": "TestAdminListener", "/debug/pprof/": "goroutine", "/debug/pprof/heap": "", "/debug/pprof/goroutine?debug=1": "TestAdminListener",
	} {
		if status, body := get("GET", "http://"+l.Addr().String()+path, ""); status != http.StatusOK || !strings.Contains(body, shows) {
			t.Errorf("%s: got %d %.200q, want it to show %q", path, status, body, shows)
		}
		if strings.HasPrefix(path, "/debug") {
			if _, body := get("GET", s.url+path, ""); body != "served" {
				t.Errorf("the main listener answers %s itself: %.200q", path, body)
			}
		}
	}
	if status, _ := get("POST", "http://"+l.Addr().String()+"/healthz", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", status)
	}
	for host, want := range map[string]int{"localhost": 200, "localhost:1": 200, "[::1]:80": 200, "127.0.0.2": 200, "a.example": 403, "10.0.0.1": 403} {
		if status, _ := get("GET", "http://"+l.Addr().String()+"/healthz", host); status != want {
			t.Errorf("host %s: got %d, want %d", host, status, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-done; err != nil {
		t.Errorf("stop: %v", err)
	}
}
