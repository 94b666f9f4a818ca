package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/sluicelog/sluice/internal/agent"
	"github.com/sluicelog/sluice/internal/agent/identity"
)

// status shows what the running agent says of itself.
func (a *app) status(_ context.Context, flags *flag.FlagSet, args []string) error {
	asJSON := flags.Bool("json", false, "show it as JSON")
	if err := parse(flags, args); err != nil {
		return err
	}
	s, err := a.ask()
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(a.out)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	return a.showStatus(s)
}

var errNotRunning = errors.New("the agent is not running, or this user may not ask it: start the service, or be root")

// ask asks the running agent.
func (a *app) ask() (*agent.Status, error) {
	const patience = 5 * time.Second
	conn, err := net.DialTimeout("unix", filepath.Join(a.state, socketName), patience)
	if err != nil {
		if _, none := identity.Load(a.state); errors.Is(none, identity.ErrNone) {
			return nil, none
		}
		return nil, errNotRunning
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	s := &agent.Status{}
	if err := json.NewDecoder(conn).Decode(s); err != nil {
		return nil, fmt.Errorf("read the answer of the agent: %w", err)
	}
	return s, nil
}

func (a *app) showStatus(s *agent.Status) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "instance\t%s\n", s.Instance)
	if s.Connected {
		fmt.Fprintf(w, "connected\tyes, since %s\n", clock(s.Since))
	} else {
		fmt.Fprintf(w, "connected\tno: %s\n", or(s.Trouble, "not yet"))
	}
	fmt.Fprintf(w, "server heard\t%s\n", clock(s.Heard))
	if off := s.ClockOff.Round(time.Second); off.Abs() > time.Second {
		fmt.Fprintf(w, "clock\t%v behind the server's, which counts\n", off)
	}
	fmt.Fprintf(w, "running\t%d, waiting %d\n", s.Running, s.Waiting)
	fmt.Fprintf(w, "on disk\tjournal %d bytes, output %d bytes\n", s.Journal, s.Spooled)
	if s.Refused > 0 {
		fmt.Fprintf(w, "refused\t%d tasks that were altered, replayed, late, or not for this machine\n", s.Refused)
		for _, r := range s.Refusals {
			fmt.Fprintf(w, "\t%s %s\n", clock(r.At), r.Why)
		}
	}
	if len(s.Invocations) > 0 {
		fmt.Fprintf(w, "\ninvocation\tname\truns\tstate\tunsent\n")
		for _, t := range s.Invocations {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\n", t.Invocation, or(t.Name, string(t.Kind)), t.Runs, stateOf(&t), t.Unsent)
		}
	}
	return w.Flush()
}

func stateOf(t *agent.TaskStatus) string {
	switch {
	case t.Over:
		return "over"
	case t.Running:
		return "running"
	case t.Next.IsZero():
		return "waits"
	}
	return "next " + clock(t.Next)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(time.RFC3339)
}
