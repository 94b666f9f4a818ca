// Package splunkhec is an HTTP Event Collector of Splunk for tests, written from what Splunk documents of it (reference delivery h.2) and
// not from the code that it tests. It has no index: it keeps what it was sent.
//
//	POST /services/collector[/event[/1.0]]   events, one JSON object behind the other
//	POST /services/collector/raw             lines
//	POST /services/collector/ack             {"acks":[0,1]} → {"acks":{"0":true,"1":false}}
//	GET  /services/collector/health
//
// It checks the token, the channel, the size, the shape of events and the index, and answers with the codes and statuses of the
// documentation. An event that is wrong is named by its number; those before it are taken.
package splunkhec

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Event is one that was taken. Of lines, only Raw, Channel and RequestID are set.
type Event struct {
	Time                            json.Number
	Host, Source, Sourcetype, Index string
	Event                           json.RawMessage
	Fields                          map[string]any
	Raw                             string
	Channel                         string
	RequestID                       string // X-Sluice-Request-Id, which is no header of Splunk's
}

// Server is the collector. Set its fields before it serves.
type Server struct {
	Token   string
	Acks    bool     // the token uses acknowledgements
	Asked   func()   // called when somebody asks for acknowledgements, if not nil
	Indexes []string // that the token may write to; none is any
	MaxBody int64    // of a request as it is sent; 0 is 1 MB

	mu      sync.Mutex // guards what is below
	events  []Event
	fault   *Answer
	held    bool         // acknowledgements wait
	ids     int          // given out
	pending map[int]bool // ack ids that were not reported as true
}

// Answer is one that the collector gives in the place of its own.
type Answer struct {
	Status, Code int
	Text         string
	Number       *int              // invalid-event-number
	Header       map[string]string // besides Content-Type
	Plain        bool              // not JSON, as of a proxy
}

// Events are those that were taken, in order.
func (s *Server) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}

// Fail answers all requests with a, until it is nil.
func (s *Server) Fail(a *Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = a
}

// HoldAcks keeps all acknowledgements back, or lets them go.
func (s *Server) HoldAcks(hold bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = hold
}

// Restart forgets the acknowledgements that are pending, as Splunk does.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = nil
}

// ServeHTTP serves the collector.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.MaxBody
	if most == 0 {
		most = 1 << 20
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	switch {
	case s.fault != nil:
		s.fault.write(w)
	case err != nil && int64(len(body)) < most: // the client went away
	case err != nil:
		(&Answer{Status: http.StatusRequestEntityTooLarge, Plain: true}).write(w)
	case r.URL.Path == "/services/collector/health" && r.Method == http.MethodGet:
		write(w, 200, 17, "HEC is healthy", nil)
	default:
		s.collect(w, r, body)
	}
}

func (s *Server) collect(w http.ResponseWriter, r *http.Request, body []byte) {
	if r.Method != http.MethodPost {
		(&Answer{Status: http.StatusMethodNotAllowed, Plain: true}).write(w)
		return
	}
	if !s.authorized(w, r) {
		return
	}
	channel, ok := s.channel(w, r)
	if !ok {
		return
	}
	if r.Header.Get("Content-Encoding") == "gzip" {
		plain, err := unzip(body)
		if err != nil {
			write(w, 400, 6, "Invalid data format", nil)
			return
		}
		body = plain
	}
	from := Event{Channel: channel, RequestID: r.Header.Get("X-Sluice-Request-Id")}
	switch r.URL.Path {
	case "/services/collector", "/services/collector/event", "/services/collector/event/1.0":
		s.takeEvents(w, body, from)
	case "/services/collector/raw", "/services/collector/raw/1.0":
		query := r.URL.Query()
		from.Host, from.Source, from.Sourcetype, from.Index = query.Get("host"), query.Get("source"), query.Get("sourcetype"), query.Get("index")
		s.takeLines(w, body, from)
	case "/services/collector/ack":
		s.acknowledge(w, body)
	default:
		(&Answer{Status: http.StatusNotFound, Plain: true}).write(w)
	}
}

func unzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, 64<<20))
}

func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	header := r.Header.Get("Authorization")
	token, isSplunk := strings.CutPrefix(header, "Splunk ")
	if _, password, ok := r.BasicAuth(); ok {
		token, isSplunk = password, true
	}
	switch {
	case header == "":
		w.Header().Set("WWW-Authenticate", "Splunk")
		write(w, 401, 2, "Token is required", nil)
	case !isSplunk:
		write(w, 401, 3, "Invalid authorization", nil)
	case token != s.Token:
		write(w, 403, 4, "Invalid token", nil)
	default:
		return true
	}
	return false
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

