package spl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The formats of date_format and date_parse are those of MySQL (reference sls-query 3.7).

// formatTime writes a time; a % before any other character is that character.
func formatTime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		b.WriteString(formatField(t, format[i]))
	}
	return b.String()
}

func formatField(t time.Time, field byte) string {
	if layout, ok := goLayouts[field]; ok {
		return t.Format(layout)
	}
	switch field {
	case 'c':
		return strconv.Itoa(int(t.Month()))
	case 'e':
		return strconv.Itoa(t.Day())
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 'k':
		return strconv.Itoa(t.Hour())
	case 'v', 'V':
		return fmt.Sprintf("%02d", isoWeek(t))
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'x':
		return strconv.Itoa(isoYear(t))
	}
	return string(rune(field))
}

// goLayouts are the fields that package time knows, too.
var goLayouts = map[byte]string{
	'a': "Mon", 'b': "Jan", 'd': "02", 'H': "15", 'h': "03", 'I': "03", 'i': "04", 'l': "3", 'M': "January", 'm': "01", 'p': "PM",
	'r': "03:04:05 PM", 'S': "05", 's': "05", 'T': "15:04:05", 'W': "Monday", 'Y': "2006", 'y': "06",
}

// clock is a time while it is read.
type clock struct {
	year, month, day, hour, minute, second, nanos int
	half                                          int // 0, or 1 for AM and 2 for PM
	yearDay                                       int // instead of month and day
}

// parseTime reads a time as a format says; false if the text is another, or no time.
func parseTime(s, format string, zone *time.Location) (time.Time, bool) {
	c := clock{year: 1970, month: 1, day: 1}
	format = strings.NewReplacer("%T", "%H:%i:%S", "%r", "%h:%i:%S %p").Replace(format)
	for i := 0; i < len(format); i++ {
		ok := false
		if format[i] == '%' && i+1 < len(format) {
			i++
			s, ok = c.field(s, format[i])
		} else {
			s, ok = strings.CutPrefix(s, format[i:i+1])
		}
		if !ok {
			return time.Time{}, false
		}
	}
	if s != "" {
		return time.Time{}, false
	}
	return c.time(zone)
}

// field reads one field from the beginning of s.
func (c *clock) field(s string, field byte) (rest string, ok bool) {
	switch field {
	case 'Y':
		return number(s, 4, &c.year)
	case 'y':
		rest, ok = number(s, 2, &c.year)
		if c.year += 2000; c.year > 2069 {
			c.year -= 100
		}
		return rest, ok
	case 'm', 'c':
		return number(s, 2, &c.month)
	case 'd', 'e':
		return number(s, 2, &c.day)
	case 'H', 'k', 'h', 'I', 'l':
		return number(s, 2, &c.hour)
	case 'i':
		return number(s, 2, &c.minute)
	case 'S', 's':
		return number(s, 2, &c.second)
	case 'j':
		return number(s, 3, &c.yearDay)
	case 'f':
		return fraction(s, &c.nanos)
	case 'p':
		return oneOf(s, []string{"", "AM", "PM"}, 2, &c.half)
	case 'b':
		return oneOf(s, monthNames, 3, &c.month)
	case 'M':
		return oneOf(s, monthNames, 9, &c.month)
	case 'a':
		return oneOf(s, dayNames, 3, new(int))
	case 'W':
		return oneOf(s, dayNames, 9, new(int))
	}
	return strings.CutPrefix(s, string(rune(field)))
}

var (
	monthNames = []string{
		"", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
	}
	dayNames = []string{"", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
)

// number reads 1 to some digits.
func number(s string, most int, into *int) (rest string, ok bool) {
	n := digits(s, most, "0123456789")
	*into, _ = strconv.Atoi(s[:n])
	return s[n:], n > 0
}

// fraction reads the digits behind the point of a second.
func fraction(s string, nanos *int) (rest string, ok bool) {
	n := digits(s, 9, "0123456789")
	*nanos, _ = strconv.Atoi((s[:n] + "000000000")[:9])
	return s[n:], n > 0
}

// oneOf reads a name of a list, of which so many letters are written.
func oneOf(s string, names []string, letters int, into *int) (rest string, ok bool) {
	i := slices.IndexFunc(names, func(name string) bool {
		name = name[:min(len(name), letters)]
		return name != "" && len(s) >= len(name) && strings.EqualFold(s[:len(name)], name)
	})
	if i < 0 {
		return s, false
	}
	*into = i
	return s[min(len(names[i]), letters):], true
}

// time puts the fields together; false if there is no such day or hour.
func (c *clock) time(zone *time.Location) (time.Time, bool) {
	if c.half > 0 {
		if c.hour < 1 || c.hour > 12 {
			return time.Time{}, false
		}
		c.hour = c.hour%12 + (c.half-1)*12
	}
	if c.yearDay > 0 {
		c.month, c.day = 1, c.yearDay
	}
	t := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nanos, zone)
	sameDay := c.yearDay > 0 && t.Year() == c.year || int(t.Month()) == c.month && t.Day() == c.day
	return t, sameDay && c.hour < 24 && c.minute < 60 && c.second < 60
}
