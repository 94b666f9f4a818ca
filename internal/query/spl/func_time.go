package spl

import (
	"strings"
	"time"
)

// timeFunctions are those of reference sls-query 3.7. Times are given as seconds since 1970, timestamps, days or texts.
var timeFunctions = []function{
	{name: "now", call: func(rt *run, _ []value) (value, error) { return momentOf(rt.Now().In(rt.Zone)), nil }},
	{name: "current_date", call: func(rt *run, _ []value) (value, error) { return dayOf(rt.Now().In(rt.Zone)), nil }},
	{name: "current_timezone", call: func(rt *run, _ []value) (value, error) { return textOf(rt.Zone.String()), nil }},
	{name: "date", min: 1, max: 1, call: onTime(0, func(t time.Time, _ []value) value { return dayOf(t) })},
	{name: "to_unixtime", min: 1, max: 1, call: onTime(0, func(t time.Time, _ []value) value {
		return doubleOf(float64(t.UnixMilli()) / 1000)
	})},
	{name: "from_unixtime", min: 1, max: 2, call: fromUnixtime},
	{name: "from_iso8601_timestamp", min: 1, max: 1, call: onTime(0, func(t time.Time, _ []value) value { return momentOf(t) })},
	{name: "from_iso8601_date", min: 1, max: 1, call: onTime(0, func(t time.Time, _ []value) value { return dayOf(t) })},
	{name: "to_iso8601", min: 1, max: 1, call: onTime(0, func(t time.Time, a []value) value {
		if a[0].kind == dayKind {
			return textOf(t.Format(dayLayout))
		}
		return textOf(t.Format("2006-01-02T15:04:05.000Z07:00"))
	})},
	{name: "date_format", min: 2, max: 2, call: onTime(0, func(t time.Time, a []value) value {
		return textOf(formatTime(t, a[1].String()))
	})},
	{name: "date_parse", min: 2, max: 2, call: func(rt *run, a []value) (value, error) {
		t, ok := parseTime(a[0].String(), a[1].String(), rt.Zone)
		if !ok || !inRange(t) {
			return null, nil
		}
		return momentOf(t), nil
	}},
	{name: "date_trunc", min: 2, max: 2, call: onTime(1, func(t time.Time, a []value) value {
		t, ok := truncateTime(t, strings.ToLower(a[0].String()))
		if !ok {
			return null
		}
		if a[1].kind == dayKind {
			return dayOf(t)
		}
		return momentOf(t)
	})},
	{name: "date_add", min: 3, max: 3, call: onTime(2, dateAdd)},
	{name: "date_diff", min: 3, max: 3, call: dateDiff},
}

// onTime hands a function one of its arguments as a time.
func onTime(i int, f func(t time.Time, a []value) value) func(*run, []value) (value, error) {
	return func(rt *run, a []value) (value, error) {
		t, ok := a[i].time(rt.Zone)
		if !ok {
			return null, nil
		}
		return f(t, a), nil
	}
}

// timeParts are the numbers that a time is made of.
var timeParts = map[string]func(t time.Time) int{
	"year":         time.Time.Year,
	"quarter":      func(t time.Time) int { return (int(t.Month()) + 2) / 3 },
	"month":        func(t time.Time) int { return int(t.Month()) },
	"week":         isoWeek,
	"week_of_year": isoWeek,
	"year_of_week": isoYear,
	"yow":          isoYear,
	"day":          time.Time.Day,
	"day_of_month": time.Time.Day,
	"day_of_week":  isoWeekday,
	"dow":          isoWeekday,
	"day_of_year":  time.Time.YearDay,
	"doy":          time.Time.YearDay,
	"hour":         time.Time.Hour,
	"minute":       time.Time.Minute,
	"second":       time.Time.Second,
	"millisecond":  func(t time.Time) int { return t.Nanosecond() / 1e6 },
}

func isoWeek(t time.Time) int { _, week := t.ISOWeek(); return week }
func isoYear(t time.Time) int { year, _ := t.ISOWeek(); return year }

