package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sluicelog/sluice/internal/logpb"
)

const (
	maxAnswer  = 64 << 20 // bytes of an answer, as sent and as decompressed
	firstDelay = 100 * time.Millisecond
	maxDelay   = 5 * time.Second
)

// call is one request of the dialect, before it is signed. Empty project means the bare endpoint.
type call struct {
	method, project string
	path            string // escaped
	query           url.Values
	contentType     string // of body; "" when there is none
	body            []byte
	codec           logpb.Codec // how body is compressed
	rawSize         int         // length of body before that
	accept          logpb.Codec // compression wanted for the answer
	answerType      string      // content type wanted for the answer; "" takes any
}

// answer is a success.
type answer struct {
	header http.Header
	body   []byte
}

// get sends a GET and decodes the JSON answer into out.
func (c *Client) get(ctx context.Context, project, path string, query url.Values, out any) error {
	return c.send(ctx, call{method: http.MethodGet, project: project, path: path, query: query}, out)
}

// sendJSON sends in as a JSON body and decodes the answer into out unless it is nil.
func (c *Client) sendJSON(ctx context.Context, method, project, path string, query url.Values, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	return c.send(ctx, call{
		method: method, project: project, path: path, query: query,
		contentType: contentJSON, body: body, rawSize: len(body),
	}, out)
}

func (c *Client) send(ctx context.Context, r call, out any) error {
	a, err := c.do(ctx, r)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return fmt.Errorf("decode the answer to %s %s: %w", r.method, r.path, err)
	}
	return nil
}

// do sends r until it succeeds, fails for good, or the attempts or the context end.
func (c *Client) do(ctx context.Context, r call) (*answer, error) {
	delay := firstDelay
	for attempt := 1; ; attempt++ {
		a, err := c.once(ctx, r)
		var refused *Error
		if err == nil || attempt == c.options.Attempts || !errors.As(err, &refused) || !refused.Temporary() {
			return a, err
		}
		if !sleep(ctx, rand.N(delay)) {
			return nil, fmt.Errorf("%w, while retrying after: %w", ctx.Err(), err)
		}
		delay = min(2*delay, maxDelay)
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Client) once(ctx context.Context, r call) (*answer, error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer to %s %s: %w", r.method, r.path, err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer to %s %s is larger than %d bytes", r.method, r.path, maxAnswer)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, newError(resp.StatusCode, resp.Header, body)
	}
	return &answer{header: resp.Header, body: body}, nil
}

// request builds and signs the HTTP request of one attempt.
func (c *Client) request(ctx context.Context, r call) (*http.Request, error) {
	target := c.endpoint.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Host = c.host(r.project)
	h := req.Header
	h.Set("User-Agent", c.options.UserAgent)
	h.Set("x-log-apiversion", "0.6.0")
	h.Set("x-log-bodyrawsize", strconv.Itoa(r.rawSize))
	if r.project != "" {
		h.Set("x-log-project", r.project)
	}
	if r.contentType != "" {
		h.Set("Content-Type", r.contentType)
	}
	if r.codec != logpb.None {
		h.Set("x-log-compresstype", string(r.codec))
	}
	if r.accept != logpb.None {
		h.Set("Accept-Encoding", string(r.accept))
	}
	if r.answerType != "" {
		h.Set("Accept", r.answerType)
	}
	if c.options.SecurityToken != "" {
		h.Set("x-acs-security-token", c.options.SecurityToken)
	}
	c.sign(req, r)
	return req, nil
}
