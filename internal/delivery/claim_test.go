package delivery

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
)

// A worker moves its point and ends between the manager's look and its claim: the new owner goes on where the old one stopped, and does not
// take the point back to where it was when the manager looked.
func TestClaimsDoNotTakePointsBack(t *testing.T) {
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	update := func(fn func(meta.Tx) error) {
		t.Helper()
		if err := store.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	read := func() (p meta.DeliveryPoint) {
		t.Helper()
		update(func(tx meta.Tx) error {
			all, err := tx.DeliveryPoints("p", "t")
			p = all[0]
			return err
		})
		return p
	}
	var seen meta.DeliveryPoint
	update(func(tx meta.Tx) error {
		epoch, err := tx.NextEpoch()
		if err != nil {
			return err
		}
		if err := tx.CreateProject(meta.Project{Name: "p"}); err != nil {
			return err
		}
		if err := tx.CreateDeliveryTask(meta.DeliveryTask{Project: "p", Name: "t"}); err != nil {
			return err
		}
		seen = meta.DeliveryPoint{Project: "p", Task: "t", Log: 1, Position: 3, Owner: "a", Epoch: epoch}
		return tx.SetDeliveryPoint(seen)
	})
	moved := seen
	moved.Position, moved.IntentPosition = 10, 12
	update(func(tx meta.Tx) error { return tx.MoveDeliveryPoint(moved) })
	m := &manager{e: New(store, nil, nil, nil, Options{ID: "a"})}

	if err := m.giveBack(t.Context(), &state{points: map[pointKey]meta.DeliveryPoint{keyOf(seen): seen}}, nil); err != nil {
		t.Fatal(err)
	}
	moved.Owner = ""
	if diff := cmp.Diff(moved, read()); diff != "" {
		t.Errorf("given back (-want +got):\n%s", diff)
	}
	got, err := m.claim(t.Context(), taskKey{"p", "t"}, []*assignment{{point: seen}})
	if err != nil {
		t.Fatal(err)
	}
	moved.Owner, moved.Epoch = "a", seen.Epoch+1
	if diff := cmp.Diff(moved, got[0]); diff != "" {
		t.Errorf("claimed (-want +got):\n%s", diff)
	}
	if got, err := m.claim(t.Context(), taskKey{"p", "t"}, []*assignment{{point: seen}}); err != nil || got[0].Owner != "" {
		t.Errorf("claimed again by who looked before: %+v, error %v", got[0], err)
	}
}
