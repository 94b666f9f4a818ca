package when

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Last reads a length of time that ends now: "15m", "1h30m", "2 days", "last_24h".
func Last(s string) (time.Duration, bool) {
	d, ok := age(strings.TrimPrefix(monthly(strings.TrimSpace(s)), "last_"))
	return d, ok && d > 0
}

var month = regexp.MustCompile(`(\d)M\b`)

// monthly makes s lower case, except that 1M, a month, does not become 1m, a minute.
func monthly(s string) string {
	return strings.ToLower(month.ReplaceAllString(s, "${1}month"))
}

var step = regexp.MustCompile(`^(?:([+-])(\d+(?:\.\d+)?)?([A-Za-z]+)|[@/]([A-Za-z]+))`)

// relative reads steps from now, taken from left to right: -1h and +5m move, @h and /h go back to the beginning of the unit. The
// number 1 may be left out: -h@h.
func relative(s string, now time.Time) (time.Time, bool) {
	rest := strings.ReplaceAll(s, " ", "")
	if len(rest) >= 3 && strings.EqualFold(rest[:3], "now") {
		rest = strings.TrimPrefix(rest[3:], "()")
	}
	t := now
	for rest != "" {
		m := step.FindStringSubmatch(rest)
		if m == nil {
			return t, false
		}
		rest = rest[len(m[0]):]
		if m[4] != "" {
			var ok bool
			if t, ok = floor(t, unitName(m[4])); !ok {
				return t, false
			}
			continue
		}
		n := 1.0
		if m[2] != "" {
			n, _ = strconv.ParseFloat(m[2], 64) // the pattern lets only numbers through
		}
		d := n * float64(units[unitName(m[3])])
		if d == 0 && n != 0 || d > longest {
			return t, false
		}
		if m[1] == "-" {
			d = -d
		}
		t = t.Add(time.Duration(d))
	}
	return t, true
}

// unitName is a unit's key in units; "" if it is none.
func unitName(s string) string {
	if s == "M" {
		return "month"
	}
	s = strings.ToLower(s)
	if _, ok := units[s]; ok {
		return s
	}
	if s = strings.TrimSuffix(s, "s"); units[s] != 0 {
		return s
	}
	return ""
}

// floor is the beginning of the second, minute, …, year that t is in; weeks begin on Monday.
func floor(t time.Time, unit string) (time.Time, bool) {
	year, m, day := t.Date()
	hour, minute, second := t.Clock()
	switch units[unit] {
	case time.Second:
	case time.Minute:
		second = 0
	case time.Hour:
		minute, second = 0, 0
	case 24 * time.Hour:
		hour, minute, second = 0, 0, 0
	case 7 * 24 * time.Hour:
		hour, minute, second = 0, 0, 0
		day -= (int(t.Weekday()) + 6) % 7
	case 30 * 24 * time.Hour:
		hour, minute, second, day = 0, 0, 0, 1
	case 365 * 24 * time.Hour:
		hour, minute, second, day, m = 0, 0, 0, 1, time.January
	default:
		return t, false
	}
	return time.Date(year, m, day, hour, minute, second, 0, t.Location()), true
}

var clock = regexp.MustCompile(`^(.*?)\s*\b(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?$`)

// onDay reads a time of day, "9:05" or "09:05:30", of today or of a day in front of it: "yesterday 23:59:59", "2 days ago 0:0".
func onDay(text string, now time.Time) (time.Time, bool) {
	m := clock.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	day, ok := now, true
	if m[1] != "" {
		if day, ok = namedDay(m[1], now); !ok {
			var back time.Duration
			back, ok = age(m[1])
			day = now.Add(-back)
		}
	}
	hour, _ := strconv.Atoi(m[2])
	minute, _ := strconv.Atoi(m[3])
	second, _ := strconv.Atoi(m[4]) // "" is 0
	if !ok || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	year, mon, d := day.Date()
	return time.Date(year, mon, d, hour, minute, second, 0, now.Location()), true
}

// namedDay is the beginning of a day that has a name.
func namedDay(text string, now time.Time) (time.Time, bool) {
	back, ok := map[string]int{"today": 0, "yesterday": 1, "the day before yesterday": 2}[text]
	year, m, day := now.Date()
	return time.Date(year, m, day-back, 0, 0, 0, 0, now.Location()), ok
}

var shortZone = regexp.MustCompile(`([+-])(\d:\d\d)$`)

// loose reads absolute forms that people write and machines do not: 2018-1-2 3:04:05+8:00, Jan 2 2018 3:04.
func loose(s string, loc *time.Location) (time.Time, bool) {
	s = shortZone.ReplaceAllString(strings.TrimSpace(s), "${1}0$2")
	for _, day := range []string{"2006-1-2", "2006/1/2", "Jan 2 2006", "Jan 2, 2006"} {
		for _, clock := range []string{"", " 15:4", " 15:4:5", " 15:4:5Z07:00", "T15:4:5Z07:00"} {
			if t, err := time.ParseInLocation(day+clock, s, loc); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}
