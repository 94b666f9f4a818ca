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

func TestWeblogsAreTheSameEachTime(t *testing.T) {
	start := time.Unix(1700000000, 0)
	a, b := newWeblogs(start), newWeblogs(start)
	for range 100 {
		x, y := a.record(), b.record()
		if x.Fields[9] != y.Fields[9] || x.Time != y.Time {
			t.Fatalf("%v and %v", x, y)
		}
	}
}
