// Package schedule says when commands run: the frequencies of Cloud Assistant (reference cloud-assistant 1.5).
//
//	rate(5m)                        every 5 minutes from the creation on, the first time one interval after it
//	at(2026-05-01 08:30:00 GMT+8:00)  once
//	0 30 8 ? * MON-FRI Asia/Shanghai  in the form of Quartz: second minute hour day month weekday [year] [zone]
//
// The server checks a frequency with it when it is given, and agents go by it; both must find the same times, so there is one implementation.
// A zone is an IANA name with a slash, UTC, GMT, or GMT with an offset such as GMT+5:30. A cron without one is in the zone of the machine that runs it, and
// an at without one in UTC.
package schedule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/reugn/go-quartz/quartz"
)

// Bounds of schedules.
const (
	MinRate   = time.Minute
	MaxRate   = 7 * 24 * time.Hour
	MinSpace  = 10 * time.Second // between two times of a cron
	maxLength = 256              // of a frequency, in bytes
)

// Error says why a frequency is refused. Code is the one that execution records show.
type Error struct {
	Code string
	Msg  string
}

func (e *Error) Error() string { return e.Msg }

func refuse(code, format string, args ...any) error {
	return &Error{code, fmt.Sprintf(format, args...)}
}

// Codes of [Error].
const (
	BadCron      = "BadCronExpression"
	BadOffset    = "InvalidGMTOffsetForTimezone"
	BadHour      = "InvalidGMTHourForTimezone"
	BadMinute    = "InvalidGMTMinuteForTimezone"
	BadZone      = "TimezoneInformationCorrupt"
	BadRate      = "InvalidRateExpression"
	RateTooLarge = "RateFrequencyTooLarge"
	BadAt        = "InvalidAtExpression"
	AtExpired    = "AtExpressionExpired"
	CronExpired  = "CronExpressionExpired"
)

// Schedule is a frequency. It is immutable.
type Schedule struct {
	every time.Duration // of a rate
	at    time.Time
	cron  string         // without its zone
	zone  *time.Location // of a cron; nil: the machine's
}

// Parse reads a frequency. Errors are of type *Error.
func Parse(text string) (*Schedule, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxLength {
		return nil, refuse(BadCron, "a frequency has at most %d characters", maxLength)
	}
	if inner, ok := call(text, "rate"); ok {
		return parseRate(inner)
	}
	if inner, ok := call(text, "at"); ok {
		return parseAt(inner)
	}
	return parseCron(text)
}

// call takes name(inner) apart.
func call(text, name string) (inner string, ok bool) {
	inner, ok = strings.CutPrefix(text, name)
	inner = strings.TrimSpace(inner)
	if !ok || !strings.HasPrefix(inner, "(") || !strings.HasSuffix(inner, ")") {
		return "", false
	}
	return strings.TrimSpace(inner[1 : len(inner)-1]), true
}

var units = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}

func parseRate(text string) (*Schedule, error) {
	if text == "" || units[text[len(text)-1]] == 0 {
		return nil, refuse(BadRate, "rate(%s) is not a number and one of s, m, h, d, such as rate(5m)", text)
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 31)
	if err != nil {
		return nil, refuse(BadRate, "rate(%s) is not a number and one of s, m, h, d, such as rate(5m)", text)
	}
	unit := units[text[len(text)-1]]
	if n > uint64(MaxRate/unit) {
		return nil, refuse(RateTooLarge, "rate(%s) is more than 7 days", text)
	}
	every := time.Duration(n) * unit
	if every < MinRate {
		return nil, refuse(BadRate, "rate(%s) is less than 60 seconds", text)
	}
	return &Schedule{every: every}, nil
}

func parseAt(text string) (*Schedule, error) {
	const layout = "2006-01-02 15:04:05"
	if len(text) < len(layout) {
		return nil, refuse(BadAt, "at(%s) is not like at(2026-05-01 08:30:00) with a time zone or without", text)
	}
	zone := time.UTC
	if name := strings.TrimSpace(text[len(layout):]); name != "" {
		var err error
		if zone, err = parseZone(name); err != nil {
			return nil, err
		}
	}
	at, err := time.ParseInLocation(layout, text[:len(layout)], zone)
	if err != nil {
		return nil, refuse(BadAt, "at(%s) is not like at(2026-05-01 08:30:00) with a time zone or without", text)
	}
	return &Schedule{at: at.UTC()}, nil
}

