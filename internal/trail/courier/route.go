package courier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// route is one way of a trail, for one goroutine.
type route struct {
	c *Courier
	way
	loaded bool
	sought bool // the place is not before the trail's first event: it may have been idle for long
	state  state
	saved  time.Time
}

func (c *Courier) route(w way) *route { return &route{c: c, way: w} }

// every is the time between two rounds.
func (r *route) every() time.Duration {
	if r.route == trails.ToLogstore {
		return r.c.o.LogstoreEvery
	}
	return r.c.o.Cadence
}

// saveEvery is how often a point is remembered that moved past events which nobody wanted.
const saveEvery = 10 * time.Second

// readEvents is how many events are read at once.
const readEvents = 1000

// round delivers what is in the log now, and what is due beside it.
func (r *route) round(ctx context.Context, a *trails.Active) error {
	err := r.deliver(ctx, a)
	if err == nil || ctx.Err() != nil {
		return err
	}
	r.c.metrics.failures.Inc()
	r.c.o.Logger.Warn("an audit trail does not get through", "account", a.Account, "trail", a.Name, "route", string(r.route), "error", err)
	if !a.Deleted.IsZero() && r.c.o.Now().After(a.Deleted.Add(r.c.o.GiveUp)) {
		return r.forget(ctx, a, err)
	}
	return err
}

func (r *route) deliver(ctx context.Context, a *trails.Active) error {
	if err := r.begin(ctx, a); err != nil {
		return err
	}
	var reached time.Time
	for tail := false; !tail; {
		reached = r.c.o.Now()
		var err error
		if tail, err = r.next(ctx, a); err != nil {
			return err
		}
	}
	if r.route == trails.ToBucket && a.Flavor == trails.CloudTrail {
		if err := r.digest(ctx, a, r.over(a, reached)); err != nil {
			return err
		}
	}
	return r.settle(ctx, a, reached)
}

// begin finds the place from where the trail is to be delivered, and opens its chain of digests.
func (r *route) begin(ctx context.Context, a *trails.Active) error {
	if !r.loaded {
		if err := r.load(ctx); err != nil {
			return err
		}
	}
	s := r.state
	first, last := r.c.o.Log.Bounds()
	if s.File == nil && !r.sought {
		at, err := r.c.o.Log.Seek(a.Begin().Add(-r.c.o.Settle))
		if err != nil {
			return fmt.Errorf("find the first event: %w", err)
		}
		s.Next, r.sought = max(s.Next, at), true
	}
	if s.Next < first {
		if s.Begun && !a.Begin().After(s.Progress.Through) { // it was on its way there
			r.c.tell(a, "AuditDeliveryGap", map[string]any{"trail": a.Name, "route": string(r.route), "afterSeq": s.After})
		}
		s.Next = first
	}
	if s.Next > last { // another log than the one that was read
		s.Next, s.After, s.File = first, 0, nil
	}
	s.Begun = true
	if s.Chain == nil && a.Validation && a.Flavor == trails.CloudTrail && r.route == trails.ToBucket && (a.Logging || len(s.Files) > 0) {
		s.Chain = &chain{Start: r.second()}
		return r.save(ctx, s)
	}
	r.state = s
	return nil
}

func (r *route) second() time.Time { return r.c.o.Now().UTC().Truncate(time.Second) }

// next delivers the next events, or passes over them, and reports whether the log had no more.
func (r *route) next(ctx context.Context, a *trails.Active) (tail bool, err error) {
	if r.route == trails.ToLogstore {
		return r.nextGroup(ctx, a)
	}
	until := ^uint64(0)
	if r.state.File != nil {
		until = r.state.File.Last
	}
	f := newFile(a.Flavor, r.c.o.Shape)
	s := r.state
	tail, err = r.collect(ctx, a, &s, until, func(e *trail.Event) (more bool, err error) {
		if err := f.add(e); err != nil {
			return false, err
		}
		return f.raw < r.c.o.FileBytes, nil
	})
	if err != nil {
		return false, err
	}
	if f.count == 0 {
		s.File = nil
		return tail && r.state.File == nil, r.pass(ctx, s)
	}
	f.finish()
	return tail && r.state.File == nil, r.put(ctx, a, f, s)
}

// collect gives to take the events that a chooses, from where s is until one that take has enough with, one of Seq until, or the end of the log. s
// moves with it.
func (r *route) collect(ctx context.Context, a *trails.Active, s *state, until uint64, take func(*trail.Event) (more bool, err error)) (tail bool, err error) {
	for {
		events, next, err := r.c.o.Log.Read(ctx, s.Next, readEvents)
		if err != nil {
			return false, fmt.Errorf("read audit events: %w", err)
		}
		for i := range events {
			e := &events[i]
			if e.Seq <= s.After {
				continue
			}
			if e.Seq > until {
				return false, nil
			}
			more := true
			if a.Chooses(e) {
				if more, err = take(e); err != nil {
					r.c.o.Logger.Error("an audit event has no shape and is left out", "event", e.ID, "error", err)
					more = true
				}
			}
			s.After = e.Seq
			if !more {
				return false, nil
			}
		}
		s.Next = next
		if len(events) < readEvents {
			return true, nil
		}
	}
}

