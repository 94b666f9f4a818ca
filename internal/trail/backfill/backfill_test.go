package backfill_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/backfill"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account = "1234567890123456"

var main = trails.Key{Account: account, Flavor: trails.ActionTrail, Name: "audit-main"}

// bed is jobs over the real parts, and a destination that a test can close.
type bed struct {
	*catalogtest.Env
	t       *testing.T
	door    *ingest.Door
	trails  *trails.Trails
	history *history.History
	jobs    *backfill.Jobs
	events  int

	changed chan struct{} // has a token after something changed in metadata

	mu     sync.Mutex // guards all below
	answer func() error
	got    []string // ids of the events that were delivered
	groups int

	prepared bool
}

// watched is metadata that tells of changes.
type watched struct {
	meta.Store
	changed chan struct{}
}

func (w watched) Update(ctx context.Context, fn func(meta.Tx) error) error {
	err := w.Store.Update(ctx, fn)
	select {
	case w.changed <- struct{}{}:
	default:
	}
	return err
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t, changed: make(chan struct{}, 1)}
	if _, err := ledger.OpenLog(t.Context(), b.Catalog); err != nil {
		t.Fatal(err)
	}
	b.door = ingest.New(b.Catalog, ingest.Options{Past: -1, Future: -1, Now: b.Clock.Now})
	b.open()
	return b
}

// open opens what a restart opens anew.
func (b *bed) open() {
	b.t.Helper()
	engine := query.New(b.Catalog, nil, query.Options{Now: b.Clock.Now})
	b.history = history.New(engine, trail.Events, history.Options{Now: b.Clock.Now})
	accounts := func(context.Context) ([]string, error) { return []string{"1", account}, nil }
	b.trails = trails.New(b.Meta, trails.Options{Now: b.Clock.Now, Accounts: accounts})
	if err := b.trails.Load(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.jobs = backfill.New(watched{b.Meta, b.changed}, b.trails, b.history, b, backfill.Options{Accounts: accounts, RetryAfter: time.Nanosecond, Retries: 3, Now: b.Clock.Now})
}

// Prepare implements [courier.Houses]: there is one logstore, which needs to be made.
func (b *bed) Prepare(_ context.Context, of, project, logstore string, index json.RawMessage) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if project == missing {
		return sluice.Errorf(sluice.NotFound, "project", "project %s does not exist", missing)
	}
	if b.prepared = true; of != account || project != "web" || logstore != "actiontrail_"+main.Name || len(index) == 0 {
		return fmt.Errorf("logstore %s/%s of %s, index %s", project, logstore, of, index)
	}
	return nil
}

// missing is a project that is not there.
const missing = "missing"

// Append implements [courier.Houses].
func (b *bed) Append(_ context.Context, of string, ref sluice.LogstoreRef, g *sluice.LogGroup) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.prepared || ref.Project == missing {
		return sluice.Errorf(sluice.NotFound, "logstore", "logstore %v does not exist", ref)
	}
	if b.answer != nil {
		if err := b.answer(); err != nil {
			return err
		}
	}
	if of != account || ref.Logstore != "actiontrail_"+main.Name || g.Topic != "actiontrail_audit_event" {
		return fmt.Errorf("a group for %v of %s, topic %q", ref, of, g.Topic)
	}
	b.groups++
	for _, r := range g.Records {
		var e struct{ EventID, RecipientAccountID string }
		if err := json.Unmarshal([]byte(r.Fields[0].Value), &e); err != nil || e.RecipientAccountID != account || r.Fields[0].Key != "event" || len(r.Fields) != 1 {
			return fmt.Errorf("a log with %v: %w", r.Fields, err)
		}
		b.got = append(b.got, e.EventID)
	}
	return nil
}

// answers sets what the destination answers.
func (b *bed) answers(fn func() error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = fn
}

// delivered are the ids that came, and how many groups.
func (b *bed) delivered() (ids []string, groups int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.got), b.groups
}

