package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
)

// fleet is a server, and agents of a model that are connected to it: they speak the protocol over TLS, and run nothing.
type fleet struct {
	b       *bench
	s       *server
	c       *client.Client
	address string
	agents  []*agenttest.Agent
	ids     []string
}

// agentsMeasured measures commands on many machines: what a connection takes at the server, a command to all, schedules that are due at once; and what
// the real agent takes on its machine while it has nothing to do.
func (b *bench) agentsMeasured(ctx context.Context) error {
	f := &fleet{b: b}
	var err error
	if f.address, err = freeAddress(); err != nil {
		return err
	}
	if f.s, err = b.start(ctx, "", "SLUICE_ASSISTANT_LISTEN="+f.address); err != nil {
		return err
	}
	f.c, err = client.New(client.Options{Endpoint: f.s.Addr, AccessKeyID: accessKeyID, Secret: accessSecret})
	if err != nil {
		return err
	}
	for _, measure := range []func(context.Context) error{f.idleAgent, f.connect, f.command, f.schedules} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	for _, a := range f.agents {
		a.Disconnect()
	}
	return f.s.stop()
}

// freeAddress is an address of the loopback interface that was free a moment ago: the server does not print where agents connect.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// idleAgent starts the real agent, has it run one command, and looks at what it takes from then on.
func (f *fleet) idleAgent(ctx context.Context) error {
	state, err := os.MkdirTemp("", "sluice-bench-agent-") // where the user of the command passes through
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)
	act, err := f.c.Activate(ctx, 1, 1, nil)
	if err != nil {
		return err
	}
	policy := filepath.Join(state, "policy.yaml")
	enrol := exec.CommandContext(ctx, f.b.agent, "enroll", "--state", state, "--policy", policy, "--server", f.address, "--activation", act.ID, "--code", act.Code)
	if out, err := enrol.CombinedOutput(); err != nil {
		return fmt.Errorf("enrol: %w\n%s", err, out)
	}
	run := exec.Command(f.b.agent, "run", "--state", state, "--policy", policy)
	if err := run.Start(); err != nil {
		return err
	}
	defer func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	}()
	agent := &server{Server: f.s.Server, pid: run.Process.Pid}
	if err := f.runOne(ctx); err != nil {
		return err
	}
	const settled = 3 * time.Second // the agent asks for nothing then
	if err := pause(ctx, min(settled, f.b.idleFor)); err != nil {
		return err
	}
	before, err := agent.cpu()
	if err != nil {
		return err
	}
	if err := pause(ctx, f.b.idleFor); err != nil {
		return err
	}
	after, err := agent.cpu()
	if err != nil {
		return err
	}
	rss, err := agent.memory("VmRSS")
	if err != nil {
		return err
	}
	const percent = 100
	f.b.report.add("agents", "agent_rss", "resident memory of an idle agent, after a command", "MB", "≤ 15", rss)
	f.b.report.add("agents", "agent_cpu", fmt.Sprintf("… its processor time over %v", f.b.idleFor), "%", "≤ 0.1", percent*(after-before).Seconds()/f.b.idleFor.Seconds())
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// runOne runs a command on the one machine that there is.
func (f *fleet) runOne(ctx context.Context) error {
	for {
		all, err := f.c.Machines(ctx)
		if err != nil {
			return err
		}
		if len(all) == 1 && all[0].Connected {
			id, err := f.c.RunCommand(ctx, client.Run{Targets: client.Targets{IDs: []string{all[0].ID}}, Type: "RunShellScript", Content: "uname"})
			if err != nil {
				return err
			}
			return f.wait(ctx, id, func(i *client.Invocation) bool { return i.Over() })
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// pollEvery is how often the server is asked whether something is over.
const pollEvery = 20 * time.Millisecond

// wait waits until an invocation is as it is to be.
func (f *fleet) wait(ctx context.Context, id string, is func(*client.Invocation) bool) error {
	for {
		i, err := f.c.Invocation(ctx, id)
		if err != nil || is(i) {
			return err
		}
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// connect enrols and connects the agents.
func (f *fleet) connect(ctx context.Context) error {
	const most = 1000 // of an activation
	var act client.Activation
	identities := make([]*agenttest.Identity, f.b.fleet)
	machine := func(n int) agentproto.Machine {
		return agentproto.Machine{OS: "linux", MachineID: fmt.Sprint(n), AgentVersion: "1"}
	}
	for n := range identities {
		var err error
		if n%most == 0 {
			if act, err = f.c.Activate(ctx, min(most, f.b.fleet), 1, nil); err != nil {
				return err
			}
		}
		if identities[n], err = agenttest.Enrol(ctx, f.address, act.ID, act.Code, agentproto.Enrol{Machine: machine(n)}); err != nil {
			return err
		}
	}
	before, err := f.s.memory("RssAnon")
	if err != nil {
		return err
	}
	for n, identity := range identities {
		conn, err := identity.Dial(ctx, f.address)
		if err != nil {
			return err
		}
		a := identity.Agent(machine(n), func(*agentproto.Task) agenttest.Outcome { return agenttest.Outcome{Output: []byte("ok\n")} })
		a.Connect(conn)
		f.agents, f.ids = append(f.agents, a), append(f.ids, identity.Instance)
	}
	for _, a := range f.agents {
		for !a.Connected() {
			if r := a.Refused(); r != nil {
				return r
			}
			if err := pause(ctx, time.Millisecond); err != nil {
				return err
			}
		}
	}
	after, err := f.s.memory("RssAnon")
	if err != nil {
		return err
	}
	const kilobyte = 1000
	f.b.report.add("agents", "agent_connection", fmt.Sprintf("memory of the server for each of %d connected agents", f.b.fleet), "KB", "≤ 50", max(after-before, 0)*kilobyte/float64(f.b.fleet))
	return nil
}

// each calls fn with the machines of each hundred, which are what one call may name.
func (f *fleet) each(fn func(ids []string) error) error {
	const most = 100
	for from := 0; from < len(f.ids); from += most {
		if err := fn(f.ids[from:min(from+most, len(f.ids))]); err != nil {
			return err
		}
	}
	return nil
}

// command runs a command on all machines.
func (f *fleet) command(ctx context.Context) error {
	cpu, wall, err := f.s.measure(func() error {
		var asked []string
		if err := f.each(func(ids []string) error {
			id, err := f.c.RunCommand(ctx, client.Run{Targets: client.Targets{IDs: ids}, Type: "RunShellScript", Content: "uptime"})
			asked = append(asked, id)
			return err
		}); err != nil {
			return err
		}
		for _, id := range asked {
			if err := f.wait(ctx, id, func(i *client.Invocation) bool { return i.Over() }); err != nil {
				return err
			}
			if i, err := f.c.Invocation(ctx, id); err != nil || !i.Succeeded() {
				return errors.Join(fmt.Errorf("%s did not succeed everywhere", id), err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.b.report.add("agents", "agents_command", fmt.Sprintf("a command to %d agents, until all results are stored", f.b.fleet), "s", "≤ 5", wall.Seconds())
	f.b.report.add("agents", "agents_command_cpu", "… processor time of the server", "s", "", cpu.Seconds())
	return nil
}

// schedules has ten schedules on each machine begin and end in one moment.
func (f *fleet) schedules(ctx context.Context) error {
	const each = 10
	var asked []string
	for range each {
		if err := f.each(func(ids []string) error {
			id, err := f.c.RunCommand(ctx, client.Run{Targets: client.Targets{IDs: ids}, Type: "RunShellScript", Content: "uptime", Frequency: "0 0 3 * * ?"})
			asked = append(asked, id)
			return err
		}); err != nil {
			return err
		}
	}
	scheduled := func(i *client.Invocation) bool { return i.Status == "Scheduled" }
	for _, id := range asked {
		if err := f.wait(ctx, id, scheduled); err != nil {
			return err
		}
	}
	cpu, wall, err := f.s.measure(func() error {
		var due atomic.Int64
		for _, a := range f.agents {
			a.Each(func(i *agenttest.Invocation, begin func(), finish func(agenttest.Outcome)) {
				if i.Task.Run.Repeat == agentproto.Period {
					due.Add(1)
					begin()
					finish(agenttest.Outcome{Output: []byte("ok\n")})
				}
			})
		}
		if n := due.Load(); n != int64(each*f.b.fleet) {
			return fmt.Errorf("%d schedules are there", n)
		}
		for _, id := range asked {
			if err := f.wait(ctx, id, ranOnce); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.b.report.add("agents", "agents_schedules", fmt.Sprintf("%d runs of schedules that are due at once, until all results are stored", each*f.b.fleet), "s", "≤ 60", wall.Seconds())
	f.b.report.add("agents", "agents_schedules_cpu", "… processor time of the server", "s", "", cpu.Seconds())
	return nil
}

// ranOnce reports whether a schedule has had a run everywhere.
func ranOnce(i *client.Invocation) bool {
	for k := range i.Machines.List {
		if r := &i.Machines.List[k]; r.Repeats < 1 || r.Status == "Running" {
			return false
		}
	}
	return true
}
