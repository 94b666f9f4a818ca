// Package quota limits flows of requests and bytes, one flow for each key.
//
// A flow that took what a second allows is ahead of its time by that second, and has to wait until it is not. One request is
// admitted whole whatever its size, and pays afterwards: a request larger than a second's worth is slow, never impossible. A
// flow that is not ahead is like one that never was, so it is forgotten, and memory follows the number of busy flows.
package quota

import (
	"sync"
	"time"
)

// burst is how far a flow may be ahead.
const burst = time.Second

// sweepAt is how many flows there are at least when idle ones are looked for.
const sweepAt = 128

// Rate limits a flow. 0 is no limit.
type Rate struct {
	BytesPerSecond    int64
	RequestsPerSecond int64
}

// Verdict says what a flow is over.
type Verdict uint8

// The verdicts.
const (
	Within Verdict = iota
	OverBytes
	OverRequests
)

// Limiter holds every key's flow to one rate. It is safe for concurrent use; a nil Limiter limits nothing.
type Limiter[K comparable] struct {
	rate Rate
	now  func() time.Time

	mu    sync.Mutex
	flows map[K]flow
	sweep int // how many flows make the next one look for idle ones
}

// flow is paid for until these times.
type flow struct {
	bytes, requests time.Time
}

// New makes a limiter, nil if r has no limit.
func New[K comparable](r Rate, now func() time.Time) *Limiter[K] {
	if r.BytesPerSecond <= 0 && r.RequestsPerSecond <= 0 {
		return nil
	}
	return &Limiter[K]{rate: r, now: now, flows: map[K]flow{}, sweep: sweepAt}
}

// Check says whether the flow of key may take more now.
func (l *Limiter[K]) Check(key K) Verdict {
	if l == nil {
		return Within
	}
	allowed := l.now().Add(burst)
	l.mu.Lock()
	f := l.flows[key]
	l.mu.Unlock()
	switch {
	case !f.bytes.Before(allowed):
		return OverBytes
	case !f.requests.Before(allowed):
		return OverRequests
	}
	return Within
}

// Charge counts what the flow of key took.
func (l *Limiter[K]) Charge(key K, requests, bytes int64) {
	if l == nil {
		return
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.flows[key]
	f.bytes = pay(f.bytes, now, bytes, l.rate.BytesPerSecond)
	f.requests = pay(f.requests, now, requests, l.rate.RequestsPerSecond)
	l.flows[key] = f
	if len(l.flows) >= l.sweep {
		l.forgetIdle(now)
	}
}

// pay moves the time until which a flow is paid for by what it took.
func pay(until, now time.Time, took, perSecond int64) time.Time {
	if perSecond <= 0 || took <= 0 {
		return until
	}
	if until.Before(now) {
		until = now
	}
	return until.Add(time.Duration(float64(took) / float64(perSecond) * float64(time.Second)))
}

// forgetIdle forgets the flows that are not ahead. The caller holds mu.
func (l *Limiter[K]) forgetIdle(now time.Time) {
	for key, f := range l.flows {
		if !f.bytes.After(now) && !f.requests.After(now) {
			delete(l.flows, key)
		}
	}
	l.sweep = max(sweepAt, 2*len(l.flows))
}
