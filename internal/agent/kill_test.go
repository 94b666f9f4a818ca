//go:build linux

package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agent/journal"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/test/child"
)

// place is a server that goes away and comes back, at an address that stays.
type place struct {
	*catalogtest.Env
	t     *testing.T
	ring  *auth.Keyring
	l     net.Listener
	svc   *assistant.Service
	stop  context.CancelFunc
	parts *sync.WaitGroup

	mu sync.Mutex // guards in
	in *inlet     // nil: the server is down
}

// inlet is a listener that is given connections.
type inlet struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	addr  net.Addr
}

func (i *inlet) Accept() (net.Conn, error) {
	select {
	case c := <-i.conns:
		return c, nil
	case <-i.done:
		return nil, net.ErrClosed
	}
}

func (i *inlet) Close() error {
	i.once.Do(func() { close(i.done) })
	return nil
}

func (i *inlet) Addr() net.Addr { return i.addr }

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t}
	var err error
	if p.ring, err = auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key")); err != nil {
		t.Fatal(err)
	}
	if p.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.start()
	var accepting sync.WaitGroup
	accepting.Go(p.accept)
	t.Cleanup(func() {
		p.down()
		p.l.Close()
		accepting.Wait()
	})
	return p
}

func (p *place) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		in := p.in
		p.mu.Unlock()
		if in == nil {
			c.Close()
			continue
		}
		select {
		case in.conns <- c:
		case <-in.done:
			c.Close()
		}
	}
}

func (p *place) start() {
	p.t.Helper()
	door := ingest.New(p.Catalog, ingest.Options{Past: -1, Future: -1})
	svc, err := assistant.New(p.t.Context(), p.Meta, p.Catalog, door, p.ring, assistant.Options{})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.svc, p.stop, p.parts = svc, stop, &sync.WaitGroup{}
	in := &inlet{conns: make(chan net.Conn), done: make(chan struct{}), addr: p.l.Addr()}
	p.parts.Go(func() { _ = gateway.New(svc, gateway.Options{}).Run(ctx, in) })
	p.parts.Go(func() { _ = svc.Run(ctx) })
	p.mu.Lock()
	p.in = in
	p.mu.Unlock()
}

// down ends the server.
func (p *place) down() {
	p.t.Helper()
	p.mu.Lock()
	p.in = nil
	p.mu.Unlock()
	p.stop()
	p.parts.Wait()
	if err := p.svc.Close(); err != nil {
		p.t.Error(err)
	}
}

// machine enrols a machine with a real agent, which is not started.
func (p *place) machine(policy string) (string, *child.Machine) {
	p.t.Helper()
	binary, err := child.Build(p.t.TempDir(), "sluice-agent")
	if err != nil {
		p.t.Fatal(err)
	}
	m := child.NewMachine(p.t, binary, policy, io.Discard)
	id, code, err := p.svc.Fleet("").CreateActivation(p.t.Context(), assistant.Activation{}, assistant.Token{})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := m.Enrol(p.t.Context(), p.l.Addr().String(), id, code); err != nil {
		p.t.Fatal(err)
	}
	l, err := p.svc.Fleet("").Instances(p.t.Context(), assistant.InstanceFilter{}, assistant.Page{Size: 10})
	if err != nil || len(l.Rows) != 1 {
		p.t.Fatal(len(l.Rows), err)
	}
	return l.Rows[0].ID, m
}

// until looks again and again, since another process cannot be waited for otherwise.
func (p *place) until(what string, is func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("it never came that %s", what)
		}
	}
}

func (p *place) connected() bool {
	l, err := p.svc.Fleet("").Instances(p.t.Context(), assistant.InstanceFilter{}, assistant.Page{Size: 10})
	return err == nil && len(l.Rows) == 1 && l.Rows[0].Connected
}

// records counts the records in a machine's journal.
func records(t *testing.T, m *child.Machine) (n int) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(m.State, "journal", "journal"))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	mem := vfs.NewMem()
	if err := mem.MkdirAll("j"); err != nil {
		t.Fatal(err)
	}
	f, err := mem.Create("j/journal")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.TrimRight(raw, "\x00"), 0); err != nil {
		t.Fatal(err)
	}
	_, _, _ = journal.Open(mem, "j", func([]byte) error { n++; return nil })
	return n
}

