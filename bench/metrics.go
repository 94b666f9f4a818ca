package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// bucket of a Prometheus histogram: how many observations were at most le seconds.
type bucket struct{ le, count float64 }

// histogram reads a histogram without labels from the server's metrics.
func (s *server) histogram(ctx context.Context, name string) ([]bucket, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var buckets []bucket
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), name+`_bucket{le="`)
		if !ok {
			continue
		}
		le, count, _ := strings.Cut(rest, `"} `)
		var b bucket
		if b.le, err = strconv.ParseFloat(le, 64); err == nil {
			b.count, err = strconv.ParseFloat(count, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("metrics line %q: %w", lines.Text(), err)
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
