package assistant_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

var (
	simSeeds = flag.Uint64("seeds", 100, "seeds of the simulation; make sim runs a thousand others")
	simFrom  = flag.Uint64("seed", 0, "its first seed")
)

var (
	errPowerCut = errors.New("power cut")
	errOnce     = errors.New("failed once")
)

// power counts steps down to a power cut of the server. Before it, some steps fail once, or their answers are lost.
type power struct {
	mu   sync.Mutex // guards all
	left int        // steps; negative: never
	off  bool
	at   string
	once *mathrand.Rand // decides which steps fail once; nil: none
}

func (p *power) step(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left--; p.left == 0 {
		p.off, p.at = true, what
	}
	if p.off {
		return errPowerCut
	}
	if p.once != nil && p.once.IntN(25) == 0 {
		return errOnce
	}
	return nil
}

func (p *power) isOff() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.off
}

// cut turns the power off.
func (p *power) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = true
}

// cutMeta and cutDoor lose the power, or fail once, before they did what they were asked, or after it, when nobody is told any more.
type cutMeta struct {
	meta.Store
	power *power
}

func (m *cutMeta) Update(ctx context.Context, fn func(meta.Tx) error) error {
	if err := m.power.step("before a commit"); err != nil {
		return err
	}
	if err := m.Store.Update(ctx, fn); err != nil {
		return err
	}
	return m.power.step("after a commit")
}

type cutDoor struct {
	sluice.Appender
	power *power
}

func (d *cutDoor) Append(ctx context.Context, ref sluice.LogstoreRef, g *sluice.LogGroup) (sluice.ShardID, sluice.Position, error) {
	if err := d.power.step("before an append to " + ref.Logstore); err != nil {
		return 0, 0, err
	}
	id, at, err := d.Appender.Append(ctx, ref, g)
	if err != nil {
		return id, at, err
	}
	return id, at, d.power.step("after an append to " + ref.Logstore)
}

// sim is a server that loses its power, agents that crash, lines that break, and what was asked of them.
type sim struct {
	*catalogtest.Env
	t      *testing.T
	r      *mathrand.Rand
	ring   *auth.Keyring
	power  *power
	svc    *assistant.Service
	agents []*agenttest.Agent
	ids    []string
	owners []string        // accounts of agents
	lines  *sync.WaitGroup // what serves connections

	once    map[string]bool             // invocations that run once at most
	repeats map[string]bool             // invocations that are schedules
	final   map[string]assistant.Status // what targets were seen to end as
	asked   []asked                     // invocations that were made, or may have been
	cuts    []string
}

// asked is an invocation, and the account that asked for it.
type asked struct{ account, id string }

// accounts are the root account and a tenant.
var accounts = []string{"", "2000000000000001"}

func newSim(t *testing.T, seed uint64) *sim {
	t.Helper()
	s := openSim(t, seed)
	for range 1 + s.r.IntN(3) {
		s.enrol()
	}
	s.faults()
	return s
}

// openSim starts a server without agents, and without faults.
func openSim(t *testing.T, seed uint64) *sim {
	t.Helper()
	s := &sim{
		Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1, JournalFileBytes: 1 << 20, JournalBytes: 2 << 20}),
		t:   t, r: mathrand.New(mathrand.NewPCG(seed, 21)), once: map[string]bool{}, repeats: map[string]bool{}, final: map[string]assistant.Status{},
	}
	var err error
	if s.ring, err = auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key")); err != nil {
		t.Fatal(err)
	}
	s.open()
	return s
}

func (s *sim) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v (cuts: %v)", err, s.cuts)
	}
}

// open starts the server, without faults.
func (s *sim) open() {
	s.t.Helper()
	s.power = &power{left: -1}
	door := ingest.New(s.Catalog, ingest.Options{Past: -1, Future: -1, Now: s.Clock.Now})
	svc, err := assistant.New(s.t.Context(), &cutMeta{s.Meta, s.power}, s.Catalog, &cutDoor{door, s.power}, s.ring, assistant.Options{Now: s.Clock.Now})
	s.must(err)
	s.svc, s.lines = svc, &sync.WaitGroup{}
}

