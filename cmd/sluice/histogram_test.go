package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func histogramOf(from time.Time, step time.Duration, counts ...int64) *client.Histogram {
	h := &client.Histogram{Complete: true}
	for i, n := range counts {
		at := from.Add(time.Duration(i) * step)
		h.Buckets = append(h.Buckets, client.Bucket{From: at, To: at.Add(step), Count: n})
		h.Count += n
	}
	return h
}

func TestDrawHistogram(t *testing.T) {
	from := time.Date(2026, 3, 1, 14, 5, 0, 0, time.Local)
	o := tty.New(&bytes.Buffer{}, func(string) string { return "" }) // 80 columns, no colours
	got := drawHistogram(o, histogramOf(from, 5*time.Minute, 1204, 320, 0, 1))
	want := "14:05  " + strings.Repeat("█", 65) + "  1,204\n" +
		"14:10  " + strings.Repeat("█", 17) + "▎" + strings.Repeat(" ", 47) + "    320\n" +
		"14:15  " + strings.Repeat(" ", 65) + "      0\n" +
		"14:20  ▏" + strings.Repeat(" ", 64) + "      1\n" +
		"       1,525 logs from 2026-03-01 14:05:00 to 14:25:00, in steps of 5m\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := drawHistogram(o, histogramOf(from, 12*time.Hour, 1, 2)); !strings.HasPrefix(got, "03-01 14:05  ") || !strings.Contains(got, "steps of 12h") {
		t.Errorf("over two days:\n%s", got)
	}
	if got := drawHistogram(o, histogramOf(from.Add(7*time.Second), time.Minute, 1)); !strings.HasPrefix(got, "14:05:07  ") {
		t.Errorf("not on the minute:\n%s", got)
	}
	if got := drawHistogram(o, histogramOf(from, 48*time.Hour)); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}

// Every line of a histogram is as wide as the others and fits, and more logs have no shorter bar.
func TestHistogramFits(t *testing.T) {
	o := tty.New(&bytes.Buffer{}, func(string) string { return "" })
	rapid.Check(t, func(r *rapid.T) {
		counts := rapid.SliceOfN(rapid.Int64Range(0, 1e12), 1, 60).Draw(r, "counts")
		drawn := drawHistogram(o, histogramOf(time.Unix(1.7e9, 0), time.Minute, counts...))
		lines := strings.Split(strings.TrimSpace(drawn), "\n")
		if len(lines) != len(counts)+1 {
			r.Fatalf("%d lines for %d buckets", len(lines), len(counts))
		}
		for i, line := range lines[:len(counts)] {
			if n := utf8.RuneCountInString(line); n != 79 {
				r.Errorf("line %q has %d columns", line, n)
			}
			if j := (i + 1) % len(counts); counts[i] > counts[j] && strings.Count(line, "█") < strings.Count(lines[j], "█") {
				r.Errorf("%d logs have a shorter bar than %d:\n%s", counts[i], counts[j], drawn)
			}
			if counts[i] > 0 && !strings.ContainsAny(line, "▏▎▍▌▋▊▉█") {
				r.Errorf("%d logs cannot be seen: %q", counts[i], line)
			}
		}
	})
}

func TestShowLength(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30s", 5 * time.Minute: "5m", 90 * time.Second: "1m30s", time.Hour: "1h", 90 * time.Minute: "1h30m",
		day: "1 day", 2 * day: "2 days", 10 * time.Minute: "10m", 12 * time.Hour: "12h",
	} {
		if got := showLength(d); got != want {
			t.Errorf("showLength(%v) = %q, want %q", d, got, want)
		}
	}
}
