package agent_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
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
	"github.com/sluicelog/sluice/internal/agent"
	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

var (
	simSeeds = flag.Uint64("seeds", 20, "seeds of the simulation; make sim runs a thousand others")
	simFrom  = flag.Uint64("seed", 0, "its first seed")
)

var errOff = errors.New("power is off")

// power counts the steps of one end down to its crash. It is safe for concurrent use.
type power struct {
	mu   sync.Mutex
	left int // negative: never
	off  bool
	at   string
}

func (p *power) step(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left--; p.left == 0 {
		p.off, p.at = true, what
	}
	if p.off {
		return errOff
	}
	return nil
}

func (p *power) isOff() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.off
}

func (p *power) set(left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = left
}

// cutMeta and cutDoor lose the power of the server before they did what they were asked, or after it, when nobody is told any more.
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
	if err := d.power.step("before an append"); err != nil {
		return 0, 0, err
	}
	id, at, err := d.Appender.Append(ctx, ref, g)
	if err != nil {
		return id, at, err
	}
	return id, at, d.power.step("after an append")
}

// box is a machine with an agent on it.
type box struct {
	s        *sim
	o        agent.Options
	mem      *vfs.Mem // its disk
	power    *power   // of the agent's process
	world    *world
	boots    int
	agent    *agent.Agent
	stop     context.CancelFunc
	ended    chan error
	conn     net.Conn // of the agent, at the server's end
	connMu   sync.Mutex
	cut      bool // the line is down
	instance string
}

// sim is a server and machines, all of which crash, with lines between them that break.
type sim struct {
	*catalogtest.Env
	t     *testing.T
	r     *mathrand.Rand
	ring  *auth.Keyring
	power *power
	svc   *assistant.Service
	stop  context.CancelFunc
	boxes []*box

	gate  sync.Mutex // guards what is below, and svc where agents dial
	down  bool
	lines *sync.WaitGroup

	once  map[string]bool
	final map[string]assistant.Status
	asked []string
	cuts  []string
}

func newSim(t *testing.T, seed uint64) *sim {
	t.Helper()
	s := &sim{
		Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1, JournalFileBytes: 1 << 20, JournalBytes: 2 << 20}),
		t:   t, r: mathrand.New(mathrand.NewPCG(seed, 7)), once: map[string]bool{}, final: map[string]assistant.Status{},
	}
	var err error
	s.ring, err = auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key"))
	s.must(err)
	s.open()
	for range 1 + s.r.IntN(2) {
		s.enrol()
	}
	s.fault()
	return s
}

func (s *sim) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v (cuts: %v)", err, s.cuts)
	}
}

// open starts the server.
func (s *sim) open() {
	s.t.Helper()
	s.power = &power{left: -1}
	door := ingest.New(s.Catalog, ingest.Options{Past: -1, Future: -1, Now: s.Clock.Now})
	svc, err := assistant.New(s.t.Context(), &cutMeta{s.Meta, s.power}, s.Catalog, &cutDoor{door, s.power}, s.ring, assistant.Options{Now: s.Clock.Now, OutputBytes: 100_000})
	s.must(err)
	s.gate.Lock()
	defer s.gate.Unlock()
	s.svc, s.lines, s.down = svc, &sync.WaitGroup{}, false
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.lines.Go(func() { s.must(svc.Run(ctx)) })
}

// fault lets the server lose its power some time.
func (s *sim) fault() {
	if s.r.IntN(3) > 0 {
		s.power.set(1 + s.r.IntN(80))
	}
}

// dial makes a connection to the server; nil if it is down.
func (s *sim) dial(id gateway.Identity) (ours, theirs net.Conn) {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.down {
		return nil, nil
	}
	ours, theirs = net.Pipe()
	g := gateway.New(s.svc, gateway.Options{Idle: time.Hour})
	s.lines.Go(func() { g.Serve(context.Background(), theirs, id) })
	return ours, theirs
}

// shut lets nobody in any more.
func (s *sim) shut() {
	s.gate.Lock()
	defer s.gate.Unlock()
	s.down = true
}

