// Package capture makes audit events of calls: one place between the server and its dialects, so that no handler can forget.
//
//	server ──> Audit.Serve ──> dialect: who, what, to what ──> Start ──> handler ──> answer
//	               │                                            │                     │ strict: kept back
//	               │        strict: no, if events cannot be written now               │
//	               └── event: allowed, refused, or of no known action ──> ledger ─────┴──> the answer's first byte
//
// Management events are made of all calls, data events of those that [Audit.Select] asks for.
//
// Strict mode: the answer of a call that changes something, and of which there is an event, waits until the event is on disk.
//   - If events cannot be written when the call begins, nothing is done, and the answer is the dialect's 503. Something is kept on the disk for those that are needed on a
//     full disk, and for no others: calls of the root account that lead to room being made.
//   - If this one cannot be written when the call is over, the answer is an error that says so (noun "audit-late"), with the header X-Sluice-Executed: true.
//     The event is written later, if that becomes possible, and otherwise counted as lost.
//
// Otherwise events are written soon, and answers never wait.
package capture

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/operation"
	"github.com/sluicelog/sluice/internal/wire"
)

// Writer is where events go: a [ledger.Recorder].
type Writer interface {
	Append(ctx context.Context, e *trail.Event) error // returns when the event is on disk
	Offer(e *trail.Event)                             // never waits
	Err() error                                       // why Append would fail now; nil if that is not known

	AppendFreed(ctx context.Context, e *trail.Event) error // Append of a call that made room: on a full disk, too
	ErrFreeing() error                                     // why AppendFreed would fail now
}

// Options of an audit. The zero value of a field means the default in brackets.
type Options struct {
	Region string                           // ["local"] of the server
	Root   string                           // id of the root account, whose is what is nobody else's
	Strict bool                             // [false] hold answers back
	OneIn  int                              // [1] data events that are recorded: one of so many
	Owner  func(project string) string      // id of the account of a project, "" if there is none
	Source func(r *http.Request) netip.Addr // where a request comes from
	Now    func() time.Time                 // [time.Now]
}

// Audit is a dialect that makes an event of each call of another. It is safe for concurrent use.
type Audit struct {
	next   wire.Dialect
	to     Writer
	o      Options
	wants  atomic.Pointer[func(*trail.Event) bool]
	sample atomic.Uint64
}

// New makes an audit of a dialect.
func New(next wire.Dialect, to Writer, o Options) *Audit {
	if o.Region == "" {
		o.Region = "local"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.OneIn = max(o.OneIn, 1)
	return &Audit{next: next, to: to, o: o}
}

// Select sets which data events are recorded; nil for none, as at first. wants is called from many goroutines; its event has no answer yet.
func (a *Audit) Select(wants func(*trail.Event) bool) {
	if wants == nil {
		a.wants.Store(nil)
		return
	}
	a.wants.Store(&wants)
}

// Serve implements [wire.Dialect].
func (a *Audit) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	x := &call{ResponseWriter: w, audit: a, r: r, c: c, began: a.o.Now()}
	c.Begin = x.begin
	defer func() {
		if p := recover(); p != nil {
			err, _ := p.(error)
			aborted := errors.Is(err, http.ErrAbortHandler)
			if aborted && x.status == 0 {
				x.decide(http.StatusInternalServerError)
			}
			// The server cuts the connection where the answer has begun, or where that is asked for; otherwise it asks for a refusal.
			if x.status != 0 && !x.held || aborted {
				x.offer()
			}
			panic(p)
		}
	}()
	a.next.Serve(x, r, c)
	x.finish()
}

// Refuse implements [wire.Dialect]. What is refused was not done, or ended in a panic; nothing waits for its event.
func (a *Audit) Refuse(w http.ResponseWriter, r *http.Request, c *wire.Call, err error) {
	x := &call{ResponseWriter: w, audit: a, r: r, c: c, began: a.o.Now(), loose: true}
	a.next.Refuse(x, r, c, err)
	x.finish()
}

// Drain implements [wire.Dialect].
func (a *Audit) Drain() { a.next.Drain() }

// recorded says whether there is to be an event of a call, as far as is known when its answer begins. It is nil if not.
func (a *Audit) recorded(x *call) *trail.Event {
	if x.op.Category == trail.Management {
		return x.event()
	}
	wants := a.wants.Load()
	if wants == nil {
		return nil
	}
	e := x.event()
	if !(*wants)(e) || a.o.OneIn > 1 && a.sample.Add(1)%uint64(a.o.OneIn) != 0 {
		return nil
	}
	if a.o.OneIn > 1 {
		e.Additional["sampledOneIn"] = a.o.OneIn
	}
	return e
}

// begin implements [wire.Call.Begin].
func (x *call) begin() error {
	x.started = true
	x.owner = x.audit.o.Owner(x.c.Project) // it may be gone when the call is over
	if op := x.operation(); !x.audit.o.Strict || op.ReadOnly || op.Category != trail.Management {
		return nil
	}
	err := x.audit.to.Err()
	if err != nil && x.operation().Frees && x.byRoot() {
		err = x.audit.to.ErrFreeing()
		x.freeing = err == nil
	}
	if err != nil {
		x.started = false
		return sluice.Errorf(sluice.Unavailable, "audit", "nothing was done: the server has to record what it does, and cannot now; try again later (%w)", err)
	}
	return nil
}

// byRoot reports whether the call is of the account of the installation.
func (x *call) byRoot() bool {
	if x.c.Detail == nil {
		return false
	}
	p := x.c.Detail.Detail().Principal
	return p != nil && (p.Root || p.Account == x.audit.o.Root && p.Account != "")
}

func (x *call) operation() *operation.Operation { return operation.Find(x.c.Service, x.c.Action) }
