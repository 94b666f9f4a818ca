package metatest

import (
	"encoding/json"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// deliveryPoint has no zero field.
var deliveryPoint = meta.DeliveryPoint{
	Project: "p", Task: "d", Stream: "redrive", Shard: 7, Log: 3, Position: 1<<63 - 1, Index: 2, IntentPosition: 5, IntentIndex: 6, End: 9,
	Finished: true, Counters: json.RawMessage(`{ "read": 1 }`), Error: "e", Failing: early, Delivered: late, Owner: "o", Epoch: 11,
}

// testDeliveryPoints goes through the life of points, and checks that they do not make caches stale.
func testDeliveryPoints(t *testing.T, s meta.Store) {
	fill(t, s)
	generation := s.Generation()
	own := meta.DeliveryPoint{Project: "p", Task: "d", Shard: 9}
	update(t, s, func(tx meta.Tx) error {
		for _, p := range []meta.DeliveryPoint{deliveryPoint, own, {Project: "p", Task: "d", Shard: 2}} {
			if err := tx.SetDeliveryPoint(p); err != nil {
				return err
			}
		}
		return nil
	})
	points := func(tx meta.Tx) ([]meta.DeliveryPoint, error) { return tx.DeliveryPoints("p", "d") }
	want := []meta.DeliveryPoint{{Project: "p", Task: "d", Shard: 2}, own, deliveryPoint}
	wantSame(t, "points", read(t, s, points), want)
	wantSame(t, "all points", read(t, s, meta.Tx.AllDeliveryPoints), want)

	tryUpdate(t, s, "a missing task", sluice.NotFound, "deliverytask", func(tx meta.Tx) error {
		return tx.SetDeliveryPoint(meta.DeliveryPoint{Project: "p", Task: "none"})
	})
	tryUpdate(t, s, "points of a missing task", sluice.NotFound, "deliverytask", func(tx meta.Tx) error {
		_, err := tx.DeliveryPoints("p", "none")
		return err
	})
	if now := s.Generation(); now != generation {
		t.Errorf("generation went from %d to %d", generation, now)
	}
	update(t, s, func(tx meta.Tx) error { return tx.DeleteDeliveryTask("p", "d") })
	wantSame(t, "points without their task", read(t, s, meta.Tx.AllDeliveryPoints), nil)
}

// testFencing moves a point as its owner and as those who were.
func testFencing(t *testing.T, s meta.Store) {
	fill(t, s)
	var epochs []int64
	for range 3 {
		update(t, s, func(tx meta.Tx) error {
			e, err := tx.NextEpoch()
			epochs = append(epochs, e)
			return err
		})
	}
	if epochs[0] <= 0 || epochs[1] <= epochs[0] || epochs[2] <= epochs[1] {
		t.Errorf("got epochs %v, want them to grow from 1", epochs)
	}
	p := meta.DeliveryPoint{Project: "p", Task: "d", Owner: "a", Epoch: epochs[1]}
	update(t, s, func(tx meta.Tx) error { return tx.SetDeliveryPoint(p) })
	move := func(epoch int64, at sluice.Position) func(meta.Tx) error {
		return func(tx meta.Tx) error {
			moved := p
			moved.Epoch, moved.Position = epoch, at
			return tx.MoveDeliveryPoint(moved)
		}
	}
	update(t, s, move(epochs[1], 5))
	tryUpdate(t, s, "an earlier owner", sluice.Conflict, "deliverypoint", move(epochs[0], 6))
	tryUpdate(t, s, "a later owner that did not take it", sluice.Conflict, "deliverypoint", move(epochs[2], 7))
	tryUpdate(t, s, "no such point", sluice.Conflict, "deliverypoint", func(tx meta.Tx) error {
		return tx.MoveDeliveryPoint(meta.DeliveryPoint{Project: "p", Task: "d", Shard: 1})
	})
	p.Position = 5
	wantSame(t, "points", read(t, s, meta.Tx.AllDeliveryPoints), []meta.DeliveryPoint{p})
}

func testLeases(t *testing.T, s meta.Store) {
	generation := s.Generation()
	update(t, s, func(tx meta.Tx) error {
		for _, l := range []meta.Lease{{Name: "b", Expires: early}, {Name: "a", Expires: early}, {Name: "b", Expires: late}} {
			if err := tx.SetLease(l); err != nil {
				return err
			}
		}
		return nil
	})
	wantSame(t, "leases", read(t, s, meta.Tx.Leases), []meta.Lease{{Name: "a", Expires: early}, {Name: "b", Expires: late}})
	for range 2 {
		update(t, s, func(tx meta.Tx) error { return tx.DeleteLease("a") })
	}
	wantSame(t, "leases", read(t, s, meta.Tx.Leases), []meta.Lease{{Name: "b", Expires: late}})
	if now := s.Generation(); now != generation {
		t.Errorf("generation went from %d to %d", generation, now)
	}
}
