// Package metatest is what a metadata store has to do to be one: every implementation of meta.Store passes Run.
//
// The suite knows only the contract. It takes the store through errors, panics, cancelled contexts, concurrent use and
// restarts, and gives it names that try to be something else.
package metatest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// An Opener opens the store of one place: empty the first time; after Close, with what was committed.
type Opener func() (meta.Store, error)

// Run runs the suite. Each call of place gives a new, empty place for a store.
func Run(t *testing.T, place func(t *testing.T) Opener) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, meta.Store)
	}{
		{"missing things are named from the outside in", testMissing},
		{"existing things are not made again", testExists},
		{"values come back as they went in", testRoundTrip},
		{"zero values come back as they went in", testZeroValues},
		{"values that no database keeps exactly", testNormalForm},
		{"times that cannot be kept are refused", testTimeOutOfRange},
		{"what is returned belongs to the caller", testOwnership},
		{"a checkpoint is created and replaced", testSetCheckpoint},
		{"delete takes along what hangs on it", testCascade},
		{"segments and index progress", testSegments},
		{"rebuilds of an index", testIndexRebuilds},
		{"amendments", testAmendments},
		{"documents of scopes and kinds", testDocuments},
		{"counts of logstores and shards", testCounts},
		{"points of delivery tasks", testDeliveryPoints},
		{"a point moves for its owner alone", testFencing},
		{"leases", testLeases},
		{"uses of keys", testKeyUses},
		{"identities are of an account and a kind", testIdentities},
		{"items", testItems},
		{"lists are sorted", testSorted},
		{"lists may be long", testLongLists},
		{"names are only names", testHostileNames},
		{"log numbers are given once", testLogNumbers},
		{"update of a shard keeps its log number", testUpdateShardKeepsLog},
		{"an update sees its own changes", testOwnChanges},
		{"an error rolls back", testErrorRollsBack},
		{"a panic rolls back", testPanicRollsBack},
		{"a cancelled context rolls back", testCancelRollsBack},
		{"a cancelled context ends the wait for a turn", testCancelWait},
		{"a view refuses changes", testViewRefusesChanges},
		{"a view is a snapshot that blocks nobody", testSnapshot},
		{"updates run one at a time", testSerial},
		{"views run beside updates", testViewsBesideUpdates},
		{"generation counts changes", testGeneration},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := open(t, place(t))
			defer closeStore(t, s)
			test.run(t, s)
		})
	}
	t.Run("what was committed is there after a restart", func(t *testing.T) { testReopen(t, place(t)) })
	t.Run("updates that come together", func(t *testing.T) { testTogether(t, place(t)) })
	t.Run("refusals tell the truth", func(t *testing.T) { testTruthOfRefusals(t, place(t)) })
	t.Run("log numbers are given once over restarts", func(t *testing.T) { testLogNumbersOverRestart(t, place(t)) })
	t.Run("a closed store refuses transactions", func(t *testing.T) { testClosed(t, place(t)) })
}

func open(t *testing.T, opener Opener) meta.Store {
	t.Helper()
	s, err := opener()
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return s
}

func closeStore(t *testing.T, s meta.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func update(t *testing.T, s meta.Store, fn func(meta.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t *testing.T, s meta.Store, fn func(meta.Tx) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// read returns what get finds in a View of its own.
func read[T any](t *testing.T, s meta.Store, get func(meta.Tx) (T, error)) T {
	t.Helper()
	var v T
	view(t, s, func(tx meta.Tx) (err error) {
		v, err = get(tx)
		return err
	})
	return v
}

// wantError checks kind and noun, all that callers may branch on.
func wantError(t *testing.T, what string, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: got error %v, want %v [%s]", what, err, kind, noun)
		return
	}
	if e.Kind != kind || e.Noun != noun {
		t.Errorf("%s: got %v [%s], want %v [%s]", what, e.Kind, e.Noun, kind, noun)
	}
	if e.Msg == "" {
		t.Errorf("%s: the error has no message for the client", what)
	}
}

// wantSame compares exactly: a time must have the same nanosecond and be UTC.
func wantSame[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	exact := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() })
	if diff := cmp.Diff(want, got, exact); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
