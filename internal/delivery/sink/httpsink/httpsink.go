// Package httpsink delivers batches as the bodies of POST requests.
//
//	POST url?query&auth_key=EXPIRY-RANDOM-MD5
//	X-Sluice-Request-Id: the batch's, the same at each try     X-Sluice-Batch-Count: how many logs
//	Content-Type, Content-Encoding, Content-Length, configured headers
//
//	prefix log separator log separator suffix, compressed as a whole
//
// A batch is delivered when the header of an answer with a status of 2xx has come; its body is not looked at. What other answers mean is
// in package post. Redirects are not followed. A receiver that has seen the request's id before can drop the request.
package httpsink

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/post"
)

// Sink delivers to one URL.
type Sink struct {
	config Config
	env    sink.Env
	url    *url.URL
	query  string // of the URL and the configuration, without the signature
	client *post.Client
}

// Open opens a sink. It does not connect.
func Open(c Config, env sink.Env) (sink.Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.setDefaults()
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, invalid("url: it cannot be read as a URL")
	}
	conf, err := c.TLS.Build("tls")
	if err != nil {
		return nil, err
	}
	s := &Sink{config: c, env: env, url: u}
	s.query = s.joinQuery()
	s.client = post.New(post.Options{
		Dial: env.Dial, TLS: conf, Timeout: time.Duration(c.TimeoutSeconds) * time.Second,
		UserAgent: "sluice/" + env.Version, Secrets: c.secrets(), Now: env.Now,
	})
	return s, nil
}

// joinQuery puts the configured parameters behind those of the URL, in the order of their names.
func (s *Sink) joinQuery() string {
	query := s.url.RawQuery
	for _, name := range slices.Sorted(maps.Keys(s.config.Query)) {
		query = join(query, url.QueryEscape(name)+"="+url.QueryEscape(s.config.Query[name].Reveal()))
	}
	return query
}

func join(query, param string) string {
	if query == "" {
		return param
	}
	return query + "&" + param
}

// secrets are the texts that errors must not show.
func (c *Config) secrets() []string {
	var out []string
	for _, text := range sink.SplitSecrets(c) {
		if len(text) >= 4 { // a shorter one is in half of all answers
			out = append(out, text)
		}
	}
	return out
}

// Check sends one log, or connects and sends nothing, as the configuration says.
func (s *Sink) Check(ctx context.Context) error {
	if s.config.Check == "connect" {
		return s.connect(ctx)
	}
	f := s.format()
	b := f.Begin(s.env.Dir)
	defer b.Release()
	now := s.env.Now()
	probe := sink.Entry{Time: uint32(now.Unix()), Fields: []sink.Field{{Key: "sluice", Value: "check"}}}
	if err := b.Add(&probe); err != nil {
		return err
	}
	payload, err := b.Finish()
	if err != nil {
		return err
	}
	header := s.header("check-"+random(), 1)
	header.Set("X-Sluice-Check", "1")
	return s.post(ctx, header, payload)
}

func (s *Sink) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.config.TimeoutSeconds)*time.Second)
	defer cancel()
	port := s.url.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[s.url.Scheme]
	}
	conn, err := s.env.Dial(ctx, "tcp", net.JoinHostPort(s.url.Hostname(), port))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return conn.Close()
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

// Begin begins a batch.
func (s *Sink) Begin(h sink.Header) sink.Batch {
	if s.config.OneByOne {
		return &singles{sink: s, header: h}
	}
	f := s.format()
	return &batch{sink: s, header: h, body: f.Begin(s.env.Dir)}
}

// format is how a body is made: a body of one log has no separator.
func (s *Sink) format() encode.Format {
	f := s.config.Format
	if s.config.OneByOne {
		none := false
		f.LastSeparator = &none
	}
	return f
}

// header makes the header of a request; the configured ones win.
func (s *Sink) header(id string, logs int) http.Header {
	h := http.Header{}
	h.Set("Content-Type", s.contentType())
	if encoding := s.config.ContentEncoding(); encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	for name, value := range s.config.Headers {
		h.Set(name, value.Reveal())
	}
	h.Set("X-Sluice-Request-Id", id)
	h.Set("X-Sluice-Batch-Count", fmt.Sprint(logs))
	return h
}

func (s *Sink) contentType() string {
	if s.config.OneByOne && (s.config.Rows.Format == "" || s.config.Rows.Format == encode.JSON) {
		return "application/json"
	}
	return s.config.ContentType()
}

// post sends one request, signed anew each time.
func (s *Sink) post(ctx context.Context, header http.Header, body post.Body) error {
	now := s.env.Now()
	target := *s.url
	target.RawQuery = s.query
	if sig := s.config.URLSignature; sig != nil {
		target.RawQuery = join(s.query, authKey+"="+sig.sign(sig.pathOf(s.url), now, random()))
	}
	if sig := s.config.BodySignature; sig != nil {
		if err := sig.sign(header, now, body); err != nil {
			return err
		}
	}
	answer, err := s.client.Do(ctx, http.MethodPost, target.String(), header, body)
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	return answer.Err()
}

// batch is one request.
type batch struct {
	sink   *Sink
	header sink.Header
	body   *encode.Body
}

func (b *batch) Add(e *sink.Entry) error { return b.body.Add(e) }
func (b *batch) Len() int                { return b.body.Len() }
func (b *batch) Encoded() int64          { return b.body.Raw() }
func (b *batch) Memory() int64           { return b.body.Memory() }
func (b *batch) Release()                { b.body.Release() }

func (b *batch) Send(ctx context.Context, to sink.Point) error {
	if b.Len() == 0 {
		return nil
	}
	payload, err := b.body.Finish()
	if err != nil {
		return fmt.Errorf("finish the body: %w", err)
	}
	return b.sink.post(ctx, b.sink.header(b.header.ID(to), b.Len()), payload)
}
