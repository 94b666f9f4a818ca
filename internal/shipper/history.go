package shipper

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/meta"
)

// HistoryLogstore is the logstore of a project in which its shippers note each object that they shipped: a log with the fields shipper, id,
// shard, received, finished (seconds since 1970) and lines. It is made when it is first needed.
const HistoryLogstore = "sluice-shipper-history"

// History is what was shipped. It is safe for concurrent use.
type History struct {
	cat  *catalog.Catalog
	door sluice.Appender
	log  *slog.Logger

	mu   sync.Mutex // guards made
	made map[string]bool
}

// NewHistory makes a history that is written through door.
func NewHistory(cat *catalog.Catalog, door sluice.Appender, log *slog.Logger) *History {
	return &History{cat: cat, door: door, log: log, made: map[string]bool{}}
}

// historyDays is how long the history is kept; clients may ask for 48 hours.
const historyDays = 7

// noteTime bounds the writing of one note.
const noteTime = 10 * time.Second

// Delivered notes a batch of a shipper. A note that cannot be written is not worth holding up a delivery: it is logged.
func (h *History) Delivered(d delivery.Delivered) {
	if _, ok := d.Annotations[annotationShipper]; !ok {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), noteTime)
	defer cancel()
	ref := sluice.LogstoreRef{Project: d.Project, Logstore: HistoryLogstore}
	err := h.make(ctx, ref)
	if err == nil {
		_, _, err = h.door.Append(ctx, ref, note(d))
	}
	if err != nil {
		h.log.Warn("a shipped object is not in the history", "project", d.Project, "task", d.Task, "error", err)
	}
}

func note(d delivery.Delivered) *sluice.LogGroup {
	return &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(d.At.Unix()), Fields: []sluice.Field{
		{Key: "shipper", Value: d.Task},
		{Key: "id", Value: d.ID},
		{Key: "shard", Value: d.Shard.String()},
		{Key: "received", Value: strconv.FormatInt(d.Arrived.Unix(), 10)},
		{Key: "finished", Value: strconv.FormatInt(d.At.Unix(), 10)},
		{Key: "lines", Value: strconv.Itoa(d.Logs)},
	}}}}
}

func (h *History) make(ctx context.Context, ref sluice.LogstoreRef) error {
	h.mu.Lock()
	made := h.made[ref.Project]
	h.mu.Unlock()
	if made {
		if _, err := h.cat.Logstore(ctx, ref); sluice.KindOf(err) != sluice.NotFound {
			return err
		}
	}
	err := h.cat.CreateLogstore(ctx, meta.Logstore{Project: ref.Project, Name: ref.Logstore, TTLDays: historyDays}, 1)
	if err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
		return err
	}
	h.mu.Lock()
	h.made[ref.Project] = true
	h.mu.Unlock()
	return nil
}

// Task is one shipped object, or one that is being shipped.
type Task struct {
	ID       string `json:"id"`
	Status   string `json:"taskStatus"` // success, running or fail
	Message  string `json:"taskMessage"`
	Created  int64  `json:"taskCreateTime"`          // seconds since 1970
	Received int64  `json:"taskLastDataReceiveTime"` // of the first log of the object
	Finished int64  `json:"taskFinishTime"`          // 0 while it runs
	Lines    int64  `json:"taskDataLines"`
}

// shipped returns what a task shipped at or after from and before to, oldest first.
func (h *History) shipped(ctx context.Context, project, task string, from, to time.Time) ([]Task, error) {
	l, err := h.cat.Logstore(ctx, sluice.LogstoreRef{Project: project, Logstore: HistoryLogstore})
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Task
	for i := range l.Shards {
		if err := catalog.EachRecord(ctx, l.Shards[i].Stored, from, func(r *sluice.Record) {
			t, of := taskOf(r)
			if of == task && t.Finished >= from.Unix() && t.Finished < to.Unix() {
				all = append(all, t)
			}
		}); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b Task) int { return cmp.Compare(a.Created, b.Created) })
	return all, nil
}

// taskOf reads a note.
func taskOf(r *sluice.Record) (t Task, of string) {
	t.Status = "success"
	for _, f := range r.Fields {
		n, _ := strconv.ParseInt(f.Value, 10, 64)
		switch f.Key {
		case "shipper":
			of = f.Value
		case "id":
			t.ID = f.Value
		case "received":
			t.Received = n
		case "finished":
			t.Created, t.Finished = n, n
		case "lines":
			t.Lines = n
		}
	}
	return t, of
}

// TaskFilter chooses tasks of a shipper; an empty status chooses all.
type TaskFilter struct {
	From, To time.Time
	Status   string
}

// maxWindow is how far back clients may ask.
const maxWindow = 48 * time.Hour

// TaskList returns the tasks of a shipper that f chooses, oldest first.
func (s *Shippers) TaskList(ctx context.Context, ref sluice.LogstoreRef, name string, f TaskFilter, now time.Time) ([]Task, error) {
	switch f.Status {
	case "", "success", "running", "fail":
	default:
		return nil, invalid("status %.40q is none of success, running, fail", f.Status)
	}
	if f.From.Before(now.Add(-maxWindow - time.Minute)) {
		return nil, invalid("only support query last 48 hours task status")
	}
	t, _, err := s.find(ctx, ref.Project, taskName(ref, name), annotationShipper, name)
	if err != nil {
		return nil, err
	}
	all, err := s.history.shipped(ctx, ref.Project, t.Spec.Name, f.From, f.To)
	if err != nil {
		return nil, err
	}
	status, err := s.tasks.Status(ctx, ref.Project, t.Spec.Name)
	if err != nil {
		return nil, err
	}
	all = append(all, underWay(status, now)...)
	return slices.DeleteFunc(all, func(t Task) bool { return f.Status != "" && f.Status != t.Status }), nil
}

// underWay are the objects that a shipper is about to ship, or fails to: at most one for each shard.
func underWay(s *delivery.Status, now time.Time) []Task {
	var all []Task
	for _, p := range s.Shards {
		if p.Redrive || p.Counters.InFlight == 0 && p.Error == "" {
			continue
		}
		t := Task{
			ID: "shard-" + p.Shard.String() + "-" + p.Point, Status: "running", Created: unix(now.Add(-p.Lag)), Received: unix(now.Add(-p.Lag)),
			Lines: p.Counters.InFlight,
		}
		if p.Error != "" || s.State == delivery.Paused {
			t.Status, t.Message = "fail", first(p.Error, s.Reason)
			t.Created, t.Finished = unix(p.Failing), now.Unix()
		}
		all = append(all, t)
	}
	return all
}

// Retry tries failed tasks of a shipper again at once. Errors: Invalid if there is none of these ids.
func (s *Shippers) Retry(ctx context.Context, ref sluice.LogstoreRef, name string, ids []string, now time.Time) error {
	const most = 10
	if len(ids) == 0 || len(ids) > most {
		return invalid("1 to %d task ids can be tried again at once, not %d", most, len(ids))
	}
	failed, err := s.TaskList(ctx, ref, name, TaskFilter{From: now.Add(-maxWindow), To: now, Status: "fail"}, now)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(failed, func(t Task) bool { return t.ID == id }) {
			return invalid("task %.80q has not failed; tasks that run are tried again by themselves", id)
		}
	}
	if _, err := s.tasks.Offline(ctx, ref.Project, taskName(ref, name)); err != nil {
		return err
	}
	_, err = s.tasks.Start(ctx, ref.Project, taskName(ref, name), delivery.FromPoint)
	return err
}