func (s *sim) enrol() {
	s.t.Helper()
	id, code, err := s.svc.Fleet("").CreateActivation(s.t.Context(), assistant.Activation{InstanceName: "web"}, assistant.Token{})
	s.must(err)
	machine := agentproto.Machine{OS: "linux", MachineID: "m" + id, AgentVersion: "1"}
	_, key, _ := ed25519.GenerateKey(nil)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	s.must(err)
	binding := []byte("session")
	e := &agentproto.Enrol{Activation: id, CSR: csr, Machine: machine}
	e.Proof = e.AgentProof(code, binding)
	conn, _ := s.dial(gateway.Identity{Binding: binding, Address: netip.MustParseAddr("10.0.0.1")})
	defer conn.Close()
	s.must(agentproto.Write(conn, e))
	m, err := agentproto.ReadFromServer(conn)
	s.must(err)
	answer := m.(*agentproto.Enrolled)
	skew := time.Duration(s.r.IntN(7200)-3600) * time.Second // the machine's clock is up to an hour off
	b := &box{s: s, mem: vfs.NewMem(), world: newWorld(), instance: answer.Instance}
	b.o = agent.Options{
		Instance: answer.Instance, Keys: agentproto.Keys{answer.Keys[0].Name: answer.Keys[0].Public}, Machine: machine, Dir: "agent",
		Policy: func() (*policy.Policy, error) { return policy.Default(), nil },
		Now:    func() time.Time { return s.Clock.Now().Add(skew) }, Local: time.UTC,
		Backoff: func(tries int) time.Duration { return time.Second << min(tries, 6) },
	}
	s.boxes = append(s.boxes, b)
	b.start(true)
}

