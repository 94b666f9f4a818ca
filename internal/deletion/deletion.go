// Package deletion runs the tasks that delete logs in the background.
//
//	Create ──> item, running ──> from the oldest log on, Batch logs in one change each ──> SUCCEEDED | FAILED
//	                 ▲                       │
//	                 └── reached, deleted ───┘
//
// Invariants:
//   - A task outlives the server: it goes on where it was. A batch that a crash left untold is not found again, since its logs are gone; so
//     at most one batch is missing in the number of deleted logs.
//   - A task deletes what its search finds when it gets to the time of a log. It ends, whatever comes in meanwhile, once less than a batch is left.
//   - Tasks take turns, a batch each. A search that does not come to its end in time is tried again over a shorter range; a task that cannot go on for
//     some ten minutes has failed.
package deletion

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
)

// State is how a task does.
type State string

// The states.
const (
	Running   State = "RUNNING"
	Succeeded State = "SUCCEEDED"
	Failed    State = "FAILED"
)

// Task is a deletion of logs.
type Task struct {
	ID       string
	Logstore time.Time // when the logstore was made, of which it is
	From, To int64     // seconds since 1970
	Search   string
	Topic    string

	State    State
	Reached  int64 // the time up to which logs are deleted, nanoseconds since 1970
	Deleted  int64 // logs
	Tries    int   // that failed since the last that did not, about
	Message  string
	Created  time.Time
	Finished time.Time
}

// Progress is how much of its time range a task has gone through, in percent.
func (t *Task) Progress() float64 {
	if t.State == Succeeded {
		return 100
	}
	from, to := t.From*1e9, t.To*1e9
	return min(99, 100*float64(max(t.Reached, from)-from)/float64(max(to-from, 1)))
}

// Options of tasks. The zero value of a field means the default in brackets.
type Options struct {
	Batch  int           // [50,000] logs deleted in one change
	Keep   int           // [100] tasks of a logstore that are known; the oldest of those that are over go
	Again  time.Duration // [10s] after which a task is tried again that the server could not go on with
	Now    func() time.Time
	Logger *slog.Logger // [discard]
}

// Tasks are the tasks of a server. They are safe for concurrent use.
type Tasks struct {
	store  meta.Store
	cat    *catalog.Catalog
	engine *query.Engine
	o      Options
	wake   chan struct{}
}

// New returns the tasks that store has.
func New(store meta.Store, cat *catalog.Catalog, engine *query.Engine, o Options) *Tasks {
	o.Batch, o.Keep, o.Again = cmp.Or(o.Batch, 50_000), cmp.Or(o.Keep, 100), cmp.Or(o.Again, 10*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Tasks{store: store, cat: cat, engine: engine, o: o, wake: make(chan struct{}, 1)}
	t.wake <- struct{}{} // for what an earlier process left
	return t
}

// kind of the items; their names are project/logstore/moment/id, so that the oldest of a logstore comes first.
const kind = "deletion"

func groupOf(ref sluice.LogstoreRef) string { return ref.Project + "/" + ref.Logstore }

func nameOf(ref sluice.LogstoreRef, t *Task) string {
	return fmt.Sprintf("%s/%020d/%s", groupOf(ref), t.Created.UnixNano(), t.ID)
}

// Create begins to delete what a search finds. Errors: those of the search; NotFound [project], [logstore], [index]; Conflict [modification] if the logs of the
// logstore may not be modified; Throttled [quota] while as many tasks run as may.
func (t *Tasks) Create(ctx context.Context, f query.Filter) (Task, error) {
	l, err := t.cat.Logstore(ctx, f.Ref)
	if err != nil {
		return Task{}, err
	}
	if err := t.engine.MayDelete(ctx, f); err != nil {
		return Task{}, err
	}
	task := Task{
		ID: rand.Text(), Logstore: l.Created, From: f.Range.From / 1e9, To: (f.Range.To + 1e9 - 1) / 1e9, Search: f.Search, Topic: f.Topic,
		State: Running, Reached: f.Range.From, Created: t.o.Now(),
	}
	err = t.store.Update(ctx, func(tx meta.Tx) error {
		all, err := read(tx, f.Ref, l)
		if err != nil {
			return err
		}
		if err := t.makeRoom(tx, f.Ref, all); err != nil {
			return err
		}
		return write(tx, f.Ref, &task)
	})
	if err == nil {
		t.signal()
	}
	return task, err
}

// makeRoom forgets the oldest tasks that are over, so that there is room for one more.
func (t *Tasks) makeRoom(tx meta.Tx, ref sluice.LogstoreRef, all []Task) error {
	left := len(all)
	for i := range all {
		if left < t.o.Keep {
			return nil
		}
		if all[i].State != Running {
			if err := tx.DeleteItem(kind, nameOf(ref, &all[i])); err != nil {
				return err
			}
			left--
		}
	}
	if left >= t.o.Keep {
		return sluice.Errorf(sluice.Throttled, "quota", "%d tasks delete logs of logstore %s, as many as may; wait for one to end", left, ref.Logstore)
	}
	return nil
}

// read returns the tasks of a logstore, the oldest first.
func read(tx meta.Tx, ref sluice.LogstoreRef, l *catalog.Logstore) ([]Task, error) {
	items, err := tx.Items(kind, meta.ItemRange{Group: groupOf(ref)})
	if err != nil {
		return nil, err
	}
	var all []Task
	for _, i := range items {
		var t Task
		if err := json.Unmarshal(i.Body, &t); err != nil {
			return nil, fmt.Errorf("task %s: %w", i.Name, err)
		}
		if t.Logstore.Equal(l.Created) { // and not of one that had the name before
			all = append(all, t)
		}
	}
	return all, nil
}

func write(tx meta.Tx, ref sluice.LogstoreRef, t *Task) error {
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return tx.SetItem(meta.Item{Kind: kind, Name: nameOf(ref, t), Group: groupOf(ref), Body: body})
}

// List returns the tasks of a logstore, the newest first. Errors: NotFound [project], [logstore].
func (t *Tasks) List(ctx context.Context, ref sluice.LogstoreRef) (all []Task, err error) {
	l, err := t.cat.Logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	err = t.store.View(ctx, func(tx meta.Tx) error {
		all, err = read(tx, ref, l)
		return err
	})
	slices.Reverse(all)
	return all, err
}

// Get returns one of them. Errors: those of List, and NotFound [deletion].
func (t *Tasks) Get(ctx context.Context, ref sluice.LogstoreRef, id string) (Task, error) {
	all, err := t.List(ctx, ref)
	if err != nil {
		return Task{}, err
	}
	for _, task := range all {
		if task.ID == id {
			return task, nil
		}
	}
	return Task{}, sluice.Errorf(sluice.NotFound, "deletion", "no task %.64q deletes logs of logstore %s", id, ref.Logstore)
}

func (t *Tasks) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
