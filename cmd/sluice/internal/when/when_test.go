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
	f("the day before yesterday", time.Date(2026, 2, 27, 0, 0, 0, 0, zone))
	f("yesterday 23:59:59", time.Date(2026, 2, 28, 23, 59, 59, 0, zone))
	f("today 0:0:0", time.Date(2026, 3, 1, 0, 0, 0, 0, zone))
	f("the day before yesterday 8:30", time.Date(2026, 2, 27, 8, 30, 0, 0, zone))
	f("1 day ago 0:0:0", time.Date(2026, 2, 28, 0, 0, 0, 0, zone))
	f("-1min", now.Add(-time.Minute))
	f("-1week", now.Add(-7*24*time.Hour))
	f("2M", now.Add(-60*24*time.Hour))
	f("2m", now.Add(-2*time.Minute))
	f("1y", now.Add(-365*24*time.Hour))
	f("now()", now)
	f("now()-1h", now.Add(-time.Hour))
	f("now - 30m", now.Add(-30*time.Minute))
	f("now+2h", now.Add(2*time.Hour))
	f("now-1M", now.Add(-30*24*time.Hour))
	f("now/d", time.Date(2026, 3, 1, 0, 0, 0, 0, zone))
	f("now-1d/d", time.Date(2026, 2, 28, 0, 0, 0, 0, zone))
	f("now/w", time.Date(2026, 2, 23, 0, 0, 0, 0, zone)) // the first of March 2026 is a Sunday
	f("now/M", time.Date(2026, 3, 1, 0, 0, 0, 0, zone))
	f("now-1d/y", time.Date(2026, 1, 1, 0, 0, 0, 0, zone))
	f("@m-1m", time.Date(2026, 3, 1, 12, 29, 0, 0, zone))
	f("-15m@h", time.Date(2026, 3, 1, 12, 0, 0, 0, zone))
	f("-h@h", time.Date(2026, 3, 1, 11, 0, 0, 0, zone))
	f("-12h+5m", now.Add(-12*time.Hour+5*time.Minute))
	f("2018-01-02 12:12:10+8:00", time.Date(2018, 1, 2, 4, 12, 10, 0, time.UTC))
	f("2018-1-1 10:10:10", time.Date(2018, 1, 1, 10, 10, 10, 0, zone))
	f("Jan 01 2018 10:10:10+8:00", time.Date(2018, 1, 1, 2, 10, 10, 0, time.UTC))
	f("1700000000", time.Unix(1700000000, 0))
	f("1700000000.5", time.Unix(1700000000, 500e6))
	f("1700000000123", time.UnixMilli(1700000000123))
	f("1700000000123456", time.UnixMicro(1700000000123456))
	f("1700000000123456789", time.Unix(0, 1700000000123456789))
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "soon", "15 parsecs", "-", "ago", "25:00", "2026-13-01", "15", "m15", "-1700000000", "99999999999999999999d",
		"now-", "now/x", "now5m", "now-1parsec", "@", "now-99999999999d", "yesterday 24:00", "someday 10:00", "10:00 yesterday",
	} {
		if got, err := when.Parse(in, time.Unix(0, 0)); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, got)
		}
	}
}

func TestLast(t *testing.T) {
	f := func(in string, want time.Duration) {
		t.Helper()
		if got, ok := when.Last(in); !ok || got != want {
			t.Errorf("Last(%q) = %v, %v; want %v", in, got, ok, want)
		}
	}
	f("15m", 15*time.Minute)
	f("-15m", 15*time.Minute)
	f("1h30m", 90*time.Minute)
	f("2 days", 48*time.Hour)
	f("last_24h", 24*time.Hour)
	f("1M", 30*24*time.Hour)
	for _, in := range []string{"", "0s", "today", "now", "10:00", "--15m", "15"} {
		if got, ok := when.Last(in); ok {
			t.Errorf("Last(%q) = %v, want none", in, got)
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