// faults has the power fail after some steps, and some steps fail once.
func (s *sim) faults() {
	s.power.mu.Lock()
	defer s.power.mu.Unlock()
	if s.r.IntN(5) > 0 {
		s.power.left = 1 + s.r.IntN(60)
	}
	if s.r.IntN(2) == 0 {
		s.power.once = mathrand.New(mathrand.NewPCG(s.r.Uint64(), 1))
	}
}

// dial makes a connection to the server, for an instance or a stranger.
func (s *sim) dial(id gateway.Identity) net.Conn {
	ours, theirs := net.Pipe()
	g := gateway.New(s.svc, gateway.Options{})
	lines := s.lines
	lines.Go(func() { g.Serve(context.Background(), theirs, id) })
	return ours
}

func (s *sim) enrol() {
	s.t.Helper()
	owner := accounts[s.r.IntN(len(accounts))]
	id, code, err := s.svc.Fleet(owner).CreateActivation(s.t.Context(), assistant.Activation{InstanceName: "web"}, assistant.Token{})
	s.must(err)
	machine := agentproto.Machine{OS: "linux", MachineID: "m" + id, AgentVersion: "1"}
	answer := enrol(s.t, func(binding []byte) net.Conn {
		return s.dial(gateway.Identity{Binding: binding, Address: netip.MustParseAddr("10.0.0.1")})
	}, id, code, machine)
	skew := time.Duration(s.r.IntN(7200)-3600) * time.Second // the machine's clock is up to an hour off
	s.agents = append(s.agents, agenttest.New(agenttest.Options{
		Instance: answer.Instance, Machine: machine, Keys: agentproto.Keys{answer.Keys[0].Name: answer.Keys[0].Public},
		Now: func() time.Time { return s.Clock.Now().Add(skew) },
	}))
	s.ids, s.owners = append(s.ids, answer.Instance), append(s.owners, owner)
}

// enrol enrols on a connection that is bound by what dial is given.
func enrol(t *testing.T, dial func(binding []byte) net.Conn, id, code string, machine agentproto.Machine) *agentproto.Enrolled {
	t.Helper()
	_, key, _ := ed25519.GenerateKey(nil)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	binding := []byte("session")
	e := &agentproto.Enrol{Activation: id, CSR: csr, Machine: machine}
	e.Proof = e.AgentProof(code, binding)
	conn := dial(binding)
	defer conn.Close()
	if err := agentproto.Write(conn, e); err != nil {
		t.Fatal(err)
	}
	m, err := agentproto.ReadFromServer(conn)
	if err != nil {
		t.Fatal(err)
	}
	answer, ok := m.(*agentproto.Enrolled)
	if !ok {
		t.Fatalf("enrolment answered with %T: %v", m, m)
	}
	if !agentproto.ProofEqual(answer.Proof, answer.ServerProof(code, binding)) {
		t.Fatal("the server does not prove the code")
	}
	return answer
}

// settleDown waits until everybody waits, and brings the server back if its power was cut.
func (s *sim) settleDown() {
	s.t.Helper()
	synctest.Wait()
	if s.power.isOff() {
		s.crash()
	}
}

func (s *sim) crash() {
	s.t.Helper()
	s.cuts = append(s.cuts, s.power.at)
	for _, a := range s.agents {
		a.Disconnect()
	}
	s.lines.Wait()
	s.must(s.svc.Close())
	s.Env.Crash(s.r)
	s.open()
	s.look()
	s.faults()
}

// do is what comes after something that may meet a fault.
func (s *sim) do(err error) {
	s.t.Helper()
	if err != nil && !errors.Is(err, errPowerCut) && !errors.Is(err, errOnce) && !s.power.isOff() {
		s.t.Fatalf("an error that nobody injected: %v", err)
	}
}

