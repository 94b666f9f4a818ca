package client

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// HistogramQuery asks how many logs a search finds over time. The logstore has to have an index configuration.
type HistogramQuery struct {
	From, To time.Time // logs with From <= time < To, to the nanosecond
	Query    string    // only the search in front of a pipe counts
	Topic    string    // if not empty, only logs of this topic

	Interval time.Duration // width of a bucket, whole seconds [one that makes at most 60 buckets]
}

// Histogram is how many logs a search finds.
type Histogram struct {
	Buckets  []Bucket // in order of time, without gaps
	Count    int64    // of all buckets
	Complete bool     // false: time ran out or logs cannot be read, and the counts may be too small
}

// Bucket is how many logs have From <= time < To.
type Bucket struct {
	From, To time.Time
	Count    int64
}

// Histogram counts the logs that a search finds. Error codes as for Logs.
func (c *Client) Histogram(ctx context.Context, ref sluice.LogstoreRef, q HistogramQuery) (*Histogram, error) {
	query := timeRangeQuery(q.From, q.To)
	query.Set("type", "histogram")
	query.Set("query", q.Query)
	if q.Topic != "" {
		query.Set("topic", q.Topic)
	}
	if q.Interval > 0 {
		query.Set("interval", strconv.FormatInt(int64(max(q.Interval/time.Second, 1)), 10))
	}
	var buckets []struct {
		From, To, Count int64
		Progress        string
	}
	if err := c.send(ctx, call{method: http.MethodGet, project: ref.Project, path: logstorePath(ref), query: query}, &buckets); err != nil {
		return nil, err
	}
	h := &Histogram{Buckets: make([]Bucket, len(buckets)), Complete: true}
	for i, b := range buckets {
		if b.Count < 0 || b.From > b.To {
			return nil, fmt.Errorf("bucket %d of the histogram of %s is from %d to %d with %d logs", i, ref, b.From, b.To, b.Count)
		}
		h.Buckets[i] = Bucket{From: time.Unix(b.From, 0), To: time.Unix(b.To, 0), Count: b.Count}
		h.Count += b.Count
		h.Complete = h.Complete && strings.EqualFold(b.Progress, "Complete")
	}
	return h, nil
}
