package statement

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// seconds reads an expression that does not depend on rows as unix seconds: the last whole second not behind it, and the first
// not before it. It knows what people bound times with: numbers, dates, now() and what is computed from them.
func (c *checker) seconds(e expr) (first, last int64, ok bool) {
	s, ok := c.moment(e)
	if !ok || math.Abs(s) > 1e15 {
		return 0, 0, false
	}
	return int64(math.Floor(s)), int64(math.Ceil(s)), true
}

// moment is the value of a checked expression in unix seconds, whether it is a number or a time.
func (c *checker) moment(e expr) (float64, bool) {
	switch e := e.(type) {
	case *intLit:
		return float64(e.value), true
	case *doubleLit:
		f, err := strconv.ParseFloat(e.text, 64)
		return f, err == nil
	case *stringLit:
		return c.date(e.value)
	case *typedLit:
		if e.typ.moment() {
			return c.date(e.value)
		}
	case *unary:
		if s, ok := c.moment(e.x); ok && e.op == "-" {
			return -s, true
		}
	case *cast:
		return c.momentAs(e)
	case *binary:
		if s, ok := c.momentSum(e); ok && c.info.types[e].Kind == Date {
			return unix(truncated("day", c.timeOf(s))), true
		} else if ok {
			return s, true
		}
	case *call:
		return c.momentCall(e)
	}
	return 0, false
}

func (c *checker) momentAs(e *cast) (float64, bool) {
	s, ok := c.moment(e.x)
	switch e.typ.Kind {
	case Bigint:
		return math.Floor(s + 0.5), ok
	case Date:
		return unix(truncated("day", c.timeOf(s))), ok
	case Double, Timestamp, TimestampTZ:
		return s, ok
	}
	return 0, false
}

// momentSum is a moment and a number of seconds or an interval, one added to the other or taken off it.
func (c *checker) momentSum(e *binary) (float64, bool) {
	l, ok := c.moment(e.l)
	sign := map[string]float64{"+": 1, "-": -1}[e.op]
	if !ok || sign == 0 {
		return 0, false
	}
	i, isInterval := e.r.(*intervalLit)
	if !isInterval {
		r, ok := c.moment(e.r)
		return l + sign*r, ok
	}
	n, err := strconv.ParseFloat(i.value, 64)
	if i.negative {
		sign = -sign
	}
	switch i.unit {
	case "second", "minute", "hour":
		return l + sign*n*map[string]float64{"second": 1, "minute": 60, "hour": 3600}[i.unit], err == nil
	case "day":
		return unix(c.timeOf(l).AddDate(0, 0, int(sign*n))), err == nil
	case "week":
		return unix(c.timeOf(l).AddDate(0, 0, 7*int(sign*n))), err == nil
	}
	return 0, false
}

func (c *checker) momentCall(e *call) (float64, bool) {
	now := c.options.now().In(c.options.location())
	switch e.name {
	case "now", "current_timestamp", "localtimestamp":
		return unix(now), true
	case "current_date":
		return unix(truncated("day", now)), true
	case "to_unixtime", "from_unixtime", "date":
		if s, ok := c.moment(e.args[0]); ok && len(e.args) == 1 && e.name != "date" {
			return s, true
		} else if ok && e.name == "date" {
			return unix(truncated("day", c.timeOf(s))), true
		}
	case "date_trunc":
		unit, ok := e.args[0].(*stringLit)
		s, ok2 := c.moment(e.args[1])
		if !ok || !ok2 || !slices.Contains([]string{"second", "minute", "hour", "day", "week", "month", "year"}, strings.ToLower(unit.value)) {
			return 0, false
		}
		return unix(truncated(strings.ToLower(unit.value), c.timeOf(s))), true
	}
	return 0, false
}

func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func (c *checker) timeOf(seconds float64) time.Time {
	return time.UnixMicro(int64(seconds * 1e6)).In(c.options.location())
}

// truncated is the begin of the unit that t is in, in its zone.
func truncated(unit string, t time.Time) time.Time {
	y, m, d := t.Date()
	hour, minute, second := t.Clock()
	switch unit {
	case "second":
	case "minute":
		second = 0
	case "hour":
		minute, second = 0, 0
	default:
		hour, minute, second = 0, 0, 0
	}
	switch unit {
	case "week":
		d -= (int(t.Weekday()) + 6) % 7
	case "month":
		d = 1
	case "year":
		m, d = time.January, 1
	}
	return time.Date(y, m, d, hour, minute, second, 0, t.Location())
}

// date reads a text as a time in the zone of the session.
func (c *checker) date(text string) (float64, bool) {
	for _, layout := range []string{time.DateOnly, time.DateTime} { // a fraction is read too
		if t, err := time.ParseInLocation(layout, text, c.options.location()); err == nil {
			return unix(t), true
		}
	}
	return 0, false
}
