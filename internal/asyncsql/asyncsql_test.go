package asyncsql

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const scope = "a/web"

var ref = sluice.LogstoreRef{Project: "web", Logstore: "access"}

// gives is a statement that waits for go on, and then gives a result of one text.
func gives(goOn <-chan struct{}, text string, reads ...sluice.LogstoreRef) Statement {
	return func(ctx context.Context, note func(sluice.LogstoreRef)) (*query.Result, error) {
		for _, ref := range reads {
			note(ref)
		}
		select {
		case <-goOn:
			return &query.Result{Columns: []string{"a"}, Rows: [][]string{{text}}}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func done() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func submit(t *testing.T, r *Runs, scope string, s Statement) Run {
	t.Helper()
	run, err := r.Submit(scope, []sluice.LogstoreRef{ref}, s)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func get(t *testing.T, r *Runs, id string) Run {
	t.Helper()
	run, err := r.Get(scope, id)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// A run runs, ends, tells what it has read and what came of it, and is forgotten after a time.
func TestLifeOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{Keep: time.Hour})
		defer r.Close()
		goOn, other := make(chan struct{}), sluice.LogstoreRef{Project: "web", Logstore: "users"}
		id := submit(t, r, scope, gives(goOn, "x", other)).ID
		synctest.Wait()
		if run := get(t, r, id); run.State != Running || run.Result != nil || len(run.Reads) != 2 || run.Reads[1] != other {
			t.Errorf("got %+v", run)
		}
		time.Sleep(time.Minute)
		close(goOn)
		synctest.Wait()
		if run := get(t, r, id); run.State != Finished || run.Result.Rows[0][0] != "x" || run.Ended.Sub(run.Began) != time.Minute {
			t.Errorf("got %+v", run)
		}
		if _, err := r.Get("b/web", id); sluice.KindOf(err) != sluice.NotFound {
			t.Errorf("in another scope: got %v", err)
		}
		time.Sleep(time.Hour)
		get(t, r, id)
		time.Sleep(time.Nanosecond)
		if _, err := r.Get(scope, id); sluice.KindOf(err) != sluice.NotFound {
			t.Errorf("after its time: got %v", err)
		}
		if r.n != 0 || r.held.bytes != 0 || len(r.all)+len(r.held.scopes) != 0 {
			t.Errorf("something is left: %d runs, %+v", r.n, r.held)
		}
	})
}

func TestFailuresAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		defer r.Close()
		why := errors.New("why")
		id := submit(t, r, scope, func(context.Context, func(sluice.LogstoreRef)) (*query.Result, error) { return nil, why }).ID
		synctest.Wait()
		if run := get(t, r, id); run.State != Failed || !errors.Is(run.Err, why) {
			t.Errorf("got %+v", run)
		}
	})
}

// Whoever deletes a run that goes on ends it.
func TestDeleteCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		defer r.Close()
		ended := false
		id := submit(t, r, scope, func(ctx context.Context, _ func(sluice.LogstoreRef)) (*query.Result, error) {
			<-ctx.Done()
			ended = true
			return nil, ctx.Err()
		}).ID
		if run, err := r.Delete(scope, id); err != nil || run.State != Cancelled {
			t.Errorf("got %+v, %v", run, err)
		}
		synctest.Wait()
		if _, err := r.Delete(scope, id); !ended || sluice.KindOf(err) != sluice.NotFound {
			t.Errorf("ended %v, deleted twice: %v", ended, err)
		}
	})
}

// Neither runs nor results grow without bounds, and what one scope takes is not all that there is.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{PerScope: 2, Runs: 3, ResultBytes: 4000})
		defer r.Close()
		big := strings.Repeat("x", 1500)
		first := submit(t, r, scope, gives(done(), big)).ID
		synctest.Wait()
		second := submit(t, r, scope, gives(done(), big)).ID
		synctest.Wait()
		if run := get(t, r, first); run.State != Finished {
			t.Errorf("got %+v", run)
		}
		if run := get(t, r, second); run.State != Failed || sluice.KindOf(run.Err) != sluice.TooLarge {
			t.Errorf("got %+v", run)
		}
		if _, err := r.Submit(scope, nil, gives(done(), "")); sluice.KindOf(err) != sluice.Throttled {
			t.Errorf("a third of the scope: got %v", err)
		}
		third := submit(t, r, "b/web", gives(done(), big))
		synctest.Wait()
		if run, err := r.Get("b/web", third.ID); err != nil || run.State != Finished {
			t.Errorf("another scope's: got %+v, %v", run, err)
		}
		if _, err := r.Submit("c/web", nil, gives(done(), "")); sluice.KindOf(err) != sluice.Unavailable {
			t.Errorf("a fourth: got %v", err)
		}
		if _, err := r.Delete(scope, first); err != nil {
			t.Fatal(err)
		}
		again := submit(t, r, scope, gives(done(), big)).ID
		synctest.Wait()
		if run := get(t, r, again); run.State != Finished {
			t.Errorf("after room was made: got %+v", run)
		}
	})
}

func TestNothingIsSubmittedAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		id := submit(t, r, scope, gives(nil, "")).ID
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if run := get(t, r, id); run.State != Failed {
			t.Errorf("got %+v", run)
		}
		if _, err := r.Submit(scope, nil, gives(done(), "")); sluice.KindOf(err) != sluice.Unavailable {
			t.Errorf("got %v", err)
		}
	})
}