// write appends n events, one a second, and returns the ids of those that change something.
func (b *bed) write(n int) (writes []string) {
	b.t.Helper()
	g := &sluice.LogGroup{}
	for range n {
		b.events++
		b.Clock.Advance(time.Second)
		e := &trail.Event{
			ID: fmt.Sprint("e", b.events), Seq: uint64(b.events), Time: b.Clock.Now(), Category: trail.Management, Type: trail.APICall,
			ReadOnly: b.events%3 == 0, Service: trail.ServiceSLS, Name: "CreateLogStore", Account: account,
		}
		if b.events%10 == 0 {
			e.Account = "1"
		}
		if e.Account == account && !e.ReadOnly {
			writes = append(writes, e.ID)
		}
		text, err := json.Marshal(e)
		if err != nil {
			b.t.Fatal(err)
		}
		g.Records = append(g.Records, trail.ToRecord(e, text, trail.Hash{}))
	}
	if _, _, err := b.door.Append(b.t.Context(), trail.Events, g); err != nil {
		b.t.Fatal(err)
	}
	return writes
}

// makeTrail makes a trail of what changes something.
func (b *bed) makeTrail(target trails.Target) {
	b.t.Helper()
	if _, err := b.trails.Create(b.t.Context(), trails.Trail{Key: main, Target: target, Selection: trails.Selection{RW: trails.WriteOnly}}); err != nil {
		b.t.Fatal(err)
	}
}

var toProject = trails.Target{Project: "web"}

func (b *bed) create(token string) backfill.Job {
	b.t.Helper()
	j, err := b.jobs.Create(b.t.Context(), main, token)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

// run runs the jobs until it is enough, asked at once and after each change.
func (b *bed) run(enough func() bool) {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- b.jobs.Run(ctx) }()
	for !enough() {
		<-b.changed
	}
	stop()
	if err := <-done; err != nil {
		b.t.Error(err)
	}
}

