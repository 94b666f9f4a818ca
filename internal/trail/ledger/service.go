package ledger

import (
	"time"

	"github.com/sluicelog/sluice/internal/trail"
)

// Note writes a service event soon. details are JSON, without secrets.
func (r *Recorder) Note(name string, details map[string]any) { r.Offer(r.service(name, details)) }

// service makes a service event.
func (r *Recorder) service(name string, details map[string]any) *trail.Event {
	now := r.o.Now().UTC().Truncate(time.Millisecond)
	return &trail.Event{
		ID: NewID(), Time: now, Received: now, Category: trail.Management, Type: trail.ServiceEvent, Service: trail.ServiceServer, Name: name, Region: r.o.Region,
		Account: r.o.Account, Identity: trail.Identity{Kind: trail.System}, Additional: details,
	}
}

// loss is what was lost since the last event that tells of it.
type loss struct {
	count    uint64
	from, to time.Time
}

func (l *loss) add(e *trail.Event) {
	if l.count == 0 {
		l.from = e.Time
	}
	l.count, l.to = l.count+1, e.Time
}

// merge adds an event that will not be written, or what that would have told of.
func (l *loss) merge(p *pending) {
	if p.lost.count == 0 {
		l.add(p.event)
		return
	}
	if l.count == 0 || p.lost.from.Before(l.from) {
		l.from = p.lost.from
	}
	if l.count == 0 || p.lost.to.After(l.to) {
		l.to = p.lost.to
	}
	l.count += p.lost.count
}

func (l *loss) details() map[string]any {
	return map[string]any{"count": l.count, "from": l.from.UTC().Format(time.RFC3339Nano), "to": l.to.UTC().Format(time.RFC3339Nano)}
}
