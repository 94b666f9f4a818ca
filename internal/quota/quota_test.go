package quota

import (
	"testing"
	"time"
)

// clock is a clock that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestLimiterHoldsTheRate(t *testing.T) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	for _, tt := range []struct {
		name            string
		rate            Rate
		requests, bytes int64 // of each request
		want            int   // admitted in ten seconds, one try each millisecond
	}{
		{"bytes", Rate{BytesPerSecond: 1000}, 1, 100, 110}, // 10 each second, and a second's worth ahead
		{"requests", Rate{RequestsPerSecond: 20}, 1, 1 << 30, 220},
		{"both, bytes are scarcer", Rate{BytesPerSecond: 1000, RequestsPerSecond: 20}, 1, 100, 110},
		{"larger than a second's worth", Rate{BytesPerSecond: 1000}, 1, 5000, 3}, // at 0 s, 4 s and 9 s
	} {
		l := New[string](tt.rate, c.Now)
		got := 0
		for range 10_000 {
			if l.Check("k") == Within {
				l.Charge("k", tt.requests, tt.bytes)
				got++
			}
			c.now = c.now.Add(time.Millisecond)
		}
		if got < tt.want-1 || got > tt.want+1 {
			t.Errorf("%s: %d requests admitted, want about %d", tt.name, got, tt.want)
		}
	}
}

func TestLimiterSaysWhatIsOver(t *testing.T) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	l := New[string](Rate{BytesPerSecond: 10, RequestsPerSecond: 10}, c.Now)
	l.Charge("bytes", 1, 10)
	l.Charge("requests", 10, 1)
	for key, want := range map[string]Verdict{"bytes": OverBytes, "requests": OverRequests, "another": Within} {
		if got := l.Check(key); got != want {
			t.Errorf("%s: verdict %d, want %d", key, got, want)
		}
	}
}

func TestLimiterWithoutRateIsOff(t *testing.T) {
	l := New[string](Rate{}, time.Now)
	if l != nil {
		t.Error("New made a limiter that limits nothing")
	}
	l.Charge("k", 1, 1<<40)
	if got := l.Check("k"); got != Within {
		t.Errorf("verdict %d, want Within", got)
	}
}

// What is idle is forgotten, what is ahead is not.
func TestLimiterForgetsIdleFlows(t *testing.T) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	l := New[int](Rate{BytesPerSecond: 1}, c.Now)
	l.Charge(-1, 1, 1_000_000)
	for key := range 100 * sweepAt {
		l.Charge(key, 1, 1)
		c.now = c.now.Add(time.Second)
	}
	if got := len(l.flows.flows); got > 2*sweepAt {
		t.Errorf("%d flows kept, want at most %d", got, 2*sweepAt)
	}
	if l.Check(-1) != OverBytes {
		t.Error("a flow that is ahead was forgotten")
	}
}

// A rate that changes holds from then on; what was taken before counts.
func TestRateOfAFlowChanges(t *testing.T) {
	c := &clock{time.Unix(1_700_000_000, 0)}
	l := NewFlows[string](c.Now)
	slow := Rate{RequestsPerSecond: 1}
	for range 2 {
		l.Charge("k", slow, 1, 0)
	}
	for name, tt := range map[string]struct {
		rate Rate
		want Verdict
	}{"the same": {slow, OverRequests}, "none": {Rate{}, Within}, "of bytes": {Rate{BytesPerSecond: 1}, Within}} {
		if got := l.Check("k", tt.rate); got != tt.want {
			t.Errorf("%s: verdict %d, want %d", name, got, tt.want)
		}
	}
	c.now = c.now.Add(2 * time.Second)
	if got := l.Check("k", slow); got != Within {
		t.Errorf("two seconds later: verdict %d", got)
	}
}
