package indexer_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/objects"
)

// calm is a simulation without faults.
func calm(t *testing.T) *sim {
	t.Helper()
	s := newSim(t, 1)
	*s.power = power{left: -1}
	s.must(s.openIndex())
	return s
}

func (s *sim) rounds(n int) {
	s.t.Helper()
	for range n {
		s.must(s.index.Round(s.t.Context()))
	}
}

func (s *sim) segments() []*indexer.Segment {
	s.t.Helper()
	snap, err := s.index.Snapshot(s.t.Context(), catalogtest.Ref)
	s.must(err)
	return snap.Segments
}

func (s *sim) job() indexer.Rebuild {
	s.t.Helper()
	r, err := s.index.Rebuild(s.t.Context(), catalogtest.Ref)
	s.must(err)
	return r
}

func (s *sim) configure(n int) {
	s.t.Helper()
	s.must(s.Catalog.UpdateIndex(s.t.Context(), catalogtest.Ref, json.RawMessage(simConfigs[n])))
}

// TestRebuild follows a rebuild through its life: refused without an index and while one runs, a batch in each round, there again after
// a restart, canceled, begun again, finished.
func TestRebuild(t *testing.T) {
	s := calm(t)
	ctx := t.Context()
	for range 5 {
		s.write(40)
		s.rounds(1)
	}
	s.configure(1)
	if _, err := s.index.Rebuild(ctx, catalogtest.Ref); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("before the first: %v", err)
	}
	s.must(s.index.StartRebuild(ctx, catalogtest.Ref, false, time.Now()))
	if err := s.index.StartRebuild(ctx, catalogtest.Ref, true, time.Now()); sluice.KindOf(err) != sluice.AlreadyExists {
		t.Errorf("a second: %v", err)
	}
	before := s.job()
	if before.Done != 0 || before.Left == 0 || !before.Finished.IsZero() {
		t.Fatalf("at its start: %+v", before)
	}
	for s.job().Done == 0 {
		s.rounds(1)
		s.check()
	}
	halfway := s.job()
	if halfway.Left == 0 || !halfway.Finished.IsZero() {
		t.Fatalf("too fast: %+v", halfway)
	}
	s.Reopen()
	s.must(s.openIndex())
	if again := s.job(); again != halfway {
		t.Errorf("after a restart %+v, before %+v", again, halfway)
	}
	s.must(s.index.CancelRebuild(ctx, catalogtest.Ref))
	s.rounds(3)
	if over := s.job(); !over.Canceled || over.Done != halfway.Done {
		t.Errorf("canceled: %+v", over)
	}
	if err := s.index.CancelRebuild(ctx, catalogtest.Ref); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("canceled twice: %v", err)
	}
	s.must(s.index.StartRebuild(ctx, catalogtest.Ref, false, time.Now()))
	for s.job().Finished.IsZero() {
		s.rounds(1)
		s.check()
	}
	s.settle()
	s.must(s.Catalog.DeleteIndex(ctx, catalogtest.Ref))
	if err := s.index.StartRebuild(ctx, catalogtest.Ref, false, time.Now()); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("without an index: %v", err)
	}
}

// TestWhatChangesTheIndex: a rebuild has work after changes of tokens and types, and none after others.
func TestWhatChangesTheIndex(t *testing.T) {
	s := calm(t)
	s.write(10)
	s.rounds(1)
	left := func() bool {
		t.Helper()
		s.must(s.index.StartRebuild(t.Context(), catalogtest.Ref, false, time.Now()))
		defer func() { s.must(s.index.CancelRebuild(t.Context(), catalogtest.Ref)) }()
		return s.job().Left > 0
	}
	for _, c := range []struct {
		config string
		want   bool
	}{
		{`{"line":{"token":[" "]},"keys":{"n":{"type":"long","doc_value":true}}}`, false},
		{`{"line":{"token":[" "]},"keys":{"n":{"type":"long","doc_value":false,"alias":"number"}},"max_text_len":1024}`, false},
		{`{"line":{"token":["-"]},"keys":{"n":{"type":"long"}}}`, true},
		{`{"line":{"token":[" "]},"keys":{"n":{"type":"double"}}}`, true},
		{`{"line":{"token":[" "]},"keys":{"n":{"type":"long"},"m":{"type":"text","token":[" "]}}}`, true},
	} {
		s.Clock.Advance(time.Minute)
		s.must(s.Catalog.UpdateIndex(t.Context(), catalogtest.Ref, json.RawMessage(c.config)))
		if got := left(); got != c.want {
			t.Errorf("%s: something to make anew: %v, want %v", c.config, got, c.want)
		}
	}
	s.configure(0)
	l, err := s.Catalog.Logstore(t.Context(), catalogtest.Ref)
	s.must(err)
	changed := l.Logstore
	changed.TTLDays = 31
	s.must(s.Meta.Update(t.Context(), func(tx meta.Tx) error { return tx.UpdateLogstore(changed) }))
	if left() {
		t.Error("another TTL makes the index one of another configuration")
	}
}

