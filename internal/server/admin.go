package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	profile "runtime/pprof"
	"strings"

	"github.com/sluicelog/sluice/internal/version"
)

// The admin listener serves operators, and asks nobody who they are:
//
//	/healthz /readyz /metrics   as the main listener has them
//	/debug/build                what the program was built of, in JSON
//	/debug/goroutines           what every goroutine does
//	/debug/pprof/               profiles, for go tool pprof
//
// Profiles tell of memory: of keys, of logs. None of this is ever on the main listener.

// RunAdmin serves the admin listener until ctx ends. It drains nothing: a profile that runs is cut off.
func (s *Server) RunAdmin(ctx context.Context, l net.Listener) error {
	handler := s.admin()
	if at, ok := l.Addr().(*net.TCPAddr); ok && at.IP.IsLoopback() {
		handler = local(handler)
	}
	h := &http.Server{
		Handler: handler, ReadHeaderTimeout: s.o.HeaderTime, ReadTimeout: s.o.BodyTime, IdleTimeout: s.o.IdleTime,
		MaxHeaderBytes: s.o.MaxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	defer context.AfterFunc(ctx, func() { _ = h.Close() })()
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (s *Server) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics.handler)
	mux.HandleFunc("GET /debug/build", build)
	mux.HandleFunc("GET /debug/goroutines", goroutines)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	return mux
}

// local refuses requests for other names than the machine has for itself. A page in an operator's browser can have a name of its author's
// made point here; what it then sends carries that name.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this listener goes by 127.0.0.1 and localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func build(w http.ResponseWriter, _ *http.Request) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		http.Error(w, "the program was built without this", http.StatusNotFound)
		return
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	modules := map[string]string{}
	for _, m := range info.Deps {
		modules[m.Path] = m.Version
	}
	program := version.Current()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct { // to a client that may have left
		Go       string            `json:"go"`
		Main     string            `json:"main"`
		Version  string            `json:"version"`
		Commit   string            `json:"commit"`
		Settings map[string]string `json:"settings"`
		Modules  map[string]string `json:"modules"`
	}{info.GoVersion, info.Main.Path, program.Version, program.Commit, settings, modules})
}

func goroutines(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_ = profile.Lookup("goroutine").WriteTo(w, 2) // to a client that may have left
}
