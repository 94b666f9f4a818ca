// Package post sends requests to destinations that speak HTTP and puts their answers into the words of package sink.
//
//	body ──Do──> one request, one answer of at most 64 KB ──Answer.Err──> nil | Refused | Halt | Later | ErrTooLarge | retry
//
// Redirects are not followed, proxies of the environment are not used, and no error shows the URL, which may hold secrets.
package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// Options of a Client.
type Options struct {
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	TLS  *tls.Config
	// Timeout of one request and its answer; 0 is none.
	Timeout   time.Duration
	UserAgent string
	// Secrets are texts that a destination might repeat in its answers, and that errors must not.
	Secrets []string
	Now     func() time.Time
}

// Client sends requests, for one destination. It may be used by many goroutines.
type Client struct {
	options   Options
	http      *http.Client
	transport *http.Transport
}

// New makes a client.
func New(o Options) *Client {
	t := &http.Transport{
		DialContext:           o.Dial,
		TLSClientConfig:       o.TLS,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{options: o, transport: t, http: &http.Client{Transport: t, CheckRedirect: stay}}
}

// Close gives up the connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// maxAnswer is what is read of an answer.
const maxAnswer = 64 << 10

// Answer is what the destination said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // its first 64 KB, with the mask in the place of secrets
	client *Client
}

// Body is what a request carries, read from the start at each try.
type Body interface {
	Size() int64
	Reader() *io.SectionReader
}

// Bytes is a Body in memory.
type Bytes []byte

// Size is their number.
func (b Bytes) Size() int64 { return int64(len(b)) }

// Reader reads them.
func (b Bytes) Reader() *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, b.Size())
}

// Do sends a request with body, whose length it announces, and reads the answer. Any answer is one, whatever its status; an answer that
// breaks off behind its header counts by its header, with the part of the body that came.
func (c *Client) Do(ctx context.Context, method, target string, header http.Header, body Body) (*Answer, error) {
	if c.options.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.options.Timeout, fmt.Errorf("no answer within %v", c.options.Timeout))
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, http.NoBody)
	if err != nil {
		return nil, hideURL(err)
	}
	if request.ContentLength = body.Size(); request.ContentLength > 0 {
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(body.Reader()), nil }
		request.Body, _ = request.GetBody() // never fails
	}
	request.Header = header
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", c.options.UserAgent)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.errorOf(ctx, err)
	}
	defer response.Body.Close()
	a := &Answer{Status: response.StatusCode, Header: response.Header, client: c}
	// An answer that is longer, or cut off, has said what matters in its header.
	a.Body, _ = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	for _, secret := range c.options.Secrets {
		if secret != "" {
			a.Body = bytes.ReplaceAll(a.Body, []byte(secret), []byte(sink.Mask))
		}
	}
	return a, nil
}

// errorOf names the timeout where it was the reason.
func (c *Client) errorOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("%w: %w", cause, ctx.Err())
	}
	return tlsconf.Explain(hideURL(err))
}

// hideURL unwraps the error that net/http wraps around every other, and that shows the URL.
func hideURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
