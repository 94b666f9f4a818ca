package agent_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice/internal/agent"
	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/vfs"
)

// desk is the server's end, played by a test: it says what the test wants, and acknowledges what comes unless it is told not to.
type desk struct {
	t       *testing.T
	key     ed25519.PrivateKey
	world   *world
	mem     *vfs.Mem
	files   vfs.FS // over mem; nil: mem itself
	o       agent.Options
	power   *power
	agent   *agent.Agent
	stop    context.CancelFunc
	ended   chan error
	welcome agentproto.Welcome
	skew    time.Duration // of the machine's clock

	mu     sync.Mutex // guards what is below
	up     bool
	deaf   bool // nothing is acknowledged
	conn   net.Conn
	hello  []*agentproto.Hello
	events []agentproto.Event // as they came, repetitions and all
	seqs   map[string]int64
	output map[run][]byte
	flying int64 // most output that was not acknowledged
}

const testInstance = "mi-1"

// newDesk starts an agent, in a bubble, with a line to the desk.
func newDesk(t *testing.T, change ...func(*desk)) *desk {
	t.Helper()
	public, key, _ := ed25519.GenerateKey(nil)
	d := &desk{
		t: t, key: key, world: newWorld(), mem: vfs.NewMem(), up: true, seqs: map[string]int64{}, output: map[run][]byte{},
		welcome: agentproto.Welcome{Heartbeat: 30, OutputBytes: 1 << 20, OutputWindow: 64 << 10, OutputPatience: 60},
	}
	d.o = agent.Options{
		Instance: testInstance, Keys: agentproto.Keys{"k-1": public}, Machine: agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"}, BootID: "boot-0",
		Dir: "agent", Policy: func() (*policy.Policy, error) { return policy.Default(), nil }, Local: time.UTC,
		Backoff: func(int) time.Duration { return time.Second },
	}
	for _, c := range change {
		c(d)
	}
	d.start()
	t.Cleanup(d.kill)
	synctest.Wait()
	return d
}

// start starts the agent, on what its disk holds.
func (d *desk) start() {
	d.t.Helper()
	d.power = &power{left: -1}
	o := d.o
	o.Files = d.mem
	if d.files != nil {
		o.Files = d.files
	}
	o.Runner = &worldRunner{world: d.world, boot: o.BootID, power: d.power}
	o.Now = func() time.Time { return time.Now().Add(d.skew) }
	o.Dial = func(context.Context, func() time.Time) (net.Conn, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.up {
			return nil, errors.New("no route")
		}
		ours, theirs := net.Pipe()
		d.conn = theirs
		go d.serve(theirs)
		return ours, nil
	}
	a, err := agent.Open(o)
	if err != nil {
		d.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	d.agent, d.stop, d.ended = a, stop, make(chan error, 1)
	ended := d.ended
	go func() { ended <- a.Run(ctx) }()
}

func (d *desk) kill() {
	if d.agent == nil {
		return
	}
	d.stop()
	<-d.ended
	d.agent = nil
	d.line(d.up)
}

// line takes the line down, or up again after a break.
func (d *desk) line(up bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.up = up
	if d.conn != nil {
		d.conn.Close()
	}
}

// serve takes what the agent says on a connection.
func (d *desk) serve(conn net.Conn) {
	defer conn.Close()
	for {
		m, err := agentproto.ReadFromAgent(conn)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) && !errors.Is(err, io.ErrUnexpectedEOF) {
				d.t.Errorf("the agent said what makes no sense: %v", err)
			}
			return
		}
		for _, answer := range d.take(m) {
			if agentproto.Write(conn, answer) != nil {
				return
			}
		}
	}
}

