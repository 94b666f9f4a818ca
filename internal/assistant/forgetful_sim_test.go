package assistant_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
)

// forgetful is a model of an agent that keeps no journal, as the open-source client is: what it is told on a line that breaks is lost, it reports some things
// once and others four times, and a crash leaves it with nothing.
type forgetful struct {
	s        *forgetfulSim
	instance string
	session  *assistant.Session
	fresh    bool // it has just started
	cold     bool
	tasks    map[string]*agentproto.Task
	running  map[string]string // the mark of the run under way, by invocation
	waiting  []*assistant.Report
	tries    int // of the first that waits
	told     []*assistant.Report
}

// forgetfulSim is a server that loses its power, and agents that remember nothing.
type forgetfulSim struct {
	*sim
	clients []*forgetful
	marks   int
	begun   map[string]int // runs, by invocation and instance
}

func newForgetfulSim(t *testing.T, seed uint64) *forgetfulSim {
	t.Helper()
	s := &forgetfulSim{sim: openSim(t, seed), begun: map[string]int{}}
	for k := range 1 + s.r.IntN(3) {
		owner := accounts[s.r.IntN(len(accounts))]
		id, code, err := s.svc.Fleet(owner).CreateActivation(t.Context(), assistant.Activation{}, assistant.Token{})
		s.must(err)
		instance, err := s.svc.Register(t.Context(), &assistant.Registration{
			Activation: id, Code: code, Key: []byte{byte(k), 1}, Machine: agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"},
		}, netip.MustParseAddr("10.0.0.1"))
		s.must(err)
		s.ids, s.owners = append(s.ids, instance), append(s.owners, owner)
		s.clients = append(s.clients, &forgetful{s: s, instance: instance})
		s.clients[k].restart()
	}
	s.faults()
	return s
}

// Send and Close make a client a peer that looks when it likes.
func (c *forgetful) Send(agentproto.Message)   {}
func (c *forgetful) Close(*agentproto.Refused) {}

func (c *forgetful) attend() {
	var err error
	c.session, err = c.s.svc.Attend(c.instance, c, func() {}, "2", "", "")
	c.s.do(err)
}

func (c *forgetful) restart() {
	c.fresh, c.cold, c.tasks, c.running, c.waiting, c.tries = true, c.s.r.IntN(2) == 0, map[string]*agentproto.Task{}, map[string]string{}, nil, 0
	if c.session != nil {
		c.session.Close()
	}
	c.s.Clock.Advance(time.Millisecond) // it takes a while
	c.attend()
	c.s.Clock.Advance(time.Millisecond)
}

// lost reports whether a line breaks now.
func (c *forgetful) lost() bool { return c.s.r.IntN(6) == 0 }

// fetch claims, and takes what it gets unless the answer is lost.
func (c *forgetful) fetch() {
	tasks, _, err := c.s.svc.Claim(c.instance, c.fresh, c.cold)
	c.s.do(err)
	if err != nil || c.lost() {
		return // it tries once more, and says the same
	}
	c.fresh = false
	for _, t := range tasks {
		if t.Kind != agentproto.TaskStop {
			c.tasks[t.Invocation] = t
			continue
		}
		r := &assistant.Report{Kind: assistant.ReportStopped, Invocation: t.Invocation, Outcome: agentproto.Terminated}
		if mark := c.running[t.Invocation]; mark != "" {
			r.RunMark, r.OverMark, r.Output = mark, "stopped/"+mark, []byte(mark)
		}
		delete(c.tasks, t.Invocation)
		delete(c.running, t.Invocation)
		c.waiting = append(c.waiting, r)
	}
}

// begin begins runs of what it has, and end ends some.
func (c *forgetful) begin() {
	for _, id := range sortedKeys(c.tasks) {
		if c.running[id] != "" || c.s.r.IntN(2) == 0 {
			continue
		}
		c.s.Clock.Advance(time.Millisecond)
		c.s.marks++
		mark := fmt.Sprint("run", c.s.marks)
		c.running[id] = mark
		c.s.begun[id+"/"+c.instance]++
		if !c.lost() { // told once
			c.tell(&assistant.Report{Kind: assistant.ReportRunning, Invocation: id, RunMark: mark, Start: c.s.Clock.Now()})
		}
	}
}

func (c *forgetful) end() {
	for _, id := range sortedKeys(c.running) {
		if c.s.r.IntN(2) == 0 {
			continue
		}
		c.s.Clock.Advance(time.Millisecond)
		mark, code := c.running[id], int64(c.s.r.IntN(2))
		r := &assistant.Report{
			Kind: assistant.ReportOver, Invocation: id, RunMark: mark, OverMark: "over/" + mark, Outcome: agentproto.Exited, ExitCode: &code,
			Output: []byte(mark), End: c.s.Clock.Now(),
		}
		if c.s.r.IntN(4) == 0 {
			r.Outcome, r.ExitCode = agentproto.Errored, nil
		}
		delete(c.running, id)
		if !c.s.repeats[id] {
			delete(c.tasks, id)
		}
		c.waiting = append(c.waiting, r)
	}
}

// report tells what waits: four times at most, until it hears an answer.
func (c *forgetful) report() {
	const most = 4
	for range c.s.r.IntN(4) {
		if len(c.waiting) == 0 {
			return
		}
		r := c.waiting[0]
		heard := !c.lost() && c.tell(r) && !c.lost()
		if c.tries++; heard || c.tries == most {
			c.waiting, c.tries = c.waiting[1:], 0
		}
	}
}

