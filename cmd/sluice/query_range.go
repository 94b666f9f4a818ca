package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/when"
)

// timeRange is the range of log times that a query is about, as it is asked for.
type timeRange struct{ last, from, to string }

const defaultLast = "15m"

func (r *timeRange) flags(cmd *cobra.Command) { r.flagsFrom(cmd, defaultLast) }

// flagsFrom is flags with another length.
func (r *timeRange) flagsFrom(cmd *cobra.Command, last string) {
	cmd.Flags().StringVar(&r.last, "last", last, "`length` of time up to --to: 15m, 1h30m, 7d")
	cmd.Flags().StringVar(&r.from, "from", "", "`time` of the first logs: -2h, 09:30, \"yesterday 12:00\", now/d, 2006-01-02T15:04:05Z")
	cmd.Flags().StringVar(&r.to, "to", "now", "`time` before which the last logs are")
	cmd.MarkFlagsMutuallyExclusive("last", "from")
}

// parse returns the range [from, to).
func (r *timeRange) parse(cmd *cobra.Command, now time.Time) (from, to time.Time, err error) {
	if to, err = when.Parse(r.to, now); err != nil {
		return from, to, misused(cmd, fmt.Errorf("--to: %w", err))
	}
	if to.Equal(now) { // this second counts: the times of many logs are cut to it
		to = now.Truncate(time.Second).Add(time.Second)
	}
	if r.from != "" {
		if from, err = when.Parse(r.from, now); err != nil {
			return from, to, misused(cmd, fmt.Errorf("--from: %w", err))
		}
	} else {
		length, ok := when.Last(r.last)
		if !ok {
			return from, to, misused(cmd, fmt.Errorf("--last: %q is not a length of time; try 15m, 1h30m or 7d", r.last))
		}
		from = to.Add(-length)
	}
	if from.Unix() < 0 {
		return from, to, misused(cmd, errors.New("the range begins before 1970"))
	}
	if !from.Before(to) {
		return from, to, misused(cmd, emptyRange(from, to))
	}
	return from, to, nil
}

func emptyRange(from, to time.Time) error {
	return fmt.Errorf("the range is empty: it would begin at %s and end at %s", from.Local().Format(time.DateTime), to.Local().Format(time.DateTime))
}

// showRange is a range for people: the day once if it is the same.
func showRange(from, to time.Time) string {
	from, to = from.Local(), to.Local()
	layout := time.DateTime
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		layout = time.TimeOnly
	}
	return from.Format(time.DateTime) + " to " + to.Format(layout)
}