func (s *sim) step() {
	s.t.Helper()
	ctx := s.t.Context()
	k := s.r.IntN(len(s.agents))
	a := s.agents[k]
	switch n := s.r.IntN(40); {
	case n < 6:
		s.connect(k)
	case n < 8:
		a.Disconnect()
	case n < 9:
		a.Crash()
	case n < 15:
		s.ask()
	case n < 17:
		s.stop()
	case n < 32:
		s.work(a)
	case n < 35:
		s.Clock.Advance(time.Duration(1+s.r.IntN(40)) * time.Second)
		s.do(s.svc.Sweep(ctx))
	case n < 36:
		s.Clock.Advance(time.Duration(s.r.IntN(20)) * time.Minute)
		s.do(s.svc.Sweep(ctx))
	case n < 39:
		s.do(s.svc.Flush(ctx))
	default:
		s.power.cut()
	}
	s.settleDown()
	s.look()
}

func (s *sim) connect(k int) {
	a := s.agents[k]
	if a.Connected() && s.r.IntN(3) > 0 {
		return
	}
	if s.r.IntN(2) == 0 {
		a.Disconnect() // otherwise the server still has the connection before
	}
	a.Connect(s.dial(gateway.Identity{Instance: s.ids[k]}))
}

// stop asks for the end of an invocation, for its account or for another, to which it does not exist.
func (s *sim) stop() {
	s.t.Helper()
	if len(s.asked) == 0 {
		return
	}
	which := s.asked[s.r.IntN(len(s.asked))]
	account := accounts[s.r.IntN(len(accounts))]
	err := s.svc.Fleet(account).Stop(s.t.Context(), which.id, nil)
	switch missing := sluice.KindOf(err) == sluice.NotFound; {
	case account != which.account && err == nil:
		s.t.Fatalf("account %q stopped %s of %q", account, which.id, which.account)
	case !missing:
		s.do(err)
	}
}

// ask makes an invocation for some of the instances of an account.
func (s *sim) ask() {
	s.t.Helper()
	ctx := s.t.Context()
	account := s.owners[s.r.IntN(len(s.owners))]
	var ids []string
	for k, id := range s.ids {
		if s.owners[k] == account {
			ids = append(ids, id)
		}
	}
	fleet := s.svc.Fleet(account)
	s.r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	to := assistant.Targets{Instances: ids[:1+s.r.IntN(len(ids))]}
	in := assistant.Invoke{Targets: to}
	switch s.r.IntN(6) {
	case 0:
		in.Frequency = "rate(5m)"
	case 1:
		in.RepeatMode = agentproto.EveryReboot
	case 2:
		id, err := fleet.SendFile(ctx, assistant.SendFile{
			Targets: to, FileSpec: assistant.FileSpec{Name: "f", Content: "c", TargetDir: "/tmp"},
		})
		s.made(account, id, err, true)
		return
	}
	_, id, err := fleet.RunCommand(ctx, assistant.Command{Type: "RunShellScript", Content: "id"}, s.r.IntN(2) == 0, in)
	s.made(account, id, err, in.Frequency == "" && in.RepeatMode == "")
	s.repeats[id] = in.Frequency != ""
}

func (s *sim) made(account, id string, err error, once bool) {
	s.t.Helper()
	s.do(err)
	if err != nil {
		return // it may have been made: the listing at the end tells
	}
	s.asked, s.once[id] = append(s.asked, asked{account, id}), once
}

// work has an agent begin and end some runs.
func (s *sim) work(a *agenttest.Agent) {
	a.Each(func(i *agenttest.Invocation, begin func(), finish func(agenttest.Outcome)) {
		switch {
		case i.Running && s.r.IntN(2) == 0:
			o := agenttest.Outcome{ExitCode: int64(s.r.IntN(2)), Output: bytes.Repeat([]byte("0123456789"), s.r.IntN(5)*s.r.IntN(4000))}
			if s.r.IntN(8) == 0 {
				o.Outcome = agentproto.TimedOut
			}
			finish(o)
		case !i.Running && s.r.IntN(2) == 0:
			begin()
		}
	})
}

