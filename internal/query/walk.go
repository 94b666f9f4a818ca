package query

import (
	"container/heap"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/segment"
)

// walker goes through the logs that a question finds, in order, and reads no more of them than are looked at.
//
//	rows of a group of a segment ──a few keys at a time──┐
//	rows of another group        ── not begun yet ───────┼──least key first──> batch of keys ──fetch──> visit
//	keys of a shard log's tail   ────────────────────────┘
//
// What the search found in a group is a bitmap, and stays one until the walk gets to the group's time.
type walker struct {
	e       *Engine
	q       *question
	budget  *budget
	reverse bool
	parts   []*stretch // a heap by head
	cover   Coverage

	working bool      // it has a worker
	turn    time.Time // since when
}

// What a walker holds in memory.
const (
	walkKeys  = 4096      // of a group, and of a batch
	walkBytes = 8 << 20   // of the logs of a batch, about
	maxTail   = 1_000_000 // keys of logs that no segment has yet
)

// walkTurn is how long a walker keeps a worker that others wait for.
const walkTurn = 50 * time.Millisecond

// walk gives the logs that a question finds to visit, in the order of keys or against it, until there are no more, visit does not
// want more, or time runs out.
func (e *Engine) walk(ctx context.Context, q *question, reverse bool, visit func(*Log) (more bool, err error)) (Coverage, error) {
	w := &walker{e: e, q: q, budget: e.budget(ctx), reverse: reverse}
	began := e.o.Now()
	var all []*stretch
	var err error
	w.cover, err = e.scan(ctx, q, nil, func() collector {
		s := &stretch{first: first{n: maxTail / max(len(q.logstore.Shards), 1), order: order(reverse)}}
		all = append(all, s)
		return s
	})
	if err != nil {
		return w.cover, err
	}
	for _, s := range all {
		if s.begin(reverse) {
			w.parts = append(w.parts, s)
		}
	}
	heap.Init((*stretches)(w))
	err = w.run(ctx, visit)
	w.cover.Elapsed = e.o.Now().Sub(began)
	return w.cover, err
}

func (w *walker) run(ctx context.Context, visit func(*Log) (bool, error)) error {
	average := int64(1024)
	if w.cover.Logs > 0 {
		average = w.cover.Bytes/w.cover.Logs + 1
	}
	for size := 128; ; size = min(2*size, walkKeys) {
		more, err := w.step(ctx, int(max(1, min(int64(size), walkBytes/average))), visit)
		if err != nil || !more {
			return err
		}
	}
}

