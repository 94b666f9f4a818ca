package metatest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// testCascade deletes one thing after another and looks whether exactly its own followers are gone, by making it again.
func testCascade(t *testing.T, s meta.Store) {
	refs := []sluice.LogstoreRef{{Project: "p", Logstore: "l"}, {Project: "p", Logstore: "m"}, {Project: "q", Logstore: "l"}}
	update(t, s, func(tx meta.Tx) error {
		for _, r := range refs {
			if err := fillLogstore(tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	wantHeld := func(state string, at sluice.LogstoreRef, want bool) {
		t.Helper()
		view(t, s, func(tx meta.Tx) error {
			shards, err := tx.Shards(at)
			if err != nil {
				return err
			}
			groups, err := tx.ConsumerGroups(at)
			if err != nil {
				return err
			}
			_, err = tx.Index(at)
			if (len(shards) > 0) != want || (len(groups) > 0) != want || (err == nil) != want {
				t.Errorf("%s: %v has %d shards, %d groups, index error %v; want them there: %v",
					state, at, len(shards), len(groups), err, want)
			}
			return nil
		})
	}
	wantCheckpoints := func(state string, at sluice.LogstoreRef, want int) {
		t.Helper()
		got := read(t, s, func(tx meta.Tx) ([]meta.Checkpoint, error) { return tx.Checkpoints(at, "g") })
		if len(got) != want {
			t.Errorf("%s: %v has %d checkpoints, want %d", state, at, len(got), want)
		}
	}
	for _, r := range refs {
		wantHeld("at first", r, true)
		wantCheckpoints("at first", r, 1)
	}

	update(t, s, func(tx meta.Tx) error {
		if err := tx.DeleteConsumerGroup(ref, "g"); err != nil {
			return err
		}
		return tx.CreateConsumerGroup(meta.ConsumerGroup{Project: "p", Logstore: "l", Name: "g"})
	})
	wantCheckpoints("group made again", ref, 0)
	update(t, s, func(tx meta.Tx) error {
		if err := tx.SetCheckpoint(checkpoint); err != nil {
			return err
		}
		return tx.DeleteShard(ref, 0)
	})
	wantCheckpoints("shard deleted", ref, 0)

	update(t, s, func(tx meta.Tx) error {
		if _, err := tx.CreateShard(meta.Shard{Project: "p", Logstore: "l"}); err != nil {
			return err
		}
		if err := tx.DeleteLogstore(ref); err != nil {
			return err
		}
		return tx.CreateLogstore(meta.Logstore{Project: "p", Name: "l"})
	})
	wantHeld("logstore made again", ref, false)
	wantHeld("its neighbour", refs[1], true)
	wantHeld("its namesake", refs[2], true)

	update(t, s, func(tx meta.Tx) error {
		if err := tx.DeleteProject("p"); err != nil {
			return err
		}
		return tx.CreateProject(meta.Project{Name: "p"})
	})
	if all := read(t, s, func(tx meta.Tx) ([]meta.Logstore, error) { return tx.Logstores("p") }); len(all) != 0 {
		t.Errorf("project made again: got %d logstores, want none", len(all))
	}
	wantHeld("another project's logstore", refs[2], true)
	wantCheckpoints("another project's logstore", refs[2], 1)
	if all := read(t, s, meta.Tx.AllShards); len(all) != 1 {
		t.Errorf("got %d shards in all, want the other project's", len(all))
	}
}

// sortedNames are names in byte order, which is no language's order.
var sortedNames = []string{"-", "0", "10", "9", "A", "Z", "a", "a-", "a0", "aa", "b", "é", "日本", "😀"}

func testSorted(t *testing.T, s meta.Store) {
	shuffled := slices.Clone(sortedNames)
	slices.Reverse(shuffled)
	shuffled[2], shuffled[9] = shuffled[9], shuffled[2]
	ids := []sluice.ShardID{10, 2, 1, 33, 0}
	update(t, s, func(tx meta.Tx) error {
		for _, name := range shuffled {
			if err := fillSorted(tx, name, shuffled, ids); err != nil {
				return err
			}
			if err := tx.CreateAccessKey(meta.AccessKey{ID: name}); err != nil {
				return err
			}
		}
		return nil
	})
	wantIDs := []sluice.ShardID{0, 1, 2, 10, 33}
	at := sluice.LogstoreRef{Project: "a", Logstore: "a"}
	view(t, s, func(tx meta.Tx) error {
		wantOrder(t, "projects", tx.Projects, func(p meta.Project) string { return p.Name }, sortedNames)
		wantOrder(t, "keys", tx.AccessKeys, func(k meta.AccessKey) string { return k.ID }, sortedNames)
		wantOrder(t, "logstores", func() ([]meta.Logstore, error) { return tx.Logstores("a") },
			func(l meta.Logstore) string { return l.Name }, sortedNames)
		wantOrder(t, "groups", func() ([]meta.ConsumerGroup, error) { return tx.ConsumerGroups(at) },
			func(g meta.ConsumerGroup) string { return g.Name }, sortedNames)
		wantOrder(t, "shards", func() ([]meta.Shard, error) { return tx.Shards(at) },
			func(s meta.Shard) sluice.ShardID { return s.ID }, wantIDs)
		wantOrder(t, "checkpoints", func() ([]meta.Checkpoint, error) { return tx.Checkpoints(at, "b") },
			func(c meta.Checkpoint) sluice.ShardID { return c.Shard }, wantIDs)
		var every []string
		for _, project := range sortedNames {
			for _, id := range wantIDs {
				every = append(every, fmt.Sprintf("%s/a/%d", project, id))
			}
		}
		wantOrder(t, "all shards", tx.AllShards,
			func(s meta.Shard) string { return fmt.Sprintf("%s/%s/%d", s.Project, s.Logstore, s.ID) }, every)
		return nil
	})
}

// fillSorted makes a project with logstores of these names, and in its logstore "a" groups of these names, shards of these ids
// and their checkpoints in group "b".
func fillSorted(tx meta.Tx, project string, names []string, ids []sluice.ShardID) error {
	if err := tx.CreateProject(meta.Project{Name: project}); err != nil {
		return err
	}
	for _, name := range names {
		if err := tx.CreateLogstore(meta.Logstore{Project: project, Name: name}); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := tx.CreateConsumerGroup(meta.ConsumerGroup{Project: project, Logstore: "a", Name: name}); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if _, err := tx.CreateShard(meta.Shard{Project: project, Logstore: "a", ID: id}); err != nil {
			return err
		}
		if err := tx.SetCheckpoint(meta.Checkpoint{Project: project, Logstore: "a", Group: "b", Shard: id}); err != nil {
			return err
		}
	}
	return nil
}

func wantOrder[T any, K comparable](t *testing.T, what string, list func() ([]T, error), key func(T) K, want []K) {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	var got []K
	for _, v := range all {
		got = append(got, key(v))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: got order %v, want %v", what, got, want)
	}
}

func testLongLists(t *testing.T, s meta.Store) {
	const n = 3000
	long := strings.Repeat("x", 1<<20)
	update(t, s, func(tx meta.Tx) error {
		if err := fillLogstore(tx, ref); err != nil {
			return err
		}
		for id := range sluice.ShardID(n) {
			if _, err := tx.CreateShard(meta.Shard{Project: "p", Logstore: "l", ID: id + 1}); err != nil {
				return err
			}
		}
		return tx.CreateProject(meta.Project{Name: "long", Description: long})
	})
	all := read(t, s, func(tx meta.Tx) ([]meta.Shard, error) { return tx.Shards(ref) })
	if len(all) != n+1 || all[n].ID != n {
		t.Errorf("got %d shards, want %d", len(all), n+1)
	}
	if p := read(t, s, func(tx meta.Tx) (meta.Project, error) { return tx.Project("long") }); p.Description != long {
		t.Errorf("a description of %d bytes came back with %d", len(long), len(p.Description))
	}
}

// hostileNames try to be something else than a name. No caller lets most of them through; the store must not depend on it.
var hostileNames = []string{
	"", " ", "'", "''", `"`, "`", "\\", "%", "_", "?", "?1", "$1", ":name", "@name", "NULL", "--", "/*",
	"; DROP TABLE projects; --", "x'; DELETE FROM access_keys; --", "x' OR '1'='1", "../../etc/passwd", "a/b",
	"a\nb", "\t", "\r\n", "\u202e", "\ufeff", "é", "e\u0301", "ß", "SS", "İ", "日本語", "😀", strings.Repeat("n", 2000),
}

// testHostileNames makes everything under every name, and finds each under its own name only: no folding, no patterns.
func testHostileNames(t *testing.T, s meta.Store) {
	for _, name := range hostileNames {
		at := sluice.LogstoreRef{Project: name, Logstore: name}
		err := s.Update(ctx, func(tx meta.Tx) error {
			if err := fillLogstore(tx, at); err != nil {
				return err
			}
			if err := tx.CreateConsumerGroup(meta.ConsumerGroup{Project: name, Logstore: name, Name: name + "2"}); err != nil {
				return err
			}
			return tx.CreateAccessKey(meta.AccessKey{ID: name, Description: name, Projects: []string{name}, Secret: []byte(name)})
		})
		if err != nil {
			t.Errorf("name %.40q: %v", name, err)
		}
	}
	view(t, s, func(tx meta.Tx) error {
		for _, name := range hostileNames {
			at := sluice.LogstoreRef{Project: name, Logstore: name}
			if l, err := tx.Logstore(at); err != nil || l.Ref() != at {
				t.Errorf("logstore %.40q: got %v and error %v", name, l.Ref(), err)
			}
			if g, err := tx.ConsumerGroup(at, name+"2"); err != nil || g.Name != name+"2" {
				t.Errorf("group %.40q: got %q and error %v", name, g.Name, err)
			}
			if k, err := tx.AccessKey(name); err != nil || k.ID != name || k.Description != name || k.Projects[0] != name {
				t.Errorf("key %.40q: got %+v and error %v", name, k, err)
			}
		}
		return nil
	})
	update(t, s, func(tx meta.Tx) error {
		for i, name := range hostileNames {
			if err := tx.DeleteProject(name); err != nil {
				t.Errorf("delete %.40q: %v", name, err)
			}
			if all, err := tx.Projects(); err != nil || len(all) != len(hostileNames)-i-1 {
				t.Errorf("after delete of %.40q: got %d projects and error %v, want %d", name, len(all), err, len(hostileNames)-i-1)
			}
		}
		return nil
	})
}
