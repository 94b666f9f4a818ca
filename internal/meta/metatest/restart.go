package metatest

import (
	"errors"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// newLog creates a shard and returns its log's number.
func newLog(tx meta.Tx, id sluice.ShardID) (sluice.LogID, error) {
	s, err := tx.CreateShard(meta.Shard{Project: "p", Logstore: "l", ID: id, Log: 12345}) // the number asked for is not heard
	return s.Log, err
}

func testLogNumbers(t *testing.T, s meta.Store) {
	seen := map[sluice.LogID]bool{}
	note := func(log sluice.LogID) {
		t.Helper()
		if log == 0 || log == 12345 || seen[log] {
			t.Errorf("log number %d: 0, the client's, or given before", log)
		}
		seen[log] = true
	}
	update(t, s, func(tx meta.Tx) error {
		if err := fillLogstore(tx, ref); err != nil {
			return err
		}
		shard, err := tx.Shard(ref, 0)
		note(shard.Log)
		return err
	})
	create := func(id sluice.ShardID, then func(meta.Tx) error) error {
		return s.Update(ctx, func(tx meta.Tx) error {
			log, err := newLog(tx, id)
			if err != nil {
				return err
			}
			note(log)
			return then(tx)
		})
	}
	if err := create(1, func(tx meta.Tx) error { return tx.DeleteShard(ref, 1) }); err != nil {
		t.Fatal(err)
	}
	if err := create(1, func(meta.Tx) error { return errWanted }); !errors.Is(err, errWanted) {
		t.Fatal(err)
	}
	if err := create(1, func(tx meta.Tx) error { return tx.DeleteLogstore(ref) }); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx meta.Tx) error { return tx.CreateLogstore(meta.Logstore{Project: "p", Name: "l"}) })
	if err := create(1, func(tx meta.Tx) error {
		_, err := newLog(tx, 1)
		wantError(t, "create", err, sluice.AlreadyExists, "shard")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func testUpdateShardKeepsLog(t *testing.T, s meta.Store) {
	fill(t, s)
	get := func(tx meta.Tx) (meta.Shard, error) { return tx.Shard(ref, 0) }
	want := read(t, s, get)
	update(t, s, func(tx meta.Tx) error {
		changed := want
		changed.Log, changed.ReadOnly = want.Log+1, !want.ReadOnly
		return tx.UpdateShard(changed)
	})
	want.ReadOnly = !want.ReadOnly
	wantSame(t, "shard", read(t, s, get), want)
}

func testReopen(t *testing.T, opener Opener) {
	s := open(t, opener)
	fill(t, s)
	if err := s.Update(ctx, func(tx meta.Tx) error {
		if err := tx.DeleteProject("p"); err != nil {
			return err
		}
		return errWanted
	}); !errors.Is(err, errWanted) {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, opener)
	defer func() { closeStore(t, s) }()
	wantKinds(t, s, "after a restart", func(k kind) any { return k.full })
	wantSame(t, "checkpoints after a restart",
		read(t, s, func(tx meta.Tx) ([]meta.Checkpoint, error) { return tx.Checkpoints(ref, "g") }), []meta.Checkpoint{checkpoint})
	update(t, s, func(tx meta.Tx) error { return tx.DeleteProject("p") })
	closeStore(t, s)
	s = open(t, opener)
	wantProjects(t, s, 0)
}

func testLogNumbersOverRestart(t *testing.T, opener Opener) {
	s := open(t, opener)
	lastLog := func(tx meta.Tx) (sluice.LogID, error) { return tx.LastLog() }
	wantSame(t, "last log of an empty store", read(t, s, lastLog), 0)
	var last sluice.LogID
	update(t, s, func(tx meta.Tx) (err error) {
		if err := fillLogstore(tx, ref); err != nil {
			return err
		}
		if last, err = newLog(tx, 1); err != nil {
			return err
		}
		return tx.DeleteProject("p") // no row is left to count from
	})
	wantSame(t, "last log", read(t, s, lastLog), last)
	closeStore(t, s)
	s = open(t, opener)
	defer closeStore(t, s)
	wantSame(t, "last log after a restart", read(t, s, lastLog), last)
	update(t, s, func(tx meta.Tx) error {
		if err := fillLogstore(tx, ref); err != nil {
			return err
		}
		shard, err := tx.Shard(ref, 0)
		if shard.Log <= last {
			t.Errorf("after a restart a shard got log %d, given before (last was %d)", shard.Log, last)
		}
		return err
	})
}

func testClosed(t *testing.T, opener Opener) {
	s := open(t, opener)
	update(t, s, createP)
	closeStore(t, s)
	ran := func(meta.Tx) error {
		t.Error("fn ran on a closed store")
		return nil
	}
	if err := s.Update(ctx, ran); err == nil {
		t.Error("Update on a closed store went through")
	}
	if err := s.View(ctx, ran); err == nil {
		t.Error("View on a closed store went through")
	}
}
