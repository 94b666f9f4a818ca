package query

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/query/spl"
	"github.com/sluicelog/sluice/internal/shard"
)

// Tail asks for the logs of a logstore as they come in.
//
//	shard log ──wake──> read ──> search ──> pipeline ──┐
//	shard log ──wake──> read ──> search ──> pipeline ──┴──> one event at a time ──> emit
//
// The shard logs are the buffer: who follows them holds one small batch of each shard and never holds up who writes. An asker that
// is slow once it has caught up is brought to the end again, and told what it missed.
type Tail struct {
	Ref      sluice.LogstoreRef
	Search   string // the part of a statement before the pipe
	Pipeline string // and, if there is one, the part behind it: SPL that looks at one log at a time
	Places   Places // where to begin; shards that are not there are followed from their beginning
}

// TailEvent is what came in of one shard, or a sign of life.
type TailEvent struct {
	Shard   sluice.ShardID
	Rows    [][]sluice.Field // logs in the order in which they came, or what the pipeline made of them
	Skipped *Skipped
	Places  Places // where to go on behind this event. It is the tail's, and valid during the call
}

// Skipped is what a tail left out.
type Skipped struct {
	Groups, Logs int64 // logs are 0 where damage has taken them
	Damaged      bool  // they cannot be read; otherwise the asker was too slow
}

// TailOptions say what tails may take. The zero value of a field means the default in brackets.
type TailOptions struct {
	Most int           // [64] tails at once
	Beat time.Duration // [10s] after which an event without logs says that the tail lives
	Lag  time.Duration // [10s] how far an asker that had caught up may fall behind before logs are skipped
}

func (o TailOptions) withDefaults() TailOptions {
	if o.Most == 0 {
		o.Most = 64
	}
	if o.Beat == 0 {
		o.Beat = 10 * time.Second
	}
	if o.Lag == 0 {
		o.Lag = 10 * time.Second
	}
	return o
}

// Tail gives emit what comes in, one event at a time, the first at once and without logs, until ctx ends or emit returns an
// error, which it returns. Logs of one shard come in their order, and those of a shard that was split or merged before those of the
// shards that it became. Errors: those of a search; Invalid or Unsupported [query] for a pipeline; OutOfRange [cursor] for a place
// behind the end of a shard; Unavailable for too many tails; NotFound [logstore] when it is deleted.
func (e *Engine) Tail(ctx context.Context, r Tail, emit func(*TailEvent) error) error {
	t, err := e.newTail(ctx, r)
	if err != nil {
		return err
	}
	select {
	case e.tails <- struct{}{}:
		defer func() { <-e.tails }()
	default:
		return sluice.Errorf(sluice.Unavailable, "server", "the server is busy: it follows %d tails, and no more at once", cap(e.tails))
	}
	return t.run(ctx, emit)
}

// tail is one that is being followed.
type tail struct {
	e        *Engine
	q        *question
	pipeline *spl.Pipeline // nil for none

	places   Places
	state    map[sluice.ShardID]tailState
	logstore *catalog.Logstore
	came     chan tailed

	following sync.WaitGroup // goroutines, one for each shard in the state followed
}

type tailState uint8

const (
	waiting  tailState = iota // for the shards that it came from
	followed                  // by a goroutine
	finished                  // read-only and read to its end, or gone
)

