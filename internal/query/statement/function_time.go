package statement

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Where a moment is asked for (instant), bigint seconds, timestamps, dates and texts will do; the printer turns them into the
// engine's TIMESTAMP in the zone of the session.
var timeFunctions = section{"Date and time", scalar, []row{
	{sig: "now() timestamptz", print: atNow("$NOW"), example: "typeof(now()) → timestamp with time zone"},
	{sig: "current_timestamp() timestamptz", print: atNow("$NOW"), example: "typeof(current_timestamp) → timestamp with time zone"},
	{sig: "current_date() date", print: atNow("CAST(CAST($NOW AS TIMESTAMP) AS DATE)"), example: "typeof(current_date) → date"},
	{sig: "current_time() time", print: atNow("CAST(CAST($NOW AS TIMESTAMP) AS TIME)"), example: "typeof(current_time) → time"},
	{sig: "localtime() time", print: atNow("CAST(CAST($NOW AS TIMESTAMP) AS TIME)"), example: "typeof(localtime) → time"},
	{sig: "localtimestamp() timestamp", print: atNow("CAST($NOW AS TIMESTAMP)"), example: "typeof(localtimestamp) → timestamp"},
	{sig: "current_timezone() varchar", duck: "current_setting('TimeZone')", example: "current_timezone() → Asia/Shanghai"},
	{sig: "date(instant) date", duck: "CAST($1 AS DATE)", example: "date(1609837139) → 2021-01-05"},
	{sig: "date_format(instant, varchar) varchar", print: dateFormat("strftime"), example: "date_format(1609837139, '%Y-%m-%d %H:%i:%S') → 2021-01-05 16:58:59"},
	{sig: "date_parse(varchar, varchar) timestamp", print: dateFormat("strptime"), example: "date_parse('2021-01-05 16:58', '%Y-%m-%d %H:%i') → 2021-01-05 16:58:00.000"},
	{sig: "date_trunc(varchar, instant) timestamp", print: unit("CAST(date_trunc($U, $2) AS TIMESTAMP)"), example: "date_trunc('week', 1609837139) → 2021-01-04 00:00:00.000"},
	{sig: "date_add(varchar, bigint, instant) timestamp", print: unit("CAST($3 + to_$Us(CAST($2 AS $N)) AS TIMESTAMP)"), example: "date_add('day', -1, timestamp '2021-01-05 16:58:59') → 2021-01-04 16:58:59.000"},
	{sig: "date_diff(varchar, instant, instant) bigint", print: unit("date_sub($U, $2, $3)"), example: "date_diff('hour', timestamp '2021-01-05 10:30:00', timestamp '2021-01-05 12:29:00') → 1"},
	{sig: "from_unixtime(bigint) timestamp", print: func(p *duckPrinter, c *call) string { return fromSeconds(p.expr(c.args[0]), p.options) }, example: "from_unixtime(1609837139) → 2021-01-05 16:58:59.000"},
	{sig: "from_unixtime(double) timestamp", duck: "CAST(to_timestamp($1) AS TIMESTAMP)", example: "from_unixtime(1609837139.5) → 2021-01-05 16:58:59.500"},
	{sig: "from_unixtime(double, varchar) timestamp", print: func(p *duckPrinter, c *call) string { return p.inZone("to_timestamp("+p.arg(c, 0)+")", c.args[1]) }, example: "from_unixtime(1609837139, 'UTC') → 2021-01-05 08:58:59.000"},
	{sig: "from_unixtime(double, bigint, bigint) timestamp", duck: "(to_timestamp($1 + $2 * 3600 + $3 * 60) AT TIME ZONE 'UTC')", example: "from_unixtime(1609837139, 1, 30) → 2021-01-05 10:28:59.000"},
	{sig: "to_unixtime(double) double", duck: "CAST($1 AS DOUBLE)", example: "to_unixtime(1609837139) → 1.609837139E9"},
	{sig: "to_unixtime(timestamptz) double", duck: "epoch(CAST($1 AS TIMESTAMPTZ))", example: "to_unixtime(timestamp '2021-01-05 16:58:59') → 1.609837139E9"},
	{sig: "to_unixtime(varchar) double", duck: "epoch(CAST($1 AS TIMESTAMPTZ))", example: "to_unixtime('2021-01-05 16:58:59') → 1.609837139E9"},
	{sig: "from_iso8601_timestamp(varchar) timestamptz", duck: "CAST($1 AS TIMESTAMPTZ)", example: "from_iso8601_timestamp('2021-01-05T08:58:59Z') → 2021-01-05 16:58:59.000 Asia/Shanghai"},
	{sig: "from_iso8601_date(varchar) date", duck: "CAST($1 AS DATE)", example: "from_iso8601_date('2021-01-05') → 2021-01-05"},
	{
		sig: "to_iso8601(timestamptz) varchar", duck: `regexp_replace(strftime(CAST($1 AS TIMESTAMPTZ), '%Y-%m-%dT%H:%M:%S.%g%z'), '([+-]\d\d)$$', '\1:00')`,
		example: "to_iso8601(timestamp '2021-01-05 16:58:59') → 2021-01-05T16:58:59.000+08:00",
	},
	{sig: "to_iso8601(date) varchar", duck: "strftime($1, '%Y-%m-%d')", example: "to_iso8601(date '2021-01-05') → 2021-01-05"},
	{sig: "year(instant) bigint", duck: "year($1)", example: "year(1609837139) → 2021"},
	{sig: "quarter(instant) bigint", duck: "quarter($1)", example: "quarter(1609837139) → 1"},
	{sig: "month(instant) bigint", duck: "month($1)", example: "month(1609837139) → 1"},
	{sig: "day(instant) bigint", duck: "day($1)", example: "day(1609837139) → 5"},
	{sig: "day_of_month(instant) bigint", duck: "day($1)", example: "day_of_month(1609837139) → 5"},
	{sig: "day_of_week(instant) bigint", duck: "isodow($1)", example: "day_of_week(date '2021-01-10') → 7"},
	{sig: "dow(instant) bigint", duck: "isodow($1)", example: "dow(1609837139) → 2"},
	{sig: "day_of_year(instant) bigint", duck: "dayofyear($1)", example: "day_of_year(date '2021-02-01') → 32"},
	{sig: "doy(instant) bigint", duck: "dayofyear($1)", example: "doy(1609837139) → 5"},
	{sig: "week(instant) bigint", duck: "week($1)", example: "week(date '2021-01-03') → 53"},
	{sig: "week_of_year(instant) bigint", duck: "week($1)", example: "week_of_year(1609837139) → 1"},
	{sig: "year_of_week(instant) bigint", duck: "isoyear($1)", example: "year_of_week(date '2021-01-03') → 2020"},
	{sig: "yow(instant) bigint", duck: "isoyear($1)", example: "yow(1609837139) → 2021"},
	{sig: "hour(instant) bigint", duck: "hour($1)", example: "hour(1609837139) → 16"},
	{sig: "minute(instant) bigint", duck: "minute($1)", example: "minute(1609837139) → 58"},
	{sig: "second(instant) bigint", duck: "second($1)", example: "second(1609837139) → 59"},
	{sig: "millisecond(instant) bigint", duck: "(millisecond($1) % 1000)", example: "millisecond(timestamp '2021-01-05 16:58:59.123') → 123"},
	{sig: "timezone_hour(timestamptz) bigint", duck: "timezone_hour(CAST($1 AS TIMESTAMPTZ))", example: "timezone_hour(now()) → 8"},
	{sig: "timezone_minute(timestamptz) bigint", duck: "timezone_minute(CAST($1 AS TIMESTAMPTZ))", example: "timezone_minute(now()) → 0"},
}}

