package main

import (
	"strings"
	"time"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// drawHistogram draws a line for each bucket, as wide as the stream:
//
//	14:05:00  ████████████▌   1,204
//	14:10:00  ███▍              320
//	          1,524 logs from 2026-03-01 14:05:00 to 14:15:00, in steps of 5m
func drawHistogram(o *tty.Output, h *client.Histogram) string {
	if len(h.Buckets) == 0 {
		return ""
	}
	most, layout := int64(1), bucketLayout(h.Buckets)
	for _, b := range h.Buckets {
		most = max(most, b.Count)
	}
	numbers := len(count(int(most)))
	width := max(o.Width()-len(layout)-numbers-2*gap-1, 1) // the last column stays free: some terminals break the line there
	var s strings.Builder
	for _, b := range h.Buckets {
		bar := tty.Blocks(float64(b.Count)/float64(most), width)
		number := count(int(b.Count))
		s.WriteString(o.Dim(b.From.Local().Format(layout)) + strings.Repeat(" ", gap) + o.Cyan(bar) +
			strings.Repeat(" ", width-len([]rune(bar))+gap+numbers-len(number)) + number + "\n")
	}
	s.WriteString(strings.Repeat(" ", len(layout)+gap) + histogramSummary(h) + "\n")
	return s.String()
}

// gap is how many columns are between the parts of a line.
const gap = 2

// bucketLayout is how the beginnings of buckets are written: no more than tells them apart.
func bucketLayout(buckets []client.Bucket) string {
	first, last := buckets[0].From.Local(), buckets[len(buckets)-1].To.Local().Add(-time.Second)
	seconds := false
	for _, b := range buckets {
		seconds = seconds || b.From.Second() != 0
	}
	layout := "15:04"
	if seconds {
		layout = time.TimeOnly
	}
	switch {
	case first.Year() != last.Year():
		return "2006-01-02 " + layout
	case first.YearDay() != last.YearDay():
		return "01-02 " + layout
	}
	return layout
}

func histogramSummary(h *client.Histogram) string {
	first, last := h.Buckets[0], h.Buckets[len(h.Buckets)-1]
	return plural(int(h.Count), "log") + " from " + showRange(first.From, last.To) + ", in steps of " + showLength(first.To.Sub(first.From))
}

// showLength writes a length of time without parts that are nothing: 5m, 1h, 2d.
func showLength(d time.Duration) string {
	if d > 0 && d%day == 0 {
		return plural(int(d/day), "day")
	}
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}
