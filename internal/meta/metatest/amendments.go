package metatest

import (
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// testAmendments goes through the life of amendments, and checks that they make no caches stale.
func testAmendments(t *testing.T, s meta.Store) {
	fill(t, s)
	before := s.Generation()
	list := func(tx meta.Tx) ([]meta.Amendment, error) { return tx.Amendments(ref) }
	wantSame(t, "none", read(t, s, list), nil)
	first := meta.Amendment{Project: "p", Logstore: "l", Number: 9, Body: []byte("\x00\xff{ }")}
	second := meta.Amendment{Project: "p", Logstore: "l", Number: 1 << 60}
	update(t, s, func(tx meta.Tx) error {
		for _, a := range []meta.Amendment{second, {Project: "p", Logstore: "l", Number: 9, Body: []byte("old")}, first} {
			if err := tx.SetAmendment(a); err != nil {
				return err
			}
		}
		return nil
	})
	wantSame(t, "by number", read(t, s, list), []meta.Amendment{first, second})
	tryUpdate(t, s, "delete what is missing", sluice.NotFound, "amendment", func(tx meta.Tx) error { return tx.DeleteAmendment(ref, 10) })
	tryUpdate(t, s, "a missing logstore", sluice.NotFound, "logstore", func(tx meta.Tx) error {
		return tx.SetAmendment(meta.Amendment{Project: "p", Logstore: "none"})
	})
	update(t, s, func(tx meta.Tx) error { return tx.DeleteAmendment(ref, 9) })
	wantSame(t, "one", read(t, s, list), []meta.Amendment{second})
	if now := s.Generation(); now != before {
		t.Errorf("generation went from %d to %d", before, now)
	}
	update(t, s, func(tx meta.Tx) error {
		l, err := tx.Logstore(ref)
		if err != nil {
			return err
		}
		if err := tx.DeleteLogstore(ref); err != nil {
			return err
		}
		return tx.CreateLogstore(l)
	})
	wantSame(t, "of another logstore of the name", read(t, s, list), nil)
}
