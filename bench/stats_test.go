package main

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 2, 3}, 2.5},
	} {
		if got := median(c.in); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1))
	}
	for p, want := range map[float64]time.Duration{0: 1, 50: 50, 99: 99, 99.5: 100, 100: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("percentile %v = %d, want %d", p, got, want)
		}
	}
	if got := percentile([]time.Duration{7}, 99); got != 7 {
		t.Errorf("percentile of one = %d", got)
	}
}

// Buckets count what is at or below their bound, and only what came between two readings.
func TestQuantile(t *testing.T) {
	before := []bucket{{0.001, 10}, {0.01, 10}, {0.1, 10}}
	after := []bucket{{0.001, 10}, {0.01, 108}, {0.1, 110}}
	for q, want := range map[float64]float64{0.5: 0.01, 0.98: 0.01, 0.99: 0.1, 1: 0.1} {
		if got := quantile(before, after, q); got != want {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
}
