package backfill

import (
	"context"
	"errors"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/courier"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// page is how many events are read at once, and become one log group at most.
const page = 500

// What logs of a trail look like (reference audit 2.4): one field, which holds the event.
const (
	logTopic  = "actiontrail_audit_event"
	logSource = "actiontrail"
	logKey    = "event"
)

// Run does the jobs, one after the other, until ctx ends.
func (s *Jobs) Run(ctx context.Context) error {
	for {
		job, err := s.next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.o.Logger.Error("jobs that deliver history cannot be read", "error", err)
			s.pause(ctx)
		case job == nil:
			select {
			case <-s.came:
			case <-ctx.Done():
				return nil
			}
		default:
			s.do(ctx, job)
		}
	}
}

// next is the oldest job that is not over, nil if there is none.
func (s *Jobs) next(ctx context.Context) (oldest *Job, err error) {
	accounts, err := s.o.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	err = s.store.View(ctx, func(tx meta.Tx) error {
		for _, account := range accounts {
			all, err := list(tx, account)
			if err != nil {
				return err
			}
			for _, j := range all {
				if !j.Status.over() && (oldest == nil || j.Created.Before(oldest.Created)) {
					oldest = &j
				}
			}
		}
		return nil
	})
	return oldest, err
}

func (s *Jobs) pause(ctx context.Context) {
	t := time.NewTimer(s.o.RetryAfter)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// do takes a job to its end, or to that of ctx.
func (s *Jobs) do(ctx context.Context, job *Job) {
	job.Status = Running
	for failures := 0; !job.Status.over(); {
		err := s.step(ctx, job)
		switch {
		case ctx.Err() != nil, isGone(err):
			return
		case err == nil:
			failures = 0
			continue
		}
		failures++
		s.o.Logger.Warn("history is not delivered", "account", job.Account, "trail", job.Trail, "job", job.ID, "error", err)
		if permanent(err) || failures > s.o.Retries {
			job.Status, job.Error = Failed, err.Error()
			if s.save(ctx, job) == nil {
				return
			}
		}
		s.pause(ctx)
	}
}

// permanent reports whether there is no use in trying again.
func permanent(err error) bool {
	switch sluice.KindOf(err) {
	case sluice.NotFound, sluice.Invalid, sluice.Unauthorized, sluice.Unsupported:
		return true
	}
	return false
}

// isGone reports whether the job itself is what was not found.
func isGone(err error) bool {
	var e *sluice.Error
	return errors.As(err, &e) && e.Kind == sluice.NotFound && e.Noun == "historyjob"
}

// step delivers the next page of a job.
func (s *Jobs) step(ctx context.Context, job *Job) error {
	t, err := s.trails.Get(ctx, trails.Key{Account: job.Account, Flavor: trails.ActionTrail, Name: job.Trail})
	if err == nil && t.ID != job.TrailID {
		err = sluice.Errorf(sluice.NotFound, "trail", "trail %s is another now", job.Trail)
	}
	if err != nil {
		return err
	}
	p, err := s.history.Read(ctx, job.Account, history.Query{Start: job.Start, End: job.End, Data: true, OldestFirst: true, Max: page, Token: job.Token})
	if err != nil {
		return err
	}
	if p.Incomplete {
		return sluice.Errorf(sluice.Unavailable, "lookup", "not all events could be read")
	}
	group, err := groupOf(&t, p.Events)
	if err != nil {
		return err
	}
	if len(group.Records) > 0 {
		if err := s.append(ctx, &t, group); err != nil {
			return err
		}
	}
	job.Events, job.Token = job.Events+int64(len(group.Records)), p.Token
	if p.Token == "" {
		job.Status = Done
	}
	return s.save(ctx, job)
}

// append writes into the logstore of a trail, which is made where it is not there.
func (s *Jobs) append(ctx context.Context, t *trails.Trail, group *sluice.LogGroup) error {
	ref := sluice.LogstoreRef{Project: t.Project, Logstore: t.Logstore()}
	err := s.houses.Append(ctx, t.Account, ref, group)
	if sluice.KindOf(err) != sluice.NotFound {
		return err
	}
	if err := s.houses.Prepare(ctx, t.Account, ref.Project, ref.Logstore, courier.LogIndex()); err != nil {
		return err
	}
	return s.houses.Append(ctx, t.Account, ref, group)
}

// groupOf is the log group of those events that a trail chooses and does not deliver by itself.
func groupOf(t *trails.Trail, events []*trail.Event) (*sluice.LogGroup, error) {
	always := *t
	always.Logging, always.Since, always.Selected, always.Past = true, time.Time{}, time.Time{}, nil
	chosen, own := trails.Active{Trail: &always}, trails.Active{Trail: t}
	group := &sluice.LogGroup{Topic: logTopic, Source: logSource}
	for _, e := range events {
		if !chosen.Chooses(e) || own.Chooses(e) {
			continue
		}
		text, err := shape.ActionTrail(e)
		if err != nil {
			return nil, err
		}
		group.Records = append(group.Records, sluice.Record{
			Time: uint32(e.Time.Unix()), Nanos: uint32(e.Time.Nanosecond()), Fields: []sluice.Field{{Key: logKey, Value: string(text)}},
		})
	}
	return group, nil
}

// save writes where a job is. Errors: NotFound "historyjob" for one that was deleted.
func (s *Jobs) save(ctx context.Context, job *Job) error {
	job.Updated = s.o.Now().UTC().Truncate(time.Second)
	d, err := job.document()
	if err != nil {
		return err
	}
	err = s.store.Update(ctx, func(tx meta.Tx) error { return tx.UpdateDocument(d) })
	if sluice.KindOf(err) == sluice.NotFound {
		return missing(job.ID)
	}
	return err
}