// start starts the agent of a machine, which may crash soon.
func (b *box) start(faults bool) {
	b.s.t.Helper()
	b.power = &power{left: -1}
	if faults && b.s.r.IntN(4) > 0 {
		b.power.left = 1 + b.s.r.IntN(60)
	}
	files := faultfs.New(b.mem)
	power := b.power
	files.Set(func(_ int, op faultfs.Op, _ string) error { return power.step("agent: " + string(op)) })
	o := b.o
	o.Files, o.BootID = files, fmt.Sprint("boot-", b.boots)
	o.Runner = &worldRunner{world: b.world, boot: o.BootID, power: power}
	o.Dial = b.dial
	a, err := agent.Open(o)
	if err != nil {
		if !power.isOff() {
			b.s.t.Fatalf("an agent does not start: %v (cuts %v)", err, b.s.cuts)
		}
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	b.agent, b.stop, b.ended = a, stop, make(chan error, 1)
	ended := b.ended
	go func() { ended <- a.Run(ctx) }()
}

func (b *box) dial(context.Context, func() time.Time) (net.Conn, error) {
	b.connMu.Lock()
	defer b.connMu.Unlock()
	if b.cut || b.power.isOff() {
		return nil, errors.New("no route")
	}
	ours, theirs := b.s.dial(gateway.Identity{Instance: b.instance, NotAfter: b.s.Clock.Now().Add(time.Hour)})
	if ours == nil {
		return nil, errors.New("nobody answers")
	}
	b.conn = theirs
	return ours, nil
}

// line takes the line down, or up.
func (b *box) line(cut bool) {
	b.connMu.Lock()
	defer b.connMu.Unlock()
	b.cut = cut
	if b.conn != nil && cut {
		b.conn.Close()
	}
}

// kill ends the agent as kill -9 does: nothing of what it does from now on reaches anybody.
func (b *box) kill() {
	b.power.mu.Lock()
	b.power.off = true
	b.power.mu.Unlock()
	if b.agent == nil {
		return
	}
	b.stop()
	<-b.ended
	b.agent = nil
}

// crash is a power cut of the machine, which takes what runs along.
func (b *box) crash() {
	b.kill()
	b.mem = b.mem.Crash(b.s.r)
	b.world.crash()
	b.boots++
}

// recover brings up again what is down.
func (s *sim) recover() {
	s.t.Helper()
	synctest.Wait()
	for _, b := range s.boxes {
		if b.power.isOff() {
			s.cuts = append(s.cuts, b.power.at)
			if s.r.IntN(3) == 0 {
				b.crash()
			} else {
				b.kill()
			}
			b.start(true)
		}
	}
	if s.power.isOff() {
		s.crash()
	}
	synctest.Wait()
}

func (s *sim) crash() {
	s.t.Helper()
	s.cuts = append(s.cuts, "server: "+s.power.at)
	s.shut()
	for _, b := range s.boxes {
		b.connMu.Lock()
		if b.conn != nil {
			b.conn.Close()
		}
		b.connMu.Unlock()
	}
	s.stop()
	s.lines.Wait()
	s.must(s.svc.Close())
	s.Env.Crash(s.r)
	s.open()
	s.look()
	s.fault()
}

func (s *sim) do(err error) {
	s.t.Helper()
	if err != nil && !errors.Is(err, errOff) && !s.power.isOff() {
		s.t.Fatalf("an error that nobody injected: %v (cuts %v)", err, s.cuts)
	}
}

// pass lets time pass, for both clocks, until something has lost its power.
func (s *sim) pass(d time.Duration) {
	const most = 20 * time.Second // so that the clocks are not far apart
	for d > 0 && !s.off() {
		some := min(d, most)
		s.Clock.Advance(some)
		time.Sleep(some) // of the bubble
		d -= some
	}
	s.do(s.svc.Sweep(s.t.Context()))
}

func (s *sim) off() bool {
	return s.power.isOff() || slices.ContainsFunc(s.boxes, func(b *box) bool { return b.power.isOff() })
}

func (s *sim) step() {
	s.t.Helper()
	b := s.boxes[s.r.IntN(len(s.boxes))]
	switch n := s.r.IntN(40); {
	case n < 9:
		s.ask()
	case n < 11:
		if len(s.asked) > 0 {
			if err := s.svc.Fleet("").Stop(s.t.Context(), s.asked[s.r.IntN(len(s.asked))], nil); sluice.KindOf(err) != sluice.NotFound {
				s.do(err)
			}
		}
	case n < 22:
		b.world.work(s.r)
	case n < 26:
		s.pass(time.Duration(1+s.r.IntN(40)) * time.Second)
	case n < 28:
		s.pass(time.Duration(s.r.IntN(20)) * time.Minute)
	case n < 34:
		b.line(s.r.IntN(2) == 0)
	case n < 36:
		b.kill()
	case n < 37:
		b.crash()
		b.power.off = true // start it again
	case n < 38:
		s.power.set(1)
	case n < 39 && b.agent != nil:
		b.mem.SetCapacity(int64(1 + s.r.IntN(1<<20))) // the disk fills up
		s.pass(time.Second)
		b.mem.SetCapacity(0)
	default:
		s.pass(time.Second)
	}
	s.recover()
	s.look()
}

// ask makes an invocation for some of the machines.
func (s *sim) ask() {
	s.t.Helper()
	ctx := s.t.Context()
	var ids []string
	for _, b := range s.boxes {
		ids = append(ids, b.instance)
	}
	s.r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	to := assistant.Targets{Instances: ids[:1+s.r.IntN(len(ids))]}
	in := assistant.Invoke{Targets: to}
	switch s.r.IntN(7) {
	case 0:
		in.Frequency = "rate(5m)"
	case 1:
		in.RepeatMode = agentproto.EveryReboot
	case 2:
		in.RepeatMode = agentproto.NextRebootOnly
	case 3:
		id, err := s.svc.Fleet("").SendFile(ctx, assistant.SendFile{Targets: to, FileSpec: assistant.FileSpec{Name: "f", Content: "c", TargetDir: "/tmp"}})
		s.made(id, err, true)
		return
	}
	_, id, err := s.svc.Fleet("").RunCommand(ctx, assistant.Command{Type: "RunShellScript", Content: "id"}, s.r.IntN(2) == 0, in)
	s.made(id, err, in.Frequency == "" && in.RepeatMode != agentproto.EveryReboot)
}

func (s *sim) made(id string, err error, once bool) {
	s.t.Helper()
	s.do(err)
	if err == nil {
		s.asked, s.once[id] = append(s.asked, id), once
	}
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

func (s *sim) all() []*assistant.InvocationState {
	s.t.Helper()
	page := assistant.Page{Size: 10_000}
	commands, err := s.svc.Fleet("").Invocations(s.t.Context(), assistant.InvocationFilter{}, page)
	s.must(err)
	files, err := s.svc.Fleet("").Invocations(s.t.Context(), assistant.InvocationFilter{Files: true}, page)
	s.must(err)
	return append(commands.Rows, files.Rows...)
}

// end brings everything to its end, without further faults.
func (s *sim) end() {
	s.t.Helper()
	s.power.set(-1)
	s.recover()
	s.power.set(-1)
	for _, b := range s.boxes {
		b.power.set(-1)
		if b.power.isOff() || b.agent == nil {
			b.kill()
			b.start(false)
		}
		b.line(false)
	}
	for range 40 {
		for _, b := range s.boxes {
			b.world.work(s.r)
		}
		for _, inv := range s.all() {
			if !inv.Status().Final() || inv.Final == "" {
				s.must(s.svc.Fleet("").Stop(s.t.Context(), inv.ID, nil))
			}
		}
		synctest.Wait()
		s.pass(20 * time.Second)
		synctest.Wait()
	}
	s.look()
}

// check compares what the server says with what happened.
func (s *sim) check() {
	s.t.Helper()
	want := map[string]bool{}
	for _, inv := range s.all() {
		for _, t := range inv.Targets {
			if !t.Status.Final() {
				s.t.Errorf("%s on %s is still %s after all: %+v (cuts %v)", t.Invocation, t.Instance, t.Status, s.box(t.Instance).agent.Status(), s.cuts)
			}
			for n := min(t.Runs, 1); n <= t.Runs; n++ {
				want[fmt.Sprintf("%s/%s/%d", t.Invocation, t.Instance, n)] = true
			}
			s.checkResult(inv, t)
		}
	}
	for _, b := range s.boxes {
		for run, began := range b.world.began {
			if began > 1 {
				s.t.Errorf("%v began %d times on %s (cuts %v)", run, began, b.instance, s.cuts)
			}
			if s.once[run.invocation] && run.number != 1 {
				s.t.Errorf("%s ran %d times", run.invocation, run.number)
			}
		}
		if st := b.agent.Status(); len(st.Invocations) > 0 || st.Refused > 0 || st.Running > 0 || st.Spooled > 0 {
			s.t.Errorf("the agent of %s is left with %+v", b.instance, st)
		}
		if n := b.world.left(); n > 0 {
			s.t.Errorf("%d runs are left on %s", n, b.instance)
		}
	}
	s.checkRecords(want)
	s.checkOutput()
}

func (s *sim) box(instance string) *box {
	return s.boxes[slices.IndexFunc(s.boxes, func(b *box) bool { return b.instance == instance })]
}

// checkResult: a run that is said to have ended by itself did, and so.
func (s *sim) checkResult(inv *assistant.InvocationState, t *assistant.Target) {
	s.t.Helper()
	if inv.File != nil || t.ExitCode == nil {
		return
	}
	w := s.box(t.Instance).world
	if r, ok := w.results[run{t.Invocation, t.Runs}]; !ok || r.ExitCode == nil || *r.ExitCode != *t.ExitCode {
		s.t.Errorf("%s on %s is said to have ended with %d, and did with %+v", t.Invocation, t.Instance, *t.ExitCode, r)
	}
}

// checkRecords wants one record of each run, and of each target that never ran.
func (s *sim) checkRecords(want map[string]bool) {
	s.t.Helper()
	got := map[string]int{}
	read(s.t, s.Catalog, assistant.Records(""), func(r *sluice.Record) {
		f := fields(r)
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

func fields(r *sluice.Record) map[string]string {
	f := map[string]string{}
	for _, x := range r.Fields {
		f[x.Key] = x.Value
	}
	return f
}

// checkOutput wants the pieces of each run to follow each other, and to be what the run wrote, from the beginning on.
func (s *sim) checkOutput() {
	s.t.Helper()
	type key struct {
		instance string
		run      run
	}
	got := map[key]string{}
	read(s.t, s.Catalog, assistant.FullOutput(""), func(r *sluice.Record) {
		f := fields(r)
		n, _ := strconv.ParseInt(f["Repeats"], 10, 64)
		k := key{f["InstanceId"], run{f["InvokeId"], n}}
		if f["Offset"] != strconv.Itoa(len(got[k])) {
			s.t.Errorf("a piece of %v at %s follows %d bytes", k, f["Offset"], len(got[k]))
		}
		got[k] += f["Output"]
	})
	for k, text := range got {
		if wrote := s.box(k.instance).world.wrote[k.run]; !strings.HasPrefix(string(wrote), text) {
			s.t.Errorf("%v wrote something else than %d bytes", k, len(text))
		}
	}
	for _, inv := range s.all() {
		for _, t := range inv.Targets {
			if n := int64(len(got[key{t.Instance, run{t.Invocation, t.Runs}}])); n < t.Bytes {
				s.t.Errorf("%s on %s: %d bytes of output, and there should be %d", t.Invocation, t.Instance, n, t.Bytes)
			}
		}
	}
}

func (s *sim) close() {
	for _, b := range s.boxes {
		b.kill()
	}
	s.shut()
	s.stop()
	s.lines.Wait()
	s.must(s.svc.Close())
}

// TestSimulation: whatever crashes or breaks, and when: each target ends in one state and stays there, each run begins once at most and has one record,
// and what it says is what came of the run. Agents are killed and machines lose their power at every write of the journal, and servers at every commit.
func TestSimulation(t *testing.T) {
	seeds := *simSeeds
	if testing.Short() {
		seeds = min(seeds, 5)
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

var _ io.ReaderAt = (*worldProcess)(nil)

var _ runner.Process = (*worldProcess)(nil)