// look compares what is over with what was over before: it stays as it is.
func (s *sim) look() {
	s.t.Helper()
	for _, inv := range s.all() {
		for _, t := range inv.Targets {
			name := t.Invocation + "/" + t.Instance
			if was, ok := s.final[name]; ok && was != t.Status {
				s.t.Fatalf("%s was over as %s, and is %s now", name, was, t.Status)
			}
			if t.Status.Final() {
				s.final[name] = t.Status
			}
		}
	}
}

// all lists all invocations, and wants each account to be shown its own.
func (s *sim) all() []*assistant.InvocationState {
	s.t.Helper()
	var rows []*assistant.InvocationState
	for _, account := range accounts {
		for _, files := range []bool{false, true} {
			l, err := s.svc.Fleet(account).Invocations(s.t.Context(), assistant.InvocationFilter{Files: files}, assistant.Page{Size: 10_000})
			s.must(err)
			for _, inv := range l.Rows {
				for _, t := range inv.Targets {
					if inv.Account != account || t.Account != account || s.ownerOf(t.Instance) != account {
						s.t.Fatalf("%s of %q on %s of %q is shown to %q", inv.ID, inv.Account, t.Instance, s.ownerOf(t.Instance), account)
					}
				}
			}
			rows = append(rows, l.Rows...)
		}
	}
	return rows
}

// ownerOf is the account of an instance.
func (s *sim) ownerOf(instance string) string { return s.owners[slices.Index(s.ids, instance)] }

// eachLog gives fn the logs of a logstore of each account, which are to be of instances of the account.
func (s *sim) eachLog(of func(account string) sluice.LogstoreRef, fn func(fields map[string]string)) {
	s.t.Helper()
	for _, account := range accounts {
		s.must(assistant.ReadBack(s.t.Context(), s.Catalog, of(account), time.Time{}, func(r *sluice.Record) {
			f := map[string]string{}
			for _, x := range r.Fields {
				f[x.Key] = x.Value
			}
			if s.ownerOf(f["InstanceId"]) != account {
				s.t.Fatalf("a log of %s of %q is in %v", f["InstanceId"], s.ownerOf(f["InstanceId"]), of(account))
			}
			fn(f)
		}))
	}
}

// end brings everything to its end, without further faults.
func (s *sim) end() {
	s.t.Helper()
	s.power.mu.Lock()
	s.power.left, s.power.once = -1, nil
	s.power.mu.Unlock()
	s.settleDown()
	s.power.mu.Lock()
	s.power.left, s.power.once = -1, nil
	s.power.mu.Unlock()
	for range 40 {
		for k, a := range s.agents {
			if !a.Connected() {
				a.Connect(s.dial(gateway.Identity{Instance: s.ids[k]}))
				synctest.Wait()
			}
			if r := a.Refused(); r != nil {
				s.t.Fatalf("agent %d is refused: %v (cuts %v)", k, r, s.cuts)
			}
			s.work(a)
		}
		for _, inv := range s.all() {
			if !inv.Status().Final() || inv.Final == "" {
				s.must(s.svc.Fleet(inv.Account).Stop(s.t.Context(), inv.ID, nil))
			}
		}
		synctest.Wait()
		s.Clock.Advance(20 * time.Second)
		s.must(s.svc.Sweep(s.t.Context()))
		synctest.Wait()
	}
	s.must(s.svc.Flush(s.t.Context()))
	s.look()
}

