package query

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/segment"
)

// Bucket is a part of a histogram.
type Bucket struct {
	From, To int64 // seconds since 1970, half-open
	Count    int64
}

// Histogram counts the logs of a filter over time. interval is the width of a bucket in seconds; 0 chooses one that gives 60
// buckets at most. Buckets begin at the range's, have no gaps, and only the last may be shorter.
func (e *Engine) Histogram(ctx context.Context, f Filter, interval int64) ([]Bucket, Coverage, error) {
	q, err := e.prepare(ctx, f)
	if err != nil {
		return nil, Coverage{}, err
	}
	buckets, err := cut(f.Range, interval)
	if err != nil {
		return nil, Coverage{}, err
	}
	width := (buckets[0].To - buckets[0].From) * 1e9
	var counts []*counter
	cover, err := e.scan(ctx, q, nil, func() collector {
		c := &counter{from: buckets[0].From * 1e9, width: width, counts: make([]int64, len(buckets))}
		counts = append(counts, c)
		return c
	})
	for _, c := range counts {
		for i, n := range c.counts {
			buckets[i].Count += n
		}
	}
	return buckets, cover, err
}

// widths of buckets that people read easily, in seconds.
var widths = []int64{
	1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 2 * 86400, 7 * 86400, 14 * 86400,
	30 * 86400, 90 * 86400, 365 * 86400,
}

const (
	niceBuckets = 60
	maxBuckets  = 10_000
)

func cut(r Range, interval int64) ([]Bucket, error) {
	from, to := r.From/1e9, (r.To+1e9-1)/1e9
	if interval <= 0 {
		for _, w := range widths {
			interval = w
			if (to-from+w-1)/w <= niceBuckets {
				break
			}
		}
	}
	if (to-from)/interval >= maxBuckets {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "an interval of %d s makes more than %d buckets", interval, maxBuckets)
	}
	var buckets []Bucket
	for at := from; at < to; at += interval {
		buckets = append(buckets, Bucket{From: at, To: min(at+interval, to)})
	}
	return buckets, nil
}

// counter counts keys by bucket.
type counter struct {
	from, width int64
	counts      []int64
}

func (c *counter) drop() { clear(c.counts) }

func (c *counter) add(k key, _ *index.Log) { c.counts[(k.time-c.from)/c.width]++ }

// addRows counts rows between the first rows of buckets: rows are in the order of time. Only buckets that the group's times are in are
// looked at.
func (c *counter) addRows(ctx context.Context, g *segment.Group, rows *roaring.Bitmap) error {
	first := max(0, (g.First().UnixNano()-c.from)/c.width)
	last := min(int64(len(c.counts))-1, (g.Last().UnixNano()-c.from)/c.width)
	before := uint64(0)
	for i := first; i <= last; i++ {
		end := uint32(g.Rows())
		if i < last {
			var err error
			if end, err = g.RowAt(ctx, (c.from+(i+1)*c.width)/1e9); err != nil {
				return err
			}
		}
		upTo := uint64(0)
		if end > 0 {
			upTo = rows.Rank(end - 1)
		}
		c.counts[i] += int64(upTo - before)
		before = upTo
	}
	return nil
}
