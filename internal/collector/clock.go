package collector

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Clock is the clock of a service that is asked, as far as its answers tell: hosts whose clock is wrong would be refused, and ask for the
// wrong times.
type Clock struct {
	now    func() time.Time
	offset atomic.Int64 // nanoseconds that the service is ahead of now
}

// NewClock makes a clock that agrees with now until it learns better.
func NewClock(now func() time.Time) *Clock { return &Clock{now: now} }

// Now is the time at the service.
func (c *Clock) Now() time.Time { return c.now().Add(time.Duration(c.offset.Load())).UTC() }

// tolerated is how wrong a clock may be: answers tell whole seconds, and travel.
const tolerated = 2 * time.Second

// Observe takes the time from an answer to a request that was sent at a time of the host's clock.
func (c *Clock) Observe(h http.Header, sent time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	middle := sent.Add(c.now().Sub(sent) / 2)
	offset := date.Add(500 * time.Millisecond).Sub(middle)
	if offset.Abs() < tolerated {
		offset = 0
	}
	if (offset-time.Duration(c.offset.Load())).Abs() > tolerated || offset == 0 {
		c.offset.Store(int64(offset))
	}
}

// Transport observes every answer that goes through it.
func (c *Clock) Transport(next http.RoundTripper) http.RoundTripper { return &observer{c, next} }

type observer struct {
	clock *Clock
	next  http.RoundTripper
}

func (o *observer) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := o.clock.now()
	resp, err := o.next.RoundTrip(r)
	if err == nil {
		o.clock.Observe(resp.Header, sent)
	}
	return resp, err
}

// Pace spaces requests: no two are nearer than an interval.
type Pace struct {
	interval time.Duration
	now      func() time.Time

	mu   sync.Mutex // guards next
	next time.Time
}

// Wait waits for the turn of a request.
func (p *Pace) Wait(ctx context.Context) error {
	p.mu.Lock()
	now := p.now()
	at := now
	if p.next.After(now) {
		at = p.next
	}
	p.next = at.Add(p.interval)
	p.mu.Unlock()
	return sleep(ctx, at.Sub(now))
}

// paces are those of a collector by name.
type paces struct {
	now func() time.Time

	mu     sync.Mutex // guards byName
	byName map[string]*Pace
}

func (l *paces) pace(name string, perSecond float64) *Pace {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byName == nil {
		l.byName = map[string]*Pace{}
	}
	p := l.byName[name]
	if p == nil {
		p = &Pace{now: l.now}
		l.byName[name] = p
	}
	// Whoever wants fewer wins: the service counts all of them together.
	p.interval = max(p.interval, time.Duration(float64(time.Second)/perSecond))
	return p
}

// sleep waits, or returns the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
