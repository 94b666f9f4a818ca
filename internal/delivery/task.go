package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/meta"
)

// taskKey names a task.
type taskKey struct{ project, name string }

func (k taskKey) String() string { return k.project + "/" + k.name }

// State of a task.
//
//	draft ──Verify──> verifying ──> draft            its destination was looked at
//	draft, paused, offline ──Start──> online ──Pause──> paused      points stay where they are
//	online ──the destination wants something done──> paused, with the reason
//	online, paused ──Offline, end of its range──> offline
//
// An online task whose tries fail at the moment shows itself as failing.
type State string

// The states.
const (
	Draft     State = "draft"
	Verifying State = "verifying"
	Online    State = "online"
	Failing   State = "failing" // never stored: online, and tries fail
	Paused    State = "paused"
	Offline   State = "offline"
)

// Task is a task as it is kept.
type Task struct {
	Project           string
	Spec              Spec // secrets are masked
	State             State
	Reason            string // why it is in this state, if there is something to say
	Revision          int64
	Started           time.Time // when it first went online; zero: never
	Created, Modified time.Time
}

func taskOf(m meta.DeliveryTask) (*Task, error) {
	t := &Task{
		Project: m.Project, State: State(m.State), Reason: m.Reason, Revision: m.Revision,
		Started: m.Started, Created: m.Created, Modified: m.Modified,
	}
	if err := json.Unmarshal(m.Spec, &t.Spec); err != nil {
		return nil, fmt.Errorf("the stored document of delivery task %s/%s: %w", m.Project, m.Name, err)
	}
	return t, nil
}

// Create makes a task, as a draft. Errors: Invalid [deliverytask] names the field; AlreadyExists [deliverytask]; NotFound [project].
func (e *Engine) Create(ctx context.Context, project string, s *Spec) (*Task, error) {
	m := meta.DeliveryTask{Project: project, Name: s.Name, State: string(Draft), Revision: 1, Created: e.o.Now(), Modified: e.o.Now()}
	if err := e.fill(&m, s); err != nil {
		return nil, err
	}
	err := e.store.Update(ctx, func(tx meta.Tx) error {
		all, err := tx.DeliveryTasks(project)
		if err != nil {
			return err
		}
		if len(all) >= e.o.TasksPerProject {
			return sluice.Errorf(sluice.Throttled, "quota", "project %s has %d delivery tasks, and may not have more", project, len(all))
		}
		return tx.CreateDeliveryTask(m)
	})
	if err != nil {
		return nil, err
	}
	return taskOf(m)
}

// fill checks s and writes it into m, whose secrets stay for what is masked in s.
func (e *Engine) fill(m *meta.DeliveryTask, s *Spec) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if _, err := pipeline.Compile(&s.Spec, pipeline.Options{Task: m.Name}); err != nil {
		return err
	}
	key := taskKey{m.Project, m.Name}
	kept, err := e.unseal(key, m.Secrets)
	if err != nil {
		kept = nil // whoever changes the task sets them again
	}
	section, err := e.parseSink(s.Sink, kept)
	if err != nil {
		return err
	}
	if err := e.checkMasks(m, s); err != nil {
		return err
	}
	if err := checkColumns(section.config, s); err != nil {
		return err
	}
	if w, ok := section.config.(localWriter); ok && slices.Contains(w.LocalTargets(), sluice.LogstoreRef{Project: m.Project, Logstore: s.Source.Logstore}) {
		return invalid("sink.logstore: is the one that logs come from; each would be delivered again and again")
	}
	stored := *s
	secrets := sink.SplitSecrets(section.config)
	if stored.Sink, err = section.masked(); err != nil {
		return err
	}
	if m.Spec, err = json.Marshal(&stored); err != nil {
		return err
	}
	m.Logstore = s.Source.Logstore
	m.Secrets, err = e.seal(key, secrets)
	return err
}

// where are the members of a sink section that say where logs go, whatever its type.
var where = []string{
	"type", "url", "endpoint", "addressing", "brokers", "host", "port", "protocol", "region", "bucket", "project", "logstore", "logstoreByTopic", "tls",
}

// checkMasks refuses a document that keeps secrets it does not show, and sends them elsewhere: who may change a task need not know them.
// It compares what was understood and not what was written: JSON has many spellings of one name.
func (e *Engine) checkMasks(m *meta.DeliveryTask, s *Spec) error {
	section, err := e.decodeSink(s.Sink)
	if err != nil || len(m.Secrets) == 0 || !sink.Masked(section.config) {
		return err
	}
	old, err := taskOf(*m)
	if err != nil {
		return err
	}
	understood, err := section.masked()
	if err != nil {
		return err
	}
	var was, is map[string]any
	if err := errors.Join(json.Unmarshal(old.Spec.Sink, &was), json.Unmarshal(understood, &is)); err != nil {
		return err
	}
	for _, name := range where {
		if !reflect.DeepEqual(was[name], is[name]) {
			return invalid("sink.%s: logs would go to another place, so the secrets that are masked have to be given again", name)
		}
	}
	return nil
}

// checkColumns refuses a task whose format has columns, and whose logs may differ in their fields.
func checkColumns(c config, s *Spec) error {
	f, ok := c.(interface{ FixedColumns() bool })
	if !ok || !f.FixedColumns() {
		return nil
	}
	if _, ok := s.Columns(); !ok {
		return invalid("fields: the format of sink has columns, so name the fields here, without \"*\", or the columns there")
	}
	return nil
}

