package when_test

import (
	"testing"
	"time"

	"github.com/sluicelog/sluice/cmd/sluice/internal/when"
)

func TestParse(t *testing.T) {
	zone := time.FixedZone("east", 2*60*60)
	now := time.Date(2026, 3, 1, 12, 30, 0, 0, zone)
	f := func(in string, want time.Time) {
		t.Helper()
		got, err := when.Parse(in, now)
		if err != nil || !got.Equal(want) {
			t.Errorf("Parse(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	f("now", now)
	f("today", time.Date(2026, 3, 1, 0, 0, 0, 0, zone))
	f("Yesterday", time.Date(2026, 2, 28, 0, 0, 0, 0, zone))
	f("-15m", now.Add(-15*time.Minute))
	f("15m", now.Add(-15*time.Minute))
	f("1h30m", now.Add(-90*time.Minute))
	f("1.5h", now.Add(-90*time.Minute))
	f("- 2d", now.Add(-48*time.Hour))
	f("1 hour ago", now.Add(-time.Hour))
	f("2 weeks ago", now.Add(-14*24*time.Hour))
	f("1 day 2 hours ago", now.Add(-26*time.Hour))
	f("90s", now.Add(-90*time.Second))
	f("09:15", time.Date(2026, 3, 1, 9, 15, 0, 0, zone))
	f("09:15:30", time.Date(2026, 3, 1, 9, 15, 30, 0, zone))
	f("2026-02-03", time.Date(2026, 2, 3, 0, 0, 0, 0, zone))
	f("2026-02-03 04:05", time.Date(2026, 2, 3, 4, 5, 0, 0, zone))
	f("2026-02-03T04:05:06Z", time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC))
	f("2026-02-03T04:05:06.25+01:00", time.Date(2026, 2, 3, 3, 5, 6, 250e6, time.UTC))
	f("1700000000", time.Unix(1700000000, 0))
	f("1700000000.5", time.Unix(1700000000, 500e6))
	f("1700000000123", time.UnixMilli(1700000000123))
	f("1700000000123456", time.UnixMicro(1700000000123456))
	f("1700000000123456789", time.Unix(0, 1700000000123456789))
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{"", "soon", "15 parsecs", "-", "ago", "25:00", "2026-13-01", "15", "m15", "-1700000000", "99999999999999999999d"} {
		if got, err := when.Parse(in, time.Unix(0, 0)); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, got)
		}
	}
}

func TestTimestampIsAbsolute(t *testing.T) {
	for _, in := range []string{"now", "-15m", "09:15", "today"} {
		if got, ok := when.Timestamp(in, time.UTC); ok {
			t.Errorf("Timestamp(%q) = %v; a field of a log cannot be relative", in, got)
		}
	}
	got, ok := when.Timestamp("10/Oct/2000:13:55:36 -0700", time.UTC)
	if want := time.Date(2000, 10, 10, 20, 55, 36, 0, time.UTC); !ok || !got.Equal(want) {
		t.Errorf("access log time = %v, %v; want %v", got, ok, want)
	}
}
