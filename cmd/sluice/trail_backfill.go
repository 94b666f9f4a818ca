package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
)

// The states of a job that are its end.
const (
	jobDone   = 2
	jobFailed = 3
)

func (a *app) trailBackfill() *cobra.Command {
	var detach bool
	cmd := a.trailVerbCommand("backfill", "Deliver what happened before a trail to its logstore", func(cmd *cobra.Command, c *client.Client, name string) error {
		id, err := c.CreateHistoryJob(cmd.Context(), name, rand.Text())
		if err != nil {
			return err
		}
		if detach {
			_, err := fmt.Fprintln(a.out, id)
			return err
		}
		return a.awaitBackfill(cmd, c, id)
	})
	cmd.Long = `backfill delivers what the history has of the last 90 days to the logstore of a trail, as far as the trail chooses it and does not deliver it by
itself. Ctrl-C leaves it running.`
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "do not wait; show the number of the job")
	return cmd
}

// awaitBackfill waits for the end of a job.
func (a *app) awaitBackfill(cmd *cobra.Command, c *client.Client, id int64) error {
	const every = 300 * time.Millisecond
	defer a.err.ClearStatus()
	for {
		j, err := c.HistoryJob(cmd.Context(), id)
		switch {
		case err != nil:
			return err
		case j.State == jobDone:
			a.note("the history is delivered")
			return nil
		case j.State == jobFailed:
			return errors.New("the history could not be delivered; the server's log says why")
		}
		if a.err.Terminal() {
			a.err.Status("delivering, since " + showTime(j.Created))
		}
		if !pause(cmd.Context(), every) {
			a.note("job %d goes on", id)
			return cmd.Context().Err()
		}
	}
}
