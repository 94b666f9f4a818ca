package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) indexSegments() *cobra.Command {
	cmd := a.refVerb("segments", "List the Parquet files that the index consists of", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		segments, damaged, err := c.Segments(cmd.Context(), ref)
		if err != nil {
			return err
		}
		if damaged > 0 {
			a.note("%s %s cannot be read and will be made anew", a.err.Yellow("warning:"), plural(damaged, "segment"))
		}
		return a.show(cmd, segments, func() error {
			table := tty.NewTable("OBJECT", "LOGS", "SIZE", "FIRST", "LAST")
			for _, s := range segments {
				table.Add(s.Object, fmt.Sprint(s.Logs), bytesText(s.Stored), s.First.Format(time.RFC3339), s.Last.Format(time.RFC3339))
			}
			return table.Write(a.out)
		})
	})
	cmd.Long = `The files are below DATA_DIR/index, or below the prefix in the bucket, and any engine that knows Parquet reads them. Each stays for a
minute at least after others took its place. Logs of the last seconds are in none.`
	return cmd
}
