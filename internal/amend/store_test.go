package amend_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"
)

// env is amendments on real metadata, of which commits can fail.
type env struct {
	*catalogtest.Env
	t     *testing.T
	fails *failing
	store *amend.Store
}

func open(t *testing.T) *env {
	t.Helper()
	e := &env{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t}
	e.CreateLogstore(2)
	e.allow()
	e.restart()
	return e
}

func (e *env) allow() {
	e.t.Helper()
	if err := e.Catalog.UpdateLogstore(e.t.Context(), catalogtest.Ref, func(l *meta.Logstore) error { l.Modifiable = true; return nil }); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) restart() {
	e.fails = &failing{Store: e.Meta}
	e.store = amend.New(e.fails, e.Catalog, nil)
}

func (e *env) change(c *amend.Change) error {
	return e.store.Change(e.t.Context(), catalogtest.Ref, func(*catalog.Logstore, *amend.View) (*amend.Change, error) { return c, nil })
}

func (e *env) view() *amend.View {
	e.t.Helper()
	v, err := e.store.View(e.t.Context(), e.View())
	if err != nil {
		e.t.Fatal(err)
	}
	return v
}

// place is the n-th place of a logstore, in one of its shards.
func (e *env) place(n int) amend.Place {
	s := e.Shard(sluice.ShardID(n % 2))
	return amend.Place{Shard: s.ID, Position: s.Base + sluice.Position(n), Index: int32(n % 3)}
}

func (e *env) row(n int, says string) amend.Row {
	return amend.Row{Place: e.place(n), Log: sluice.LogGroup{Records: []sluice.Record{{Time: 1, Fields: []sluice.Field{{Key: "says", Value: says}}}}}}
}

// failing makes one commit fail: before it is made, or when its answer is on the way.
type failing struct {
	meta.Store
	before, after bool
}

var errLost = errors.New("lost")

func (f *failing) Update(ctx context.Context, fn func(meta.Tx) error) error {
	before, after := f.before, f.after
	f.before, f.after = false, false
	if before {
		return errLost
	}
	err := f.Store.Update(ctx, fn)
	if after && err == nil {
		err = errLost
	}
	return err
}

// TestChangesOutliveTheProcess makes many small changes with restarts and failed commits between, and wants what a model has; and few amendments in
// metadata for them.
func TestChangesOutliveTheProcess(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	e := open(t)
	want := map[int]string{} // what logs say; "" once they are deleted
	check := func(when string) {
		t.Helper()
		v, updated := e.view(), int64(0)
		for n, says := range want {
			p := e.place(n)
			switch row := v.Now(p); {
			case !v.Hides(p):
				t.Fatalf("%s: log %d is not hidden", when, n)
			case says == "" && row != nil, says != "" && (row == nil || row.Record().Fields[0].Value != says):
				t.Fatalf("%s: log %d says %v, want %q", when, n, row, says)
			case says != "":
				updated++
			}
		}
		if c, u := v.Count(); c != int64(len(want)) || u != updated {
			t.Fatalf("%s: %d logs are changed and %d updated, want %d and %d", when, c, u, len(want), updated)
		}
	}
	for step := range 300 {
		n, says := r.IntN(200), ""
		c := &amend.Change{Gone: []amend.Place{e.place(n)}}
		if r.IntN(2) == 0 {
			says = fmt.Sprint("step ", step)
			c = &amend.Change{Now: []amend.Row{e.row(n, says)}}
		}
		switch r.IntN(10) {
		case 0:
			e.fails.before = true
			if err := e.change(c); !errors.Is(err, errLost) {
				t.Fatal(err)
			}
		case 1:
			e.fails.after = true
			if err := e.change(c); !errors.Is(err, errLost) {
				t.Fatal(err)
			}
			want[n] = says
		default:
			if err := e.change(c); err != nil {
				t.Fatal(err)
			}
			want[n] = says
		}
		check("after a change")
		if r.IntN(20) == 0 {
			e.Crash(r)
			e.restart()
			check("after a restart")
		}
	}
	var all []meta.Amendment
	if err := e.Meta.View(t.Context(), func(tx meta.Tx) (err error) { all, err = tx.Amendments(catalogtest.Ref); return err }); err != nil {
		t.Fatal(err)
	}
	if len(all) > 40 {
		t.Errorf("300 changes are %d amendments in metadata; small ones were not written together", len(all))
	}
}

