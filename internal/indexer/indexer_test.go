package indexer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/meta"
)

// runs returns what of the shards the segments of a snapshot hold, and checks that nothing is in two of them.
func runs(t *testing.T, e *env) []meta.Run {
	t.Helper()
	snap, err := e.index.Snapshot(t.Context(), catalogtest.Ref)
	if err != nil {
		t.Fatal(err)
	}
	var all []meta.Run
	rows := int64(0)
	for _, s := range snap.Segments {
		all = append(all, s.Runs...)
		rows += s.Info().Rows
	}
	slices.SortFunc(all, func(a, b meta.Run) int { return int(a.Shard-b.Shard)*1_000_000 + int(a.From-b.From) })
	for i := 1; i < len(all); i++ {
		if all[i-1].Shard == all[i].Shard && all[i-1].To > all[i].From {
			t.Errorf("%+v and %+v overlap", all[i-1], all[i])
		}
	}
	if rows > e.rows {
		t.Errorf("%d rows of %d", rows, e.rows)
	}
	return all
}

// TestShardsTogether: a batch takes the log groups of all shards in the order in which they were received.
func TestShardsTogether(t *testing.T) {
	e := open(t, weblogsConfig, 3, indexer.Options{BatchBytes: 40_000})
	w := newWeblogs(e.Clock.Now())
	for range 60 {
		e.append(t, w.group(20))
		e.Clock.Advance(time.Second)
	}
	if err := e.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	snap, err := e.index.Snapshot(t.Context(), catalogtest.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Segments) < 3 {
		t.Fatalf("%d segments", len(snap.Segments))
	}
	for i, s := range snap.Segments[1:] {
		if before := snap.Segments[i].Info().Last; s.Info().First.Before(before) {
			t.Errorf("segment %d begins at %v, and the one before ends at %v", i+1, s.Info().First, before)
		}
	}
	runs(t, e)
}

// TestRestWaits: of a backlog, what does not fill a batch waits for the next round, and is then indexed.
func TestRestWaits(t *testing.T) {
	e := open(t, weblogsConfig, 2, indexer.Options{BatchBytes: 100_000})
	w := newWeblogs(e.Clock.Now())
	for range 25 { // of about 34 KB
		e.append(t, w.group(100))
	}
	if err := e.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.index.Status(); got.Rows == 0 || got.Rows == e.rows {
		t.Errorf("after one round %d rows of %d are in segments", got.Rows, e.rows)
	}
	if err := e.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.index.Status(); got.Rows != e.rows {
		t.Errorf("after two rounds %d rows of %d are in segments", got.Rows, e.rows)
	}
	runs(t, e)
}

// TestManySmallSegments: merging keeps them few and loses nothing.
func TestManySmallSegments(t *testing.T) {
	e := open(t, weblogsConfig, 2, indexer.Options{})
	w := newWeblogs(e.Clock.Now())
	for i := range 100 {
		e.append(t, w.group(1+i%7))
		e.Clock.Advance(time.Second)
		if err := e.index.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := e.index.Status()
	if got.Rows != e.rows || got.Segments > 40 {
		t.Errorf("%d rows of %d in %d segments", got.Rows, e.rows, got.Segments)
	}
	runs(t, e)
}

// TestTurns: a logstore with a backlog does not keep another one waiting.
func TestTurns(t *testing.T) {
	e := open(t, weblogsConfig, 1, indexer.Options{BatchBytes: 50_000})
	other := sluice.LogstoreRef{Project: catalogtest.Ref.Project, Logstore: "other"}
	store := meta.Logstore{Project: other.Project, Name: other.Logstore, TTLDays: 1}
	if err := e.Catalog.CreateLogstore(t.Context(), store, 1); err != nil {
		t.Fatal(err)
	}
	if err := e.Catalog.CreateIndex(t.Context(), other, []byte(weblogsConfig)); err != nil {
		t.Fatal(err)
	}
	w := newWeblogs(e.Clock.Now())
	for range 100 {
		e.append(t, w.group(100))
	}
	for _, ref := range []sluice.LogstoreRef{catalogtest.Ref, other} {
		if _, _, err := e.door.Append(t.Context(), ref, w.group(10)); err != nil {
			t.Fatal(err)
		}
	}
	more, err := e.index.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int64{}
	for _, ref := range []sluice.LogstoreRef{catalogtest.Ref, other} {
		snap, err := e.index.Snapshot(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range snap.Segments {
			rows[ref.Logstore] += s.Info().Rows
		}
	}
	if !more || rows["other"] != 10 || rows[catalogtest.Ref.Logstore] > 1000 {
		t.Error("after one turn: ", more, fmt.Sprint(rows))
	}
}

// TestDamagedSegment: the others are merged without it.
func TestDamagedSegment(t *testing.T) {
	e := open(t, weblogsConfig, 1, indexer.Options{})
	w := newWeblogs(e.Clock.Now())
	for i := range 40 {
		e.append(t, w.group(20))
		if err := e.index.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			continue
		}
		files, err := filepath.Glob(filepath.Join(e.dir, "segments", "*.parquet"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		raw, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		for at := 100; at < len(raw)/2; at++ {
			raw[at]++
		}
		if err := os.WriteFile(files[0], raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := e.index.Status(); got.Rows != e.rows || got.Segments > 20 {
		t.Errorf("%d rows of %d in %d segments", got.Rows, e.rows, got.Segments)
	}
}
