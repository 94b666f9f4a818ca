package collector

import (
	"fmt"
	"strings"
	"time"
)

// defaultFormat is that of initial_start_time_in_utc, in the letters of strftime.
const defaultFormat = "%Y-%m-%dT%H:%M:%SZ"

// defaultAge is where a service without initial_start_time_in_utc begins at its first run: so long ago.
const defaultAge = 24 * time.Hour

// directives are those of strftime that a date may have. Go takes a fraction behind the seconds without being told.
var directives = map[byte]string{
	'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'y': "06", 'b': "Jan", 'B': "January", 'z': "Z0700", 'Z': "MST", '%': "%",
}

// layoutOf turns a format of strftime into a layout of time.
func layoutOf(format string) (string, error) {
	format = strings.ReplaceAll(format, ".%f", "")
	var layout strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			layout.WriteByte(format[i])
			continue
		}
		i++
		if i == len(format) || directives[format[i]] == "" {
			return "", fmt.Errorf("globals.datetime_format: %.60q has a %% that is not one of %%Y %%m %%d %%H %%M %%S %%f %%y %%b %%B %%z %%Z", format)
		}
		layout.WriteString(directives[format[i]])
	}
	return layout.String(), nil
}

// startOf reads initial_start_time_in_utc. format is nil for the default. The time of no text is zero.
func startOf(text, format *string, now time.Time) (time.Time, error) {
	if format != nil && *format == "" {
		return time.Time{}, errNoFormat()
	}
	f := defaultFormat
	if format != nil {
		f = *format
	}
	layout, err := layoutOf(f)
	if err != nil || text == nil {
		return time.Time{}, err
	}
	at, err := time.Parse(layout, *text)
	if err != nil {
		return time.Time{}, errStartForm(f)
	}
	if at.After(now) {
		return time.Time{}, errFuture(*text)
	}
	return at.UTC(), nil
}
