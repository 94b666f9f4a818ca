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
	alive, _, err := c.probe(ctx, "/healthz")
	if err != nil {
		return Health{}, err
	}
	ready, detail, err := c.probe(ctx, "/readyz")
	if err != nil {
		return Health{}, err
	}
	h := Health{Alive: alive.StatusCode == http.StatusOK, Ready: ready.StatusCode == http.StatusOK, Detail: detail}
	if date, err := http.ParseTime(ready.Header.Get("Date")); err == nil {
		h.Skew = date.Sub(c.now()).Round(time.Second)
	}
	h.SkewInText = h.Skew.String()
	return h, nil
}

func (c *Client) probe(ctx context.Context, path string) (*http.Response, string, error) {
	target := *c.endpoint
	target.Path = path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	const enough = 4 << 10
	body, err := io.ReadAll(io.LimitReader(resp.Body, enough))
	if err != nil {
		return nil, "", fmt.Errorf("read the answer to %s: %w", path, err)
	}
	return resp, strings.TrimSpace(string(body)), nil
}