// newTail prepares a tail. A logstore without an index can be followed as long as nothing is searched for.
func (e *Engine) newTail(ctx context.Context, r Tail) (*tail, error) {
	t := &tail{e: e, places: r.Places.clone(), state: map[sluice.ShardID]tailState{}, came: make(chan tailed)}
	if r.Pipeline != "" {
		var err error
		if t.pipeline, err = spl.Parse(r.Pipeline); err != nil {
			return nil, err
		}
		if !t.pipeline.Stream() {
			return nil, sluice.Errorf(sluice.Invalid, "query", "stats, sort and limit look at all logs, so they cannot follow a tail; use them in a query")
		}
	}
	q, err := e.prepare(ctx, Filter{Ref: r.Ref, Search: r.Search})
	var missing *sluice.Error
	if errors.As(err, &missing) && missing.Kind == sluice.NotFound && missing.Noun == "index" && findsAll(r.Search) {
		q = &question{Filter: Filter{Ref: r.Ref}}
		q.logstore, err = e.cat.Logstore(ctx, r.Ref)
	}
	if err != nil {
		return nil, err
	}
	t.q, t.logstore = q, q.logstore
	for id, at := range t.places {
		s, ok := t.logstore.Shard(id)
		if !ok {
			delete(t.places, id)
			continue
		}
		if _, end := s.Stored.Bounds(); at > end {
			return nil, sluice.Errorf(sluice.OutOfRange, "cursor", "the place %d is behind the end of shard %v; begin without Last-Event-ID", at, id)
		}
	}
	return t, nil
}

// findsAll reports whether a search finds every log, so that it needs no index.
func findsAll(text string) bool {
	parsed, err := search.Parse(text)
	if err != nil {
		return false
	}
	_, all := parsed.Root.(search.All)
	return all
}

func (t *tail) run(ctx context.Context, emit func(*TailEvent) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		t.following.Wait()
	}()
	resharded := t.e.cat.Resharded()
	t.start(ctx)
	if err := emit(&TailEvent{Places: t.places}); err != nil {
		return err
	}
	beat := time.NewTicker(t.e.o.Tail.Beat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-beat.C:
			if err := emit(&TailEvent{Places: t.places}); err != nil {
				return err
			}
		case <-resharded:
			resharded = t.e.cat.Resharded()
			if err := t.relist(ctx); err != nil {
				return err
			}
		case batch := <-t.came:
			if err := t.take(ctx, batch, emit); err != nil {
				return err
			}
			if batch.event != nil {
				beat.Reset(t.e.o.Tail.Beat)
			}
		}
	}
}

// take passes on what came of one shard.
func (t *tail) take(ctx context.Context, batch tailed, emit func(*TailEvent) error) error {
	if batch.err != nil {
		if !errors.Is(batch.err, shard.ErrUnknownLog) {
			return batch.err
		}
		t.state[batch.shard] = finished
		delete(t.places, batch.shard)
		return t.relist(ctx)
	}
	t.places[batch.shard] = batch.next
	if batch.event != nil {
		batch.event.Shard, batch.event.Places = batch.shard, t.places
		if err := emit(batch.event); err != nil {
			return err
		}
	}
	if s, ok := t.logstore.Shard(batch.shard); ok && s.ReadOnly {
		t.start(ctx) // maybe this was the end of it
	}
	return nil
}

// relist takes up the shards of a split or merge.
func (t *tail) relist(ctx context.Context) error {
	now, err := t.e.cat.Logstore(ctx, t.q.Ref)
	if err != nil {
		return err
	}
	if !now.Created.Equal(t.logstore.Created) {
		return sluice.Errorf(sluice.NotFound, "logstore", "the logstore %s was deleted", t.q.Ref)
	}
	t.logstore = now
	t.start(ctx)
	return nil
}

// start follows the shards that can be followed now.
func (t *tail) start(ctx context.Context) {
	for more := true; more; {
		more = false
		for i := range t.logstore.Shards {
			s := &t.logstore.Shards[i]
			begin, end := s.Stored.Bounds()
			at := max(t.places[s.ID], begin)
			switch {
			case t.state[s.ID] == finished:
			case s.ReadOnly && at >= end:
				t.places[s.ID], t.state[s.ID] = at, finished
				more = true // shards that came of it need not wait any more
			case t.state[s.ID] == waiting && !t.waits(s):
				t.places[s.ID], t.state[s.ID] = at, followed
				t.following.Go(func() { t.follow(ctx, s, at) })
			}
		}
	}
}

// waits reports whether a shard that s came of has logs that come first.
func (t *tail) waits(s *catalog.Shard) bool {
	for _, parent := range s.Parents {
		if _, there := t.logstore.Shard(parent); there && t.state[parent] != finished {
			return true
		}
	}
	return false
}
