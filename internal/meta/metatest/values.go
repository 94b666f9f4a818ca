package metatest

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

func testMissing(t *testing.T, s meta.Store) {
	check := func(state, outermost string) {
		t.Helper()
		view(t, s, func(tx meta.Tx) error {
			for _, k := range kinds {
				noun := k.noun
				if outermost != "" && (k.inLogstore || k.inProject) {
					noun = outermost
				}
				_, err := k.get(tx)
				wantError(t, state+": get "+k.noun, err, sluice.NotFound, noun)
			}
			return nil
		})
		update(t, s, func(tx meta.Tx) error {
			for _, k := range kinds {
				noun := k.noun
				if outermost != "" && (k.inLogstore || k.inProject) {
					noun = outermost
				}
				wantError(t, state+": update "+k.noun, k.update(tx, k.full), sluice.NotFound, noun)
				wantError(t, state+": delete "+k.noun, k.remove(tx), sluice.NotFound, noun)
				if outermost != "" && (k.inLogstore || k.inProject) {
					wantError(t, state+": create "+k.noun, k.create(tx, k.full), sluice.NotFound, noun)
					if k.list != nil {
						_, err := k.list(tx)
						wantError(t, state+": list "+k.noun, err, sluice.NotFound, noun)
					}
				}
			}
			noun := "consumergroup"
			if outermost != "" {
				noun = outermost
			}
			_, err := tx.Checkpoints(ref, "g")
			wantError(t, state+": list checkpoints", err, sluice.NotFound, noun)
			wantError(t, state+": set checkpoint", tx.SetCheckpoint(checkpoint), sluice.NotFound, noun)
			return nil
		})
	}
	check("empty store", "project")
	update(t, s, func(tx meta.Tx) error {
		_, err := tx.Logstores("p")
		wantError(t, "list logstores", err, sluice.NotFound, "project")
		wantError(t, "create logstore", tx.CreateLogstore(meta.Logstore{Project: "p", Name: "l"}), sluice.NotFound, "project")
		return nil
	})
	update(t, s, func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "q"}) })
	check("another project", "project")
	update(t, s, func(tx meta.Tx) error {
		if err := fillLogstore(tx, sluice.LogstoreRef{Project: "q", Logstore: "l"}); err != nil {
			return err
		}
		return fillLogstore(tx, sluice.LogstoreRef{Project: "p", Logstore: "m"})
	})
	update(t, s, func(tx meta.Tx) error {
		// p exists now, and other logstores hold things of the same names.
		_, err := tx.Shard(ref, 0)
		wantError(t, "shard of a missing logstore", err, sluice.NotFound, "logstore")
		_, err = tx.Checkpoints(ref, "g")
		wantError(t, "checkpoints of a missing logstore", err, sluice.NotFound, "logstore")
		return tx.CreateLogstore(meta.Logstore{Project: "p", Name: "l"})
	})
	update(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			if !k.inLogstore {
				continue
			}
			_, err := k.get(tx)
			wantError(t, "get "+k.noun, err, sluice.NotFound, k.noun)
			wantError(t, "update "+k.noun, k.update(tx, k.full), sluice.NotFound, k.noun)
			wantError(t, "delete "+k.noun, k.remove(tx), sluice.NotFound, k.noun)
			if k.list != nil {
				if all, err := k.list(tx); err != nil || len(all) != 0 {
					t.Errorf("list %s: got %d and error %v, want none", k.noun, len(all), err)
				}
			}
		}
		wantError(t, "set checkpoint without group", tx.SetCheckpoint(checkpoint), sluice.NotFound, "consumergroup")
		if err := tx.CreateConsumerGroup(meta.ConsumerGroup{Project: "p", Logstore: "l", Name: "g"}); err != nil {
			return err
		}
		if all, err := tx.Checkpoints(ref, "g"); err != nil || len(all) != 0 {
			t.Errorf("checkpoints of a new group: got %d and error %v, want none", len(all), err)
		}
		wantError(t, "set checkpoint without shard", tx.SetCheckpoint(checkpoint), sluice.NotFound, "shard")
		return nil
	})
}

func testExists(t *testing.T, s meta.Store) {
	fill(t, s)
	update(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			wantError(t, "create "+k.noun, k.create(tx, k.other), sluice.AlreadyExists, k.noun)
			got, err := k.get(tx)
			if err != nil {
				return err
			}
			wantSame(t, k.noun+" after it was created again", got, k.full)
		}
		return nil
	})
}

func testRoundTrip(t *testing.T, s meta.Store) {
	fill(t, s)
	wantKinds(t, s, "as created", func(k kind) any { return k.full })
	update(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			if err := k.update(tx, k.other); err != nil {
				return err
			}
		}
		return nil
	})
	wantKinds(t, s, "as updated", func(k kind) any { return k.other })
}