func parseCron(text string) (*Schedule, error) {
	const least, most = 6, 7 // fields, the year among them or not
	fields := strings.Fields(text)
	s := &Schedule{}
	if n := len(fields); n > least && isZone(fields[n-1]) {
		var err error
		if s.zone, err = parseZone(fields[n-1]); err != nil {
			return nil, err
		}
		fields = fields[:n-1]
	}
	if len(fields) < least || len(fields) > most {
		return nil, refuse(BadCron, "%q is neither rate(…) nor at(…), and has not the 6 or 7 fields of a cron expression and a time zone", text)
	}
	s.cron = strings.Join(fields, " ")
	if (fields[3] == "?") == (fields[5] == "?") {
		return nil, refuse(BadCron, "%q needs ? for the day of the month or for the day of the week, and not for both", text)
	}
	if _, err := quartz.NewCronTriggerWithLoc(s.cron, time.UTC); err != nil {
		return nil, refuse(BadCron, "%q: %v", text, err)
	}
	return s, nil
}

// isZone tells a zone from a year, which is digits and the like.
func isZone(field string) bool {
	return strings.Contains(field, "/") && field[0] >= 'A' || strings.HasPrefix(field, "GMT") || strings.HasPrefix(field, "UTC")
}

func parseZone(name string) (*time.Location, error) {
	if name == "UTC" || name == "GMT" {
		return time.UTC, nil
	}
	if offset, ok := strings.CutPrefix(name, "GMT"); ok {
		return parseOffset(name, offset)
	}
	if !strings.Contains(name, "/") {
		return nil, refuse(BadZone, "time zone %q is neither like Asia/Shanghai nor like GMT+8:00", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, refuse(BadZone, "time zone %q is not known", name)
	}
	return zone, nil
}

// parseOffset reads ±H:MM, from -12:59 to +14:59.
func parseOffset(name, offset string) (*time.Location, error) {
	hours, minutes, ok := strings.Cut(offset, ":")
	if !ok || len(hours) < 2 || hours[0] != '+' && hours[0] != '-' {
		return nil, refuse(BadOffset, "time zone %q is not like GMT+8:00", name)
	}
	most := 14
	if hours[0] == '-' {
		most = 12
	}
	h, err := strconv.ParseUint(hours[1:], 10, 8)
	if err != nil || int(h) > most || len(hours) > 2 && hours[1] == '0' {
		return nil, refuse(BadHour, "the hours of time zone %q are not from -12 to +14, without a leading zero", name)
	}
	m, err := strconv.ParseUint(minutes, 10, 8)
	if err != nil || len(minutes) != 2 || m > 59 {
		return nil, refuse(BadMinute, "the minutes of time zone %q are not two digits from 00 to 59", name)
	}
	seconds := int(h)*3600 + int(m)*60
	if hours[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone(name, seconds), nil
}

// Next is the first time after a time; false if there is none. created is when the invocation was made, and local the zone of the machine.
func (s *Schedule) Next(after, created time.Time, local *time.Location) (time.Time, bool) {
	switch {
	case s.every > 0:
		if after.Before(created) {
			after = created
		}
		steps := after.Sub(created)/s.every + 1
		return created.Add(steps * s.every), true
	case !s.at.IsZero():
		return s.at, s.at.After(after)
	}
	zone := s.zone
	if zone == nil {
		zone = local
	}
	trigger, err := quartz.NewCronTriggerWithLoc(s.cron, zone)
	if err != nil {
		return time.Time{}, false // not after Parse
	}
	next, err := trigger.NextFireTime(after.UnixNano())
	if err != nil {
		return time.Time{}, false
	}
	return time.Unix(0, next).UTC(), true
}

// lookAhead is how many times of a cron are looked at for its spacing.
const lookAhead = 200

// Check says whether a schedule can be used for runs of a timeout, from a time on.
func (s *Schedule) Check(now time.Time, timeout time.Duration) error {
	switch {
	case s.every > 0:
		if s.every <= timeout {
			return refuse(BadRate, "the rate %v must be longer than the timeout %v", s.every, timeout)
		}
		return nil
	case !s.at.IsZero():
		if !s.at.After(now) {
			return refuse(AtExpired, "%s is over", s.at.Format(time.RFC3339))
		}
		return nil
	}
	last, ok := s.Next(now, now, time.UTC)
	if !ok {
		return refuse(CronExpired, "%q has no time that is still to come", s.cron)
	}
	least := max(MinSpace, timeout)
	for range lookAhead {
		next, ok := s.Next(last, now, time.UTC)
		if !ok {
			return nil
		}
		if next.Sub(last) < least {
			return refuse(BadCron, "%q has times less than %v apart, which is the timeout, or the least there may be", s.cron, least)
		}
		last = next
	}
	return nil
}

// CodeOf is the code of an error of this package; "" for others.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