func (c *forgetful) tell(r *assistant.Report) bool {
	held, err := c.s.svc.Report(context.Background(), c.instance, r)
	c.s.do(err)
	c.told = append(c.told, r)
	if err == nil && held && r.Kind == assistant.ReportOver {
		c.s.kept(c.instance, r)
	}
	return err == nil
}

// kept checks that the end of a run which the server has acknowledged is kept, unless the server had given the run up before.
func (s *forgetfulSim) kept(instance string, r *assistant.Report) {
	s.t.Helper()
	for _, inv := range s.all() {
		for _, t := range inv.Targets {
			if inv.ID != r.Invocation || t.Instance != instance || t.RunMark != r.RunMark || t.OverMark == "over here" {
				continue
			}
			if t.OverMark != r.OverMark || t.Output != r.RunMark || t.RunOpen {
				s.t.Fatalf("the end of %s is acknowledged, and the target shows %s, %q", r.RunMark, t.Status, t.Output)
			}
		}
	}
}

// again tells something that was told before.
func (c *forgetful) again() {
	if len(c.told) > 0 {
		_, err := c.s.svc.Report(context.Background(), c.instance, c.told[len(c.told)-1-c.s.r.IntN(min(len(c.told), 6))])
		c.s.do(err)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (s *forgetfulSim) turn() {
	s.t.Helper()
	ctx := s.t.Context()
	c := s.clients[s.r.IntN(len(s.clients))]
	switch n := s.r.IntN(40); {
	case n < 5:
		s.ask()
	case n < 7:
		s.stop()
	case n < 13:
		c.fetch()
	case n < 19:
		c.begin()
	case n < 24:
		c.end()
	case n < 31:
		c.report()
	case n < 33:
		c.again()
	case n < 34:
		c.restart()
	case n < 36:
		s.Clock.Advance(time.Duration(1+s.r.IntN(40)) * time.Second)
		s.do(s.svc.Sweep(ctx))
	case n < 37:
		s.Clock.Advance(time.Duration(s.r.IntN(10)) * time.Minute)
		s.do(s.svc.Sweep(ctx))
	case n < 39:
		s.do(s.svc.Flush(ctx))
	default:
		s.power.cut()
	}
	s.back()
	s.look()
}

// back waits until everybody waits, and brings the server back if its power was cut; then the clients open their channels again.
func (s *forgetfulSim) back() {
	s.t.Helper()
	synctest.Wait()
	if !s.power.isOff() {
		return
	}
	s.crash()
	for _, c := range s.clients {
		c.attend()
	}
}

// finish brings everything to its end without further faults.
func (s *forgetfulSim) finish() {
	s.t.Helper()
	s.power.mu.Lock()
	s.power.left, s.power.once = -1, nil
	s.power.mu.Unlock()
	s.back()
	s.power.mu.Lock()
	s.power.left, s.power.once = -1, nil
	s.power.mu.Unlock()
	for range 60 {
		for _, inv := range s.all() {
			if !inv.Status().Final() || inv.Final == "" {
				s.must(s.svc.Fleet(inv.Account).Stop(s.t.Context(), inv.ID, nil))
			}
		}
		for _, c := range s.clients {
			if c.session == nil {
				c.attend()
			}
			c.fetch()
			c.report()
		}
		s.Clock.Advance(20 * time.Second)
		s.must(s.svc.Sweep(s.t.Context()))
		synctest.Wait()
	}
	s.must(s.svc.Flush(s.t.Context()))
	s.look()
}

// verify compares what the server says with what happened.
func (s *forgetfulSim) verify() {
	s.t.Helper()
	want := map[string]bool{}
	for _, inv := range s.all() {
		if inv.Final == "" || inv.Final != inv.Status() {
			s.t.Errorf("%s is over as %q, and its targets say %s", inv.ID, inv.Final, inv.Status())
		}
		for _, t := range inv.Targets {
			name := t.Invocation + "/" + t.Instance
			begun := s.begun[name]
			if once := inv.Frequency == "" && inv.RepeatMode != agentproto.EveryReboot; once && begun > 1 {
				s.t.Errorf("%s began %d times (cuts %v)", name, begun, s.cuts)
			}
			if t.Runs > int64(begun) {
				s.t.Errorf("%s has %d runs, and %d began", name, t.Runs, begun)
			}
			for n := min(t.Runs, 1); n <= t.Runs; n++ {
				want[fmt.Sprintf("%s/%d", name, n)] = true
			}
		}
	}
	s.checkRecords(want)
	seen := map[string]int{}
	s.eachLog(assistant.Records, func(f map[string]string) {
		if f["Output"] != "" {
			seen[f["Output"]]++
		}
	})
	for mark, n := range seen {
		if n > 1 {
			s.t.Errorf("%s has %d records (cuts %v)", mark, n, s.cuts)
		}
	}
}

// TestForgetfulSimulation: whatever is lost, told again or late, and whoever restarts: each target ends in one state and stays there, what runs once
// runs once at most, and there is one record of each run.
func TestForgetfulSimulation(t *testing.T) {
	seeds := (*simSeeds + 1) / 2
	if testing.Short() {
		seeds = min(seeds, 5)
	}
	for seed := *simFrom; seed < *simFrom+seeds; seed++ {
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newForgetfulSim(t, seed)
				for range 60 + s.r.IntN(100) {
					s.turn()
				}
				s.finish()
				s.verify()
				s.close()
			})
		})
		if !ok {
			t.Fatalf("run again with -seed %d -seeds 1", seed)
		}
	}
}
