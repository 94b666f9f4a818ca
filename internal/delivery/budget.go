package delivery

import (
	"context"
	"sync"
)

// budget bounds the memory of all batches. Who forms a batch says again and again what it takes; when all together take too much, the
// largest batch that is being formed is cut where it is and goes out. Batches of tasks whose tries fail have to ask first, and get no
// more than a quarter: dead destinations do not make the batches of living ones small.
type budget struct {
	limit int64

	mu      sync.Mutex // guards the rest, and the fields of holdings
	held    int64      // by all
	retried int64      // of that, by batches that are tried again
	open    map[*holding]bool
	freed   chan struct{} // closed when something is given back, if anybody waits
}

// holding is the memory of one batch.
type holding struct {
	bytes int64
	retry bool   // asked for by reserve
	cut   func() // called when the batch is to go out as it is; nil once it may not be cut
	asked bool   // cut was called
}

func newBudget(limit int64) *budget { return &budget{limit: limit, open: map[*holding]bool{}} }

// begin begins the holding of a batch that is being formed. cut is called at most once, with a lock held, and may not call back.
func (b *budget) begin(cut func()) *holding {
	h := &holding{cut: cut}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[h] = true
	return h
}

// set says what a batch takes now.
func (b *budget) set(h *holding, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.adjust(h, bytes)
	if b.held > b.limit {
		b.squeeze()
	}
}

func (b *budget) adjust(h *holding, bytes int64) {
	change := bytes - h.bytes
	h.bytes = bytes
	b.held += change
	if h.retry {
		b.retried += change
	}
	if change < 0 && b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}

// squeeze asks for the largest batch that is not asked for yet.
func (b *budget) squeeze() {
	var largest *holding
	for h := range b.open {
		if h.cut != nil && !h.asked && (largest == nil || h.bytes > largest.bytes) {
			largest = h
		}
	}
	if largest != nil {
		largest.asked = true
		largest.cut()
	}
}

// sealed says that a batch takes its final size, and is not to be cut any more.
func (b *budget) sealed(h *holding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.cut = nil
}

// failed says that a batch will be tried again, and returns whether there is room to keep it until then.
func (b *budget) failed(h *holding) (keep bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !h.retry {
		h.retry = true
		b.retried += h.bytes
	}
	return b.retried <= b.limit/4 && b.held <= b.limit/2
}

// end gives back what a batch took. It may be called again.
func (b *budget) end(h *holding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.adjust(h, 0)
	delete(b.open, h)
}

// reserve begins the holding of a batch that was formed before and took so much, when there is room for it.
func (b *budget) reserve(ctx context.Context, bytes int64) (*holding, error) {
	h := &holding{retry: true}
	for {
		b.mu.Lock()
		if b.retried == 0 || b.retried+bytes <= b.limit/4 {
			b.open[h] = true
			b.adjust(h, bytes)
			b.mu.Unlock()
			return h, nil
		}
		if b.freed == nil {
			b.freed = make(chan struct{})
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
