// Package agent is the machine's side of commands and files: it takes signed tasks from the server, does them by a Runner, and tells what came of them.
//
//	server ◄── link ── outbox ◄─────────────┐            events, output: sent again until acknowledged
//	   │                                     │
//	   └─ Task ─► take: signature, policy ─► state ──────► journal    every change is a record, on disk before it counts
//	                                         ▲   │
//	                       clock, schedules ─┘   └─ run ─► Runner ─► keeper ─► command
//
// All that is known is the sum of the journal's records (record.go): a change is one record, which is written, and then applied by the same code that
// reads it after a restart. What is not in a record, such as a connection or a run that is being prepared, may be lost at any time.
//
// Invariants:
//   - A task is acknowledged after its record is on disk, a process is made after "started" is, an event is dropped after the server holds it.
//   - A run begins at most once: "started" without a process is lost, and reported so.
//   - Nothing is done that is not signed for this instance by a key of the enrolment, unexpired, new, and allowed by the machine's policy.
//   - Time is the server's, as far as it was ever told.
//   - mu is held for no longer than a write of the journal takes.
package agent

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/agent/journal"
	"github.com/sluicelog/sluice/internal/agent/policy"
	"github.com/sluicelog/sluice/internal/agent/runner"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/vfs"
)

// Runner does tasks; see package runner.
type Runner interface {
	Check(s *runner.Spec) *policy.Refusal
	Prepare(s *runner.Spec) (runner.Process, error)
	Attach(ref runner.Ref, s *runner.Spec) runner.Process
	Clean(keep map[string]bool) error
}

// Options of an agent. All but the last ones are needed; of those the zero value means the default in brackets.
type Options struct {
	Instance string
	Keys     agentproto.Keys
	Machine  agentproto.Machine
	BootID   string // different after each start of the machine
	Files    vfs.FS
	Dir      string // of the journal
	Runner   Runner
	Policy   func() (*policy.Policy, error)
	// Dial connects to the server as the instance. now is the server's time, as far as it is known.
	Dial func(ctx context.Context, now func() time.Time) (net.Conn, error)

	// Renew asks for a certificate when half of the life of the present one is over: CSR makes a request, Renewed keeps the answer. [no renewal]
	Renew   Renewal
	Now     func() time.Time // the machine's clock, which may be wrong [time.Now]
	Local   *time.Location   // of schedules without a zone [time.Local]
	Logger  *slog.Logger     // [discard]
	Backoff func(tries int) time.Duration
}

// Renewal keeps the certificate of the instance.
type Renewal interface {
	CSR() ([]byte, error)
	Renewed(certificate []byte) error
	Certificate() *x509.Certificate
}

// Agent is an agent. It is safe for concurrent use.
type Agent struct {
	o     Options
	ctx   context.Context // of Run
	tasks sync.WaitGroup  // goroutines of runs
	timer *alarm

	mu          sync.Mutex // guards what is below
	journal     *journal.Journal
	invocations map[string]*invocation
	over        map[string]agentproto.Time // ids that must not begin again, and since when
	ticket      string
	offset      time.Duration              // of the server's clock from the machine's
	nonces      map[string]agentproto.Time // that were seen, until the tasks they were in expire
	link        *link                      // nil: not connected
	welcome     agentproto.Welcome         // the last one; zero before
	dirty       []*invocation              // that may have something to send
	running     int                        // runs that have a process, or are about to
	waiting     []*invocation              // for one of them to end
	spooled     map[string]int64           // bytes that runs may keep, by the directory of the run
	refusals    [maxRefusals]Refusal       // the newest, a ring
	refused     int                        // how many there were
	seen        time.Time                  // when the server was last heard, by the machine's clock
	trouble     string                     // why there is no connection
	broken      error                      // the journal failed
	fail        context.CancelCauseFunc    // ends Run
	closed      bool
}

// Open reads the journal and finds the runs that were under way.
func Open(o Options) (*Agent, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Local == nil {
		o.Local = time.Local
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	a := &Agent{
		o: o, invocations: map[string]*invocation{}, over: map[string]agentproto.Time{}, nonces: map[string]agentproto.Time{},
		spooled: map[string]int64{}, timer: newAlarm(),
	}
	j, damage, err := journal.Open(o.Files, o.Dir, a.replay)
	if err != nil {
		return nil, err
	}
	if damage != nil {
		o.Logger.Error("records of the agent are lost; the server settles what it knew of them", "error", damage)
	}
	a.journal = j
	for _, inv := range a.invocations {
		inv.hasContent = inv.Task.Kind == agentproto.TaskStop || !sensitive(inv.Task)
	}
	a.forgetOld()
	if err := j.Rewrite(a.snapshot()); err != nil {
		return nil, errors.Join(fmt.Errorf("write the journal anew: %w", err), j.Close())
	}
	return a, nil
}

// Run does what there is to do until ctx ends, or the journal fails; runs under way go on without it.
func (a *Agent) Run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	a.mu.Lock()
	a.ctx, a.fail = ctx, fail
	keep := a.resume()
	a.mu.Unlock()
	if err := a.o.Runner.Clean(keep); err != nil {
		a.o.Logger.Warn("what runs left is not all removed", "error", err)
	}
	var parts sync.WaitGroup
	parts.Go(func() { a.keepTime(ctx) })
	parts.Go(func() { a.keepConnected(ctx) })
	<-ctx.Done()
	a.mu.Lock()
	a.closed = true
	if a.link != nil {
		a.link.close()
	}
	a.mu.Unlock()
	parts.Wait()
	a.tasks.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.journal.Close()
	if a.broken != nil {
		err = a.broken
	}
	return err
}

// resume attaches to runs that were under way and to output that is not all sent, and returns the directories that are needed. The caller holds a.mu.
func (a *Agent) resume() (keep map[string]bool) {
	keep = map[string]bool{}
	for _, inv := range a.invocations {
		for i := range inv.Spools {
			s := &inv.Spools[i]
			s.process = a.o.Runner.Attach(s.Ref, inv.spec(s.Run, nil))
			keep[s.Ref.Dir] = true
			a.spooled[s.Ref.Dir] = s.Size
		}
		if inv.Open != nil {
			keep[inv.Open.Ref.Dir] = true
			a.spooled[inv.Open.Ref.Dir] = inv.Open.MaxOutput
			a.running++
			inv.process = a.o.Runner.Attach(inv.Open.Ref, inv.spec(inv.Runs, a.policy()))
			a.tasks.Go(func() { a.watch(inv, inv.process) })
		} else {
			a.plan(inv)
		}
	}
	return keep
}

// policy is the machine's policy; one that allows nothing if it cannot be read.
func (a *Agent) policy() *policy.Policy {
	p, err := a.o.Policy()
	if err != nil {
		return nil
	}
	return p
}

// commit writes a record and applies it. The caller holds a.mu. After an error nothing has changed; if the journal failed, the agent ends.
func (a *Agent) commit(r *record, d journal.Durability) error {
	if a.closed {
		return errClosed
	}
	raw, err := r.encode()
	if err != nil {
		return err
	}
	if err := a.journal.Append(raw, d); err != nil {
		if errors.Is(err, journal.ErrFailed) {
			a.broken = err
			a.fail(err)
		}
		return err
	}
	a.apply(r)
	if a.journal.Grown() {
		a.forgetOld()
		if err := a.journal.Rewrite(a.snapshot()); err != nil {
			a.o.Logger.Warn("the journal was not shortened", "error", err)
			if errors.Is(err, journal.ErrFailed) {
				a.broken = err
				a.fail(err)
			}
		}
	}
	return nil
}

var errClosed = errors.New("the agent has ended")