// check compares what the server says with what happened.
func (s *sim) check() {
	s.t.Helper()
	ran := map[string]map[agenttest.Run]int{} // by instance
	for k, a := range s.agents {
		s.must(a.Errors())
		ran[s.ids[k]] = a.Executions()
	}
	for instance, runs := range ran {
		for run, n := range runs {
			if n > 1 {
				s.t.Errorf("run %v on %s began %d times", run, instance, n)
			}
			if s.once[run.Invocation] && run.Number != 1 {
				s.t.Errorf("%s ran %d times on %s", run.Invocation, run.Number, instance)
			}
		}
	}
	want := map[string]bool{}
	for _, inv := range s.all() {
		if inv.Final == "" || inv.Final != inv.Status() {
			s.t.Errorf("%s is over as %q, and its targets say %s", inv.ID, inv.Final, inv.Status())
		}
		for _, t := range inv.Targets {
			if !t.Status.Final() {
				s.t.Errorf("%s on %s is still %s after all (runs %d, seq %d, accepted %v); its agent: %s", t.Invocation, t.Instance, t.Status, t.Runs, t.Seq, t.Accepted, s.agents[slices.Index(s.ids, t.Instance)].Describe(t.Invocation))
			}
			for n := min(t.Runs, 1); n <= t.Runs; n++ {
				want[fmt.Sprintf("%s/%s/%d", t.Invocation, t.Instance, n)] = true
			}
		}
	}
	s.checkRecords(want)
	s.checkOutput()
}

// checkRecords wants one record of each run, and of each target that never ran.
func (s *sim) checkRecords(want map[string]bool) {
	s.t.Helper()
	got := map[string]int{}
	s.eachLog(assistant.Records, func(f map[string]string) {
		name := f["InvokeId"] + "/" + f["InstanceId"] + "/" + f["Repeats"]
		if strings.HasPrefix(f["InvokeId"], "f-") { // of files, which do not say how often
			name += "1"
			if f["StartTime"] == "" {
				name = strings.TrimSuffix(name, "1") + "0"
			}
		}
		got[name]++
	})
	for name := range want {
		if got[name] != 1 {
			s.t.Errorf("%d records of %s (cuts %v)", got[name], name, s.cuts)
		}
	}
	for name := range got {
		if !want[name] {
			s.t.Errorf("a record of %s, which nobody ran", name)
		}
	}
}

// checkOutput wants the pieces of each run to follow each other, and to be what the run wrote, from the beginning on.
func (s *sim) checkOutput() {
	s.t.Helper()
	type key struct {
		instance string
		run      agenttest.Run
	}
	got := map[key][]byte{}
	s.eachLog(assistant.FullOutput, func(f map[string]string) {
		run, _ := strconv.ParseInt(f["Repeats"], 10, 64)
		k := key{f["InstanceId"], agenttest.Run{Invocation: f["InvokeId"], Number: run}}
		if f["Offset"] != strconv.Itoa(len(got[k])) {
			s.t.Errorf("a piece of %v at %s follows %d bytes", k, f["Offset"], len(got[k]))
		}
		got[k] = append(got[k], f["Output"]...)
	})
	for k, b := range got {
		a := s.agents[slices.Index(s.ids, k.instance)]
		if !bytes.HasPrefix(a.Written(k.run), b) {
			s.t.Errorf("%v wrote something else than %d bytes of output", k, len(b))
		}
	}
	for _, inv := range s.all() {
		for _, t := range inv.Targets {
			if n := int64(len(got[key{t.Instance, agenttest.Run{Invocation: t.Invocation, Number: t.Runs}}])); n < t.Bytes && t.LastRun != "" && t.LastRun != assistant.Errored {
				s.t.Errorf("%s on %s: %d bytes of output, and there should be %d", t.Invocation, t.Instance, n, t.Bytes)
			}
		}
	}
}

func (s *sim) close() {
	for _, a := range s.agents {
		a.Disconnect()
	}
	s.lines.Wait()
	s.must(s.svc.Close())
}

// TestSimulation: whatever crashes or breaks, and when: each target ends in one state and stays there, what runs once runs once at most, and there is
// one record of each run, in the logstore of the account whose machine it was on.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds
	if testing.Short() {
		seeds = min(seeds, 6)
	}
	for seed := *simFrom; seed < *simFrom+seeds; seed++ {
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSim(t, seed)
				for range 40 + s.r.IntN(80) {
					s.step()
				}
				s.end()
				s.check()
				s.close()
			})
		})
		if !ok {
			t.Fatalf("run again with -seed %d -seeds 1", seed)
		}
	}
}