// isoWeekday is 1 for Monday to 7 for Sunday.
func isoWeekday(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func timePartFunctions() []function {
	var all []function
	for name, part := range timeParts {
		all = append(all, function{name: name, min: 1, max: 1, call: onTime(0, func(t time.Time, _ []value) value {
			return intOf(int64(part(t)))
		})})
	}
	return all
}

// fromUnixtime: (seconds[, zone])
func fromUnixtime(rt *run, a []value) (value, error) {
	seconds := a[0].number()
	t, ok := seconds.time(rt.Zone)
	if !ok {
		return null, nil
	}
	if len(a) > 1 {
		zone := rt.zone(a[1].String())
		if zone == nil {
			return null, nil
		}
		t = t.In(zone)
	}
	return momentOf(t), nil
}

// zoneNamed reads a zone: +08:00, or a name such as Asia/Shanghai, as far as the machine knows names; nil for none.
func zoneNamed(name string) *time.Location {
	if t, err := time.Parse("-07:00", name); err == nil {
		_, offset := t.Zone()
		return time.FixedZone(name, offset)
	}
	switch {
	case name == shanghai.String():
		return shanghai
	case name == "" || name == "Local" || len(name) > 64: // Local would say where the server stands
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}

// units are the units of time with a fixed length.
var units = map[string]time.Duration{
	"millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute, "hour": time.Hour,
	"day": 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// months are the units of time that are a number of months.
var months = map[string]int{"month": 1, "quarter": 3, "year": 12}

func truncateTime(t time.Time, unit string) (time.Time, bool) {
	y, m, d := t.Date()
	switch unit {
	case "millisecond":
		return t, true
	case "second", "minute", "hour":
		_, offset := t.Zone()
		shift := time.Duration(offset) * time.Second
		return t.Add(shift).Truncate(units[unit]).Add(-shift), true
	case "day":
	case "week":
		d -= isoWeekday(t) - 1
	case "month":
		d = 1
	case "quarter":
		m, d = (m-1)/3*3+1, 1
	case "year":
		m, d = 1, 1
	default:
		return t, false
	}
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location()), true
}

// dateAdd: (unit, n, time)
func dateAdd(t time.Time, a []value) value {
	unit := strings.ToLower(a[0].String())
	n, ok := a[1].integer()
	if !ok || n > 1e15 || n < -1e15 {
		return null
	}
	switch {
	case months[unit] > 0 && n > -1e6 && n < 1e6:
		t = addMonths(t, int(n)*months[unit])
	case unit == "day" || unit == "week":
		days := n * int64(units[unit]/units["day"])
		if days > 1e7 || days < -1e7 {
			return null
		}
		t = t.AddDate(0, 0, int(days))
	case units[unit] > 0:
		millis := n * units[unit].Milliseconds()
		if seconds := millis / 1000; seconds > lastSecond-firstSecond || seconds < firstSecond-lastSecond {
			return null
		}
		t = time.UnixMilli(t.UnixMilli() + millis).In(t.Location())
	default:
		return null
	}
	if !inRange(t) {
		return null
	}
	if a[2].kind == dayKind {
		return dayOf(t)
	}
	return momentOf(t)
}

// addMonths keeps the day, or takes the last of a month that is too short for it.
func addMonths(t time.Time, n int) time.Time {
	moved := t.AddDate(0, n, 0)
	if moved.Day() != t.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// dateDiff: (unit, from, to); complete units.
func dateDiff(rt *run, a []value) (value, error) {
	unit := strings.ToLower(a[0].String())
	from, ok := a[1].time(rt.Zone)
	to, ok2 := a[2].time(rt.Zone)
	if !ok || !ok2 {
		return null, nil
	}
	to = to.In(from.Location())
	if length := units[unit]; length > 0 {
		return intOf((to.UnixMilli() - from.UnixMilli()) / length.Milliseconds()), nil
	}
	if months[unit] == 0 {
		return null, nil
	}
	n := (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())
	for n > 0 && addMonths(from, n).After(to) {
		n--
	}
	for n < 0 && addMonths(from, n).Before(to) {
		n++
	}
	return intOf(int64(n / months[unit])), nil
}
