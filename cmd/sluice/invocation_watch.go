package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// watch prints what machines write, each line behind the machine's name.
type watch struct {
	a       *app
	names   map[string]string // of machines
	printed map[string]string // of the output of each
}

func (a *app) newWatch(ctx context.Context, c *client.Client) *watch {
	w := &watch{a: a, names: map[string]string{}, printed: map[string]string{}}
	if all, err := c.Machines(ctx); err == nil { // otherwise ids are names
		for _, m := range all {
			w.names[m.ID] = m.Name
		}
	}
	return w
}

// watchEvery is how often an invocation is looked at.
const watchEvery = 300 * time.Millisecond

// errNotAll is for commands that failed somewhere.
var errNotAll = errors.New("not all machines succeeded")

// follow shows an invocation until it is over.
func (a *app) follow(cmd *cobra.Command, c *client.Client, id string) error {
	ctx := cmd.Context()
	w := a.newWatch(ctx, c)
	for {
		i, err := c.Invocation(ctx, id)
		if err != nil {
			return err
		}
		over := i.Over()
		if a.output == "" || a.output == "table" {
			w.print(i)
		}
		if over {
			return w.end(cmd, i)
		}
		select {
		case <-ctx.Done():
			a.note("invocation %s goes on", id)
			return ctx.Err()
		case <-time.After(watchEvery):
		}
	}
}

// end shows how it went.
func (w *watch) end(cmd *cobra.Command, i *client.Invocation) error {
	if err := w.a.show(cmd, i, func() error { return w.summary(i) }); err != nil {
		return err
	}
	if !i.Succeeded() {
		return errNotAll
	}
	return nil
}

func (w *watch) name(machine string) string {
	if n := w.names[machine]; n != "" {
		return tty.Visible(n)
	}
	return machine
}

// print prints what is new. While a machine runs, only whole lines are.
func (w *watch) print(i *client.Invocation) {
	for k := range i.Machines.List {
		r := &i.Machines.List[k]
		fresh := unprinted(w.printed[r.Machine], r.Output)
		if !r.Over() {
			fresh = fresh[:strings.LastIndexByte(fresh, '\n')+1]
		}
		if fresh == "" {
			continue
		}
		w.printed[r.Machine] += fresh
		for line := range strings.Lines(fresh) {
			fmt.Fprintf(w.a.out, "%s  %s\n", w.name(r.Machine), tty.Visible(strings.TrimSuffix(line, "\n")))
		}
	}
}

// unprinted is what of an output is not printed yet. In the end the middle of a long output is left out: then what follows the part that both have is new.
func unprinted(printed, output string) string {
	n := 0
	for n < len(printed) && n < len(output) && printed[n] == output[n] {
		n++
	}
	return output[n:]
}

// summary is a table of how it went on each machine.
func (w *watch) summary(i *client.Invocation) error {
	table := tty.NewTable("MACHINE", "STATUS", ">EXIT", ">SECONDS", "WHY")
	for k := range i.Machines.List {
		r := &i.Machines.List[k]
		exit := ""
		if r.ExitCode != nil {
			exit = strconv.FormatInt(*r.ExitCode, 10)
		}
		why := r.ErrorCode
		if r.ErrorInfo != "" {
			why += ": " + r.ErrorInfo
		}
		if r.Dropped > 0 {
			why = strings.TrimPrefix(why+fmt.Sprintf("; %d bytes of output are not shown", r.Dropped), "; ")
		}
		table.Add(w.name(r.Machine), r.Status, exit, seconds(r.Started, r.Finished), tty.Visible(why))
	}
	return table.Write(w.a.out)
}

// seconds is how long it took; "" where that is not known.
func seconds(started, finished string) string {
	from, err := time.Parse(time.RFC3339, started)
	to, err2 := time.Parse(time.RFC3339, finished)
	if err != nil || err2 != nil {
		return ""
	}
	return strconv.FormatFloat(to.Sub(from).Seconds(), 'f', -1, 64)
}