// atNow prints the moment that the plan was made for: the time ranges of tables rest on it.
func atNow(template string) func(*duckPrinter, *call) string {
	return func(p *duckPrinter, _ *call) string {
		now := "now()"
		if t := p.options.Now; !t.IsZero() {
			now = fmt.Sprintf("to_timestamp(%d / 1e6)", t.UnixMicro())
		}
		return strings.ReplaceAll(template, "$NOW", now)
	}
}

// extractFunctions are what EXTRACT(field FROM x) means.
var extractFunctions = map[string]string{
	"year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "day_of_month": "day", "day_of_week": "dow",
	"dow": "dow", "day_of_year": "doy", "doy": "doy", "year_of_week": "yow", "yow": "yow", "hour": "hour", "minute": "minute",
	"second": "second", "timezone_hour": "timezone_hour", "timezone_minute": "timezone_minute",
}

// unitTypes are the argument types of the engine's to_days and so on.
var unitTypes = map[string]string{
	"millisecond": "DOUBLE", "second": "DOUBLE", "minute": "BIGINT", "hour": "BIGINT", "day": "INTEGER", "week": "INTEGER", "month": "INTEGER",
	"quarter": "INTEGER", "year": "INTEGER",
}

// unit prints a template in which $U is the unit, the first argument: a constant of a short list.
func unit(template string) func(*duckPrinter, *call) string {
	return func(p *duckPrinter, c *call) string {
		s, ok := c.args[0].(*stringLit)
		if !ok {
			p.fail(c.args[0].at(), "the unit is a constant text: 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter' or 'year'")
		}
		u := strings.ToLower(s.value)
		typ, ok := unitTypes[u]
		if !ok {
			p.fail(s.pos, "'%s' is not a valid unit; it is one of millisecond, second, minute, hour, day, week, month, quarter, year", s.value)
		}
		quoted := quoteText(u)
		if strings.Contains(template, "to_$U") {
			quoted = u
		}
		return p.templateWith(template, c, map[string]string{"$U": quoted, "$N": typ})
	}
}

