package behind

import (
	"testing"
	"time"
)

// TestJudge goes through moments, given in milliseconds.
func TestJudge(t *testing.T) {
	type moment struct {
		at            int
		active, hurry bool
		narrow, over  bool
	}
	for name, moments := range map[string][]moment{
		"short ones take all processors": {
			{at: 50, active: true, hurry: true}, {at: 90, active: false, hurry: true}, {at: 500, over: true, hurry: true},
		},
		"a long one leaves room for writers": {
			{at: 50, active: true, hurry: true},
			{at: 100, active: true, narrow: true},
			{at: 2040, active: true, narrow: true},
			{at: 2060, active: true},
			{at: 2100, active: true, hurry: true, narrow: true},
		},
		"a long one beside nobody takes all": {{at: 50, active: true}, {at: 10_000, active: true}},
		"one after another counts as long": {
			{at: 50, active: true, hurry: true}, {at: 100, active: false, narrow: true}, {at: 150, active: true, narrow: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Unix(1_790_000_000, 0)
			j := judge{since: start}
			was := true
			for _, m := range moments {
				now := start.Add(time.Duration(m.at) * time.Millisecond)
				if was && !m.active {
					j.idle = now
				}
				if m.over {
					j.idle = start
				}
				was = m.active
				if narrow, over := j.see(now, m.active, m.hurry); narrow != m.narrow || over != m.over {
					t.Errorf("after %d ms: narrow %v, over %v, want %v, %v", m.at, narrow, over, m.narrow, m.over)
				}
			}
		})
	}
}

func TestSpare(t *testing.T) {
	for n, want := range []int{0, 0, 1, 1, 1, 2, 2, 2, 2, 3} {
		if got := spare(n); got != want {
			t.Errorf("of %d processors %d are left, want %d", n, got, want)
		}
	}
}