// step reads a batch and has it visited, while it has one of the engine's workers. It lets others have it now and then: what a
// visit costs is for the asker to choose.
func (w *walker) step(ctx context.Context, size int, visit func(*Log) (bool, error)) (more bool, err error) {
	if err := w.takeTurn(ctx); err != nil {
		return false, err
	}
	defer w.endTurn()
	keys, err := w.next(ctx, size)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	logs, err := w.q.fetch(ctx, keys)
	if err != nil {
		return false, err
	}
	w.cover.Complete = w.cover.Complete && len(logs) == len(keys)
	w.q.addRowIDs(logs)
	defer step(ctx, "run the pipeline")()
	for i := range logs {
		if w.budget.spent() {
			w.cover.Complete = false
			return false, ctx.Err()
		}
		if more, err := visit(&logs[i]); err != nil || !more {
			return false, err
		}
		if time.Since(w.turn) > walkTurn {
			w.endTurn()
			if err := w.takeTurn(ctx); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// takeTurn waits for a worker. Without an error, endTurn has to follow.
func (w *walker) takeTurn(ctx context.Context) error {
	select {
	case w.e.workers <- struct{}{}:
		w.turn, w.working = time.Now(), true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endTurn gives the worker back, if there is one.
func (w *walker) endTurn() {
	if w.working {
		w.working = false
		<-w.e.workers
	}
}

// next returns the next keys, none at the end.
func (w *walker) next(ctx context.Context, n int) ([]key, error) {
	keys := make([]key, 0, n)
	for len(keys) < n && len(w.parts) > 0 {
		s := w.parts[0]
		if len(s.keys) > 0 {
			keys = append(keys, s.keys[0])
			s.keys = s.keys[1:]
		}
		if len(s.keys) == 0 {
			more, err := s.load(ctx, w.reverse)
			var bad *segment.DamageError
			switch {
			case errors.As(err, &bad):
				w.q.damaged(s.group, err)
				w.cover.Complete = false
			case err != nil:
				return nil, err
			case s.full: // of what lies behind these keys nothing is known
				w.cover.Complete = false
				w.parts = nil
				return keys, nil
			}
			if !more {
				heap.Pop((*stretches)(w))
				continue
			}
		}
		heap.Fix((*stretches)(w), 0)
	}
	return keys, nil
}

// stretch is what a search found in one part: rows of a group, or keys of a shard log.
type stretch struct {
	first                // keys of a shard log, and those that are loaded of a group; the next one first
	group *segment.Group // nil for a shard log
	rows  *roaring.Bitmap
	next  roaring.IntIterable // of rows
	bound key                 // no key of rows comes before it
}

func (s *stretch) addRows(_ context.Context, g *segment.Group, rows *roaring.Bitmap) error {
	s.group, s.rows = g, rows
	return nil
}

func (s *stretch) drop() { s.group, s.rows, s.keys = nil, nil, nil }

// begin makes a stretch ready to be walked and reports whether there is anything in it.
func (s *stretch) begin(reverse bool) bool {
	slices.SortFunc(s.keys, s.order)
	s.keys = s.keys[:min(len(s.keys), s.n)]
	if s.group == nil {
		return len(s.keys) > 0
	}
	if reverse {
		s.next = s.rows.ReverseIterator()
		s.bound = key{time: s.group.Last().UnixNano(), shard: math.MaxInt32, position: math.MaxInt64}
	} else {
		s.next = s.rows.Iterator()
		s.bound = key{time: s.group.First().UnixNano(), shard: -1}
	}
	return s.next.HasNext()
}

// head is the next key, or one that is not behind it.
func (s *stretch) head() key {
	if len(s.keys) > 0 {
		return s.keys[0]
	}
	return s.bound
}

// load reads the next keys and reports whether there are any.
func (s *stretch) load(ctx context.Context, reverse bool) (bool, error) {
	if s.group == nil || !s.next.HasNext() {
		return false, nil
	}
	numbers := make([]uint32, 0, walkKeys)
	for len(numbers) < walkKeys && s.next.HasNext() {
		numbers = append(numbers, s.next.Next())
	}
	if reverse {
		slices.Reverse(numbers)
	}
	found, err := s.group.Keys(ctx, roaring.BitmapOf(numbers...))
	if err != nil {
		return false, err
	}
	s.keys = make([]key, len(found))
	for i, k := range found {
		s.keys[i] = key{time: k.Time, shard: k.Shard, position: k.Position, index: k.Index, group: s.group, row: numbers[i]}
	}
	if reverse {
		slices.Reverse(s.keys)
	}
	return true, nil
}

// stretches makes the parts of a walker a heap.
type stretches walker

func (h *stretches) Len() int { return len(h.parts) }
func (h *stretches) Less(i, j int) bool {
	return h.parts[i].order(h.parts[i].head(), h.parts[j].head()) < 0
}
func (h *stretches) Swap(i, j int) { h.parts[i], h.parts[j] = h.parts[j], h.parts[i] }
func (h *stretches) Push(x any)    { h.parts = append(h.parts, x.(*stretch)) }

func (h *stretches) Pop() any {
	last := len(h.parts) - 1
	s := h.parts[last]
	h.parts = h.parts[:last]
	return s
}

var _ collector = (*stretch)(nil)

// add and put are those of first; a log of a shard log is kept by its key alone.
func (s *stretch) add(k key, _ *index.Log) { s.put(k) }