// A real agent is killed after each of its records, the server with it now and then, or alone: each command runs once at most, and has one end and one
// record, which says what came of it.
func TestRealKills(t *testing.T) {
	rounds := 48
	if testing.Short() {
		rounds = 8
	}
	r := mathrand.New(mathrand.NewPCG(11, 1))
	p := newPlace(t)
	instance, m := p.machine("root: true\n")
	ran := filepath.Join(t.TempDir(), "ran")
	start := func() {
		t.Helper()
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
		p.until("the agent is connected", p.connected)
	}
	start()
	user := me(t)
	asked := map[string]int{}
	for round := range rounds {
		before := records(t, m)
		_, id, err := p.svc.Fleet("").RunCommand(t.Context(), assistant.Command{
			Type: "RunShellScript", Content: fmt.Sprintf("echo %d >> %s; seq 3000; exit 7", round, ran),
		}, false, assistant.Invoke{Targets: assistant.Targets{Instances: []string{instance}}, Username: user})
		if err != nil {
			t.Fatal(err)
		}
		asked[id] = round
		step := 1 + round%5 // accepted, started, finished, acknowledged, or what else there is
		giveUp := time.Now().Add(3 * time.Second)
		p.until("the journal grows", func() bool { return records(t, m) >= before+step || time.Now().After(giveUp) })
		server := r.IntN(3) == 0
		if server {
			p.down()
		}
		if !server || r.IntN(2) == 0 {
			m.Kill()
		}
		if server {
			p.start()
		}
		if m.Dead() {
			start()
		} else {
			p.until("the agent is back", p.connected)
		}
	}
	p.until("all is over", func() bool {
		l, err := p.svc.Fleet("").Invocations(t.Context(), assistant.InvocationFilter{}, assistant.Page{Size: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, inv := range l.Rows {
			if inv.Final == "" {
				return false
			}
		}
		return true
	})
	checkKills(t, p, ran, asked)
}

// A copy of a machine that enrolled is refused, and the original goes on; an operator is told by the copy's own log and status.
func TestClonedMachine(t *testing.T) {
	p := newPlace(t)
	_, m := p.machine("")
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	p.until("the agent is connected", p.connected)
	if err := m.Stop(); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	clone := child.NewMachine(t, m.Binary, "", &log)
	if err := os.CopyFS(filepath.Join(clone.State, "copy"), os.DirFS(m.State)); err != nil {
		t.Fatal(err)
	}
	clone.State = filepath.Join(clone.State, "copy")
	if err := m.Start(); err != nil { // the original moves its ticket on
		t.Fatal(err)
	}
	p.until("the original is back", p.connected)
	if err := clone.Start(); err != nil {
		t.Fatal(err)
	}
	p.until("the copy is refused", func() bool { return strings.Contains(log.String(), "code=Cloned") })
	status, err := clone.Run(t.Context(), "status")
	if err != nil || !strings.Contains(status, "connected     no") || !strings.Contains(status, "Cloned") {
		t.Errorf("%v\n%s", err, status)
	}
	if !p.connected() {
		t.Error("the original is gone")
	}
	if err := clone.Stop(); err != nil {
		t.Error(err)
	}
}

// lockedBuffer is a buffer that a process writes to while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func checkKills(t *testing.T, p *place, ran string, asked map[string]int) {
	t.Helper()
	raw, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for line := range strings.Lines(string(raw)) {
		times[strings.TrimSpace(line)]++
	}
	var written map[string]int
	p.until("the records are written", func() bool {
		written = map[string]int{}
		read(t, p.Catalog, assistant.Records(""), func(r *sluice.Record) { written[fields(r)["InvokeId"]]++ })
		return len(written) >= len(asked)
	})
	ends := map[assistant.Status]int{}
	for id, round := range asked {
		l, err := p.svc.Fleet("").Invocations(t.Context(), assistant.InvocationFilter{ID: id}, assistant.Page{Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		target := l.Rows[0].Targets[0]
		n := times[fmt.Sprint(round)]
		ends[target.Status]++
		switch {
		case n > 1:
			t.Errorf("round %d ran %d times", round, n)
		case target.ExitCode != nil && (n != 1 || *target.ExitCode != 7 || !strings.HasSuffix(target.Output, "2999\n3000\n")):
			t.Errorf("round %d ran %d times, and is said to have ended with %d", round, n, *target.ExitCode)
		case target.ExitCode == nil && target.Status != assistant.Errored:
			t.Errorf("round %d is over as %s: %s", round, target.Status, target.ErrorInfo)
		}
		if written[id] != 1 {
			t.Errorf("round %d has %d records", round, written[id])
		}
	}
	if ends[assistant.Failed] < len(asked)/2 { // a keeper outlives its agent, so that few are lost: those killed between started and Begin
		t.Errorf("%v", ends)
	}
	t.Log(ends)
}