// inZone prints the local time of a moment in a zone: a name, or an offset such as +08:00.
func (p *duckPrinter) inZone(moment string, zone expr) string {
	s, ok := zone.(*stringLit)
	if !ok {
		return "(" + moment + " AT TIME ZONE " + p.expr(zone) + ")"
	}
	if t, err := time.Parse("-07:00", s.value); err == nil {
		_, offset := t.Zone()
		return fmt.Sprintf("((%s AT TIME ZONE 'UTC') + to_seconds(%d))", moment, offset)
	}
	if _, err := time.LoadLocation(s.value); err != nil || s.value == "" || s.value == "Local" {
		p.fail(s.pos, "Time zone not supported: '%s'; zones are named as in 'Asia/Shanghai' or '+08:00'", s.value)
	}
	return "(" + moment + " AT TIME ZONE " + quoteText(s.value) + ")"
}

// dateFormat prints strftime or strptime with the format, a constant, in the engine's letters.
func dateFormat(engine string) func(*duckPrinter, *call) string {
	return func(p *duckPrinter, c *call) string {
		s, ok := c.args[1].(*stringLit)
		if !ok {
			p.fail(c.args[1].at(), "the format of %s is a constant text, as in '%%Y-%%m-%%d'", c.name)
		}
		format, bad := engineFormat(s.value)
		if bad != 0 {
			p.fail(s.pos, "%%%c is not supported in a format", bad)
		}
		return p.templateWith(engine+"($1, $F)", c, map[string]string{"$F": quoteText(format)})
	}
}

// formatLetters turn the letters of MySQL's date_format into those of strftime.
var formatLetters = map[byte]string{
	'a': "%a", 'b': "%b", 'c': "%-m", 'd': "%d", 'e': "%-d", 'f': "%f", 'H': "%H", 'h': "%I", 'I': "%I", 'i': "%M", 'j': "%j",
	'k': "%-H", 'l': "%-I", 'M': "%B", 'm': "%m", 'p': "%p", 'r': "%I:%M:%S %p", 'S': "%S", 's': "%S", 'T': "%H:%M:%S", 'v': "%V",
	'V': "%V", 'W': "%A", 'w': "%w", 'Y': "%Y", 'y': "%y", 'x': "%G", '%': "%%",
}

// engineFormat returns the letter that Presto refuses too, or 0. Other letters stand for themselves, as in MySQL.
func engineFormat(format string) (engine string, unsupported byte) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteString(strings.ReplaceAll(format[i:i+1], "%", "%%"))
			continue
		}
		i++
		letter := format[i]
		if slices.Contains([]byte("DUuX"), letter) {
			return "", letter
		}
		if s, ok := formatLetters[letter]; ok {
			b.WriteString(s)
		} else {
			b.WriteByte(letter)
		}
	}
	return b.String(), 0
}
