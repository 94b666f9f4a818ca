package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// metrics reads the server's metrics.
func (s *server) metrics(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/metrics", nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// gauge reads a metric without labels.
func (s *server) gauge(ctx context.Context, name string) (float64, error) {
	text, err := s.metrics(ctx)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("the server has no metric %s", name)
}

// waitIndexed waits until so many logs are in segments.
func (s *server) waitIndexed(ctx context.Context, logs int) error {
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		n, err := s.gauge(ctx, "sluice_index_logs")
		if err != nil {
			return err
		}
		if int(n) >= logs {
			return nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// bucket of a Prometheus histogram: how many observations were at most le seconds.
type bucket struct{ le, count float64 }

// histogram reads a histogram without labels from the server's metrics.
func (s *server) histogram(ctx context.Context, name string) ([]bucket, error) {
	text, err := s.metrics(ctx)
	if err != nil {
		return nil, err
	}
	var buckets []bucket
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name+`_bucket{le="`)
		if !ok {
			continue
		}
		le, count, _ := strings.Cut(strings.TrimSpace(rest), `"} `)
		var b bucket
		if b.le, err = strconv.ParseFloat(le, 64); err == nil {
			b.count, err = strconv.ParseFloat(count, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("metrics line %q: %w", line, err)
		}
		buckets = append(buckets, b)
	}
	if len(buckets) == 0 {
		return nil, fmt.Errorf("the server has no histogram %s", name)
	}
	return buckets, nil
}

// quantile returns the upper bound, in seconds, of the bucket that the q-th of the observations between two readings fell into.
func quantile(before, after []bucket, q float64) float64 {
	total := after[len(after)-1].count - before[len(before)-1].count
	for i := range after {
		if after[i].count-before[i].count >= q*total {
			return after[i].le
		}
	}
	return after[len(after)-1].le
}
