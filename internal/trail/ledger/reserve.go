package ledger

import (
	"context"

	"github.com/sluicelog/sluice"

	"github.com/sluicelog/sluice/internal/trail"
)

/*
Who may use the reserve of a full disk:

	all of it     retention of the record: two events, at most every ten intervals of anchors, and each time something goes
	its first     calls that have made room (AppendFreed), whose events somebody waits for
	half          the end of the recorder: one event of what is lost, if calls are

Everything else waits in the queue until there is room.
*/

// ReserveBytes is how large a reserve the recorder is made for.
const ReserveBytes = 1 << 20

const (
	forRetention = ReserveBytes / 2 // what calls leave
	forCalls     = 64 << 10         // what has to be there besides when a call begins: others may be on their way
)

// Reserve is what is kept for events on a full disk. The zero value is none.
type Reserve struct {
	Door sluice.Appender // leads to the logstore as the recorder's other door does; and into the reserve, if the disk is full
	Left func() int64    // bytes of it that are not used
}

// reserve is the door for what is followed by room.
func (r *Recorder) reserve() sluice.Appender {
	if r.o.Reserve.Door == nil {
		return r.door
	}
	return r.o.Reserve.Door
}

// freeable is what is left of the reserve for calls, below 0 if it is less than nothing.
func (r *Recorder) freeable() int64 {
	if r.o.Reserve.Left == nil {
		return 0
	}
	return r.o.Reserve.Left() - forRetention
}

// ErrFreeing is why the event of a call that makes room could not be written now; nil if it could be, as far as is known.
func (r *Recorder) ErrFreeing() error {
	if r.freeable() >= forCalls {
		return nil
	}
	return r.Err()
}

// AppendFreed is Append of the event of a call that has made room: it goes into the reserve where there is no room for others.
func (r *Recorder) AppendFreed(ctx context.Context, e *trail.Event) error {
	return r.wait(ctx, &pending{event: e, freed: true})
}

// writeFreed writes the events of calls that made room ahead of all that wait, as far as there is something in reserve for them. It is called when others could
// not be written.
func (r *Recorder) writeFreed() {
	for {
		p := r.nextFreed()
		if p == nil || int64(len(fit(p.event)))+forOne > r.freeable() {
			return
		}
		if _, err := r.write([]*pending{p}, r.reserve()); err != nil {
			return // others say that they could not be written
		}
		r.remove(p)
	}
}

// forOne is what an event takes in the reserve beside its own bytes, at most: other fields, and what is left of a block of the disk.
const forOne = 16 << 10

// nextFreed is the first in the queue that somebody waits for who made room; nil if there is none.
func (r *Recorder) nextFreed() *pending {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.queue {
		if p.freed && p.done != nil {
			return p
		}
	}
	return nil
}

// remove takes one that was written out of the queue.
func (r *Recorder) remove(p *pending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.queue {
		if r.queue[i] == p {
			r.queue = append(r.queue[:i:i], r.queue[i+1:]...)
			return
		}
	}
}

// tellLoss writes, when the recorder ends and there is no room for the events that wait, at least how many are lost; if there are some of calls.
func (r *Recorder) tellLoss() {
	r.mu.Lock()
	all, calls := r.lost, r.lost.count > 0
	for _, p := range r.queue {
		all.merge(p)
		calls = calls || p.event.Type == trail.APICall
	}
	r.mu.Unlock()
	if !calls || r.freeable() < forOne {
		return
	}
	told := &pending{event: r.service(trail.EventsLost, all.details())}
	if _, err := r.write([]*pending{told}, r.reserve()); err != nil {
		return // which is logged with their number
	}
	r.o.Logger.Error("audit events are lost: there was no room for them before the end; the record says so", "count", all.count, "from", all.from, "to", all.to)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue, r.lost = nil, loss{}
}
