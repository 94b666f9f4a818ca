// Package delivery ships the logs of logstores to destinations: tasks, and the engine that works on them.
//
//	shard log ──> source ──> pipeline ──> batch ──Send──> sink
//	           decoded once   filter,      │ intent durable      ▲
//	           for all tasks  sample,      │ before the first    │ nil
//	                          choose       │ Send                ▼
//	                                     keeper <── point, counters: one metadata transaction for many tasks
//
// The logstore is the only buffer. A batch is a run of logs [from, to) of one shard. Where it ends is made durable, as the intent, before
// it is first sent, and its end becomes the task's point after the destination said yes. So whoever goes on after a crash finds point
// and intent, forms the same batch again, under the same id, and sends it: only that one batch can be there twice.
//
// Invariants:
//   - A point moves only after the sink's nil, or after what the sink refused for good is in the dead letters.
//   - Per task and shard there is one batch in flight; logs go out in their order.
//   - Only the owner of a point moves it: every commit carries the epoch that the owner took it under.
//   - read = delivered + filtered + sampled out + dead-lettered + expired + skipped + in flight, for every point at every commit.
//   - A sink that is slow, dead or panicking holds up its own task alone.
//   - No goroutine outlives Run, but that of a Send that does not come back when its context has ended.
package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/delivery/ownership"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/meta"
)

// Options of an engine. The zero value of a field means the default in brackets.
type Options struct {
	ID           string                 // ["local"] of this engine among those over one metadata store; the same after a restart, so that it need not wait for its own lease
	Destinations map[string]Destination // [none] what a sink section may be, by its type
	Env          sink.Env               // for the sinks; its Now and Logger are the engine's unless set

	TasksPerProject int // [200]

	MemoryBytes int64         // [64 MiB] of batches that are being formed or sent
	CacheBytes  int64         // [32 MiB] of decoded log groups shared by tasks
	SendTimeout time.Duration // [10m] after which one Send is cut off, whatever the sink's own limits
	LeaseTime   time.Duration // [15s] after which an engine that says nothing is written off
	Look        time.Duration // [1s] between two looks for changed tasks and shards

	// ProveBuckets has a task go online only after somebody proved that its bucket is theirs. [false]
	ProveBuckets bool
	// Delivered is told of every batch of logs that a destination has taken, after its point moved. A crash in between leaves it untold.
	// It may take its time: it holds up its own task alone. [nothing]
	Delivered func(Delivered)
	// Disabled is told of every task that the engine paused by itself, and why. [nothing]
	Disabled func(project, task, reason string)

	Now    func() time.Time
	Rand   func() float64 // [math/rand/v2] in [0, 1): jitter
	Logger *slog.Logger   // [discard]
}

func (o Options) withDefaults() Options {
	orDefault(&o.ID, "local")
	orDefault(&o.TasksPerProject, 200)
	orDefault(&o.MemoryBytes, 64<<20)
	orDefault(&o.CacheBytes, 32<<20)
	orDefault(&o.SendTimeout, 10*time.Minute)
	orDefault(&o.LeaseTime, 15*time.Second)
	orDefault(&o.Look, time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Env.Now == nil {
		o.Env.Now = o.Now
	}
	if o.Env.Logger == nil {
		o.Env.Logger = o.Logger
	}
	return o
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Delivered is a batch that was delivered.
type Delivered struct {
	Project, Task string
	Annotations   map[string]string // of the task
	Shard         sluice.ShardID
	ID            string // of the batch
	Logs          int
	Arrived       time.Time // when its first log did
	At            time.Time // when the destination had taken it
}

// Catalog is what the engine needs of the catalog of logstores.
type Catalog interface {
	Logstore(ctx context.Context, ref sluice.LogstoreRef) (*catalog.Logstore, error)
	CreateLogstore(ctx context.Context, l meta.Logstore, shards int) error
	CreateIndex(ctx context.Context, ref sluice.LogstoreRef, config json.RawMessage) error
}

// Engine keeps delivery tasks and, while Run runs, works on those that are online. It is safe for concurrent use.
type Engine struct {
	store meta.Store
	cat   Catalog
	door  sluice.Appender // for dead letters
	ring  *auth.Keyring
	o     Options

	prover *ownership.Prover
	source *source
	budget *budget
	keeper *keeper
	slots  chan struct{} // one for each worker that forms a batch right now: what is decoded at once is bounded
	poked  chan struct{} // the manager is to look at once
	faults faults

	mu      sync.Mutex // guards the rest
	workers map[pointKey]*worker
	jobs    map[taskKey]*job
	writing map[sluice.LogstoreRef]bool // dead-letter logstores known to be there
	resting map[pointKey]time.Time      // until when workers that failed are not started again
}

// New makes an engine over the tasks in store, and empties the directory of its sinks' temporary files. door is the write door, for dead letters; ring seals the sinks' secrets.
func New(store meta.Store, cat Catalog, door sluice.Appender, ring *auth.Keyring, o Options) *Engine {
	o = o.withDefaults()
	empty(o.Env.Dir, o.Logger)
	return &Engine{
		store: store, cat: cat, door: door, ring: ring, o: o, prover: ownership.New(proofs{store, o.Now}, o.Now),
		source: newSource(o.CacheBytes), budget: newBudget(o.MemoryBytes), keeper: newKeeper(store),
		slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0)), poked: make(chan struct{}, 1),
		workers: map[pointKey]*worker{}, jobs: map[taskKey]*job{}, writing: map[sluice.LogstoreRef]bool{}, resting: map[pointKey]time.Time{},
	}
}

// empty removes what sinks left in their directory when the server died.
func empty(dir string, log *slog.Logger) {
	if dir == "" {
		return
	}
	old, err := os.ReadDir(dir)
	for _, f := range old {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, f.Name())))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("temporary files of deliveries cannot be removed", "error", err)
	}
}

// poke has the manager look at once.
func (e *Engine) poke() { signal(e.poked) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