func (s *Server) channel(w http.ResponseWriter, r *http.Request) (string, bool) {
	channel := r.Header.Get("X-Splunk-Request-Channel")
	if channel == "" {
		channel = r.URL.Query().Get("channel")
	}
	needed := s.Acks || strings.HasPrefix(r.URL.Path, "/services/collector/raw") || r.URL.Path == "/services/collector/ack"
	switch {
	case channel == "" && needed:
		write(w, 400, 10, "Data channel is missing", nil)
	case channel != "" && !guid.MatchString(channel):
		write(w, 400, 11, "Invalid data channel", nil)
	default:
		return channel, true
	}
	return "", false
}

func (s *Server) takeEvents(w http.ResponseWriter, body []byte, from Event) {
	if len(bytes.TrimSpace(body)) == 0 {
		write(w, 400, 5, "No data", nil)
		return
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	for n := 0; ; n++ {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		e, code, text := s.event(raw, err)
		if code != 0 {
			write(w, 400, code, text, map[string]any{"invalid-event-number": n})
			return
		}
		e.Channel, e.RequestID = from.Channel, from.RequestID
		s.events = append(s.events, e)
	}
	s.success(w)
}

// event reads one event; code is 0 if it is good.
func (s *Server) event(raw json.RawMessage, err error) (e Event, code int, text string) {
	const invalid = "Invalid data format"
	if err != nil {
		return e, 6, invalid
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(raw, &keys) != nil {
		return e, 6, invalid
	}
	for key, to := range map[string]any{
		"time": &e.Time, "host": &e.Host, "source": &e.Source, "sourcetype": &e.Sourcetype, "index": &e.Index, "event": &e.Event, "fields": &e.Fields,
	} {
		if value, ok := keys[key]; ok {
			if json.Unmarshal(value, to) != nil {
				return e, 6, invalid
			}
			delete(keys, key)
		}
	}
	switch {
	case len(keys) > 0:
		return e, 6, invalid
	case e.Event == nil:
		return e, 12, "Event field is required"
	case string(e.Event) == `""` || string(e.Event) == "null":
		return e, 13, "Event field cannot be blank"
	case !flat(e.Fields):
		return e, 15, "Error in handling indexed fields"
	case e.Index != "" && len(s.Indexes) > 0 && !slices.Contains(s.Indexes, e.Index):
		return e, 7, "Incorrect index"
	}
	return e, 0, ""
}

// flat: values are texts, numbers or lists of texts.
func flat(fields map[string]any) bool {
	for _, v := range fields {
		switch v := v.(type) {
		case string, float64, bool:
		case []any:
			for _, item := range v {
				if _, ok := item.(string); !ok {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

func (s *Server) takeLines(w http.ResponseWriter, body []byte, from Event) {
	if len(bytes.TrimSpace(body)) == 0 {
		write(w, 400, 5, "No data", nil)
		return
	}
	if from.Index != "" && len(s.Indexes) > 0 && !slices.Contains(s.Indexes, from.Index) {
		write(w, 400, 7, "Incorrect index", nil)
		return
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(body), "\n"), "\n") {
		from.Raw = line
		s.events = append(s.events, from)
	}
	s.success(w)
}

func (s *Server) success(w http.ResponseWriter) {
	if !s.Acks {
		write(w, 200, 0, "Success", nil)
		return
	}
	if s.pending == nil {
		s.pending = map[int]bool{}
	}
	s.pending[s.ids] = true
	write(w, 200, 0, "Success", map[string]any{"ackId": s.ids})
	s.ids++
}

func (s *Server) acknowledge(w http.ResponseWriter, body []byte) {
	if !s.Acks {
		write(w, 400, 14, "ACK is disabled", nil)
		return
	}
	var question struct{ Acks []int }
	if json.Unmarshal(body, &question) != nil {
		write(w, 400, 6, "Invalid data format", nil)
		return
	}
	if s.Asked != nil {
		s.Asked()
	}
	acks := map[string]bool{}
	for _, id := range question.Acks {
		acks[fmt.Sprint(id)] = s.pending[id] && !s.held
		if !s.held {
			delete(s.pending, id) // each is reported once
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(map[string]any{"acks": acks}) // the client may be gone
}

// write answers as the collector does.
func write(w http.ResponseWriter, status, code int, text string, more map[string]any) {
	answer := map[string]any{"text": text, "code": code}
	for k, v := range more {
		answer[k] = v
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client may be gone
}

func (a *Answer) write(w http.ResponseWriter) {
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	if a.Plain {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(a.Status)
		fmt.Fprintf(w, "<html>%d</html>", a.Status)
		return
	}
	more := map[string]any{}
	if a.Number != nil {
		more["invalid-event-number"] = *a.Number
	}
	write(w, a.Status, a.Code, a.Text, more)
}
