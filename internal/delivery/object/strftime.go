package object

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// directives of strftime that names may have. All have a fixed width but %s, so that names sort as their times do.
var directives = map[byte]func(time.Time) string{
	'Y': func(t time.Time) string { return t.Format("2006") },
	'y': func(t time.Time) string { return t.Format("06") },
	'm': func(t time.Time) string { return t.Format("01") },
	'd': func(t time.Time) string { return t.Format("02") },
	'H': func(t time.Time) string { return t.Format("15") },
	'M': func(t time.Time) string { return t.Format("04") },
	'S': func(t time.Time) string { return t.Format("05") },
	'j': func(t time.Time) string { return fmt.Sprintf("%03d", t.YearDay()) },
	's': func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) },
	'%': func(time.Time) string { return "%" },
}

// date is the other way to write %Y%m%d.
const date = "{DATE}"

// dated says whether a format has a date in it.
func dated(format string) bool {
	return strings.Contains(format, "%") || strings.Contains(format, date)
}

// render writes t in a format.
func render(format string, t time.Time) (string, error) {
	format = strings.ReplaceAll(format, date, "%Y%m%d")
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		if i == len(format) {
			return "", fmt.Errorf("ends in %%: write %%%% for the character")
		}
		d := directives[format[i]]
		if d == nil {
			return "", fmt.Errorf("%%%c is none of %%Y %%m %%d %%H %%M %%S %%y %%j %%s and %%%%", format[i])
		}
		b.WriteString(d(t))
	}
	return b.String(), nil
}
