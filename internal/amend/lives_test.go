package amend_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/meta"
)

// anew deletes the logstore and makes it again under its name, with logs that may be modified.
func (e *env) anew() {
	e.t.Helper()
	if err := e.Catalog.DeleteLogstore(e.t.Context(), catalogtest.Ref); err != nil {
		e.t.Fatal(err)
	}
	e.Clock.Advance(time.Second)
	l := meta.Logstore{Project: catalogtest.Ref.Project, Name: catalogtest.Ref.Logstore, TTLDays: 1, Modifiable: true}
	if err := e.Catalog.CreateLogstore(e.t.Context(), l, 2); err != nil {
		e.t.Fatal(err)
	}
}

// TestWhoComesWithTheOldLogstore asks during a change for the logstore that had the name before, as a query does that began then. The change
// has to be seen all the same, and the next one must not take its place.
func TestWhoComesWithTheOldLogstore(t *testing.T) {
	e := open(t)
	old := e.View()
	e.anew()
	err := e.store.Change(t.Context(), catalogtest.Ref, func(l *catalog.Logstore, _ *amend.View) (*amend.Change, error) {
		if _, err := e.store.View(t.Context(), old); sluice.KindOf(err) != sluice.NotFound {
			t.Errorf("the old logstore: %v", err)
		}
		if _, err := e.store.View(t.Context(), l); err != nil {
			t.Error(err)
		}
		return &amend.Change{Gone: []amend.Place{e.place(1)}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !e.view().Hides(e.place(1)) {
		t.Error("the change is not seen")
	}
	if err := e.change(&amend.Change{Gone: []amend.Place{e.place(2)}}); err != nil {
		t.Fatal(err)
	}
	e.restart()
	if v := e.view(); !v.Hides(e.place(1)) || !v.Hides(e.place(2)) {
		t.Error("after a restart a change is lost")
	}
}

// TestMadeAgainWhileItIsChanged has the logstore made again under its name during a change, which then is of neither.
func TestMadeAgainWhileItIsChanged(t *testing.T) {
	e := open(t)
	err := e.store.Change(t.Context(), catalogtest.Ref, func(*catalog.Logstore, *amend.View) (*amend.Change, error) {
		e.anew()
		return &amend.Change{Gone: []amend.Place{e.place(1)}}, nil
	})
	if sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("got %v", err)
	}
	if e.view().Hides(e.place(1)) {
		t.Error("a log of the new logstore is deleted")
	}
}

// TestShardsThatComeDuringAChange splits a shard during a change, which then is about logs of a new one.
func TestShardsThatComeDuringAChange(t *testing.T) {
	e := open(t)
	var places []amend.Place
	err := e.store.Change(t.Context(), catalogtest.Ref, func(*catalog.Logstore, *amend.View) (*amend.Change, error) {
		if _, err := e.Catalog.Split(t.Context(), catalogtest.Ref, 0, nil, 2); err != nil {
			t.Fatal(err)
		}
		s := e.Shard(2)
		for i := range int32(4) {
			places = append(places, amend.Place{Shard: s.ID, Position: s.Base, Index: i})
		}
		return &amend.Change{Gone: places}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		if !e.view().Hides(p) {
			t.Errorf("log %v of the new shard is not deleted, though the change said so", p)
		}
	}
}

// hold begins a change that lasts until release is called.
func (e *env) hold() (release func()) {
	e.t.Helper()
	began, end, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- e.store.Change(context.Background(), catalogtest.Ref, func(*catalog.Logstore, *amend.View) (*amend.Change, error) {
			close(began)
			<-end
			return &amend.Change{}, nil
		})
	}()
	<-began
	return func() {
		e.t.Helper()
		close(end)
		if err := <-done; err != nil {
			e.t.Error(err)
		}
	}
}

// TestWaitingEndsWithTheAsker cancels a change that waits for another one.
func TestWaitingEndsWithTheAsker(t *testing.T) {
	e := open(t)
	release := e.hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- e.store.Change(ctx, catalogtest.Ref, func(*catalog.Logstore, *amend.View) (*amend.Change, error) {
			return nil, errors.New("it had its turn")
		})
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	e.view() // and who asks what became of logs waits for nobody
}

// TestFewWait has more changes come than may wait for their turn.
func TestFewWait(t *testing.T) {
	e := open(t)
	release := e.hold()
	const over = 5
	done := make(chan error, amend.MaxWaiting+over)
	for range amend.MaxWaiting - 1 + over {
		go func() { done <- e.change(&amend.Change{}) }()
	}
	for range over {
		if err := <-done; sluice.KindOf(err) != sluice.Unavailable {
			t.Errorf("one too many: %v", err)
		}
	}
	release()
	for range amend.MaxWaiting - 1 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := e.change(&amend.Change{}); err != nil {
		t.Errorf("once nobody waits: %v", err)
	}
}

// TestDeletedLogstoresAreForgotten makes and deletes logstores, all of which somebody asked.
func TestDeletedLogstoresAreForgotten(t *testing.T) {
	e := open(t)
	if err := e.change(&amend.Change{Gone: []amend.Place{e.place(1)}}); err != nil {
		t.Fatal(err)
	}
	for n := range 2*amend.FewStates + 10 {
		ref := sluice.LogstoreRef{Project: catalogtest.Ref.Project, Logstore: fmt.Sprintf("old-%d", n)}
		if err := e.Catalog.CreateLogstore(t.Context(), meta.Logstore{Project: ref.Project, Name: ref.Logstore, TTLDays: 1, Modifiable: true}, 1); err != nil {
			t.Fatal(err)
		}
		l, err := e.Catalog.Logstore(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.store.View(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if err := e.Catalog.DeleteLogstore(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	if n := e.store.Held(); n > amend.FewStates+1 {
		t.Errorf("it knows of %d logstores, and one is there", n)
	}
	if !e.view().Hides(e.place(1)) {
		t.Error("it forgot the one that is there")
	}
}

// TestUpdatesAgainAndAgainTakeNoMoreRoom updates one log with large texts, of which the last one alone counts.
func TestUpdatesAgainAndAgainTakeNoMoreRoom(t *testing.T) {
	e := open(t)
	const size = 512 << 10
	for n := range 3 * amend.StaleBytes / size {
		if err := e.change(&amend.Change{Now: []amend.Row{e.row(0, strings.Repeat(fmt.Sprint(n%10), size))}}); err != nil {
			t.Fatal(err)
		}
		if n%10 == 5 {
			e.restart()
		}
	}
	bytes := 0
	err := e.Meta.View(t.Context(), func(tx meta.Tx) error {
		all, err := tx.Amendments(catalogtest.Ref)
		for _, a := range all {
			bytes += len(a.Body)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if most := amend.StaleBytes + 4*size; bytes > most {
		t.Errorf("amendments of one log take %d bytes, want %d at most", bytes, most)
	}
	e.restart()
	if row := e.view().Now(e.place(0)); row == nil || len(row.Record().Fields[0].Value) != size {
		t.Errorf("the log says %v", row)
	}
}
