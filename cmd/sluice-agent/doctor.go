package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/sluicelog/sluice/internal/agent/identity"
	"github.com/sluicelog/sluice/internal/agent/machine"
	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/version"
	"github.com/sluicelog/sluice/internal/vfs"
)

// finding is what one look has found.
type finding struct {
	what string
	ok   bool
	note string
	fix  string // what to do if it is not ok
}

var errSick = errors.New("something is wrong, see above")

// doctor looks at everything that commands need.
func (a *app) doctor(ctx context.Context, flags *flag.FlagSet, args []string) error {
	if err := parse(flags, args); err != nil {
		return err
	}
	var all []finding
	id, err := identity.Load(a.state)
	if err != nil {
		all = append(all, finding{"identity", false, err.Error(), "sluice-agent enroll --server HOST:PORT --activation ID"})
	} else {
		all = append(all, lookAtIdentity(id), lookAtServer(ctx, id), lookAtTLS(ctx, id))
	}
	all = append(all, a.lookAtAgent()...)
	all = append(all, a.lookAtPolicy()...)
	all = append(all, lookAtCgroups(), a.lookAtDisk(), lookAtMachine())
	sick := false
	for _, f := range all {
		mark := "ok  "
		if !f.ok {
			mark, sick = "FAIL", true
		}
		fmt.Fprintf(a.out, "%s  %-10s %s\n", mark, f.what, f.note)
		if !f.ok && f.fix != "" {
			fmt.Fprintf(a.out, "      fix:       %s\n", f.fix)
		}
	}
	if sick {
		return errSick
	}
	return nil
}

func lookAtIdentity(id *identity.Identity) finding {
	left := time.Until(id.Certificate().NotAfter)
	f := finding{"identity", left > 0, fmt.Sprintf("%s, certificate good until %s", id.Instance(), clock(id.Certificate().NotAfter)), ""}
	if !f.ok {
		f.note, f.fix = "the certificate has ended, or the clock is wrong", "set the clock, or enrol anew: sluice-agent enroll --force"
	}
	return f
}

const lookTime = 10 * time.Second

func lookAtServer(ctx context.Context, id *identity.Identity) finding {
	d := net.Dialer{Timeout: lookTime}
	conn, err := d.DialContext(ctx, "tcp", id.Server())
	if err != nil {
		return finding{"server", false, err.Error(), "check the address, that the server runs with assistant.listen, and firewalls in between"}
	}
	conn.Close()
	return finding{"server", true, id.Server() + " answers", ""}
}

// lookAtTLS connects as the agent does, and says nothing, so that the running agent keeps its connection.
func lookAtTLS(ctx context.Context, id *identity.Identity) finding {
	conn, err := id.Dial(ctx, time.Now)
	if err != nil {
		return finding{
			"tls", false, err.Error(),
			"if the clock of this machine is right, something between it and the server ends TLS, or this is another server: enrol anew if it is meant to be",
		}
	}
	conn.Close()
	return finding{"tls", true, "the server shows a certificate of the CA of the enrolment, " + agentproto.ALPN, ""}
}

func (a *app) lookAtAgent() []finding {
	s, err := a.ask()
	if err != nil {
		return []finding{{"agent", false, err.Error(), "systemctl start sluice-agent, or look into journalctl -u sluice-agent"}}
	}
	all := []finding{{"agent", s.Connected, "connected since " + clock(s.Since), "see tls and server"}}
	if !s.Connected {
		all[0].note = "not connected: " + or(s.Trouble, "not yet")
	}
	f := finding{"clock", s.ClockOff.Abs() < time.Minute, fmt.Sprintf("%v off the server's", s.ClockOff.Round(time.Millisecond)), "set the clock; tasks and schedules go by the server's all the same"}
	if s.Heard.IsZero() {
		return all
	}
	return append(all, f)
}

func (a *app) lookAtPolicy() []finding {
	p, err := policy.Load(a.policy)
	if err != nil {
		return []finding{{"policy", false, err.Error(), "correct the file: until then everything is refused"}}
	}
	note := "no root; "
	if p.Root {
		note = "root is allowed; "
	}
	all := []finding{{"policy", true, note + a.policy, ""}}
	if _, err := os.Stat(a.policy); err != nil {
		all[0].note = note + "there is no file, the defaults hold"
	}
	for _, name := range append([]string{""}, p.Users...) {
		who, refusal := runner.User(name, p)
		if refusal != nil {
			all = append(all, finding{"user", false, refusal.Info, "make the user, or change users and defaultUser in " + a.policy})
		} else {
			all = append(all, finding{"user", true, who, ""})
		}
	}
	return all
}

func lookAtCgroups() finding {
	base := runner.CgroupBase()
	if base == "" {
		return finding{"cgroups", true, "none of version 2 for commands: trees are found by parents, processes are limited by user", ""}
	}
	return finding{"cgroups", true, base, ""}
}

func (a *app) lookAtDisk() finding {
	const least = 64 << 20
	free, err := vfs.OS{}.Free(a.state)
	if err != nil {
		return finding{"disk", false, err.Error(), "make the directory, or name another with --state"}
	}
	f := finding{"disk", free >= least, fmt.Sprintf("%d MB free in %s", free/1e6, a.state), "make room: with a full disk no tasks are taken"}
	probe := filepath.Join(a.state, ".probe")
	if err := os.WriteFile(probe, []byte("x"), 0o600); err != nil {
		return finding{"disk", false, err.Error(), "run this as the agent's user, which owns the directory"}
	}
	_ = os.Remove(probe)
	return f
}

func lookAtMachine() finding {
	m := machine.Describe(version.Current().Version)
	if m.MachineID == "" || machine.BootID() == "" {
		return finding{"machine", false, "it has no id, or none of its boots", "systemd-machine-id-setup makes /etc/machine-id"}
	}
	return finding{"machine", true, fmt.Sprintf("%s, %s, %s", or(m.OSVersion, m.OS), m.Arch, or(m.TimeZone, "time zone not known")), ""}
}
