// Package backfill delivers what an account's history still has to the logstore of a trail: what happened before the trail was made.
//
//	Create ──> job, in metadata ──Run──> page of the history, oldest first ──chosen by the trail──> log group ──> place in the job
//
// Invariants:
//   - A job goes on where it was after a restart: its place moves when a group is on disk. After a crash in between the group is there twice.
//   - What the trail delivers by itself is left out, as far as the trail still knows what that is.
//   - An account has one job at a time that is not over.
package backfill

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail/courier"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// Status is how far a job is, in the numbers of ActionTrail.
type Status int

// The states of a job.
const (
	Waiting Status = iota
	Running
	Done
	Failed
)

func (s Status) over() bool { return s == Done || s == Failed }

// MaxJobs is how many jobs an account has, those that are over among them.
const MaxJobs = 100

// Job delivers the history of an account to a trail.
type Job struct {
	ID          int64     `json:"id"` // in its account
	Account     string    `json:"account"`
	Trail       string    `json:"trail"`
	TrailID     string    `json:"trailId"` // a later trail of the same name is another
	ClientToken string    `json:"clientToken,omitempty"`
	Start       time.Time `json:"start"` // of the events, both inclusive
	End         time.Time `json:"end"`
	Status      Status    `json:"status"`
	Error       string    `json:"error,omitempty"` // why it failed
	Events      int64     `json:"events,omitempty"`
	Token       string    `json:"token,omitempty"` // of the next page
	Created     time.Time `json:"created"`
	Updated     time.Time `json:"updated"`
}

// Options of jobs. The zero value of a field means the default in brackets.
type Options struct {
	Accounts   func(context.Context) ([]string, error) // numbers of all accounts
	RetryAfter time.Duration                           // [5 s] after something that may pass by itself
	Retries    int                                     // [60] of one page
	Now        func() time.Time                        // [time.Now]
	Logger     *slog.Logger                            // [discard]
}

// Jobs are the jobs of all accounts. Run is called once; all else is safe for concurrent use.
type Jobs struct {
	store   meta.Store
	trails  *trails.Trails
	history *history.History
	houses  courier.Houses
	o       Options
	came    chan struct{} // a job was made
}

// New makes the jobs in metadata.
func New(store meta.Store, t *trails.Trails, h *history.History, houses courier.Houses, o Options) *Jobs {
	const retryAfter, retries = 5 * time.Second, 60
	if o.RetryAfter == 0 {
		o.RetryAfter = retryAfter
	}
	if o.Retries == 0 {
		o.Retries = retries
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Jobs{store: store, trails: t, history: h, houses: houses, o: o, came: make(chan struct{}, 1)}
}

// Create makes a job for a trail; one that was made with the same token, if that is not "", is given again. Errors: NotFound "trail"; Unsupported
// "historyjob" for a trail without a logstore; Conflict "historyjob" while another job is not over; Throttled "historyjob" for one too many.
func (s *Jobs) Create(ctx context.Context, k trails.Key, clientToken string) (Job, error) {
	t, err := s.trails.Get(ctx, k)
	if err != nil {
		return Job{}, err
	}
	if t.Project == "" {
		return Job{}, sluice.Errorf(sluice.Unsupported, "historyjob", "trail %s has no project of SLS, and history is delivered to logstores alone", k.Name)
	}
	now := s.o.Now().UTC().Truncate(time.Second)
	job := Job{
		Account: k.Account, Trail: k.Name, TrailID: t.ID, ClientToken: clientToken, Created: now, Updated: now,
		Start: now.Add(-history.Days * 24 * time.Hour), End: now,
	}
	err = s.store.Update(ctx, func(tx meta.Tx) error {
		all, err := list(tx, k.Account)
		if err != nil {
			return err
		}
		for _, j := range all {
			if clientToken != "" && j.ClientToken == clientToken && j.TrailID == t.ID {
				job = j
				return nil
			}
			if !j.Status.over() {
				return sluice.Errorf(sluice.Conflict, "historyjob", "job %d for trail %s is not over: the next one can be made then", j.ID, j.Trail)
			}
		}
		if len(all) >= MaxJobs {
			return sluice.Errorf(sluice.Throttled, "historyjob", "the account has %d jobs, which is the most: delete some that are over", len(all))
		}
		job.ID = nextID(now, all)
		return create(tx, &job)
	})
	if err != nil {
		return Job{}, err
	}
	select {
	case s.came <- struct{}{}:
	default:
	}
	return job, nil
}

// idsBegin is when numbers of jobs begin: some clients have 32 bits for them, and one that is deleted should not come again.
const idsBegin = 1_767_225_600 // 2026-01-01

// nextID is the number of a job that is made now: the seconds since idsBegin, or the one behind the newest.
func nextID(now time.Time, all []Job) int64 {
	id := max(now.Unix()-idsBegin, 1)
	if len(all) > 0 {
		id = max(id, all[len(all)-1].ID+1)
	}
	return id
}

// Get returns a job. Errors: NotFound "historyjob".
func (s *Jobs) Get(ctx context.Context, account string, id int64) (job Job, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) (err error) {
		d, err := tx.Document(meta.AccountScope(account), kind, name(id))
		if sluice.KindOf(err) == sluice.NotFound {
			return missing(id)
		}
		if err != nil {
			return err
		}
		job, err = decode(d)
		return err
	})
	return job, err
}

func missing(id int64) error {
	return sluice.Errorf(sluice.NotFound, "historyjob", "there is no job %d", id)
}

// List returns the jobs of an account, the newest first.
func (s *Jobs) List(ctx context.Context, account string) (all []Job, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) (err error) {
		all, err = list(tx, account)
		return err
	})
	slices.Reverse(all)
	return all, err
}

// Delete removes a job, and ends it if it is not over. What it delivered stays. Errors: NotFound "historyjob".
func (s *Jobs) Delete(ctx context.Context, account string, id int64) error {
	err := s.store.Update(ctx, func(tx meta.Tx) error { return tx.DeleteDocument(meta.AccountScope(account), kind, name(id)) })
	if sluice.KindOf(err) == sluice.NotFound {
		return missing(id)
	}
	return err
}

// kind is that of the documents that jobs are, by number.
const kind = "trail/job"

// name is a number such that names are in the order of numbers.
func name(id int64) string { return fmt.Sprintf("%016d", id) }

func list(tx meta.Tx, account string) (all []Job, err error) {
	documents, err := tx.Documents(meta.AccountScope(account), kind)
	if err != nil {
		return nil, err
	}
	for _, d := range documents {
		j, err := decode(d)
		if err != nil {
			return nil, err
		}
		all = append(all, j)
	}
	return all, nil
}

func decode(d meta.Document) (j Job, err error) {
	if err := json.Unmarshal(d.Body, &j); err != nil {
		return j, fmt.Errorf("job %s of %s: %w", d.Name, d.Project, err)
	}
	return j, nil
}

func (j *Job) document() (meta.Document, error) {
	body, err := json.Marshal(j)
	return meta.Document{Project: meta.AccountScope(j.Account), Kind: kind, Name: name(j.ID), Body: body, Created: j.Created, Modified: j.Updated}, err
}

func create(tx meta.Tx, j *Job) error {
	d, err := j.document()
	if err != nil {
		return err
	}
	return tx.CreateDocument(d)
}
