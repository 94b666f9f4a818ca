package deletion_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/deletion"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
)

type env struct {
	*catalogtest.Env
	t      *testing.T
	store  *failing
	engine *query.Engine
	tasks  *deletion.Tasks
	slow   bool // no search comes to its end in time
	late   atomic.Int64
}

// now is the clock of searches.
func (e *env) now() time.Time {
	if e.slow {
		e.late.Add(int64(time.Hour))
	}
	return e.Clock.Now().Add(time.Duration(e.late.Load()))
}

// open makes a logstore of a thousand logs, one each second, every fourth of which says that it is bad.
func open(t *testing.T) *env {
	t.Helper()
	e := &env{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t}
	e.CreateLogstore(2)
	if err := e.Catalog.UpdateLogstore(t.Context(), catalogtest.Ref, func(l *meta.Logstore) error { l.Modifiable = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := e.Catalog.CreateIndex(t.Context(), catalogtest.Ref, json.RawMessage(`{"line":{"token":[" "]},"keys":{"state":{"type":"text","token":[" "]}}}`)); err != nil {
		t.Fatal(err)
	}
	door := ingest.New(e.Catalog, ingest.Options{Past: -1, Now: e.Clock.Now})
	begin := uint32(e.Clock.Now().Unix()) - 1000
	for n := uint32(0); n < 1000; n += 10 {
		g := &sluice.LogGroup{Topic: fmt.Sprint("t", n/500)}
		for i := n; i < n+10; i++ {
			g.Records = append(g.Records, sluice.Record{Time: begin + i, Fields: []sluice.Field{{Key: "state", Value: []string{"bad", "good", "fine", "well"}[i%4]}}})
		}
		if _, _, err := door.Append(t.Context(), catalogtest.Ref, g); err != nil {
			t.Fatal(err)
		}
	}
	e.restart()
	return e
}

func (e *env) restart() {
	e.store = &failing{Store: e.Meta}
	e.engine = query.New(e.Catalog, nil, query.Options{Now: e.now, Amended: amend.New(e.store, e.Catalog, nil)})
	e.tasks = deletion.New(e.store, e.Catalog, e.engine, deletion.Options{Batch: 30, Keep: 3, Now: e.Clock.Now})
}

func (e *env) filter(search string) query.Filter {
	now := e.Clock.Now().Unix()
	return query.Filter{Ref: catalogtest.Ref, Search: search, Range: query.Range{From: (now - 2000) * 1e9, To: (now + 1) * 1e9}}
}

func (e *env) count(search string) int {
	e.t.Helper()
	found, err := e.engine.Logs(e.t.Context(), query.Page{Filter: e.filter(search), Line: 5000})
	if err != nil {
		e.t.Fatal(err)
	}
	return len(found.Logs)
}

func (e *env) create(f query.Filter) deletion.Task {
	e.t.Helper()
	task, err := e.tasks.Create(e.t.Context(), f)
	if err != nil {
		e.t.Fatal(err)
	}
	return task
}

func (e *env) get(id string) deletion.Task {
	e.t.Helper()
	task, err := e.tasks.Get(e.t.Context(), catalogtest.Ref, id)
	if err != nil {
		e.t.Fatal(err)
	}
	return task
}

// failing fails the commits that it is told to, after they were made or instead.
type failing struct {
	meta.Store
	before, after map[int]bool // by number
	n             int
	unread        int           // readings that fail next
	again         chan struct{} // closed by the one after these
}

var errLost = errors.New("lost")

func (f *failing) Update(ctx context.Context, fn func(meta.Tx) error) error {
	f.n++
	if f.before[f.n] {
		return errLost
	}
	if err := f.Store.Update(ctx, fn); err != nil {
		return err
	}
	if f.after[f.n] {
		return errLost
	}
	return nil
}

func (f *failing) View(ctx context.Context, fn func(meta.Tx) error) error {
	switch {
	case f.unread > 0:
		f.unread--
		return errLost
	case f.again != nil:
		close(f.again)
		f.again = nil
	}
	return f.Store.View(ctx, fn)
}

// TestTasks runs two tasks side by side, batch by batch.
func TestTasks(t *testing.T) {
	e := open(t)
	bad := e.create(e.filter("state: bad"))
	topic := e.filter("*")
	topic.Topic = "t1"
	e.Clock.Advance(time.Second)
	half := e.create(topic)
	if bad.State != deletion.Running || bad.Progress() != 0 {
		t.Errorf("a new task: %+v", bad)
	}
	last := -1.0
	rounds := 0
	for left := 1; left > 0; rounds++ {
		var err error
		if left, err = e.tasks.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		now := e.get(bad.ID)
		if now.Progress() < last || now.State == deletion.Running && now.Progress() > 99 {
			t.Errorf("progress went from %v to %v", last, now.Progress())
		}
		last = now.Progress()
	}
	one, two := e.get(bad.ID), e.get(half.ID)
	if one.State != deletion.Succeeded || two.State != deletion.Succeeded || one.Progress() != 100 || one.Deleted+two.Deleted != 625 || one.Finished.IsZero() {
		t.Errorf("%+v\n%+v", one, two)
	}
	if rounds < 10 {
		t.Errorf("all was done in %d rounds; batches have 30 logs", rounds)
	}
	if bads, all := e.count("state: bad"), e.count("*"); bads != 0 || all != 375 {
		t.Errorf("%d bad logs and %d in all are left, want 0 and 375", bads, all)
	}
	all, err := e.tasks.List(t.Context(), catalogtest.Ref)
	if err != nil || len(all) != 2 || all[0].ID != half.ID {
		t.Errorf("list: %+v, %v", all, err)
	}
}

// TestTasksOutliveFaults fails each commit of a task once, before it is made and after, with a restart behind it.
func TestTasksOutliveFaults(t *testing.T) {
	stride := 3
	if testing.Short() {
		stride = 11
	}
	for n := 1; ; n += stride {
		for _, after := range []bool{false, true} {
			e := open(t)
			task := e.create(e.filter("state: bad"))
			e.restart()
			if after {
				e.store.after = map[int]bool{n: true}
			} else {
				e.store.before = map[int]bool{n: true}
			}
			failed := 0
			for left := 1; left > 0; {
				var err error
				if left, err = e.tasks.Round(t.Context()); err != nil {
					if failed++; !errors.Is(err, errLost) || failed > 1 {
						t.Fatal(err)
					}
					e.restart()
				}
			}
			if done := e.get(task.ID); done.State != deletion.Succeeded || done.Deleted < 250-30 || done.Deleted > 250 || e.count("state: bad") != 0 || e.count("*") != 750 {
				t.Fatalf("fault %d: %+v, %d and %d logs are left", n, done, e.count("state: bad"), e.count("*"))
			}
			if failed == 0 {
				return
			}
		}
	}
}

// TestTasksGoWithTheirLogstore deletes the logstore of a task, and makes another one of its name.
func TestTasksGoWithTheirLogstore(t *testing.T) {
	e := open(t)
	task := e.create(e.filter("*"))
	l := e.View().Logstore
	if err := e.Catalog.DeleteLogstore(t.Context(), catalogtest.Ref); err != nil {
		t.Fatal(err)
	}
	e.Clock.Advance(time.Second)
	if err := e.Catalog.CreateLogstore(t.Context(), l, 1); err != nil {
		t.Fatal(err)
	}
	if all, err := e.tasks.List(t.Context(), catalogtest.Ref); err != nil || len(all) != 0 {
		t.Errorf("the new logstore has the tasks of the old one: %+v, %v", all, err)
	}
	if _, err := e.tasks.Get(t.Context(), catalogtest.Ref, task.ID); sluice.KindOf(err) != sluice.NotFound {
		t.Error(err)
	}
	if left, err := e.tasks.Round(t.Context()); left != 0 || err != nil {
		t.Errorf("%d tasks are left: %v", left, err)
	}
	var items []meta.Item
	if err := e.Meta.View(t.Context(), func(tx meta.Tx) (err error) { items, err = tx.Items("deletion", meta.ItemRange{}); return err }); err != nil || len(items) != 0 {
		t.Errorf("items are left: %v, %v", items, err)
	}
}

// TestTasksThatCannotBe tries what no task can be made of, and what becomes of one whose index goes.
func TestTasksThatCannotBe(t *testing.T) {
	e := open(t)
	for what, c := range map[string]struct {
		f    query.Filter
		kind sluice.Kind
	}{
		"a bad search": {e.filter("(("), sluice.Invalid},
		"no logstore":  {query.Filter{Ref: sluice.LogstoreRef{Project: "web", Logstore: "none"}, Range: query.Range{To: 1e9}}, sluice.NotFound},
	} {
		if _, err := e.tasks.Create(t.Context(), c.f); sluice.KindOf(err) != c.kind {
			t.Errorf("%s: %v, want a %v", what, err, c.kind)
		}
	}
	for range 3 {
		e.Clock.Advance(time.Second)
		e.create(e.filter("state: bad"))
	}
	if _, err := e.tasks.Create(t.Context(), e.filter("*")); sluice.KindOf(err) != sluice.Throttled {
		t.Errorf("a task too many: %v", err)
	}
	if err := e.Catalog.DeleteIndex(t.Context(), catalogtest.Ref); err != nil {
		t.Fatal(err)
	}
	if left, err := e.tasks.Round(t.Context()); left != 0 || err != nil {
		t.Errorf("%d tasks go on without an index: %v", left, err)
	}
	all, err := e.tasks.List(t.Context(), catalogtest.Ref)
	if err != nil || len(all) != 3 || all[0].State != deletion.Failed || !strings.Contains(all[0].Message, "index") {
		t.Errorf("%+v, %v", all, err)
	}
	if err := e.Catalog.CreateIndex(t.Context(), catalogtest.Ref, json.RawMessage(`{"line":{"token":[" "]}}`)); err != nil {
		t.Fatal(err)
	}
	e.Clock.Advance(time.Second)
	task := e.create(e.filter("*")) // takes the place of the oldest that is over
	if all, err = e.tasks.List(t.Context(), catalogtest.Ref); err != nil || len(all) != 3 || all[0].ID != task.ID {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestRun leaves a task to Run.
func TestRun(t *testing.T) {
	e := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.tasks.Run(ctx) }()
	task := e.create(e.filter("state: bad"))
	for e.get(task.ID).State == deletion.Running {
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if e.count("state: bad") != 0 {
		t.Error("bad logs are left")
	}
}

// TestSlowSearches has searches that do not come to their end: a while, which a task outlives, and for ever, which it does not.
func TestSlowSearches(t *testing.T) {
	e := open(t)
	task := e.create(e.filter("state: bad"))
	fail := func(times int) {
		t.Helper()
		e.slow = true
		for range times {
			if left, err := e.tasks.Round(t.Context()); left != 1 || sluice.KindOf(err) != sluice.Unavailable {
				t.Fatalf("%d tasks are left: %v", left, err)
			}
		}
		e.slow = false
	}
	fail(5)
	for left := 1; left > 0; {
		var err error
		if left, err = e.tasks.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if done := e.get(task.ID); done.State != deletion.Succeeded || done.Deleted != 250 || e.count("state: bad") != 0 {
		t.Errorf("%+v, and %d logs are left", done, e.count("state: bad"))
	}
	e.Clock.Advance(time.Second)
	task = e.create(e.filter("*"))
	fail(60)
	e.slow = true
	if left, err := e.tasks.Round(t.Context()); left != 0 || err != nil {
		t.Errorf("%d tasks are left: %v", left, err)
	}
	if done := e.get(task.ID); done.State != deletion.Failed || !strings.Contains(done.Message, "time range") || done.Deleted != 0 {
		t.Errorf("%+v", done)
	}
}

// TestRunGoesOn has Run find metadata unreadable, the second time when nothing else would wake it.
func TestRunGoesOn(t *testing.T) {
	e := open(t)
	e.tasks = deletion.New(e.store, e.Catalog, e.engine, deletion.Options{Again: time.Nanosecond, Now: e.Clock.Now})
	again := make(chan struct{})
	e.store.unread, e.store.again = 2, again
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- e.tasks.Run(ctx) }()
	<-again
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
