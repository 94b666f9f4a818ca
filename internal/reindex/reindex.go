// Package reindex runs the jobs that make an index anew: documents of package control, of which the indexer does the work.
//
//	Create ──> document, RUNNING, with the moment it was made ──> indexer: a rebuild that began at that moment
//	Show   <── what became of that rebuild ─────────────────────────┘
//
// The indexer remembers the last rebuild of a logstore alone. Before another one begins, however it is asked for, what became of the last is
// written into its job; so a job says how it ended for as long as it is there.
//
// Invariant: a job that says RUNNING is that of the rebuild under way, or no rebuild of its moment ever began.
package reindex

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/indexer"
)

// Type is the type of these jobs.
const Type = "RebuildIndex"

// States of jobs.
const (
	running   = "RUNNING"
	succeeded = "SUCCEEDED"
	failed    = "FAILED"
	stopped   = "STOPPED"
)

// beganKey is the member that says which rebuild is the job's: when it began, in nanoseconds since 1970. No client sees it.
const beganKey = "rebuildBegan"

// Jobs are the jobs of a server. They are safe for concurrent use.
type Jobs struct {
	control *control.Control
	index   *indexer.Indexer
	now     func() time.Time

	mu sync.Mutex // held while a rebuild begins
}

// New returns the jobs that lie in c and are done by x.
func New(c *control.Control, x *indexer.Indexer, now func() time.Time) *Jobs {
	return &Jobs{control: c, index: x, now: now}
}

// Is reports whether a document is such a job.
func Is(d control.Document) bool { return d.Text("type") == Type }

// Start makes the index of a logstore anew without a job; its errors are those of [indexer.Indexer.StartRebuild].
func (j *Jobs) Start(ctx context.Context, ref sluice.LogstoreRef, all bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.settle(ctx, ref); err != nil {
		return err
	}
	return j.index.StartRebuild(ctx, ref, all, j.now())
}

// Create makes a job and begins its rebuild; taken says whether something else has its name. Errors: Invalid and AlreadyExists of the job,
// and those of Start.
func (j *Jobs) Create(ctx context.Context, project string, raw []byte, taken func(name string) (bool, error)) error {
	d, err := control.Parse(control.Jobs, raw)
	if err != nil {
		return err
	}
	ref, err := logstoreOf(project, d)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.settle(ctx, ref); err != nil {
		return err
	}
	began := j.now()
	d.Set("status", running)
	d.Set(beganKey, began.UnixNano())
	if raw, err = json.Marshal(d); err != nil {
		return err
	}
	if err := j.control.CreateJob(ctx, project, raw, taken); err != nil {
		return err
	}
	if err := j.index.StartRebuild(ctx, ref, false, began); err != nil {
		return errors.Join(err, j.control.Delete(context.WithoutCancel(ctx), control.Place{Scope: project}, control.Jobs, d.Text(control.Jobs.NameKey)))
	}
	return nil
}

// logstoreOf is the logstore that a job is about. Its range of time is checked, and kept; what is made anew takes it in.
func logstoreOf(project string, d control.Document) (sluice.LogstoreRef, error) {
	c := d.Object("configuration")
	invalid := func(format string, args ...any) (sluice.LogstoreRef, error) {
		return sluice.LogstoreRef{}, sluice.Errorf(sluice.Invalid, control.Jobs.Noun, "invalid Job: "+format, args...)
	}
	if c.Text("logstore") == "" {
		return invalid("configuration.logstore is missing")
	}
	var times struct{ FromTime, ToTime int64 }
	if err := json.Unmarshal(d["configuration"], &times); err != nil {
		return invalid("configuration.fromTime and toTime are not unix seconds: %v", err)
	}
	if times.FromTime < 0 || times.ToTime < 0 || times.ToTime > 0 && times.FromTime >= times.ToTime {
		return invalid("configuration.fromTime %d is not before toTime %d", times.FromTime, times.ToTime)
	}
	return sluice.LogstoreRef{Project: project, Logstore: c.Text("logstore")}, nil
}

// Show makes of a job what clients see: how its rebuild does.
func (j *Jobs) Show(ctx context.Context, project string, d control.Document) error {
	defer delete(d, beganKey)
	if d.Text("status") != running {
		return nil
	}
	return j.outcome(ctx, project, d)
}

// outcome sets what became of a job's rebuild.
func (j *Jobs) outcome(ctx context.Context, project string, d control.Document) error {
	ref := sluice.LogstoreRef{Project: project, Logstore: d.Object("configuration").Text("logstore")}
	r, err := j.index.Rebuild(ctx, ref)
	switch {
	case sluice.KindOf(err) == sluice.NotFound, err == nil && r.Started.UnixNano() != began(d):
		set(d, failed, "the rebuild did not begin, or its logstore is gone", indexer.Rebuild{})
	case err != nil:
		return err
	case r.Canceled:
		set(d, stopped, "the rebuild was canceled", r)
	case r.Finished.IsZero():
		set(d, running, "", r)
	case r.Failed > 0:
		set(d, failed, "logs of some segments cannot be read any more; their index stays as it is", r)
	default:
		set(d, succeeded, "", r)
	}
	return nil
}

func began(d control.Document) (nanos int64) {
	_ = json.Unmarshal(d[beganKey], &nanos) // what is not a number is no rebuild's moment
	return nanos
}

func set(d control.Document, state, message string, r indexer.Rebuild) {
	d.Set("status", state)
	d.Set("executionDetails", map[string]any{"bytesDone": r.Done, "bytesLeft": r.Left, "segmentsFailed": r.Failed, "message": message})
}

// settle writes into the jobs of a logstore what became of them, before another rebuild makes the indexer forget. j.mu is held.
func (j *Jobs) settle(ctx context.Context, ref sluice.LogstoreRef) error {
	at := control.Place{Scope: ref.Project}
	open, err := j.control.List(ctx, at, control.Jobs, control.Query{Match: func(d control.Document) bool {
		return Is(d) && d.Text("status") == running && d.Object("configuration").Text("logstore") == ref.Logstore
	}})
	if err != nil {
		return err
	}
	for _, name := range open.Names {
		d, err := j.control.Get(ctx, at, control.Jobs, name)
		if err == nil {
			err = j.outcome(ctx, ref.Project, d)
		}
		if err == nil {
			err = j.control.Change(ctx, at, control.Jobs, name, func(stored control.Document) error {
				stored["status"], stored["executionDetails"] = d["status"], d["executionDetails"]
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Stop cancels the rebuild of a job. Errors: Conflict of the job if it does not run.
func (j *Jobs) Stop(ctx context.Context, project string, d control.Document) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.outcome(ctx, project, d); err != nil {
		return err
	}
	name := d.Text(control.Jobs.NameKey)
	if d.Text("status") != running {
		return sluice.Errorf(sluice.Conflict, control.Jobs.Noun, "Job %s is already stopped", name)
	}
	ref := sluice.LogstoreRef{Project: project, Logstore: d.Object("configuration").Text("logstore")}
	err := j.index.CancelRebuild(ctx, ref)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil // it ended just now
	}
	return err
}

// Delete removes a job, after it was stopped.
func (j *Jobs) Delete(ctx context.Context, project string, d control.Document) error {
	if d.Text("status") == running {
		if err := j.Stop(ctx, project, d); err != nil && sluice.KindOf(err) != sluice.Conflict {
			return err
		}
	}
	return j.control.Delete(ctx, control.Place{Scope: project}, control.Jobs, d.Text(control.Jobs.NameKey))
}
