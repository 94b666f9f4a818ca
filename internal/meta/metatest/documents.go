package metatest

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// testDocuments goes through what documents have and other things do not: kinds below kinds, scopes of accounts, walks.
func testDocuments(t *testing.T, s meta.Store) {
	fill(t, s)
	account := meta.AccountScope("1")
	update(t, s, func(tx meta.Tx) error {
		for _, d := range []meta.Document{
			{Project: "p", Kind: "k", Name: "b"},
			{Project: "p", Kind: "k", Name: "a", Body: json.RawMessage(`{}`)},
			{Project: "p", Kind: "k2", Name: "a"},
			{Project: "p", Kind: "logstore/l/tag", Name: "x"},
			{Project: "p", Kind: "logstore/l2/tag", Name: "y"},
			{Project: account, Kind: "k", Name: "c"},
			{Project: meta.AccountScope("12"), Kind: "k", Name: "d"},
		} {
			if err := tx.CreateDocument(d); err != nil {
				return err
			}
		}
		return nil
	})
	names := func(scope, kind string) []string {
		t.Helper()
		return read(t, s, func(tx meta.Tx) ([]string, error) { return tx.DocumentNames(scope, kind) })
	}
	kinds := func(prefix string) []string {
		t.Helper()
		return read(t, s, func(tx meta.Tx) ([]string, error) { return tx.DocumentKinds("p", prefix) })
	}
	wantSame(t, "names", names("p", "k"), []string{"a", "b"})
	wantSame(t, "names of an account", names(account, "k"), []string{"c"})
	wantSame(t, "names of an account that has none", names(meta.AccountScope("2"), "k"), nil)
	wantSame(t, "kinds", kinds("k"), []string{"k", "k2"})
	wantSame(t, "kinds below a logstore", kinds(meta.LogstoreKinds("l")), []string{"logstore/l/tag"})
	wantSame(t, "count", read(t, s, func(tx meta.Tx) (int, error) { return tx.CountDocuments("p", "k") }), 2)
	testWalk(t, s)

	for what, list := range map[string]func(meta.Tx) error{
		"names": func(tx meta.Tx) error { _, err := tx.DocumentNames("none", "k"); return err },
		"kinds": func(tx meta.Tx) error { _, err := tx.DocumentKinds("none", "k"); return err },
		"count": func(tx meta.Tx) error { _, err := tx.CountDocuments("none", "k"); return err },
		"walk": func(tx meta.Tx) error {
			return tx.EachDocument("none", "k", func(meta.Document) error { return nil })
		},
	} {
		tryUpdate(t, s, what+" of a missing project", sluice.NotFound, "project", list)
	}

	update(t, s, func(tx meta.Tx) error { return tx.DeleteLogstore(ref) })
	wantSame(t, "kinds without the logstore", kinds("logstore/"), []string{"logstore/l2/tag"})
	update(t, s, func(tx meta.Tx) error {
		return errors.Join(tx.DeleteDocuments("p", "k2"), tx.DeleteDocuments("p", "none"))
	})
	wantSame(t, "kinds left", kinds(""), []string{"job", "k", "logstore/l2/tag"})
	update(t, s, func(tx meta.Tx) error { return tx.DeleteProject("p") })
	update(t, s, func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "p"}) })
	wantSame(t, "kinds of a project that was deleted", kinds(""), nil)
	wantSame(t, "names of the account still", names(account, "k"), []string{"c"})
}

// testWalk looks at one document after another, and stops.
func testWalk(t *testing.T, s meta.Store) {
	t.Helper()
	stop := errors.New("enough")
	var seen []string
	err := s.View(t.Context(), func(tx meta.Tx) error {
		return tx.EachDocument("p", "k", func(d meta.Document) error {
			seen = append(seen, fmt.Sprint(d.Name, string(d.Body)))
			if len(seen) == 1 {
				return nil
			}
			return stop
		})
	})
	if !errors.Is(err, stop) {
		t.Errorf("a walk that was stopped: got error %v", err)
	}
	wantSame(t, "walk", seen, []string{"a{}", "b"})
}

// testCounts counts what quotas are about, and lists logstores by what they have.
func testCounts(t *testing.T, s meta.Store) {
	for what, count := range map[string]func(meta.Tx) error{
		"logstores": func(tx meta.Tx) error { _, err := tx.CountLogstores("p"); return err },
		"shards":    func(tx meta.Tx) error { _, err := tx.CountShards("p"); return err },
		"names":     func(tx meta.Tx) error { _, err := tx.LogstoreNames("p"); return err },
	} {
		tryUpdate(t, s, what+" of a missing project", sluice.NotFound, "project", count)
	}
	want := func(logstores, shards int) {
		t.Helper()
		wantSame(t, "logstores", read(t, s, func(tx meta.Tx) (int, error) { return tx.CountLogstores("p") }), logstores)
		wantSame(t, "shards", read(t, s, func(tx meta.Tx) (int, error) { return tx.CountShards("p") }), shards)
	}
	update(t, s, func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "p"}) })
	want(0, 0)
	update(t, s, func(tx meta.Tx) error {
		err := tx.CreateLogstore(meta.Logstore{Project: "p", Name: "l"})
		for id := range sluice.ShardID(3) {
			if err == nil {
				_, err = tx.CreateShard(meta.Shard{Project: "p", Logstore: "l", ID: id, ReadOnly: id == 1})
			}
		}
		return err
	})
	want(1, 2)

	update(t, s, func(tx meta.Tx) error {
		return errors.Join(
			tx.CreateProject(meta.Project{Name: "o"}), tx.CreateLogstore(meta.Logstore{Project: "o", Name: "m"}),
			tx.CreateLogstore(meta.Logstore{Project: "o", Name: "a"}), tx.CreateIndex(meta.Index{Project: "o", Logstore: "m"}),
			tx.CreateSegment(meta.Segment{Project: "p", Logstore: "l", Name: "s1"}), tx.CreateSegment(meta.Segment{Project: "p", Logstore: "l", Name: "s2"}),
		)
	})
	a, m, l := sluice.LogstoreRef{Project: "o", Logstore: "a"}, sluice.LogstoreRef{Project: "o", Logstore: "m"}, sluice.LogstoreRef{Project: "p", Logstore: "l"}
	wantSame(t, "names", read(t, s, func(tx meta.Tx) ([]string, error) { return tx.LogstoreNames("o") }), []string{"a", "m"})
	wantSame(t, "all logstores", read(t, s, meta.Tx.AllLogstores), []sluice.LogstoreRef{a, m, l})
	wantSame(t, "logstores with an index", read(t, s, meta.Tx.IndexedLogstores), []sluice.LogstoreRef{m})
	wantSame(t, "logstores with segments", read(t, s, meta.Tx.SegmentedLogstores), []sluice.LogstoreRef{l})
}