func testZeroValues(t *testing.T, s meta.Store) {
	update(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			if err := k.create(tx, k.bare); err != nil {
				return err
			}
		}
		return nil
	})
	wantKinds(t, s, "created bare", func(k kind) any { return k.bare })
	update(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			if err := k.update(tx, k.full); err != nil {
				return err
			}
			if err := k.update(tx, k.bare); err != nil {
				return err
			}
		}
		return nil
	})
	wantKinds(t, s, "updated to bare", func(k kind) any { return k.bare })
}

// wantKinds checks that get and list of every kind find what want says.
func wantKinds(t *testing.T, s meta.Store, state string, want func(kind) any) {
	t.Helper()
	view(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			got, err := k.get(tx)
			if err != nil {
				return err
			}
			wantSame(t, k.noun+" "+state, got, want(k))
			if k.list == nil {
				continue
			}
			all, err := k.list(tx)
			if err != nil {
				return err
			}
			wantSame(t, k.noun+" list "+state, all, []any{want(k)})
		}
		return nil
	})
}

func testNormalForm(t *testing.T, s meta.Store) {
	abroad := time.Now().In(time.FixedZone("abroad", 5*3600)) // with a monotonic clock
	update(t, s, func(tx meta.Tx) error {
		if err := tx.CreateProject(meta.Project{Name: "p", Created: abroad}); err != nil {
			return err
		}
		return tx.CreateLogstore(meta.Logstore{Project: "p", Name: "l", Extra: map[string]json.RawMessage{
			"b": json.RawMessage(" { \"x y\" : 1.0 ,\n\"é\":\"\\u003c<\" } "), "a": json.RawMessage(" null"),
		}})
	})
	view(t, s, func(tx meta.Tx) error {
		p, err := tx.Project("p")
		wantSame(t, "time", p.Created, abroad.Round(0).UTC())
		if err != nil {
			return err
		}
		l, err := tx.Logstore(ref)
		wantSame(t, "JSON", l.Extra, map[string]json.RawMessage{
			"b": json.RawMessage(`{"x y":1.0,"é":"\u003c<"}`), "a": json.RawMessage("null"),
		})
		return err
	})
	update(t, s, func(tx meta.Tx) error {
		return tx.CreateAccessKey(meta.AccessKey{ID: "k", Secret: []byte{}, Token: []byte{}, Projects: []string{}})
	})
	got := read(t, s, func(tx meta.Tx) (meta.AccessKey, error) { return tx.AccessKey("k") })
	wantSame(t, "empty slices", got, meta.AccessKey{ID: "k"})
}

func testTimeOutOfRange(t *testing.T, s meta.Store) {
	for _, at := range []time.Time{
		time.Unix(0, math.MinInt64).Add(-1), time.Unix(0, math.MaxInt64).Add(1), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		err := s.Update(ctx, func(tx meta.Tx) error { return tx.CreateAccessKey(meta.AccessKey{ID: "k", Expires: at}) })
		if err == nil {
			t.Errorf("a key that expires at %v was kept", at)
		}
	}
	if all := read(t, s, meta.Tx.AccessKeys); len(all) != 0 {
		t.Errorf("got %v, want no keys", all)
	}
}

func testOwnership(t *testing.T, s meta.Store) {
	secret := []byte("sealed")
	update(t, s, func(tx meta.Tx) error {
		err := tx.CreateAccessKey(meta.AccessKey{ID: "k", Secret: secret, Projects: []string{"a"}})
		secret[0] = 'X'
		return err
	})
	get := func(tx meta.Tx) (meta.AccessKey, error) { return tx.AccessKey("k") }
	got := read(t, s, get)
	got.Secret[1], got.Projects[0] = 'X', "X"
	wantSame(t, "key", read(t, s, get), meta.AccessKey{ID: "k", Secret: []byte("sealed"), Projects: []string{"a"}})
}

func testSetCheckpoint(t *testing.T, s meta.Store) {
	fill(t, s)
	get := func(tx meta.Tx) ([]meta.Checkpoint, error) { return tx.Checkpoints(ref, "g") }
	wantSame(t, "created", read(t, s, get), []meta.Checkpoint{checkpoint})
	replaced := checkpoint
	replaced.Cursor, replaced.Consumer, replaced.Updated = "NDU2", "c2", late
	update(t, s, func(tx meta.Tx) error { return tx.SetCheckpoint(replaced) })
	wantSame(t, "replaced", read(t, s, get), []meta.Checkpoint{replaced})
	bare := meta.Checkpoint{Project: "p", Logstore: "l", Group: "g"}
	update(t, s, func(tx meta.Tx) error { return tx.SetCheckpoint(bare) })
	wantSame(t, "replaced by zero values", read(t, s, get), []meta.Checkpoint{bare})
}