// damage changes a byte in the middle of a file of the memory disk.
func (s *sim) damage(name string) {
	s.t.Helper()
	f, err := s.disk.OpenRW(name)
	s.must(err)
	size, err := f.Size()
	s.must(err)
	b := make([]byte, 1)
	_, err = f.ReadAt(b, size/2)
	s.must(err)
	_, err = f.WriteAt([]byte{b[0] ^ 0x10}, size/2)
	s.must(err)
}

// TestDamagedSegmentsAreMadeAnew damages objects of segments, or removes them: the segments are made anew from the shard logs, once the
// damage was found. One that cannot be opened needs nobody to find it.
func TestDamagedSegmentsAreMadeAnew(t *testing.T) {
	s := calm(t)
	s.write(60)
	s.rounds(1)
	for i, seg := range s.segments() {
		if info := seg.Info(); i%2 == 0 {
			s.damage("o/" + info.ParquetObject())
			seg.MarkDamaged() // as whoever reads there does
		} else {
			s.must(s.disk.Remove("o/" + info.IndexObject()))
		}
	}
	s.Reopen()
	s.must(s.openIndex())
	bad := 0
	for i, seg := range s.segments() {
		if seg.Bad != nil {
			bad++
		} else if i%2 == 0 {
			seg.MarkDamaged()
		}
	}
	if bad == 0 || s.index.Status().Bad < bad {
		t.Fatalf("%d segments cannot be opened, and the status is %+v", bad, s.index.Status())
	}
	for rounds := 0; s.index.Status().Bad > 0; rounds++ {
		if rounds > 200 {
			t.Fatalf("damage stays: %+v", s.index.Status())
		}
		s.rounds(1)
	}
	s.check()
	s.settle()
}

// TestWhatTheShardLogCannotGiveStays damages the shard log under a segment: the segment is sound, and must not be made anew from less.
func TestWhatTheShardLogCannotGiveStays(t *testing.T) {
	s := calm(t)
	s.write(30)
	s.rounds(1)
	entries, err := s.FS.ReadDir("logs/journal")
	s.must(err)
	f, err := s.FS.OpenRW("logs/journal/" + entries[0].Name())
	s.must(err)
	_, err = f.WriteAt([]byte{0xee, 0xee, 0xee}, 4096*8+100)
	s.must(err)
	s.configure(2)
	s.must(s.index.StartRebuild(t.Context(), catalogtest.Ref, false, time.Now()))
	for s.job().Finished.IsZero() {
		s.rounds(1)
	}
	if job := s.job(); job.Failed == 0 {
		t.Errorf("nothing failed: %+v", job)
	}
	s.check()
}

// flaky is a store that cannot be reached for a while.
type flaky struct {
	objects.Store
	down *atomic.Bool
}

var errUnreachable = errors.New("unreachable")

func (f flaky) Get(ctx context.Context, name string, p []byte, off int64) error {
	if f.down.Load() {
		return errUnreachable
	}
	return f.Store.Get(ctx, name, p, off)
}

// TestOutageIsNoDamage opens an index whose objects cannot be reached: that is an error, and forgotten when they can.
func TestOutageIsNoDamage(t *testing.T) {
	s := calm(t)
	s.write(20)
	s.rounds(1)
	s.write(2)
	dir, err := objects.OpenDir(s.disk, "o")
	s.must(err)
	down := new(atomic.Bool)
	s.index, err = indexer.New(t.Context(), s.Meta, s.Catalog, flaky{dir, down}, indexer.Options{Now: s.Clock.Now})
	s.must(err)
	down.Store(true)
	if _, err := s.index.Snapshot(t.Context(), catalogtest.Ref); !errors.Is(err, errUnreachable) {
		t.Errorf("during the outage: %v", err)
	}
	if err := s.index.Round(t.Context()); !errors.Is(err, errUnreachable) {
		t.Errorf("a round during the outage: %v", err)
	}
	down.Store(false)
	s.rounds(1)
	s.check()
}
