package metatest

import (
	"encoding/json"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var segment = meta.Segment{
	Project: "p", Logstore: "l", Name: "s2", Info: json.RawMessage(`{"Rows": 3}`), Created: early,
	Runs: []meta.Run{{Shard: 0, From: 1, To: 1<<63 - 1}, {Shard: 7, From: 5, To: 6}},
}

// testSegments goes through the life of segments and of index progress, and checks that neither makes caches stale.
func testSegments(t *testing.T, s meta.Store) {
	fill(t, s)
	before := s.Generation()
	first := segment
	first.Name = "s1"
	update(t, s, func(tx meta.Tx) error {
		for _, seg := range []meta.Segment{segment, first} {
			if err := tx.CreateSegment(seg); err != nil {
				return err
			}
		}
		return tx.SetIndexProgress(meta.IndexProgress{Project: "p", Logstore: "l", Position: 9})
	})
	update(t, s, func(tx meta.Tx) error {
		return tx.SetIndexProgress(meta.IndexProgress{Project: "p", Logstore: "l", Position: 10})
	})
	list := func(tx meta.Tx) ([]meta.Segment, error) { return tx.Segments(ref) }
	progress := func(tx meta.Tx) ([]meta.IndexProgress, error) { return tx.IndexProgress(ref) }
	wantSame(t, "segments", read(t, s, list), []meta.Segment{first, segment})
	wantSame(t, "all segments", read(t, s, meta.Tx.AllSegments), []meta.Segment{first, segment})
	wantSame(t, "progress", read(t, s, progress), []meta.IndexProgress{{Project: "p", Logstore: "l", Position: 10}})

	tryUpdate(t, s, "again", sluice.AlreadyExists, "segment", func(tx meta.Tx) error { return tx.CreateSegment(segment) })
	tryUpdate(t, s, "delete what is missing", sluice.NotFound, "segment", func(tx meta.Tx) error { return tx.DeleteSegment(ref, "none") })
	tryUpdate(t, s, "a missing logstore", sluice.NotFound, "logstore", func(tx meta.Tx) error {
		return tx.CreateSegment(meta.Segment{Project: "p", Logstore: "none", Name: "x"})
	})
	tryUpdate(t, s, "progress of a missing shard", sluice.NotFound, "shard", func(tx meta.Tx) error {
		return tx.SetIndexProgress(meta.IndexProgress{Project: "p", Logstore: "l", Shard: 99})
	})

	update(t, s, func(tx meta.Tx) error { return tx.DeleteSegment(ref, "s1") })
	wantSame(t, "segments", read(t, s, list), []meta.Segment{segment})
	if now := s.Generation(); now != before {
		t.Errorf("generation went from %d to %d", before, now)
	}
	update(t, s, func(tx meta.Tx) error { return tx.DeleteShard(ref, 0) })
	wantSame(t, "progress without the shard", read(t, s, progress), nil)
	update(t, s, func(tx meta.Tx) error { return tx.DeleteLogstore(ref) })
	wantSame(t, "segments without the logstore", read(t, s, meta.Tx.AllSegments), nil)
}

// testIndexRebuilds goes through the life of rebuilds.
func testIndexRebuilds(t *testing.T, s meta.Store) {
	fill(t, s)
	before := s.Generation()
	find := func(tx meta.Tx) (meta.IndexRebuild, error) { return tx.IndexRebuild(ref) }
	wantError(t, "none", s.View(ctx, func(tx meta.Tx) error { _, err := find(tx); return err }), sluice.NotFound, "rebuild")
	wantSame(t, "none", read(t, s, meta.Tx.IndexRebuilds), nil)
	running := meta.IndexRebuild{Project: "p", Logstore: "l", Last: "s2", Started: early}
	update(t, s, func(tx meta.Tx) error { return tx.SetIndexRebuild(running) })
	wantSame(t, "running", read(t, s, find), running)
	over := meta.IndexRebuild{Project: "p", Logstore: "l", Done: 1 << 50, Left: 3, Started: early, Finished: early.Add(1), Canceled: true}
	update(t, s, func(tx meta.Tx) error { return tx.SetIndexRebuild(over) })
	wantSame(t, "over", read(t, s, meta.Tx.IndexRebuilds), []meta.IndexRebuild{over})
	tryUpdate(t, s, "of a missing logstore", sluice.NotFound, "logstore", func(tx meta.Tx) error {
		return tx.SetIndexRebuild(meta.IndexRebuild{Project: "p", Logstore: "none"})
	})
	if now := s.Generation(); now != before {
		t.Errorf("generation went from %d to %d", before, now)
	}
	update(t, s, func(tx meta.Tx) error { return tx.DeleteLogstore(ref) })
	wantSame(t, "without the logstore", read(t, s, meta.Tx.IndexRebuilds), nil)
}

func tryUpdate(t *testing.T, s meta.Store, what string, kind sluice.Kind, noun string, fn func(meta.Tx) error) {
	t.Helper()
	wantError(t, what, s.Update(ctx, fn), kind, noun)
}
