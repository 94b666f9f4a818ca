package ledger

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"

	"github.com/sluicelog/sluice/internal/trail"
)

// Options of a recorder. The zero value of a field means the default in brackets.
type Options struct {
	Region       string        // ["local"] of the server's own events
	Account      string        // of the installation's root, whose the server's own events are
	Days         int           // [90] that events are kept; negative: for ever
	Gather       time.Duration // [5 ms] that events wait for others to be written with, unless somebody waits for one
	MaxQueued    int           // [20000] events that wait while they cannot be written; more are lost, and counted
	MaxWait      time.Duration // [10 s] that Append waits
	AnchorEvents int           // [1000] after so many events there is an anchor,
	AnchorEvery  time.Duration // [1 min] or after this, if there were any
	KeyDays      int           // after which anchors get another key; 0: never by itself
	RetryAfter   time.Duration // [1 s] after an append that failed
	Reserve      Reserve       // [none]
	Now          func() time.Time
	Logger       *slog.Logger // [discard]
}

func (o *Options) fill() {
	const defaultDays = 90
	o.Region = cmp.Or(o.Region, "local")
	o.Days = cmp.Or(o.Days, defaultDays)
	o.Gather = cmp.Or(o.Gather, 5*time.Millisecond)
	o.MaxQueued = cmp.Or(o.MaxQueued, 20_000)
	o.MaxWait = cmp.Or(o.MaxWait, 10*time.Second)
	o.AnchorEvents = cmp.Or(o.AnchorEvents, 1000)
	o.AnchorEvery = cmp.Or(o.AnchorEvery, time.Minute)
	o.RetryAfter = cmp.Or(o.RetryAfter, time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Recorder writes events, each once and in one chain. It is safe for concurrent use.
type Recorder struct {
	o       Options
	log     *Log
	door    sluice.Appender
	store   meta.Store
	ring    *auth.Keyring
	metrics *metrics

	failing atomic.Pointer[error] // why the last append failed; nil after one that did not
	woken   chan struct{}         // something is to be written at once
	came    chan struct{}         // something came
	orders  chan order            // somebody waits for the appender to do something
	stop    chan struct{}         // closed by Close
	done    chan struct{}         // closed when the appender has ended
	ctx     context.Context       //nolint:containedctx // of the appender, which Close ends
	cancel  context.CancelFunc

	mu     sync.Mutex // guards what is below
	queue  []*pending // in the order of the chain to be
	closed bool
	lost   loss

	// The appender's own.
	head     trail.Head
	anchored trail.Anchor // the newest anchor that metadata has
	floor    trail.Head   // of the newest anchor in the log
	key      storedKey    // that signs
	signer   ed25519.PrivateKey
	retired  *storedKey // the one before, while metadata does not know that it has handed over
	sweeps   int
}

// pending is an event that waits to be written.
type pending struct {
	event *trail.Event
	done  chan struct{} // closed when it is written or failed to be; nil if nobody waits
	freed bool          // it is of a call that made room
	lost  loss          // what it tells of, if it is an AuditEventsLost
	err   error         // before done is closed
}

// Open opens the recorder over its logstore, and finds where the chain goes on. door must lead to the logstore whatever else is refused or limited.
func Open(ctx context.Context, store meta.Store, cat *catalog.Catalog, door sluice.Appender, ring *auth.Keyring, o Options) (*Recorder, error) {
	o.fill()
	l, err := OpenLog(ctx, cat)
	if err != nil {
		return nil, err
	}
	r := &Recorder{
		o: o, log: l, door: door, store: store, ring: ring, metrics: newMetrics(),
		woken: make(chan struct{}, 1), came: make(chan struct{}, 1), orders: make(chan order), stop: make(chan struct{}), done: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.loadSigner(ctx); err != nil {
		r.cancel()
		return nil, err
	}
	if err := r.resume(); err != nil {
		r.cancel()
		return nil, err
	}
	go r.run()
	return r, nil
}

// Log is the logstore that r writes to.
func (r *Recorder) Log() *Log { return r.log }

// NewID makes the id of an event.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Append writes an event, and returns when it is on disk. Its Seq is set. Errors: Unavailable "audit"; then the event is written later, or is counted
// as lost, all the same.
func (r *Recorder) Append(ctx context.Context, e *trail.Event) error {
	return r.wait(ctx, &pending{event: e})
}

// wait has p written, and returns when it is, or is not for now.
func (r *Recorder) wait(ctx context.Context, p *pending) error {
	done := make(chan struct{})
	p.done = done
	if err := r.enqueue(p); err != nil {
		return err
	}
	signal(r.woken)
	timer := time.NewTimer(r.o.MaxWait)
	defer timer.Stop()
	select {
	case <-done:
		return p.err
	case <-timer.C:
		return unwritten("it took longer than " + r.o.MaxWait.String())
	case <-ctx.Done():
		return unwritten("nobody waits any longer")
	}
}

// Offer writes an event soon. It never waits; an event that has no room is lost, and counted.
func (r *Recorder) Offer(e *trail.Event) {
	if r.enqueue(&pending{event: e}) == nil {
		signal(r.came)
	}
}

// Err is why events cannot be written now; nil if they can be, as far as is known.
func (r *Recorder) Err() error {
	if err := r.failing.Load(); err != nil {
		return unwritten((*err).Error())
	}
	return nil
}

func unwritten(why string) error {
	return sluice.Errorf(sluice.Unavailable, "audit", "the audit event cannot be written: %s", why)
}

// enqueue puts p into the queue, or counts it as lost.
func (r *Recorder) enqueue(p *pending) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.queue) >= r.o.MaxQueued {
		r.lost.add(p.event)
		r.metrics.lost.Inc()
		return unwritten("too many wait, or the server is shutting down")
	}
	r.queue = append(r.queue, p)
	return nil
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Close writes what waits, and an anchor behind it, and ends the appender. What cannot be written is lost, and logged.
func (r *Recorder) Close() error {
	r.mu.Lock()
	again := r.closed
	r.closed = true
	r.mu.Unlock()
	if !again {
		close(r.stop)
	}
	<-r.done
	return nil
}

// run is the appender: one goroutine, so that the order of the shard is that of the chain.
func (r *Recorder) run() {
	defer close(r.done)
	defer r.cancel()
	every := time.NewTicker(r.o.AnchorEvery)
	defer every.Stop()
	r.sweep()
	for {
		var wait time.Duration
		select {
		case <-r.woken:
		case <-r.came:
			wait = r.o.Gather
		case <-every.C:
			r.sweep()
			continue
		case o := <-r.orders:
			o.done <- o.do()
			continue
		case <-r.stop:
			r.finish()
			return
		}
		if wait > 0 {
			r.gather(wait)
		}
		for !r.flush() && r.pause(every.C) {
		}
	}
}

// gather waits for more events, until somebody waits for one.
func (r *Recorder) gather(wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.woken:
	case <-r.stop:
	}
}

// pause waits after an append that failed. It is false when the recorder is being closed.
func (r *Recorder) pause(every <-chan time.Time) bool {
	timer := time.NewTimer(r.o.RetryAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.woken: // whoever waits is told at once how it is now
	case <-every:
		r.sweep()
	case o := <-r.orders:
		o.done <- o.do()
	case <-r.stop:
		return false
	}
	return true
}

// finish writes what can be written before the end.
func (r *Recorder) finish() {
	if !r.flush() {
		r.tellLoss()
	} else if r.unanchored() {
		r.anchor()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.queue) + int(r.lost.count); n > 0 {
		r.o.Logger.Error("audit events are lost: they could not be written before the end", "count", n)
	}
}
