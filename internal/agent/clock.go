package agent

import (
	"context"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// now is the server's time, as the agent reckons it. The caller holds a.mu, or is alone.
func (a *Agent) now() time.Time { return a.o.Now().Add(a.offset).UTC().Truncate(time.Millisecond) }

// told takes the server's word for the time.
func (a *Agent) told(t agentproto.Time) {
	a.offset = t.Go().Sub(a.o.Now())
	a.timer.ring() // times that schedules wait for may have moved
}

// alarm rings at a time, or when it is rung.
type alarm struct{ rung chan struct{} }

func newAlarm() *alarm { return &alarm{make(chan struct{}, 1)} }

func (t *alarm) ring() {
	select {
	case t.rung <- struct{}{}:
	default:
	}
}

// longestSleep bounds how long a schedule is late when the machine's clock is set while nothing else happens.
const longestSleep = 10 * time.Minute

// keepTime begins runs when they are due, until ctx ends.
func (a *Agent) keepTime(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-a.timer.rung:
		}
		a.mu.Lock()
		next := a.due()
		a.mu.Unlock()
		timer.Reset(next)
	}
}

// due begins what is due, and returns when to look again. The caller holds a.mu.
func (a *Agent) due() time.Duration {
	now := a.now()
	sleep := longestSleep
	for _, inv := range a.invocations {
		if inv.due.IsZero() {
			continue
		}
		if wait := inv.due.Sub(now); wait > 0 {
			sleep = min(sleep, wait)
			continue
		}
		a.start(inv)
		if !inv.due.IsZero() {
			sleep = min(sleep, max(inv.due.Sub(now), 0))
		}
	}
	a.settleLate(&sleep)
	a.push()
	return sleep
}
