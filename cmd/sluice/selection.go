package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/record"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// selection says which logs delete and update are about, and shows them before anything is changed.
type selection struct {
	timeRange    timeRange
	topic, rowID string
	yes          bool
}

func (s *selection) flags(cmd *cobra.Command) {
	s.timeRange.flags(cmd)
	cmd.Flags().StringVar(&s.topic, "topic", "", "only logs of this topic")
	cmd.Flags().StringVar(&s.rowID, "row-id", "", "the log with this `id`, from its field "+client.RowIDField+" in: sluice query -o json")
	for _, flag := range []string{"last", "from", "to", "topic"} {
		cmd.MarkFlagsMutuallyExclusive("row-id", flag)
	}
	yesFlag(cmd, &s.yes)
}

const selectionHelp = `The logstore has to allow it: sluice logstore allow-modification --help. The logs are those that a search finds in a time range, as in sluice query, or
the one that has a row id. The command counts them, shows the number and the newest, and asks; --yes is for scripts. The range is one of whole seconds.`

// selected reads which logs a command is about, and where they are.
func (a *app) selected(cmd *cobra.Command, args []string, s *selection) (ref sluice.LogstoreRef, c *client.Client, which client.Selection, err error) {
	if _, err = a.form(cmd); err != nil {
		return ref, nil, which, err
	}
	if ref, c, err = a.refClient(cmd, args[0]); err != nil {
		return ref, nil, which, err
	}
	which, err = s.parse(cmd, searchOf(args), a.now())
	return ref, c, which, err
}

// parse reads the search and the flags.
func (s *selection) parse(cmd *cobra.Command, search string, now time.Time) (client.Selection, error) {
	switch {
	case s.rowID != "" && search != "":
		return client.Selection{}, misused(cmd, errors.New("say a search or --row-id, not both"))
	case s.rowID != "":
		return client.Selection{RowID: s.rowID}, nil
	case search == "":
		return client.Selection{}, misused(cmd, errors.New("say which logs: a search, * for all of the time range, or --row-id"))
	case analytics(search) != "":
		return client.Selection{}, misused(cmd, errors.New("a search alone says which logs, without SQL, SPL or anything else behind a pipe"))
	}
	from, to, err := s.timeRange.parse(cmd, now)
	if err != nil {
		return client.Selection{}, err
	}
	which := client.Selection{Query: search, Topic: s.topic, From: wholeSecond(from), To: to.Truncate(time.Second)}
	if !which.From.Before(which.To) {
		return which, misused(cmd, errors.New("the range has no whole second"))
	}
	return which, nil
}

// wholeSecond is the first second that does not begin before t.
func wholeSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}

// hits is how many logs a selection meets.
type hits struct {
	logs     int64
	complete bool // false: there may be more
}

func (h hits) String() string {
	text := plural(int(h.logs), "log")
	if !h.complete {
		text = "at least " + text
	}
	return text
}

// hits counts the logs of a selection; one, if it is a row id.
func (a *app) hits(ctx context.Context, c *client.Client, ref sluice.LogstoreRef, which client.Selection) (hits, error) {
	if l, err := c.Logstore(ctx, ref); err == nil && !l.Modifiable { // a key that may not look is told by the server
		return hits{}, &hinted{fmt.Errorf("the logs of %s may not be modified", ref), "Allow it, once and for all: sluice logstore allow-modification " + ref.String()}
	}
	if which.RowID != "" {
		return hits{1, true}, nil
	}
	h, err := c.Histogram(ctx, ref, client.HistogramQuery{Query: which.Query, Topic: which.Topic, From: which.From, To: which.To})
	if err != nil {
		return hits{}, err
	}
	return hits{h.Count, h.Complete}, nil
}

// shownHits is how many of the logs are shown.
const shownHits = 3

// preview shows how many logs there are, and the newest.
func (a *app) preview(ctx context.Context, c *client.Client, ref sluice.LogstoreRef, which client.Selection, h hits) error {
	if which.RowID != "" {
		return nil
	}
	a.note("%s of %s from %s:", h, ref, showRange(which.From, which.To))
	page, err := c.Logs(ctx, ref, client.LogsQuery{Query: which.Query, Topic: which.Topic, From: which.From, To: which.To, Reverse: true, Line: shownHits})
	if err != nil {
		return err
	}
	r := results{app: a, to: a.err, format: string(record.Table), buffer: bufio.NewWriter(a.err)}
	if err := r.logs(page, page.Rows); err != nil {
		return err
	}
	if more := h.logs - int64(len(page.Rows)); more > 0 {
		a.note("… and %s more", count(int(more)))
	}
	return nil
}

// ask shows what is about to be changed and asks, unless --yes answers. The question is what is done, "Delete", and to a thing.
func (s *selection) ask(cmd *cobra.Command, a *app, c *client.Client, ref sluice.LogstoreRef, which client.Selection, h hits, question string) error {
	if s.yes {
		return nil
	}
	if err := a.preview(cmd.Context(), c, ref, which, h); err != nil {
		return err
	}
	return a.confirm(cmd, false, "%s", question)
}

// them is what a question calls the logs.
func them(which client.Selection, h hits) string {
	if which.RowID != "" {
		return "log " + tty.Visible(which.RowID)
	}
	return strings.TrimPrefix(h.String(), "at least ")
}

// tellNone says that a selection meets nothing.
func (a *app) tellNone(which client.Selection) {
	if which.RowID != "" {
		a.note("no log has the row id %s, or it was deleted; nothing was changed", tty.Visible(which.RowID))
		return
	}
	a.note("nothing found from %s, so nothing was changed", showRange(which.From, which.To))
}
