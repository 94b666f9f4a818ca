package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/wal"
)

// maxBatchBytes bounds what waits for one batch; appends beyond it wait for the batch after. A single larger group gets a
// batch of its own.
const maxBatchBytes = 8 << 20

// group is the appends that one batch commits. Whoever appends while the disk works on a batch lands in the next one.
type group struct {
	reqs  []request
	bytes int
	taken chan struct{} // closed when the committer takes the group: the next one has room
	done  chan struct{} // closed when position and err of every request are set
}

type request struct {
	log      *Log
	block    Block
	reserve  bool // it may use the journal's reserve
	received int64
	position sluice.Position
	err      error
}

func newGroup() *group { return &group{taken: make(chan struct{}), done: make(chan struct{})} }

// Append stores b and returns its position. A nil error means that b is on disk. On ErrSealed, ErrDiskFull, ErrUnknownLog and
// ErrClosed it was not stored; after any other error it may turn up after a restart. b.Data must not change until Append
// returns. ctx ends only the wait for room in the next batch: once b is in a batch, Append waits for the disk.
func (l *Log) Append(ctx context.Context, b Block) (sluice.Position, error) {
	return l.append(ctx, request{log: l, block: b})
}

// AppendFromReserve is Append for the few small groups after which room is made: on a full disk they go into what the journal keeps for them, until that is
// used up. No data from outside may come this way.
func (l *Log) AppendFromReserve(ctx context.Context, b Block) (sluice.Position, error) {
	return l.append(ctx, request{log: l, block: b, reserve: true})
}

func (l *Log) append(ctx context.Context, r request) (sluice.Position, error) {
	b := &r.block
	if b.Raw < 1 || b.Raw > MaxBlock || len(b.Data) == 0 || len(b.Data) > 2*MaxBlock || b.Tail < 0 || b.Tail >= len(b.Data) {
		return 0, fmt.Errorf("append to log %d: block of %d bytes, %d raw, tail at %d", l.id, len(b.Data), b.Raw, b.Tail)
	}
	g, i, err := l.enqueue(ctx, r)
	if err != nil {
		return 0, err
	}
	<-g.done
	return g.reqs[i].position, g.reqs[i].err
}

