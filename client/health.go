package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Health is what the server says of itself, to anyone.
type Health struct {
	Alive      bool          `json:"alive"`      // /healthz answers 200
	Ready      bool          `json:"ready"`      // /readyz answers 200: it takes requests
	Detail     string        `json:"detail"`     // what /readyz says
	Skew       time.Duration `json:"-"`          // the server's clock minus ours, with the precision of a second
	SkewInText string        `json:"clock_skew"` // Skew, for people
}

// Health asks the server how it is. The requests are not signed. An error means that no answer came.
func (c *Client) Health(ctx context.Context) (Health, error) {
	alive, err := c.probe(ctx, "/healthz")
	if err != nil {
		return Health{}, err
	}
	ready, err := c.probe(ctx, "/readyz")
	if err != nil {
		return Health{}, err
	}
	h := Health{Alive: alive.ok, Ready: ready.ok, Detail: ready.text}
	if !ready.date.IsZero() {
		h.Skew = ready.date.Sub(c.now()).Round(time.Second)
	}
	h.SkewInText = h.Skew.String()
	return h, nil
}

// probed is the answer to a probe.
type probed struct {
	ok   bool
	text string
	date time.Time
}

func (c *Client) probe(ctx context.Context, path string) (probed, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.endpoint.String()+path, nil)
	if err != nil {
		return probed{}, err
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	resp, err := c.http.Do(req)
	if err != nil {
		return probed{}, err
	}
	defer resp.Body.Close()
	const enough = 4 << 10
	body, err := io.ReadAll(io.LimitReader(resp.Body, enough))
	if err != nil {
		return probed{}, fmt.Errorf("read the answer to %s: %w", path, err)
	}
	return probed{resp.StatusCode == http.StatusOK, strings.TrimSpace(string(body)), serverTime(resp.Header)}, nil
}
