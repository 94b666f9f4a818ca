// Package query answers questions about logs of a time range: which match a search, how many there are over time, what came
// before and after one.
//
//	statement ──split──> search ──bind to the index configuration──> a condition on one log
//	                                                                      │
//	segments ──token index──> bitmaps of rows ──look at values where they are candidates──┐
//	shard logs behind them ──> log groups ──decode──> logs ──in range, match──────────────┴──> collector ──> page, histogram, SQL
//
// A snapshot of the index says which segments there are and from where each shard log has the rest. Both ways give the same
// answers; without an index the second one reads all, exact and as fast as decoding.
//
// Invariants:
//   - A log is counted once, as it is now, and not at all once it is deleted: it has one place, a shard, a position in it, and an index in the log group there.
//   - An answer that does not cover everything, for want of time or because of damage, says so. It is never wrong silently.
//   - Order is total: time, then place. The pages of one range fit together as long as no log arrives in it.
package query

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/query/search"
)

// Options of an engine. The zero value of a field means the default in brackets.
type Options struct {
	Budget     time.Duration // [20s] after which a search answers with what it has
	Processors int           // [GOMAXPROCS]
	Workers    int           // [Processors] shards read at once, by all queries together
	// Future is how far ahead of its receive time a log's own time may be, as the write door allows. Negative: any distance,
	// which makes every search begin at the oldest log.
	Future time.Duration // [15m]
	// Amended says which logs were deleted or updated since they were written; nil: none can be.
	Amended *amend.Store
	SQL     SQLOptions
	Tail    TailOptions
	Now     func() time.Time
	Logger  *slog.Logger // [discard]
}

// Engine answers queries. It is safe for concurrent use.
type Engine struct {
	cat     *catalog.Catalog
	index   *indexer.Indexer // nil: no segments
	o       Options
	workers chan struct{}
	sql     *sqlEngine

	pipelines chan struct{} // one token for each that runs
	tails     chan struct{} // the same
	tailTurns chan struct{} // one token for each tail that is in its pipeline
}

// New makes an engine for the logstores of cat. Without an index it reads shard logs alone.
func New(cat *catalog.Catalog, index *indexer.Indexer, o Options) *Engine {
	if o.Budget == 0 {
		o.Budget = 20 * time.Second
	}
	if o.Processors == 0 {
		o.Processors = runtime.GOMAXPROCS(0)
	}
	if o.Workers == 0 {
		o.Workers = o.Processors
	}
	if o.Future == 0 {
		o.Future = 15 * time.Minute
	}
	o.Tail = o.Tail.withDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		cat: cat, index: index, o: o, workers: make(chan struct{}, o.Workers), sql: newSQLEngine(o.SQL, o.Processors),
		pipelines: make(chan struct{}, maxPipelines), tails: make(chan struct{}, o.Tail.Most), tailTurns: make(chan struct{}, o.Processors),
	}
}

// Range is a half-open range of log times, nanoseconds since 1970.
type Range struct{ From, To int64 }

// maxSecond is far behind what the time of a log can be, and its nanoseconds fit into 64 bits.
const maxSecond = 1 << 33

// Seconds makes a range of seconds and nanoseconds since 1970, as clients send it. An empty one is Invalid [timerange].
func Seconds(from, fromNanos, to, toNanos int64) (Range, error) {
	if from < 0 || to < 0 || from > maxSecond || to > maxSecond || fromNanos < 0 || toNanos < 0 || fromNanos >= 1e9 || toNanos >= 1e9 {
		return Range{}, sluice.Errorf(sluice.Invalid, "timerange", "from and to are not seconds since 1970 with nanoseconds below 1,000,000,000")
	}
	r := Range{from*1e9 + fromNanos, to*1e9 + toNanos}
	if r.From >= r.To {
		return Range{}, sluice.Errorf(sluice.Invalid, "timerange", "the time range from %d to %d is empty, to has to be later than from", from, to)
	}
	return r, nil
}

// Filter says which logs of a logstore are asked for.
type Filter struct {
	Ref    sluice.LogstoreRef
	Range  Range
	Search string // the part of a statement before the pipe
	Topic  string // if not empty, only logs of this topic
	// MayRead says whether the asker may read another logstore of the project, which SQL may name: nil, or the error that
	// answers the query. Without it SQL reads no other.
	MayRead func(sluice.LogstoreRef) error
}

// Coverage says what an answer rests on.
type Coverage struct {
	Complete bool // false: time ran out, or something on disk cannot be read
	Logs     int64
	Bytes    int64 // raw
	Elapsed  time.Duration
}

// question is a filter made ready to ask.
type question struct {
	Filter
	logstore *catalog.Logstore
	config   *indexer.Config
	bound    *search.Bound
	snapshot *indexer.Snapshot // that was asked; nil before
	amended  *amend.View       // what became of its logs, nil if none was deleted or updated
	logger   *slog.Logger
}

// prepare binds a filter to the index configuration. Errors: NotFound [project], [logstore], [index]; Invalid [query].
func (e *Engine) prepare(ctx context.Context, f Filter) (*question, error) {
	q := &question{Filter: f, logger: e.o.Logger}
	var err error
	if q.logstore, err = e.cat.Logstore(ctx, f.Ref); err != nil {
		return nil, err
	}
	if q.amended, err = e.o.Amended.View(ctx, q.logstore); err != nil {
		return nil, err
	}
	x, err := e.cat.Index(ctx, f.Ref)
	if err != nil {
		return nil, err
	}
	if q.config, err = indexer.ParseConfig(x.Config); err != nil {
		return nil, err
	}
	parsed, err := search.Parse(f.Search)
	if err != nil {
		return nil, err
	}
	if q.bound, err = search.Bind(parsed, q.config.Config); err != nil {
		return nil, err
	}
	return q, nil
}
