package spl

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
)

// Readings of a value as something else. Each returns false, or NULL, for what cannot be read so.

// parseInteger reads digits with a sign; not 0x1f, 1_000 or 1.0.
func parseInteger(s string) (int64, bool) {
	if s == "" || s[len(s)-1] < '0' || s[len(s)-1] > '9' {
		return 0, false // as most texts that are none, without making an error
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// parseDouble reads decimal notation, NaN and Infinity; not the other forms that Go knows.
func parseDouble(s string) (float64, bool) {
	switch strings.TrimLeft(s[:min(len(s), 1)], "+-") + s[min(len(s), 1):] {
	case "Infinity", "NaN":
	default:
		if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// number reads v as an integer or a double.
func (v value) number() value {
	switch v.kind {
	case intKind, doubleKind:
		return v
	case boolKind:
		return intOf(v.n)
	case textKind, jsonKind:
		if n, ok := parseInteger(v.s); ok {
			return intOf(n)
		}
		if f, ok := parseDouble(v.s); ok {
			return doubleOf(f)
		}
	}
	return null
}

// real reads v as a double.
func (v value) real() (float64, bool) {
	switch n := v.number(); n.kind {
	case intKind:
		return float64(n.n), true
	case doubleKind:
		return n.float(), true
	}
	return 0, false
}

// integer reads v as an integer. Doubles are rounded half up, as the service does (reference sls-query 3.3); texts have to be
// integers.
func (v value) integer() (int64, bool) {
	switch v.kind {
	case textKind, jsonKind:
		return parseInteger(v.s)
	case doubleKind:
		f := math.Floor(v.float() + 0.5)
		if f >= -1<<63 && f < 1<<63 {
			return int64(f), true
		}
		return 0, false
	case intKind, boolKind:
		return v.n, true
	}
	return 0, false
}

// truth reads v as a boolean, or NULL.
func (v value) truth() value {
	switch {
	case v.kind == boolKind:
		return v
	case v.kind == intKind:
		return boolOf(v.n != 0)
	case (v.kind == textKind || v.kind == jsonKind) && strings.EqualFold(v.s, "true"):
		return boolOf(true)
	case (v.kind == textKind || v.kind == jsonKind) && strings.EqualFold(v.s, "false"):
		return boolOf(false)
	}
	return null
}

// timeLayouts are the texts that are times; seconds may have a fraction.
var timeLayouts = []string{
	"2006-01-02 15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02",
}

// Moments lie between the years 0 and 9999, so that arithmetic on them cannot overflow.
var (
	firstSecond = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSecond  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

func inRange(t time.Time) bool { return t.Unix() >= firstSecond && t.Unix() <= lastSecond }

// time reads v as a point in time: numbers are seconds since 1970, texts without a zone and days are in the given one.
func (v value) time(zone *time.Location) (time.Time, bool) {
	switch v.kind {
	case momentKind:
		return v.moment(), true
	case dayKind:
		return v.day(zone), true
	case intKind:
		return time.Unix(v.n, 0).In(zone), v.n >= firstSecond && v.n <= lastSecond
	case doubleKind:
		f := v.float()
		if !(f >= float64(firstSecond) && f <= float64(lastSecond)) {
			return time.Time{}, false
		}
		return time.UnixMilli(int64(math.Floor(f * 1000))).In(zone), true
	case textKind:
		for _, layout := range timeLayouts {
			if t, err := time.ParseInLocation(layout, v.s, zone); err == nil {
				return t, inRange(t)
			}
		}
	}
	return time.Time{}, false
}

// compare orders two values; false if they cannot be compared. What one side is decides how the other is read.
func compare(a, b value, zone *time.Location) (int, bool) {
	switch {
	case a.isNull() || b.isNull():
		return 0, false
	case a.nested() || b.nested():
		return compareNested(a, b, zone)
	case a.isTime() || b.isTime():
		x, ok := a.time(zone)
		y, ok2 := b.time(zone)
		return x.Compare(y), ok && ok2
	case a.isNumber() || b.isNumber():
		return compareNumbers(a.number(), b.number())
	case a.kind == boolKind || b.kind == boolKind:
		x, y := a.truth(), b.truth()
		return cmp.Compare(x.n, y.n), !x.isNull() && !y.isNull()
	}
	return strings.Compare(a.s, b.s), a.kind != lambdaKind && b.kind != lambdaKind
}

func (v value) isTime() bool   { return v.kind == momentKind || v.kind == dayKind }
func (v value) isNumber() bool { return v.kind == intKind || v.kind == doubleKind }

func compareNumbers(a, b value) (int, bool) {
	if a.kind == intKind && b.kind == intKind {
		return cmp.Compare(a.n, b.n), true
	}
	x, ok := a.real()
	y, ok2 := b.real()
	return cmp.Compare(x, y), ok && ok2
}

// compareNested compares lists element by element. Maps are only equal or not: the one with fewer keys is the smaller.
func compareNested(a, b value, zone *time.Location) (int, bool) {
	if a.kind != b.kind {
		return 0, false
	}
	if a.kind == dictKind {
		x, y := a.dict(), b.dict()
		for i, k := range x.keys {
			if c, ok := compare(x.values[i], y.get(k), zone); ok && c != 0 || !ok {
				return -1, true
			}
		}
		return cmp.Compare(len(x.keys), len(y.keys)), true
	}
	x, y := a.list(), b.list()
	for i := range min(len(x), len(y)) {
		if c, ok := compare(x[i], y[i], zone); c != 0 || !ok {
			return c, ok
		}
	}
	return cmp.Compare(len(x), len(y)), true
}