// enqueue puts r into the group being filled.
func (l *Log) enqueue(ctx context.Context, r request) (*group, int, error) {
	s := l.s
	for {
		s.commitMu.Lock()
		if err := l.refuse(); err != nil {
			s.commitMu.Unlock()
			return nil, 0, err
		}
		g := s.filling
		if g.bytes == 0 || g.bytes+len(r.block.Data) <= maxBatchBytes {
			g.reqs = append(g.reqs, r)
			g.bytes += len(r.block.Data)
			l.inFlight++
			i := len(g.reqs) - 1
			s.commitMu.Unlock()
			select {
			case s.kick <- struct{}{}:
			default:
			}
			return g, i, nil
		}
		s.commitMu.Unlock()
		select {
		case <-g.taken:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// refuse says why l takes no appends now, if so.
func (l *Log) refuse() error {
	if l.s.failed != nil {
		return l.s.failed
	}
	if l.sealed {
		return ErrSealed
	}
	return nil
}

// Seal makes every later Append fail with ErrSealed and waits for those in flight. The seal is not kept on disk: whoever
// knows from metadata that a shard is read-only seals its log after opening it.
func (l *Log) Seal() {
	l.s.commitMu.Lock()
	defer l.s.commitMu.Unlock()
	l.sealed = true
	for l.inFlight > 0 {
		l.s.idle.Wait()
	}
}

// Unseal takes a Seal back.
func (l *Log) Unseal() {
	l.s.commitMu.Lock()
	defer l.s.commitMu.Unlock()
	l.sealed = false
}

// commitLoop commits one group after another until the store closes and nothing waits any more.
func (s *Store) commitLoop() {
	defer s.running.Done()
	for {
		select {
		case <-s.kick:
		case <-s.stop:
		}
		for s.commitNext() {
		}
		select {
		case <-s.stop:
			return // Close has set failed before: nothing can have been added since
		default:
		}
	}
}

// commitNext commits the group being filled, if there is anything in it.
func (s *Store) commitNext() bool {
	s.commitMu.Lock()
	g := s.filling
	if len(g.reqs) == 0 {
		s.commitMu.Unlock()
		return false
	}
	s.filling = newGroup()
	failed := s.failed
	s.commitMu.Unlock()
	close(g.taken)

	if failed != nil && !errors.Is(failed, ErrClosed) {
		for i := range g.reqs {
			g.reqs[i].err = failed
		}
	} else {
		s.committing.Lock()
		s.commit(g)
		s.committing.Unlock()
	}

	s.commitMu.Lock()
	for i := range g.reqs {
		if l := g.reqs[i].log; l.inFlight > 1 {
			l.inFlight--
		} else {
			l.inFlight = 0
			s.idle.Broadcast()
		}
	}
	s.commitMu.Unlock()
	close(g.done)
	return true
}

// commit writes the group as one batch, then shows it to readers. On a full disk it is made smaller: only what may use the reserve is left in it.
func (s *Store) commit(g *group) {
	reqs := make([]*request, len(g.reqs))
	for i := range g.reqs {
		reqs[i] = &g.reqs[i]
	}
	err := s.write(reqs, s.journal.Commit)
	if errors.Is(err, wal.ErrDiskFull) {
		s.breakHolds()
		if s.release() == nil {
			err = s.write(reqs, s.journal.Commit) // in a file that deletion or retention has emptied, if there is one
		}
	}
	full := errors.Is(err, wal.ErrDiskFull)
	if full {
		if !s.full.Swap(true) {
			s.o.Logger.Error("disk full: appends are refused until there is room", "error", err)
		}
		s.refused(slices.DeleteFunc(slices.Clone(reqs), func(r *request) bool { return r.reserve }), err)
		if reqs = slices.DeleteFunc(reqs, func(r *request) bool { return !r.reserve }); len(reqs) > 0 {
			err = s.write(reqs, s.journal.CommitFromReserve)
		}
	}
	if err != nil {
		s.refused(reqs, err)
		return
	}
	if !full {
		s.full.Store(false)
	}
	s.checkJournal()
}

// write writes requests as one batch and shows them to readers. Only commitLoop gets here, so positions are given without a lock: a log's end moves here
// and nowhere else.
func (s *Store) write(reqs []*request, commit func([]wal.Record, []wal.Ref) error) error {
	now := s.o.Now().UnixNano()
	records := make([]wal.Record, len(reqs))
	refs := make([]wal.Ref, len(reqs))
	metas := make([]byte, 0, metaSize*len(reqs))
	next := make(map[*Log]sluice.Position)
	var bytes int64
	for i, r := range reqs {
		p, ok := next[r.log]
		if !ok {
			p = r.log.end
		}
		r.position, r.received, next[r.log] = p, now, p+1
		meta := record{
			log: r.log.id, position: p, received: now,
			raw: uint32(r.block.Raw), tail: uint32(r.block.Tail), num: uint32(r.block.Logs),
		}
		metas = meta.append(metas)
		records[i] = wal.Record{Meta: metas[len(metas)-metaSize:], Payload: r.block.Data}
		bytes += int64(len(r.block.Data))
	}
	start := time.Now()
	if err := commit(records, refs); err != nil {
		return err
	}
	if s.o.Committed != nil {
		s.o.Committed(len(reqs), bytes, time.Since(start))
	}
	for i, r := range reqs {
		r.publish(refs[i])
	}
	return nil
}

// refused fails requests with what became of their batch.
func (s *Store) refused(reqs []*request, err error) {
	switch {
	case errors.Is(err, wal.ErrDiskFull):
		err = fmt.Errorf("%w: %w", ErrDiskFull, err)
	case errors.Is(err, wal.ErrFailed):
		err = fmt.Errorf("%w: %w", ErrFailed, err)
		s.commitMu.Lock()
		if s.failed == nil {
			s.failed = err
		}
		s.commitMu.Unlock()
		s.o.Logger.Error("journal failed: all shards are read-only until restart", "error", err)
	default:
		err = fmt.Errorf("append: %w", err)
		s.o.Logger.Error("batch not written", "groups", len(reqs), "error", err)
	}
	for _, r := range reqs {
		r.err = err
	}
}

// publish makes the group readable.
func (r *request) publish(ref wal.Ref) {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(located{file: ref.File, entry: entry{
		received: r.received, offset: ref.Offset, stored: ref.Length, crc: ref.CRC,
		raw: uint32(r.block.Raw), tail: uint32(r.block.Tail), logs: uint32(r.block.Logs),
	}})
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
}

// put adds the next group to the tail. l.mu is held.
func (l *Log) put(e located) {
	e.newest = e.received
	if n := len(l.tail); n > 0 {
		e.newest = max(e.newest, l.tail[n-1].newest)
	}
	l.tail = append(l.tail, e)
	l.end++
}
