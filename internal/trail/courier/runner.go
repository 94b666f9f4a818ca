package courier

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice/internal/trail/trails"
)

// runner calls the rounds of a route by the clock.
type runner struct {
	route  *route
	active atomic.Pointer[trails.Active] // the newest state of its trail
	ctx    context.Context
	stop   context.CancelFunc
	done   chan struct{} // closed when run has returned
}

func newRunner(ctx context.Context, r *route, a *trails.Active) *runner {
	n := &runner{route: r, done: make(chan struct{})}
	n.ctx, n.stop = context.WithCancel(ctx)
	n.active.Store(a)
	return n
}

// Waits between tries of a destination that refuses.
const (
	firstWait = time.Second
	maxWait   = time.Minute
)

func (n *runner) run() {
	defer close(n.done)
	defer n.stop()
	timer := time.NewTimer(n.share(n.route.every())) // not all of a server's routes at the same moment
	defer timer.Stop()
	for failures := 0; ; {
		select {
		case <-n.ctx.Done():
			return
		case <-timer.C:
		}
		wait := n.route.every()
		if err := n.route.round(n.ctx, n.active.Load()); err != nil {
			wait = min(firstWait<<min(failures, 10), maxWait)
			wait = wait/2 + n.share(wait/2)
			failures++
		} else {
			failures = 0
		}
		timer.Reset(wait)
	}
}

// share is some part of a time.
func (n *runner) share(d time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(d) + 1))
}
