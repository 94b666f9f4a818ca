package ledger

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"

	"github.com/sluicelog/sluice/internal/trail"
)

// sweepEvery is how often what is too old is looked for, in times of AnchorEvery.
const sweepEvery = 10

// sweep is what goes by time.
func (r *Recorder) sweep() {
	written := r.flush()
	if written && r.unanchored() {
		r.anchor()
	}
	if r.sweeps++; r.sweeps%sweepEvery != 1 {
		return
	}
	if err := r.expire(); err != nil && r.ctx.Err() == nil {
		r.o.Logger.Warn("audit events that are too old stay", "error", err)
	}
	if !written {
		return
	}
	if age := r.o.Now().Sub(r.key.Created); r.o.KeyDays > 0 && age >= time.Duration(r.o.KeyDays)*day {
		if err := r.rotateKey(); err != nil && r.ctx.Err() == nil {
			r.o.Logger.Warn("the key of anchors of audit events is too old and stays", "error", err)
		}
	}
}

const day = 24 * time.Hour

// expire removes what is older than is kept. Before anything is removed an event says what goes, and an anchor signs that: so events that
// are missing without that were not removed by the server. Both go into the reserve if there is no room for events: what is removed may be what fills the disk.
func (r *Recorder) expire() error {
	if r.o.Days < 0 {
		return nil
	}
	if err := r.adopt(); err != nil { // or the floor is not what metadata has
		return err
	}
	oldest := r.o.Now().Add(-time.Duration(r.o.Days) * day)
	to, err := r.log.stored.Expiring(oldest)
	if err != nil {
		return err
	}
	x, err := r.log.expiry(r.ctx, to)
	if err != nil {
		return err
	}
	x.Before = oldest.UTC().Truncate(time.Millisecond)
	if x.Floor.Seq > r.anchored.Floor.Seq {
		if err := r.tell(&x); err != nil {
			return err
		}
	}
	if r.anchored.Floor.Seq == 0 {
		return nil
	}
	if r.failing.Load() != nil && x.First > 0 {
		r.o.Logger.Info("audit events that are too old make room, while others cannot be written", "events", x.Floor.Seq-x.First+1)
	}
	return r.log.stored.TrimTo(x.Position)
}

// tell writes an event of what is about to go, and behind it an anchor whose floor that is.
func (r *Recorder) tell(x *trail.Expiry) error {
	door := r.reserve()
	if x.Floor != r.floor { // else the record says so already, and metadata does not know of it yet
		details, err := x.Details()
		if err != nil {
			return err
		}
		if _, err := r.write([]*pending{{event: r.service(trail.HistoryExpired, details)}}, door); err != nil {
			return err
		}
	}
	a := r.next()
	a.Floor = x.Floor
	return r.sign(a, door)
}

// expiry is what goes if the log is to begin at a position, or as far before it as it can be told what goes: up to the last event that can be read.
// The zero Expiry if nothing goes.
func (l *Log) expiry(ctx context.Context, to sluice.Position) (x trail.Expiry, err error) {
	begin, _ := l.Bounds()
	for ; to > begin; to-- {
		last, chain, err := l.last(to - 1)
		if err != nil {
			return x, err
		}
		if last == nil { // damaged: it goes with what is behind it, another time
			continue
		}
		first, _, err := l.Read(ctx, begin, 1)
		if err != nil {
			return x, err
		}
		return trail.Expiry{First: first[0].Seq, Floor: trail.Head{Seq: last.Seq, Chain: chain}, From: first[0].Time, To: last.Time, Position: to}, nil
	}
	return x, nil
}
