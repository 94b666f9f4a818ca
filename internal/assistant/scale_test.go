package assistant_test

import (
	"flag"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/shard"
)

var fleetSize = flag.Int("agents", 1000, "agents of the benchmarks")

// fleet is a server over TLS, and agents that are connected to it.
type fleet struct {
	*catalogtest.Env
	b       testing.TB
	svc     *assistant.Service
	address string
	agents  []*agenttest.Agent
	ids     []string
	perConn float64 // bytes of memory that a connection takes at the server
}

func newFleet(b testing.TB, size int, auto func(*agentproto.Task) agenttest.Outcome) *fleet {
	b.Helper()
	f := &fleet{Env: catalogtest.Open(b, catalog.Options{}, shard.Options{MinFreeBytes: -1}), b: b}
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(b.TempDir(), "key"))
	must(err)
	f.svc, err = assistant.New(b.Context(), f.Meta, f.Catalog, ingest.New(f.Catalog, ingest.Options{Past: -1, Future: -1}), ring, assistant.Options{})
	must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	f.address = l.Addr().String()
	var running sync.WaitGroup
	running.Go(func() { must(gateway.New(f.svc, gateway.Options{Idle: time.Hour}).Run(b.Context(), l)) })
	running.Go(func() { must(f.svc.Run(b.Context())) })
	b.Cleanup(func() {
		running.Wait()
		must(f.svc.Close())
	})
	f.connect(size, auto)
	return f
}

// connect enrols and connects agents, some at a time.
func (f *fleet) connect(size int, auto func(*agentproto.Task) agenttest.Outcome) {
	f.b.Helper()
	const most = 1000 // of an activation
	machine := func(n int) agentproto.Machine {
		return agentproto.Machine{OS: "linux", MachineID: fmt.Sprint(n), AgentVersion: "1"}
	}
	identities := make([]*agenttest.Identity, size)
	var id, code string
	for n := range size {
		var err error
		if n%most == 0 {
			if id, code, err = f.svc.Fleet("").CreateActivation(f.b.Context(), assistant.Activation{InstanceCount: most}, assistant.Token{}); err != nil {
				f.b.Fatal(err)
			}
		}
		if identities[n], err = agenttest.Enrol(f.b.Context(), f.address, id, code, agentproto.Enrol{Machine: machine(n)}); err != nil {
			f.b.Fatal(err)
		}
	}
	before := heap()
	conns := make([]net.Conn, size)
	for n, identity := range identities {
		var err error
		if conns[n], err = identity.Dial(f.b.Context(), f.address); err != nil {
			f.b.Fatal(err)
		}
		a := identity.Agent(machine(n), auto)
		a.Connect(conns[n])
		f.b.Cleanup(a.Disconnect)
		f.agents, f.ids = append(f.agents, a), append(f.ids, identity.Instance)
	}
	for _, a := range f.agents {
		for !a.Connected() {
			runtime.Gosched()
		}
	}
	f.perConn = float64(heap()-before) / float64(size) // of both ends, in one process
}

// heap is what is in use, stacks among it.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFleet sends one command to all agents, and waits until all results and their records are stored.
func BenchmarkFleet(b *testing.B) {
	f := newFleet(b, *fleetSize, func(*agentproto.Task) agenttest.Outcome { return agenttest.Outcome{Output: []byte("ok\n")} })
	cpu := cpuTime()
	for b.Loop() {
		var asked []string
		for from := 0; from < len(f.ids); from += 100 {
			_, id, err := f.svc.Fleet("").RunCommand(b.Context(), assistant.Command{Type: "RunShellScript", Content: "uptime"}, false, assistant.Invoke{
				Targets: assistant.Targets{Instances: f.ids[from:min(from+100, len(f.ids))]},
			})
			if err != nil {
				b.Fatal(err)
			}
			asked = append(asked, id)
		}
		for _, id := range asked {
			f.wait(id)
		}
		if err := f.svc.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpuTime()-cpu).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(f.perConn, "B/conn-both-ends")
}

// wait waits until an invocation is over.
func (f *fleet) wait(id string) {
	f.b.Helper()
	for {
		l, err := f.svc.Fleet("").Invocations(f.b.Context(), assistant.InvocationFilter{ID: id}, assistant.Page{Size: 1})
		if err != nil {
			f.b.Fatal(err)
		}
		if s := l.Rows[0].Status(); s.Final() && l.Rows[0].Final != "" {
			if s != assistant.Success {
				f.b.Fatalf("%s is %s", id, s)
			}
			return
		}
		time.Sleep(5 * time.Millisecond) // the agents have the same processors
	}
}

// BenchmarkSchedules has the runs of schedules of all agents begin and end in the same moment: each op is ten thousand of them.
func BenchmarkSchedules(b *testing.B) {
	const schedules = 10
	size := *fleetSize
	f := newFleet(b, size, nil)
	var asked []string
	for range schedules {
		for from := 0; from < size; from += 100 {
			_, id, err := f.svc.Fleet("").RunCommand(b.Context(), assistant.Command{Type: "RunShellScript", Content: "uptime"}, false, assistant.Invoke{
				Targets: assistant.Targets{Instances: f.ids[from:min(from+100, size)]}, Frequency: "0 0 3 * * ?",
			})
			if err != nil {
				b.Fatal(err)
			}
			asked = append(asked, id)
		}
	}
	runs := int64(0)
	cpu := cpuTime()
	for b.Loop() {
		runs++
		var due atomic.Int64
		for due.Load() < int64(schedules*size) {
			due.Store(0)
			for _, a := range f.agents {
				a.Each(func(i *agenttest.Invocation, begin func(), finish func(agenttest.Outcome)) {
					due.Add(1)
					if i.Runs < runs {
						begin()
						finish(agenttest.Outcome{Output: []byte("ok\n")})
					}
				})
			}
		}
		for _, id := range asked {
			f.waitRuns(id, runs)
		}
	}
	b.ReportMetric((cpuTime()-cpu).Seconds()/float64(b.N), "cpu-s/op")
}

// waitRuns waits until all targets have had so many runs.
func (f *fleet) waitRuns(id string, runs int64) {
	f.b.Helper()
	for {
		l, err := f.svc.Fleet("").Invocations(f.b.Context(), assistant.InvocationFilter{ID: id}, assistant.Page{Size: 1})
		if err != nil {
			f.b.Fatal(err)
		}
		done := true
		for _, t := range l.Rows[0].Targets {
			done = done && t.Runs >= runs && !t.RunOpen
		}
		if done {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
