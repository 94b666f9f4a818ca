// Package splunksink delivers logs to the HTTP Event Collector of Splunk.
//
//	{"time":1767323045.678,"host":"host1","source":"sluice:p1/t1","sourcetype":"_json","event":{…},"fields":{"topic":"t","sluice_id":"…"}}…
//	  └── POST /services/collector/event, gzip ──> taken ──acks──> POST /services/collector/ack until it is true ──> delivered
//
// Topic, source and tags of the log's group are indexed fields, and so is sluice_id, which no two logs of a task share and a log that is sent
// again has again. The raw endpoint takes lines, which have none of that.
//
// Without acknowledgements a batch is delivered when Splunk has taken it into its queue: a Splunk that dies then loses it.
package splunksink

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/post"
)

// Sink delivers to one collector.
type Sink struct {
	config  Config
	env     sink.Env
	base    string // the URL up to /services/collector
	target  string // where batches go
	client  *post.Client
	acks    atomic.Bool // asked for, and not found to be disabled
	channel atomic.Pointer[string]
	pause   time.Duration // between questions for an acknowledgement
}

// Open opens a sink. It does not connect.
func Open(c Config, env sink.Env) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.setDefaults()
	conf, err := c.TLS.Build("tls")
	if err != nil {
		return nil, err
	}
	s := &Sink{config: c, env: env, pause: time.Second}
	s.base = strings.TrimRight(c.URL, "/")
	if !strings.HasSuffix(s.base, "/services/collector") {
		s.base += "/services/collector"
	}
	s.target = s.base + "/" + c.Endpoint
	if c.Endpoint == "raw" {
		s.target += s.rawQuery()
	}
	s.acks.Store(c.Acks)
	s.setChannel(c.Channel)
	s.client = post.New(post.Options{
		Dial: env.Dial, TLS: conf, Timeout: time.Duration(c.TimeoutSeconds) * time.Second,
		UserAgent: "sluice/" + env.Version, Secrets: []string{c.Token.Reveal()}, Now: env.Now,
	})
	return s, nil
}

// rawQuery says of all lines what events say themselves.
func (s *Sink) rawQuery() string {
	query := url.Values{}
	for name, value := range map[string]string{
		"sourcetype": s.config.Sourcetype, "source": s.config.Source, "index": s.config.Index, "host": s.config.Host,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// setChannel sets the channel, a new one for "".
func (s *Sink) setChannel(guid string) {
	if guid == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // it never fails
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		guid = fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	}
	s.channel.Store(&guid)
}

// Check sends a request without events: a collector that knows the token says that there is no data.
func (s *Sink) Check(ctx context.Context) error {
	answer, err := s.post(ctx, s.target, *s.channel.Load(), s.header(""), post.Bytes(nil))
	if err != nil {
		return err
	}
	if reply := read(answer); reply.Code != nil && *reply.Code == codeNoData {
		return nil
	}
	return s.verdict(answer)
}

// Limits are those of the configuration.
func (s *Sink) Limits() sink.Limits {
	return sink.Limits{Logs: s.config.MaxLogs, Bytes: s.config.MaxBytes, Age: time.Duration(s.config.MaxAgeSeconds) * time.Second}
}

// Close gives up the connections.
func (s *Sink) Close() error {
	s.client.Close()
	return nil
}

// header is that of a request with a batch.
func (s *Sink) header(id string) http.Header {
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	if s.config.Endpoint == "raw" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if id != "" {
		h.Set("X-Sluice-Request-Id", id)
	}
	return h
}

func (s *Sink) post(ctx context.Context, target, channel string, h http.Header, body post.Body) (*post.Answer, error) {
	h.Set("Authorization", "Splunk "+s.config.Token.Reveal())
	h.Set("X-Splunk-Request-Channel", channel)
	answer, err := s.client.Do(ctx, http.MethodPost, target, h, body)
	if err != nil {
		return nil, fmt.Errorf("post to Splunk: %w", err)
	}
	return answer, nil
}