// pass moves the point past events that nobody wanted.
func (r *route) pass(ctx context.Context, s state) error {
	moved := s.Next != r.state.Next || s.After != r.state.After
	if r.state.File != nil || moved && r.c.o.Now().Sub(r.saved) >= saveEvery {
		return r.save(ctx, s)
	}
	r.state = s
	return nil
}

// put delivers a file in three steps. s is where the route is behind it.
func (r *route) put(ctx context.Context, a *trails.Active, f *file, s state) error {
	file := r.intended(a, f, s.After)
	if r.state.File == nil || *r.state.File != *file {
		now := r.state
		now.File = file
		if err := r.save(ctx, now); err != nil {
			return err
		}
	}
	now := r.c.o.Now().UTC()
	err := r.bucket(a).Put(ctx, file.Bucket, bucket.Object{Key: file.Key, Body: f.body.Bytes()})
	if err != nil {
		return errors.Join(err, r.refused(ctx, now, err))
	}
	s.File, s.Chain, s.Files = nil, r.state.Chain, r.state.Files
	p := &s.Progress
	p.Attempted, p.Delivered, p.Error, p.Detail = now, now, "", ""
	p.Events += int64(f.count)
	if a.Validation && a.Flavor == trails.CloudTrail || s.Chain != nil {
		s.Files = append(s.Files[:len(s.Files):len(s.Files)], listed{file.Bucket, file.Key, file.Sum, f.oldest, f.newest})
	}
	r.c.metrics.delivered(f, now)
	return r.save(ctx, s)
}

// intended is what a file is to be. One that was intended before stays so, unless the trail has another destination by now, or this release
// writes the same events in other words.
func (r *route) intended(a *trails.Active, f *file, last uint64) *intent {
	x := &intent{Bucket: a.Bucket, Prefix: a.Prefix, Last: last, Sum: f.sha256(), Made: r.c.o.Now().UTC()}
	if old := r.state.File; old != nil && old.Bucket == x.Bucket && old.Prefix == x.Prefix {
		if old.Sum == x.Sum {
			return old
		}
		x.Made = old.Made
		if a.Flavor == trails.CloudTrail {
			x.Key = old.Key
			return x
		}
	}
	x.Key = r.c.fileKey(a, f, x.Made)
	return x
}

func (r *route) bucket(a *trails.Active) bucket.Bucket { return r.c.bucketOf(a.Flavor) }

// refused remembers that a delivery failed. What is said of it is the code of the service; nobody's answer is no code.
func (r *route) refused(ctx context.Context, at time.Time, err error) error {
	s := r.state
	s.Progress.Attempted = at
	s.Progress.Error, s.Progress.Detail = code(err)
	return r.save(ctx, s)
}

func code(err error) (code, detail string) {
	var refusal *bucket.Refusal
	var own *sluice.Error
	const most = 500
	detail = fmt.Sprintf("%.*s", most, err.Error())
	switch {
	case errors.As(err, &refusal):
		return refusal.Code, refusal.Detail
	case errors.As(err, &own):
		return logCode(own), detail
	}
	return "", detail
}

// over reports whether the trail does not log, and all that happened while it did was in the log when it was read to its end at reached.
func (r *route) over(a *trails.Active, reached time.Time) bool {
	at, over := a.Ended()
	return over && reached.After(at.Add(r.c.o.Settle))
}

// settle tells the trail how far its events are delivered. Those of the last moments may come into the log yet.
func (r *route) settle(ctx context.Context, a *trails.Active, reached time.Time) error {
	s := r.state
	s.Progress.Through = reached.Add(-r.c.o.Settle).UTC()
	undigested := !a.Logging && (s.Chain != nil || len(s.Files) > 0) // the last digest is yet to come
	if undigested || !a.Settles(s.Progress.Through) {
		r.state = s
		if r.c.o.Now().Sub(r.saved) < saveEvery {
			return nil
		}
		return r.save(ctx, s)
	}
	if err := r.save(ctx, s); err != nil {
		return err
	}
	return r.c.trails.Settle(ctx, a)
}

// forget gives up the last events of a trail that is gone.
func (r *route) forget(ctx context.Context, a *trails.Active, cause error) error {
	code, detail := code(cause)
	r.c.tell(a, "AuditDeliveryGivenUp", map[string]any{"trail": a.Name, "route": string(r.route), "error": code, "detail": detail})
	return r.c.trails.Forget(ctx, a)
}
