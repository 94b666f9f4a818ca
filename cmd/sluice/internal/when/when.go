// Package when reads points in time as people type them.
//
//	-15m   2h   3d      that long ago, with or without the minus
//	15 minutes ago      the same in words
//	now today yesterday the last two at 00:00; also "the day before yesterday"
//	15:04[:05]          today
//	yesterday 15:04     on that day, as 2 days ago 15:04
//	now-1h now/d -1d@d  steps from now, from left to right; / and @ go back to the beginning of the unit
//	2006-01-02[ 15:04[:05]]
//	2006-01-02T15:04:05Z or any RFC 3339
//	Jan 2 2006 15:04:05+8:00
//	1700000000          seconds since 1970; 13, 16 or 19 digits are milli-, micro- or nanoseconds
//
// Units are s m h d w M y and their names; M is a month of 30 days, y a year of 365. Times without a zone are local ones.
package when

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var units = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
	"month": 30 * 24 * time.Hour,
	"y":     365 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
}

// longest is the longest time that an age can be, in nanoseconds.
const longest = float64(1 << 62)

var (
	ago  = regexp.MustCompile(`^-?\s*((?:\d+(?:\.\d+)?\s*[a-z]+\s*)+?)(?:\s+ago)?$`)
	part = regexp.MustCompile(`(\d+(?:\.\d+)?)\s*([a-z]+)`)
)

// Parse reads s; now is what "now", ages and times of day are relative to, in the zone that times without one are meant in.
func Parse(s string, now time.Time) (time.Time, error) {
	text := monthly(strings.TrimSpace(s))
	if t, ok := namedDay(text, now); ok {
		return t, nil
	}
	if t, ok := epoch(text); ok {
		return t, nil
	}
	if age, ok := age(text); ok {
		return now.Add(-age), nil
	}
	if t, ok := onDay(text, now); ok {
		return t, nil
	}
	if t, ok := Timestamp(s, now.Location()); ok {
		return t, nil
	}
	if t, ok := loose(s, now.Location()); ok {
		return t, nil
	}
	if t, ok := relative(strings.TrimSpace(s), now); ok && text != "" {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time; try -15m, \"1 hour ago\", 2006-01-02T15:04:05Z or seconds since 1970", s)
}

// age reads a length of time such as "1h30m" or "2 days ago".
func age(text string) (time.Duration, bool) {
	match := ago.FindStringSubmatch(text)
	if match == nil {
		return 0, false
	}
	var total time.Duration
	for _, p := range part.FindAllStringSubmatch(match[1], -1) {
		unit, ok := units[p[2]]
		if !ok {
			unit, ok = units[strings.TrimSuffix(p[2], "s")]
		}
		n, err := strconv.ParseFloat(p[1], 64)
		if !ok || err != nil || n*float64(unit) > longest {
			return 0, false
		}
		total += time.Duration(n * float64(unit))
	}
	return total, true
}

var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	"2006-01-02",
	"02/Jan/2006:15:04:05 -0700", // access logs of web servers
	time.RFC1123,
	time.RFC1123Z,
}

// Timestamp reads the absolute forms only: what a field of a log may hold. loc is the zone of those that name none.
func Timestamp(s string, loc *time.Location) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if t, ok := epoch(s); ok {
		return t, true
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// epoch reads a decimal number of seconds since 1970, or of its thousandths, millionths or billionths, told by their length.
func epoch(s string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, false
	}
	switch digits := len(whole); {
	case digits >= 9 && digits <= 10:
		nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		return time.Unix(n, nanos), err == nil
	case digits == 13:
		return time.UnixMilli(n), true
	case digits == 16:
		return time.UnixMicro(n), true
	case digits == 19:
		return time.Unix(0, n), true
	}
	return time.Time{}, false
}
