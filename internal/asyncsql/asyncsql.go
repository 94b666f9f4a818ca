// Package asyncsql runs statements in the background and keeps what came of them for a time.
//
//	Submit ──> RUNNING, in its turn among all statements ──> FINISHED | FAILED ──Keep──> forgotten
//	             │                                              │
//	             └── Delete: CANCELLED, and forgotten ◄─────────┘
//
// Invariants:
//   - A run goes on when its client is gone, and ends with the server: nothing of it is on disk.
//   - Results that are kept take no more than ResultBytes, half of it for one scope. A run whose result does not fit fails, and says so.
//   - Runs lie in scopes, which do not see each other: an account's of a project. Who has a project after another finds nothing of the other's.
//   - A run knows every logstore that it read: whoever asks for its rows has to be allowed to read them all.
package asyncsql

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query"
)

// State is how a run does.
type State string

// The states.
const (
	Running   State = "RUNNING"
	Finished  State = "FINISHED"
	Failed    State = "FAILED"
	Cancelled State = "CANCELLED"
)

// Options of runs. The zero value of a field means the default in brackets.
type Options struct {
	Keep        time.Duration    // [1h] how long a run is known after it ended
	PerScope    int              // [100] runs of a scope that are known
	Runs        int              // [2000] runs that are known
	ResultBytes int64            // [64 MiB] results that are kept
	Now         func() time.Time // [time.Now]
}

// Statement is what a run runs: it gives a result, and calls reads with each logstore before it reads it.
type Statement func(ctx context.Context, reads func(sluice.LogstoreRef)) (*query.Result, error)

// Run is a statement and how it does. What it points to does not change.
type Run struct {
	ID           string
	State        State
	Reads        []sluice.LogstoreRef
	Began, Ended time.Time     // Ended is zero while it runs
	Result       *query.Result // of a finished one
	Err          error         // of a failed one
}

// Runs are the runs of a server. They are safe for concurrent use.
type Runs struct {
	o       Options
	ctx     context.Context // ended by Close
	stop    context.CancelFunc
	working sync.WaitGroup

	mu   sync.Mutex
	all  map[string]map[string]*run // by scope and id
	n    int
	held held
}

// held is the memory of results.
type held struct {
	bytes  int64
	scopes map[string]int64
}

// run is a Run with what is needed to end it.
type run struct {
	Run
	cancel context.CancelFunc
	bytes  int64
}

// New returns no runs.
func New(o Options) *Runs {
	if o.Keep == 0 {
		o.Keep = time.Hour
	}
	if o.PerScope == 0 {
		o.PerScope = 100
	}
	if o.Runs == 0 {
		o.Runs = 2000
	}
	if o.ResultBytes == 0 {
		o.ResultBytes = 64 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &Runs{o: o, all: map[string]map[string]*run{}, held: held{scopes: map[string]int64{}}}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// Close cancels what runs and waits for it. Nothing is submitted any more.
func (r *Runs) Close() error {
	r.mu.Lock() // no Submit is between looking at r.ctx and adding its run
	r.stop()
	r.mu.Unlock()
	r.working.Wait()
	return nil
}

// Submit begins to run a statement in a scope. reads are the logstores that it reads for certain. Errors: Throttled "quota" while the scope
// has as many runs as it may, Unavailable "server".
func (r *Runs) Submit(scope string, reads []sluice.LogstoreRef, s Statement) (Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	switch {
	case r.ctx.Err() != nil:
		return Run{}, sluice.Errorf(sluice.Unavailable, "server", "the server is stopping")
	case len(r.all[scope]) >= r.o.PerScope:
		return Run{}, sluice.Errorf(sluice.Throttled, "quota", "there are %d asynchronous statements, the quota; delete some, or wait", r.o.PerScope)
	case r.n >= r.o.Runs:
		return Run{}, sluice.Errorf(sluice.Unavailable, "server", "the server has %d asynchronous statements, as many as it may", r.n)
	}
	x := &run{Run: Run{ID: rand.Text(), State: Running, Reads: reads[:len(reads):len(reads)], Began: r.o.Now()}}
	var ctx context.Context
	ctx, x.cancel = context.WithCancel(r.ctx)
	if r.all[scope] == nil {
		r.all[scope] = map[string]*run{}
	}
	r.all[scope][x.ID] = x
	r.n++
	r.working.Go(func() {
		defer x.cancel()
		result, err := s(ctx, func(ref sluice.LogstoreRef) { r.read(x, ref) })
		r.end(scope, x, result, err)
	})
	return x.Run, nil
}

// read notes that a run is about to read a logstore.
func (r *Runs) read(x *run, ref sluice.LogstoreRef) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x.Reads = append(x.Reads, ref) // a Run that was given out keeps its own length
}

// end notes what came of a run, unless it was deleted meanwhile.
func (r *Runs) end(scope string, x *run, result *query.Result, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all[scope][x.ID] != x {
		return
	}
	x.Ended = r.o.Now()
	if err == nil {
		bytes := sizeOf(result)
		if r.held.bytes+bytes <= r.o.ResultBytes && r.held.scopes[scope]+bytes <= r.o.ResultBytes/2 {
			x.State, x.Result, x.bytes = Finished, result, bytes
			r.held.bytes += bytes
			r.held.scopes[scope] += bytes
			return
		}
		err = sluice.Errorf(sluice.TooLarge, "sql", "the result of %d bytes does not fit beside those that are kept; delete some, or ask for less", bytes)
	}
	x.State, x.Err = Failed, err
}

// sizeOf is about what a result takes of memory.
func sizeOf(result *query.Result) (n int64) {
	const text = 16 // the header of a string
	for _, row := range result.Rows {
		n += text * int64(len(row)+2)
		for _, value := range row {
			n += int64(len(value))
		}
	}
	return n
}

// Get returns a run. Errors: NotFound "asyncsql".
func (r *Runs) Get(scope, id string) (Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	x, ok := r.all[scope][id]
	if !ok {
		return Run{}, missing(id)
	}
	return x.Run, nil
}

// Delete cancels a run, if it still runs, and forgets it. It returns the run as it ended. Errors: NotFound "asyncsql".
func (r *Runs) Delete(scope, id string) (Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	x, ok := r.all[scope][id]
	if !ok {
		return Run{}, missing(id)
	}
	r.drop(scope, x)
	if x.State == Running {
		x.cancel()
		x.State, x.Ended = Cancelled, r.o.Now()
	}
	return x.Run, nil
}

func missing(id string) error {
	return sluice.Errorf(sluice.NotFound, "asyncsql", "asynchronous statement %.64s does not exist, or ended too long ago", id)
}

// forget drops what ended too long ago. r.mu is held.
func (r *Runs) forget() {
	before := r.o.Now().Add(-r.o.Keep)
	for scope, runs := range r.all {
		for _, x := range runs {
			if x.State != Running && x.Ended.Before(before) {
				r.drop(scope, x)
			}
		}
	}
}

// drop takes a run out. r.mu is held.
func (r *Runs) drop(scope string, x *run) {
	delete(r.all[scope], x.ID)
	r.n--
	r.held.bytes -= x.bytes
	r.held.scopes[scope] -= x.bytes
	if len(r.all[scope]) == 0 {
		delete(r.all, scope)
		delete(r.held.scopes, scope)
	}
}
