package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// explainOptions are the flags of explain.
type explainOptions struct {
	timeRange timeRange
	dry       bool
	topic     string
}

func (a *app) explainCommand() *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain PROJECT/LOGSTORE ['SEARCH [| SQL or SPL]']",
		Short: "Show how a query is answered, and what it costs",
		Long: `Run a query and show how it was answered: what the index makes of the search, which segments the time range leaves out, how each
part of the search was decided, what the SQL engine was asked, and where the time went. The query and its range are those of:
sluice query --help

With --dry-run the query is not run; what is known before is shown.

The index of a logstore consists of segments of row groups. A part of a search is decided by the token index alone, by values that it
leaves to be looked at, or, where the index cannot help, by whole logs. Logs that came in the last moments are in no segment
yet and are read from the shards. Times add up what all processors spent.`,
		Example: `  sluice explain web/access 'status >= 500 and path:cart' --last 1d
  sluice explain web/access '* | select count(*)' --dry-run`,
		Args:              searchArgs,
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			q := client.LogsQuery{Query: searchOf(args), Topic: o.topic, Reverse: true}
			if q.From, q.To, err = o.timeRange.parse(cmd, a.now()); err != nil {
				return err
			}
			x, err := c.Explain(cmd.Context(), ref, q, !o.dry)
			if err != nil {
				return suggest(cmd.Context(), c, ref, suggestIndex(ref, pointed(err, q.Query)))
			}
			return a.show(cmd, x, func() error { return a.showExplanation(x, q) })
		},
	}
	o.timeRange.flags(cmd)
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "do not run the query")
	cmd.Flags().StringVar(&o.topic, "topic", "", "only logs of this topic")
	return cmd
}

// showExplanation writes an explanation for people.
func (a *app) showExplanation(x *client.Explanation, q client.LogsQuery) error {
	var b strings.Builder
	fmt.Fprintf(&b, "search    %s\nrange     %s\n", tty.Visible(x.Search), showRange(q.From, q.To))
	if x.Pipeline != "" {
		fmt.Fprintf(&b, "pipeline  %s\n", tty.Visible(x.Pipeline))
	}
	for _, t := range x.Tables {
		fmt.Fprintf(&b, "read      %s\n", tty.Visible(t.Logstore))
		for _, line := range tableLines(t, x.Run != nil) {
			fmt.Fprintf(&b, "          %s\n", line)
		}
	}
	if x.SQL != "" {
		fmt.Fprintf(&b, "engine    %s\n", tty.Visible(x.SQL))
	}
	if x.Run == nil {
		_, err := fmt.Fprint(a.out, b.String())
		return err
	}
	fmt.Fprintf(&b, "answer    %s from %s (%s) in %s%s\n", plural(x.Run.Rows, "row"), plural(int(x.Run.ProcessedRows), "log"),
		bytesText(x.Run.ProcessedBytes), millis(x.Run.Milliseconds), incompleteText(x.Run.Progress))
	if _, err := fmt.Fprint(a.out, b.String()); err != nil {
		return err
	}
	return a.showRun(x.Run)
}

// tableLines say what is read of a logstore.
func tableLines(t client.ExplainedTable, ran bool) []string {
	lines := []string{
		"segments    " + partsText(t.Segments),
		"row groups  " + partsText(t.RowGroups),
	}
	if t.Tail > 0 {
		lines = append(lines, "not indexed "+plural(int(t.Tail), "log group")+" from the shards")
	}
	if ran {
		lines = append(lines, "found       "+plural(int(t.Found), "log"))
	}
	return lines
}

func partsText(p client.ExplainedParts) string {
	parts := []string{fmt.Sprintf("%s of %s", count(p.All-p.Outside-p.Damaged), count(p.All))}
	for _, note := range []struct {
		n    int
		text string
	}{
		{p.Outside, "outside the range"},
		{p.Files, "read by the SQL engine as they are"},
		{p.Stale, "built under another index: all their logs are looked at"},
		{p.Damaged, "damaged and left out"},
	} {
		if note.n > 0 {
			parts = append(parts, count(note.n)+" "+note.text)
		}
	}
	return strings.Join(parts, ", ")
}

// showRun writes what running took: parts of the search, and steps.
func (a *app) showRun(run *client.ExplainedRun) error {
	if len(run.Conditions) > 0 {
		table := tty.NewTable("part of the search", ">rows before", ">after", "decided by", ">time")
		for _, c := range run.Conditions {
			table.Add(tty.Visible(c.Text), count(int(c.RowsBefore)), count(int(c.RowsAfter)), decidedBy(c), micros(c.Micros))
		}
		if err := a.writeTable(table); err != nil {
			return err
		}
	}
	table := tty.NewTable("step", ">time")
	for _, s := range run.Steps {
		table.Add(tty.Visible(s.Name), micros(s.Micros))
	}
	return a.writeTable(table)
}

func (a *app) writeTable(table *tty.Table) error {
	if a.out.Terminal() {
		table.Fit(a.out.Width())
	}
	if _, err := fmt.Fprintln(a.out); err != nil {
		return err
	}
	return table.Write(a.out)
}

func decidedBy(c client.ExplainedCondition) string {
	switch {
	case c.Logs > 0:
		return plural(int(c.Logs), "whole log")
	case c.Values > 0:
		return "index, and " + plural(int(c.Values), "value")
	}
	return "index"
}

func incompleteText(progress string) string {
	if strings.EqualFold(progress, "complete") {
		return ""
	}
	return ", incomplete"
}

func millis(ms float64) string { return showTook(time.Duration(ms * float64(time.Millisecond))) }

func micros(n int64) string { return showTook(time.Duration(n) * time.Microsecond) }

// showTook is a length of time with as many digits as mean something.
func showTook(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
