package server

import (
	"io"
	"net/http"
)

// operation returns the handler of a request that an operator's tools sent, nil for others. A project may not hide them and
// they may not hide a project: they live on every host that names no project, addresses and unknown names included, since
// probes call a machine by whatever name they have.
func (s *Server) operation(r *http.Request) http.HandlerFunc {
	var handler http.HandlerFunc
	switch r.URL.Path {
	case "/healthz":
		handler = s.healthz
	case "/readyz":
		handler = s.readyz
	case "/metrics":
		handler = s.metrics.handler.ServeHTTP
	default:
		return nil
	}
	if project, _ := s.o.Addressing.Project(r); project != "" {
		return nil
	}
	return getOnly(handler)
}

func getOnly(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	}
}

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") }

// readyz says whether to send requests here.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	switch err := s.o.Healthy(); {
	case !s.ready.Load():
		say(w, http.StatusServiceUnavailable, "draining")
	case err != nil:
		say(w, http.StatusServiceUnavailable, "unhealthy, see the server's log")
	default:
		say(w, http.StatusOK, "ok")
	}
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