// TestWhoMayBeChanged tries logstores whose logs may not be modified, that were deleted, and that were made again.
func TestWhoMayBeChanged(t *testing.T) {
	e := open(t)
	one := &amend.Change{Gone: []amend.Place{e.place(1)}}
	if err := e.change(one); err != nil {
		t.Fatal(err)
	}
	if err := e.Catalog.UpdateLogstore(t.Context(), catalogtest.Ref, func(l *meta.Logstore) error { l.Modifiable = false; return nil }); sluice.KindOf(err) != sluice.Invalid {
		t.Errorf("it was taken back: %v", err)
	}
	place, old := e.place(1), e.View()
	if err := e.Catalog.DeleteLogstore(t.Context(), catalogtest.Ref); err != nil {
		t.Fatal(err)
	}
	if err := e.change(one); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("a deleted logstore was changed: %v", err)
	}
	e.Clock.Advance(time.Second)
	if err := e.Catalog.CreateLogstore(t.Context(), meta.Logstore{Project: "web", Name: "access", TTLDays: 1}, 2); err != nil {
		t.Fatal(err)
	}
	err := e.change(one)
	if sluice.KindOf(err) != sluice.Conflict || !strings.Contains(err.Error(), "enableModify") {
		t.Errorf("a logstore was changed that does not allow it: %v", err)
	}
	e.allow()
	if v := e.view(); v.Hides(place) {
		t.Error("the new logstore has what became of the old one's logs")
	}
	other := e.place(2)
	if err := e.change(&amend.Change{Gone: []amend.Place{other}}); err != nil {
		t.Fatal(err)
	}
	if v, err := e.store.View(t.Context(), old); err == nil && v.Hides(other) { // whoever still has the old one learns that it is gone, or sees what became of that
		t.Error("the old logstore has what became of the new one's logs")
	}
	if !e.view().Hides(other) {
		t.Error("asking for the old logstore made the new one forget")
	}
}

// TestBadAmendmentsHideNothingByMistake damages metadata: queries fail rather than show what was deleted.
func TestBadAmendmentsHideNothingByMistake(t *testing.T) {
	e := open(t)
	if err := e.change(&amend.Change{Gone: []amend.Place{e.place(1)}}); err != nil {
		t.Fatal(err)
	}
	err := e.Meta.Update(t.Context(), func(tx meta.Tx) error {
		return tx.SetAmendment(meta.Amendment{Project: "web", Logstore: "access", Number: 2, Body: []byte("no amendment")})
	})
	if err != nil {
		t.Fatal(err)
	}
	e.restart()
	if _, err := e.store.View(t.Context(), e.View()); err == nil || !strings.Contains(err.Error(), "amendment 2") {
		t.Errorf("got %v, want an error that names the amendment", err)
	}
	if err := e.change(&amend.Change{Gone: []amend.Place{e.place(2)}}); err == nil {
		t.Error("it was changed nevertheless")
	}
}

// TestTooManyAmendments fills a logstore, and wants it to say so and to stay as it was; and retention to make room.
func TestTooManyAmendments(t *testing.T) {
	e := open(t)
	large := strings.Repeat("x", 1<<20)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = e.change(&amend.Change{Now: []amend.Row{e.row(2*n, large)}})
	}
	if sluice.KindOf(err) != sluice.Throttled || n < 60 {
		t.Fatalf("after %d updates of 1 MiB: %v", n, err)
	}
	if _, updated := e.view().Count(); updated != int64(n-1) {
		t.Errorf("%d updated logs, want %d", updated, n-1)
	}
	if err := e.change(&amend.Change{Gone: []amend.Place{e.place(0)}}); err != nil {
		t.Errorf("there is no room to delete: %v", err)
	}
}

// TestChangesAreSerial makes changes from many goroutines, each of which builds on what it is given.
func TestChangesAreSerial(t *testing.T) {
	e := open(t)
	places := make([]amend.Place, 40)
	for i := range places {
		places[i] = e.place(i)
	}
	var g sync.WaitGroup
	for range 40 {
		g.Go(func() {
			err := e.store.Change(t.Context(), catalogtest.Ref, func(_ *catalog.Logstore, v *amend.View) (*amend.Change, error) {
				n, _ := v.Count()
				return &amend.Change{Gone: []amend.Place{places[n]}}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	if n, _ := e.view().Count(); n != 40 {
		t.Errorf("%d logs are deleted, want 40: two changes saw the same view", n)
	}
}
