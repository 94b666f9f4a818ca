package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
)

// CopyOptions say what to copy, and where to.
//
//	source shard ──pull──> groups, small ones joined ──put by hash key──> target
//	                            │                            │
//	                            └── intent, synced ──────────┴── seen there? go on : put
//
// The logs of a source shard stay in their order: they go to the shard of the target that owns the first key of the source shard. Log
// groups that differ in nothing but their logs are joined up to about 1 MiB, so that positions in the target are others.
//
// No log is lost, whenever the process ends, and none is there twice as far as the target can tell: before a write is sent, the intent
// and a digest are in the state; after a crash or a lost answer the target is read from there on, and what is found is not written
// again. What is not found for Settle is; should the first attempt have been on its way all that time, it is there twice, and
// counted in Uncertain. A group with the same logs, topic and source that somebody else writes to the same shard of the target
// in the moment of the crash is taken for the lost one.
type CopyOptions struct {
	From   string           // cursor or "begin" or "" for the beginning; with a cursor, Shards has to name one shard
	Start  time.Time        // if not zero, and From is empty: when the server received the first logs wanted, to the second
	Stop   time.Time        // if not zero: when it received the first logs not wanted; otherwise the copy ends where the end is at its start
	Shards []sluice.ShardID // [all, those that are read-only too]

	Query         string  // an SPL pipeline that the source sends the logs through: filter and transform ["" sends all]
	Topic, Source *string // instead of those of the logs; nil leaves them

	To     *Client // [the client itself]
	Target sluice.LogstoreRef

	State   string        // file that remembers how far the copy got, of one copy at a time; "" remembers nothing and starts anew
	Workers int           // shards at once [4]
	Settle  time.Duration // how long a write may be on its way after its connection is gone [3 s]

	Progress func(CopyProgress) // called at the start and after each write, from one goroutine at a time
}

// CopyProgress is how far a copy got, over all its runs.
type CopyProgress struct {
	Done, Total int64 // log groups of the source
	Logs        int64
	Bytes       int64 // of log groups as written, before compression
	Writes      int64

	Found     int64 // writes whose answer was lost and that were found in the target
	Uncertain int64 // writes that were sent again since they were not found: the target may have them twice
	Missing   int64 // log groups of the source that could not be read: they expired meanwhile, or are damaged
}

// errNoTarget refuses a copy that would only double logs.
var errNoTarget = errors.New("the target of a copy is the logstore that it comes from; give it another topic or source, or another logstore")

// CopyData copies logs from a logstore to another, on this server or a different one, which has to exist. With State, a copy that
// ended early goes on where it stopped when it is started again with the same options. The error is the first of any shard.
func (c *Client) CopyData(ctx context.Context, ref sluice.LogstoreRef, o CopyOptions) (CopyProgress, error) {
	if o.To == nil {
		o.To = c
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Settle <= 0 {
		o.Settle = 3 * time.Second
	}
	if o.Target == ref && o.To.Endpoint() == c.Endpoint() && o.Topic == nil && o.Source == nil {
		return CopyProgress{}, errNoTarget
	}
	run := &copyRun{c: c, ref: ref, o: o}
	if err := run.prepare(ctx); err != nil {
		return CopyProgress{}, err
	}
	run.report()
	err := run.shards(ctx)
	return run.progress(), err
}

// copyRun is one run of a copy.
type copyRun struct {
	c     *Client
	ref   sluice.LogstoreRef
	o     CopyOptions
	state *copyState

	mu sync.Mutex // guards reports
}

// prepare reads the state, or makes one: which shards, from where to where.
func (r *copyRun) prepare(ctx context.Context) error {
	want := copyHead{
		Version: copyVersion, Source: r.c.Endpoint(), From: r.ref.String(), Target: r.o.To.Endpoint(), To: r.o.Target.String(),
		Query: r.o.Query, Topic: r.o.Topic, NewSource: r.o.Source,
	}
	state, err := loadCopyState(r.o.State, want)
	if err != nil {
		return err
	}
	if state != nil {
		r.state = state
		return nil
	}
	state = newCopyState(r.o.State, want)
	spans, err := r.c.spans(ctx, r.ref, r.o.Shards, r.o.Start, r.o.Stop)
	if err != nil {
		return err
	}
	for _, s := range spans {
		state.Shards = append(state.Shards, &copyShard{
			ID: s.ID, Begin: s.Begin.String(), Close: s.End.String(), ReadOnly: s.ReadOnly,
			Start: s.from, Place: copyPlace{Cursor: s.from}, End: s.to,
		})
	}
	r.state = state
	return state.change(func() {})
}

// shards copies all shards, a few at a time. Of shards that were split or merged, the parents come first: so the logs of a key stay
// in order.
func (r *copyRun) shards(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, r.o.Workers)
	done := make([]chan struct{}, len(r.state.Shards))
	for i := range done {
		done[i] = make(chan struct{})
	}
	var all sync.WaitGroup
	for i, s := range r.state.Shards {
		all.Go(func() {
			defer close(done[i])
			for j, parent := range r.state.Shards {
				if parent.before(s) {
					<-done[j]
				}
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			w := &shardCopier{run: r, s: s}
			if err := w.copy(ctx); err != nil {
				cancel(fmt.Errorf("copy shard %s of %s: %w", s.ID, r.ref, err))
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// report tells how far the copy got.
func (r *copyRun) report() {
	if r.o.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.o.Progress(r.progress())
}

func (r *copyRun) progress() CopyProgress {
	r.state.mu.Lock()
	defer r.state.mu.Unlock()
	var p CopyProgress
	for _, s := range r.state.Shards {
		done, total := s.groups()
		p.Done += done
		p.Total += total
		p.Logs += s.Logs
		p.Bytes += s.Bytes
		p.Writes += s.Writes
		p.Found += s.Found
		p.Uncertain += s.Uncertain
		p.Missing += s.Missing
	}
	return p
}

// patiently calls f until it succeeds, is refused for good, or failed as often as the client's options allow. It is for calls that may
// be made twice.
func patiently[T any](ctx context.Context, c *Client, f func() (T, error)) (T, error) {
	delay := firstDelay
	for attempt := 1; ; attempt++ {
		v, err := f()
		if err == nil || attempt >= c.options.Attempts || ctx.Err() != nil || !passing(err) || !sleep(ctx, delay) {
			return v, err
		}
		delay = min(2*delay, maxDelay)
	}
}

// passing reports whether what was asked may succeed later: the server asked for patience, or nobody answered.
func passing(err error) bool {
	var refused *Error
	return !errors.As(err, &refused) || refused.Temporary()
}
