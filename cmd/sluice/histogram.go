package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/when"
)

// histogramOptions are the flags of histogram.
type histogramOptions struct {
	timeRange timeRange
	interval  string
	topic     string
}

func (a *app) histogramCommand() *cobra.Command {
	var o histogramOptions
	cmd := &cobra.Command{
		Use:   "histogram PROJECT/LOGSTORE ['SEARCH']",
		Short: "Count the logs that a search finds, over time",
		Long: `Count the logs of a time range that a search matches, in equal steps of time, and draw the counts. The search and the range are
those of: sluice query --help

The exit code is 3 when the counts may be too small: the server says that time ran out, or that some logs cannot be read.`,
		Example: `  sluice histogram web/access 'status >= 500' --last 6h
  sluice histogram web/access --from today --interval 1h -o csv`,
		Args:              searchArgs,
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			q, err := o.query(cmd, searchOf(args), a.now())
			if err != nil {
				return err
			}
			h, err := c.Histogram(cmd.Context(), ref, q)
			if err != nil {
				return suggest(cmd.Context(), c, ref, suggestIndex(ref, pointed(err, q.Query)))
			}
			return a.showHistogram(cmd, h)
		},
	}
	o.timeRange.flags(cmd)
	cmd.Flags().StringVar(&o.interval, "interval", "", "`length` of a step (default one that makes at most 24)")
	cmd.Flags().StringVar(&o.topic, "topic", "", "only logs of this topic")
	return cmd
}

func (o *histogramOptions) query(cmd *cobra.Command, search string, now time.Time) (client.HistogramQuery, error) {
	q := client.HistogramQuery{Query: search, Topic: o.topic}
	var err error
	if q.From, q.To, err = o.timeRange.parse(cmd, now); err != nil {
		return q, err
	}
	q.From = q.From.Truncate(time.Second) // where buckets begin
	if o.interval == "" {
		q.Interval = niceInterval(q.To.Sub(q.From))
		return q, nil
	}
	var ok bool
	if q.Interval, ok = when.Last(o.interval); !ok || q.Interval%time.Second != 0 {
		return q, misused(cmd, fmt.Errorf("--interval: %q is not a length of time in whole seconds; try 30s, 5m or 1h", o.interval))
	}
	return q, nil
}

// The lengths that people think in.
var niceIntervals = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour,
}

const (
	fewBuckets = 24
	day        = 24 * time.Hour
)

// niceInterval divides a range into few steps.
func niceInterval(length time.Duration) time.Duration {
	for _, interval := range niceIntervals {
		if length <= fewBuckets*interval {
			return interval
		}
	}
	return (length/fewBuckets/day + 1) * day
}

func (a *app) showHistogram(cmd *cobra.Command, h *client.Histogram) error {
	var err error
	switch a.output {
	case "csv":
		err = a.histogramCSV(h)
	case "", "table", "json", "yaml":
		err = a.show(cmd, histogramJSON(h), func() error {
			_, err := fmt.Fprint(a.out, drawHistogram(a.out, h))
			return err
		})
	default:
		return misused(cmd, fmt.Errorf("output %q is not table, json, yaml or csv", a.output))
	}
	if err == nil && !h.Complete {
		return &incomplete{errors.New("the counts are incomplete: time ran out on the server, or some logs cannot be read")}
	}
	return err
}

type bucketJSON struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Count int64     `json:"count"`
}

// histogramJSON is a histogram for programs.
func histogramJSON(h *client.Histogram) any {
	buckets := make([]bucketJSON, len(h.Buckets))
	for i, b := range h.Buckets {
		buckets[i] = bucketJSON{b.From.UTC(), b.To.UTC(), b.Count}
	}
	return struct {
		Count    int64        `json:"count"`
		Complete bool         `json:"complete"`
		Buckets  []bucketJSON `json:"buckets"`
	}{h.Count, h.Complete, buckets}
}

func (a *app) histogramCSV(h *client.Histogram) error {
	w := csv.NewWriter(a.out)
	w.Write([]string{"from", "to", "count"}) //nolint:errcheck // Error tells
	for _, b := range h.Buckets {
		w.Write([]string{ //nolint:errcheck // Error tells
			b.From.UTC().Format(time.RFC3339), b.To.UTC().Format(time.RFC3339), strconv.FormatInt(b.Count, 10),
		})
	}
	w.Flush()
	return w.Error()
}
