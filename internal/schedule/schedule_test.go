package schedule_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // a machine of tests may have none

	"github.com/sluicelog/sluice/internal/schedule"
)

var (
	created     = time.Date(2026, 3, 27, 12, 0, 30, 0, time.UTC) // a Friday
	shanghai, _ = time.LoadLocation("Asia/Shanghai")
)

func TestTimes(t *testing.T) {
	const layout = "01-02T15:04:05"
	for _, c := range []struct{ frequency, want string }{
		{"rate(60s)", "03-27T12:01:30 03-27T12:02:30 03-27T12:03:30"},
		{"rate(7d)", "04-03T12:00:30 04-10T12:00:30 04-17T12:00:30"},
		{"at(2026-03-28 08:30:00)", "03-28T08:30:00"},
		{"at(2026-03-28 08:30:00 Asia/Shanghai)", "03-28T00:30:00"},
		{"at(2026-03-28 08:30:00 GMT-3:30)", "03-28T12:00:00"},
		{"at(2026-03-27 12:00:30)", ""},
		{"0 0 12 * * ?", "03-28T04:00:00 03-29T04:00:00 03-30T04:00:00"}, // the machine is in Shanghai
		{"0 0 12 * * ? UTC", "03-28T12:00:00 03-29T12:00:00 03-30T12:00:00"},
		{"0 0 12 * * ? 2026 GMT+8:00", "03-28T04:00:00 03-29T04:00:00 03-30T04:00:00"},
		{"0 0/20 14 ? * MON-FRI UTC", "03-27T14:00:00 03-27T14:20:00 03-27T14:40:00"},
		{"0 15 10 L * ? UTC", "03-31T10:15:00 04-30T10:15:00 05-31T10:15:00"},
		{"0 15 10 ? * 6#1 UTC", "04-03T10:15:00 05-01T10:15:00 06-05T10:15:00"},
		{"0 15 10 ? * 6L UTC", "04-24T10:15:00 05-29T10:15:00 06-26T10:15:00"},
		{"30 1 12 27 3 ? 2026 UTC", "03-27T12:01:30"},
		// The clocks of Berlin go from 2 to 3 on 29 March: there is no 2:30 on that day.
		{"0 30 2 * * ? Europe/Berlin", "03-28T01:30:00 03-29T01:30:00 03-30T00:30:00"},
		{"0 0 4 * * ? Europe/Berlin", "03-28T03:00:00 03-29T02:00:00 03-30T02:00:00"},
	} {
		s, err := schedule.Parse(c.frequency)
		if err != nil {
			t.Errorf("%s: %v", c.frequency, err)
			continue
		}
		var got []string
		for at, ok := s.Next(created, created, shanghai); ok && len(got) < 3; at, ok = s.Next(at, created, shanghai) {
			got = append(got, at.UTC().Format(layout))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.frequency, strings.Join(got, " "), c.want)
		}
	}
}

// A rate keeps to the grid that begins at the creation, however late somebody asks.
func TestRateGrid(t *testing.T) {
	s, err := schedule.Parse("rate(10m)")
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]time.Duration{
		-time.Hour: 10 * time.Minute, 0: 10 * time.Minute, 10*time.Minute - 1: 10 * time.Minute, 10 * time.Minute: 20 * time.Minute, 25 * time.Hour: 25*time.Hour + 10*time.Minute,
	} {
		if at, ok := s.Next(created.Add(after), created, time.UTC); !ok || at.Sub(created) != want {
			t.Errorf("after %v: %v", after, at.Sub(created))
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ frequency, code string }{
		{"", schedule.BadCron},
		{"every day", schedule.BadCron},
		{"* * * * *", schedule.BadCron},
		{"0 0 12 * * *", schedule.BadCron},
		{"0 0 12 ? * ?", schedule.BadCron},
		{"0 61 12 * * ?", schedule.BadCron},
		{"0 0 12 * * ? 2026 2027 UTC", schedule.BadCron},
		{"0 0 12 * * ? Mars/Olympus", schedule.BadZone},
		{"0 0 12 * * ? GMT8", schedule.BadOffset},
		{"0 0 12 * * ? GMT+08:00", schedule.BadHour},
		{"0 0 12 * * ? GMT+15:00", schedule.BadHour},
		{"0 0 12 * * ? GMT-13:00", schedule.BadHour},
		{"0 0 12 * * ? GMT+8:60", schedule.BadMinute},
		{"0 0 12 * * ? GMT+8:0", schedule.BadMinute},
		{"rate(59s)", schedule.BadRate},
		{"rate(5)", schedule.BadRate},
		{"rate(-5m)", schedule.BadRate},
		{"rate(8d)", schedule.RateTooLarge},
		{"rate(2147483647d)", schedule.RateTooLarge},
		{"at(2026-02-30 00:00:00)", schedule.BadAt},
		{"at(tomorrow)", schedule.BadAt},
		{"at(2026-03-28 08:30:00 Shanghai)", schedule.BadZone},
		{strings.Repeat("x", 300), schedule.BadCron},
	} {
		if _, err := schedule.Parse(c.frequency); schedule.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.frequency, err, c.code)
		}
	}
	for _, c := range []struct{ frequency, code string }{
		{"rate(60s)", schedule.BadRate}, // as long as the timeout
		{"rate(61s)", ""},
		{"at(2026-03-27 12:00:30)", schedule.AtExpired},
		{"at(2026-03-27 12:00:31)", ""},
		{"0 0 0 1 1 ? 2020", schedule.CronExpired},
		{"0 * * * * ?", ""},
		{"0,30 * * * * ?", schedule.BadCron},
	} {
		s, err := schedule.Parse(c.frequency)
		if err != nil {
			t.Fatal(c.frequency, err)
		}
		if err := s.Check(created, time.Minute); schedule.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", c.frequency, err, c.code)
		}
	}
}

// Whatever parses has times that grow.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"rate(5m)", "at(2026-03-28 08:30:00 GMT+8:00)", "0 0/5 14,18 ? * 2#1 2026-2030 Asia/Shanghai", "0 0 0 31 2 ?", "0 15 10 L-2 * ?", "0 15 10 15W * ?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schedule.Parse(text)
		if err != nil {
			if schedule.CodeOf(err) == "" {
				t.Fatalf("%q: no code: %v", text, err)
			}
			return
		}
		_ = s.Check(created, time.Minute)
		last := created
		for range 3 {
			next, ok := s.Next(last, created, time.UTC)
			if !ok {
				return
			}
			if !next.After(last) {
				t.Fatalf("%q: %v is not after %v", text, next, last)
			}
			last = next
		}
	})
}