// Update replaces the document of a task. What is masked in it keeps its secret. A revision other than 0 has to be the present one;
// else the error is Conflict [deliverytask]. Points stay: a batch that may have been sent already is sent again as it was cut. The
// source logstore cannot change. An online task that is pointed to a bucket which has to be proved is paused, with the reason.
func (e *Engine) Update(ctx context.Context, project string, s *Spec, revision int64) (*Task, error) {
	key := taskKey{project, s.Name}
	unproved, err := e.preview(ctx, key, s)
	if err != nil {
		return nil, err
	}
	return e.change(ctx, key, func(m *meta.DeliveryTask) error {
		if revision != 0 && revision != m.Revision {
			return outdated(m, revision)
		}
		if s.Source.Logstore != m.Logstore {
			return invalid("source.logstore: cannot change from %s; make another task", m.Logstore)
		}
		if err := e.fill(m, s); err != nil {
			return err
		}
		if unproved != nil && State(m.State) == Online {
			m.State, m.Reason = string(Paused), unproved.Error()
		}
		return nil
	})
}

// preview checks s as the document of a task that is there, and returns why its bucket would have to be proved.
func (e *Engine) preview(ctx context.Context, key taskKey, s *Spec) (unproved, err error) {
	m, err := e.stored(ctx, key)
	if err != nil {
		return nil, err
	}
	if err := e.fill(&m, s); err != nil {
		return nil, err
	}
	if err = e.checkProved(ctx, m); sluice.KindOf(err) == sluice.Conflict {
		return err, nil
	}
	return nil, err
}

func outdated(m *meta.DeliveryTask, revision int64) error {
	return sluice.Errorf(sluice.Conflict, "deliverytask",
		"delivery task %s is at revision %d, not %d: somebody changed it, look at it again", m.Name, m.Revision, revision)
}

// Restart replaces the document of a task and has it begin anew, as a task that was never online does: its points and what they counted are
// gone, and its source may be another logstore. It does all of it or nothing. Errors are those of [Engine.Update] and [Engine.Start].
func (e *Engine) Restart(ctx context.Context, project string, s *Spec, revision int64) (*Task, error) {
	key := taskKey{project, s.Name}
	unproved, err := e.preview(ctx, key, s)
	if err = errors.Join(err, unproved); err != nil {
		return nil, err
	}
	view, err := e.cat.Logstore(ctx, sluice.LogstoreRef{Project: project, Logstore: s.Source.Logstore})
	if err != nil {
		return nil, err
	}
	return e.changeWith(ctx, key, func(tx meta.Tx, m *meta.DeliveryTask) error {
		if revision != 0 && revision != m.Revision {
			return outdated(m, revision)
		}
		if err := e.fill(m, s); err != nil {
			return err
		}
		m.State, m.Reason, m.Started = string(Online), "", e.o.Now()
		if err := tx.DeleteDeliveryTask(project, s.Name); err != nil { // with its points
			return err
		}
		if err := tx.CreateDeliveryTask(*m); err != nil {
			return err
		}
		return e.setFirstPoints(tx, m, view)
	})
}

// change changes a task in one transaction, and has the engine look.
func (e *Engine) change(ctx context.Context, key taskKey, fn func(*meta.DeliveryTask) error) (*Task, error) {
	return e.changeWith(ctx, key, func(_ meta.Tx, m *meta.DeliveryTask) error { return fn(m) })
}

// errUnchanged has a change leave everything as it is.
var errUnchanged = errors.New("unchanged")

func (e *Engine) changeWith(ctx context.Context, key taskKey, fn func(meta.Tx, *meta.DeliveryTask) error) (*Task, error) {
	var m meta.DeliveryTask
	err := e.store.Update(ctx, func(tx meta.Tx) (err error) {
		if m, err = tx.DeliveryTask(key.project, key.name); err != nil {
			return err
		}
		switch err := fn(tx, &m); {
		case errors.Is(err, errUnchanged):
			return nil
		case err != nil:
			return err
		}
		m.Revision++
		m.Modified = e.o.Now()
		return tx.UpdateDeliveryTask(m)
	})
	if err != nil {
		return nil, err
	}
	e.poke()
	return taskOf(m)
}

// Task returns a task.
func (e *Engine) Task(ctx context.Context, project, name string) (*Task, error) {
	m, err := e.stored(ctx, taskKey{project, name})
	if err != nil {
		return nil, err
	}
	return taskOf(m)
}

func (e *Engine) stored(ctx context.Context, key taskKey) (m meta.DeliveryTask, err error) {
	err = e.store.View(ctx, func(tx meta.Tx) (err error) {
		m, err = tx.DeliveryTask(key.project, key.name)
		return err
	})
	return m, err
}

// Tasks returns the tasks of a project, by name.
func (e *Engine) Tasks(ctx context.Context, project string) ([]*Task, error) {
	var stored []meta.DeliveryTask
	err := e.store.View(ctx, func(tx meta.Tx) (err error) {
		stored, err = tx.DeliveryTasks(project)
		return err
	})
	if err != nil {
		return nil, err
	}
	tasks := make([]*Task, len(stored))
	for i, m := range stored {
		if tasks[i], err = taskOf(m); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// Delete removes a task in any state, with its points. Its dead letters stay.
func (e *Engine) Delete(ctx context.Context, project, name string) error {
	err := e.store.Update(ctx, func(tx meta.Tx) error { return tx.DeleteDeliveryTask(project, name) })
	if err == nil {
		e.poke()
	}
	return err
}