func (d *desk) take(m agentproto.Message) (answers []agentproto.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch m := m.(type) {
	case *agentproto.Hello:
		d.hello = append(d.hello, m)
		w := d.welcome
		w.Time, w.Ticket = agentproto.TimeOf(time.Now()), rand.Text()
		ack := &agentproto.Ack{}
		for _, k := range m.Known {
			ack.Events = append(ack.Events, agentproto.EventAck{Invocation: k.Invocation, Seq: d.seqs[k.Invocation]})
		}
		return []agentproto.Message{&w, ack}
	case *agentproto.Events:
		d.events = append(d.events, m.Events...)
		if d.deaf {
			return nil
		}
		ack := &agentproto.Ack{}
		for _, e := range m.Events {
			if e.Seq == d.seqs[e.Invocation]+1 {
				d.seqs[e.Invocation]++
			}
			ack.Events = []agentproto.EventAck{{Invocation: e.Invocation, Seq: d.seqs[e.Invocation]}}
		}
		return []agentproto.Message{ack}
	case *agentproto.Output:
		k := run{m.Invocation, m.Run}
		d.flying = max(d.flying, m.Offset+int64(len(m.Data))-int64(len(d.output[k])))
		if d.deaf {
			return nil
		}
		if int(m.Offset) == len(d.output[k]) {
			d.output[k] = append(d.output[k], m.Data...)
		}
		return []agentproto.Message{&agentproto.Ack{Output: []agentproto.OutputAck{{Invocation: m.Invocation, Run: m.Run, Offset: int64(len(d.output[k]))}}}}
	case *agentproto.Heartbeat:
		return []agentproto.Message{&agentproto.Pong{Time: agentproto.TimeOf(time.Now())}}
	}
	return nil
}

// task is a task that is in order; change may make it another.
func (d *desk) task(invocation string, change ...func(*agentproto.Task)) *agentproto.Task {
	content := []byte("id")
	t := &agentproto.Task{
		V: 1, Kind: agentproto.TaskRun, Instance: testInstance, Invocation: invocation, Version: 1, NextSeq: 1, Nonce: rand.Text(),
		Issued: agentproto.TimeOf(time.Now()), Expires: agentproto.TimeOf(time.Now().Add(time.Minute)),
		Run: &agentproto.Run{Type: "RunShellScript", Content: content, Timeout: 60, Repeat: agentproto.Once, NextRun: 1, Created: agentproto.TimeOf(time.Now())},
	}
	for _, c := range change {
		c(t)
	}
	if t.Run != nil {
		t.SHA256 = agentproto.HashOf(t.Run.Content)
	}
	return t
}

func (d *desk) seal(t *agentproto.Task) *agentproto.Envelope {
	d.t.Helper()
	e, err := agentproto.Seal(t, "k-1", d.key)
	if err != nil {
		d.t.Fatal(err)
	}
	return e
}

// send sends messages, and waits until nothing moves any more.
func (d *desk) send(all ...agentproto.Message) {
	d.t.Helper()
	for _, m := range all {
		if err := agentproto.Write(d.conn, m); err != nil {
			d.t.Fatal(err)
		}
	}
	synctest.Wait()
}

// ask sends a task that is in order.
func (d *desk) ask(invocation string, change ...func(*agentproto.Task)) {
	d.t.Helper()
	d.send(d.seal(d.task(invocation, change...)))
}

// finish ends the commands that run, after they wrote something.
func (d *desk) finish(output string) {
	d.world.mu.Lock()
	for _, c := range d.world.runs {
		if c.began && c.result == nil {
			c.output = append(c.output, output...)
			d.world.end(c, agentproto.Exited, 0)
		}
	}
	d.world.mu.Unlock()
	synctest.Wait()
}

// kinds are the kinds of the events that came of an invocation, each once.
func (d *desk) kinds(invocation string) (kinds string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := map[int64]bool{}
	for _, e := range d.events {
		if e.Invocation == invocation && !seen[e.Seq] {
			seen[e.Seq] = true
			kinds += string(e.Kind) + " "
			if e.Kind == agentproto.Rejected {
				kinds += e.ErrorCode + " "
			}
			if e.Kind == agentproto.Finished || e.Kind == agentproto.Ended {
				kinds += string(e.Outcome) + " "
			}
		}
	}
	return kinds
}

// expect compares kinds.
func (d *desk) expect(invocation, want string) {
	d.t.Helper()
	if got := d.kinds(invocation); got != want {
		d.t.Errorf("%s: %s\n  want %s", invocation, got, want)
	}
}

func (d *desk) began(invocation string) (n int) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	for r, times := range d.world.began {
		if r.invocation == invocation {
			n += times
		}
	}
	return n
}
