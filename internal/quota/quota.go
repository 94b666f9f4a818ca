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

// none reports whether r limits nothing.
func (r Rate) none() bool { return r.BytesPerSecond <= 0 && r.RequestsPerSecond <= 0 }

// Verdict says what a flow is over.
type Verdict uint8

// The verdicts.
const (
	Within Verdict = iota
	OverBytes
	OverRequests
)

// Flows are the flows of keys, each held to the rate that the caller says. It is safe for concurrent use.
type Flows[K comparable] struct {
	now func() time.Time

	mu    sync.Mutex
	flows map[K]flow
	sweep int // how many flows make the next one look for idle ones
}

// flow is paid for until these times.
type flow struct {
	bytes, requests time.Time
}

// NewFlows makes flows, of which none has begun.
func NewFlows[K comparable](now func() time.Time) *Flows[K] {
	return &Flows[K]{now: now, flows: map[K]flow{}, sweep: sweepAt}
}

// Check says whether the flow of key may take more now.
func (l *Flows[K]) Check(key K, r Rate) Verdict {
	allowed := l.now().Add(burst)
	l.mu.Lock()
	f := l.flows[key]
	l.mu.Unlock()
	switch {
	case r.BytesPerSecond > 0 && !f.bytes.Before(allowed):
		return OverBytes
	case r.RequestsPerSecond > 0 && !f.requests.Before(allowed):
		return OverRequests
	}
	return Within
}

// Charge counts what the flow of key took.
func (l *Flows[K]) Charge(key K, r Rate, requests, bytes int64) {
	if r.none() {
		return
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.flows[key]
	f.bytes = pay(f.bytes, now, bytes, r.BytesPerSecond)
	f.requests = pay(f.requests, now, requests, r.RequestsPerSecond)
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
func (l *Flows[K]) forgetIdle(now time.Time) {
	for key, f := range l.flows {
		if !f.bytes.After(now) && !f.requests.After(now) {
			delete(l.flows, key)
		}
	}
	l.sweep = max(sweepAt, 2*len(l.flows))
}

// Limiter holds every key's flow to one rate. It is safe for concurrent use; a nil Limiter limits nothing.
type Limiter[K comparable] struct {
	rate  Rate
	flows *Flows[K]
}

// New makes a limiter, nil if r has no limit.
func New[K comparable](r Rate, now func() time.Time) *Limiter[K] {
	if r.none() {
		return nil
	}
	return &Limiter[K]{rate: r, flows: NewFlows[K](now)}
}

// Check says whether the flow of key may take more now.
func (l *Limiter[K]) Check(key K) Verdict {
	if l == nil {
		return Within
	}
	return l.flows.Check(key, l.rate)
}

// Charge counts what the flow of key took.
func (l *Limiter[K]) Charge(key K, requests, bytes int64) {
	if l != nil {
		l.flows.Charge(key, l.rate, requests, bytes)
	}
}
