package control

import "sync"

// bounds are how many documents there are at most in some places. Every document that is made is counted, and those that go are not, so
// that a bound is never too low, and a place that is far from its limit need not be counted again for each document.
type bounds struct {
	mu   sync.Mutex
	most map[string]int // by scope and kind
}

// maxBounds is the most places that are remembered.
const maxBounds = 10_000

// take counts one more document in a place, if it is known that it is within the limit.
func (b *bounds) take(place string, limit int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, known := b.most[place]
	if !known || n >= limit {
		return false
	}
	b.most[place] = n + 1
	return true
}

// set says how many documents there are in a place, the one that is being made included.
func (b *bounds) set(place string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.most == nil || len(b.most) >= maxBounds {
		b.most = map[string]int{}
	}
	b.most[place] = n
}
