package collector

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	now := time.Date(2026, 1, 5, 1, 0, 0, 0, time.UTC)
	p := func(s string) *string { return &s }
	for _, c := range []struct {
		text, format *string
		want         string // a time, or the text of an error
		id           int
	}{
		{nil, nil, "0001-01-01 00:00:00+00:00", 0},
		{p("2026-01-01T02:03:04Z"), nil, "2026-01-01 02:03:04+00:00", 0},
		{p("2026-01-01T02:03:04.5Z"), nil, "2026-01-01 02:03:04.500000+00:00", 0},
		{p("01/02/2025 13:00"), p("%d/%m/%Y %H:%M"), "2025-02-01 13:00:00+00:00", 0},
		{p("2025-02-17 11:24:15.999999+0000"), p("%Y-%m-%d %H:%M:%S.%f%z"), "2025-02-17 11:24:15.999999+00:00", 0},
		{p("2026-01-01"), p(""), "Datetime format is not present in module globals.", 1},
		{nil, p(""), "Datetime format is not present in module globals.", 1},
		{p("2026-01-01"), nil, "initial_start_time_in_utc is not set as per the datetime_format : %Y-%m-%dT%H:%M:%SZ", 2},
		{p("2026-01-05T01:00:01Z"), nil, "Date 2026-01-05T01:00:01Z is in the future", 3},
		{p("2026-01-01"), p("%Q"), "globals.datetime_format", 0},
	} {
		got, err := startOf(c.text, c.format, now)
		var numbered *Error
		if c.id != 0 && (!errors.As(err, &numbered) || numbered.ID != c.id || numbered.Class != InitVariables) {
			t.Errorf("got %v, want error %d", err, c.id)
		}
		text := ShowTime(got)
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, c.want) {
			t.Errorf("got %s, want %s", text, c.want)
		}
	}
}