func (b *bed) status(id int64) backfill.Job {
	b.t.Helper()
	j, err := b.jobs.Get(b.t.Context(), account, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

func (b *bed) runToEnd(id int64) backfill.Job {
	b.t.Helper()
	b.run(func() bool { s := b.status(id).Status; return s == backfill.Done || s == backfill.Failed })
	return b.status(id)
}

// TestDelivers: what happened before the trail logs is delivered, once and in order, and nothing that the trail delivers itself.
func TestDelivers(t *testing.T) {
	b := newBed(t)
	want := b.write(1200)
	b.makeTrail(toProject)
	b.Clock.Advance(time.Second)
	if _, err := b.trails.Start(t.Context(), main); err != nil {
		t.Fatal(err)
	}
	b.write(30) // which the trail delivers itself
	j := b.runToEnd(b.create("a").ID)
	got, groups := b.delivered()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if j.Status != backfill.Done || j.Events != int64(len(want)) || groups < 2 || j.Error != "" {
		t.Errorf("%+v, in %d groups", j, groups)
	}
}

// TestGoesOn: after a restart a job goes on where it was, and what was delivered is not delivered again.
func TestGoesOn(t *testing.T) {
	b := newBed(t)
	want := b.write(2000)
	b.makeTrail(toProject)
	j := b.create("a")
	b.run(func() bool { return b.status(j.ID).Token != "" })
	first, _ := b.delivered()
	if len(first) == 0 || len(first) == len(want) {
		t.Fatalf("%d events were delivered before the restart, of %d", len(first), len(want))
	}
	b.Reopen()
	b.door = ingest.New(b.Catalog, ingest.Options{Past: -1, Future: -1, Now: b.Clock.Now})
	b.open()
	if again := b.create("a"); again.ID != j.ID {
		t.Errorf("the same token made job %d beside %d", again.ID, j.ID)
	}
	b.runToEnd(j.ID)
	got, _ := b.delivered()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Compact(slices.Clone(got))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if again := len(got) - len(want); again > 500 {
		t.Errorf("%d events were delivered again", again)
	}
}

// TestRefused: a destination that refuses for a while holds a job up; one that refuses for good ends it, and it says why.
func TestRefused(t *testing.T) {
	b := newBed(t)
	want := b.write(20)
	b.makeTrail(toProject)
	times := 0
	b.answers(func() error {
		if times++; times <= 3 {
			return errors.New("not now")
		}
		return nil
	})
	b.runToEnd(b.create("a").ID)
	if got, _ := b.delivered(); !slices.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
	times = 0
	b.answers(func() error {
		times++
		return errors.New("no disk")
	})
	if j := b.runToEnd(b.create("b").ID); j.Status != backfill.Failed || j.Error != "no disk" || times != 4 {
		t.Errorf("%+v after %d tries, want 4", j, times)
	}
	b.answers(nil)
	if _, err := b.trails.Update(t.Context(), main, func(t *trails.Trail) error { t.Project = missing; return nil }); err != nil {
		t.Fatal(err)
	}
	if j := b.runToEnd(b.create("c").ID); j.Status != backfill.Failed || j.Error != "project missing does not exist" {
		t.Errorf("without a project: %+v", j)
	}
}

// TestTrailGoes: a job ends with its trail, also if another one has the name now.
func TestTrailGoes(t *testing.T) {
	b := newBed(t)
	b.write(20)
	b.makeTrail(toProject)
	j := b.create("a")
	if _, err := b.trails.Delete(t.Context(), main); err != nil {
		t.Fatal(err)
	}
	b.makeTrail(toProject)
	if j := b.runToEnd(j.ID); j.Status != backfill.Failed {
		t.Errorf("%+v", j)
	}
	if got, _ := b.delivered(); len(got) > 0 {
		t.Errorf("%v were delivered to another trail", got)
	}
}

// TestDeleted: a job that is deleted while it works ends, and does not come back.
func TestDeleted(t *testing.T) {
	b := newBed(t)
	b.write(2000)
	b.makeTrail(toProject)
	j := b.create("a")
	b.answers(func() error { return b.jobs.Delete(t.Context(), account, j.ID) })
	b.run(func() bool {
		_, groups := b.delivered()
		return groups > 0
	})
	if _, err := b.jobs.Get(t.Context(), account, j.ID); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("the job is back: %v", err)
	}
	if _, groups := b.delivered(); groups != 1 {
		t.Errorf("%d groups were delivered", groups)
	}
}

func TestErrors(t *testing.T) {
	b := newBed(t)
	wantError := func(what string, err error, kind sluice.Kind, noun string) {
		t.Helper()
		var e *sluice.Error
		if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun {
			t.Errorf("%s: %v, want %v %q", what, err, kind, noun)
		}
	}
	_, err := b.jobs.Create(t.Context(), main, "a")
	wantError("no trail", err, sluice.NotFound, "trail")
	b.makeTrail(trails.Target{Bucket: "audit"})
	_, err = b.jobs.Create(t.Context(), main, "a")
	wantError("no logstore", err, sluice.Unsupported, "historyjob")
	if _, err := b.trails.Delete(t.Context(), main); err != nil {
		t.Fatal(err)
	}
	b.makeTrail(toProject)
	j := b.create("a")
	_, err = b.jobs.Create(t.Context(), main, "b")
	wantError("another is not over", err, sluice.Conflict, "historyjob")
	_, err = b.jobs.Get(t.Context(), "1", j.ID)
	wantError("another account's", err, sluice.NotFound, "historyjob")
	wantError("another account's", b.jobs.Delete(t.Context(), "1", j.ID), sluice.NotFound, "historyjob")
	b.runToEnd(j.ID)
	for n := range backfill.MaxJobs - 1 {
		b.runToEnd(b.create(fmt.Sprint("more", n)).ID)
	}
	_, err = b.jobs.Create(t.Context(), main, "b")
	wantError("too many", err, sluice.Throttled, "historyjob")
	all, err := b.jobs.List(t.Context(), account)
	if err != nil || len(all) != backfill.MaxJobs || all[0].ID <= all[1].ID {
		t.Errorf("%d jobs, %v; want the newest first", len(all), err)
	}
}
