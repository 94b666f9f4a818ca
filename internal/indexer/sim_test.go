package indexer_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/segment"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

var (
	simSeeds = flag.Uint64("seeds", 1000, "seeds of the simulation")
	simFrom  = flag.Uint64("seed", 0, "its first seed")
)

// Everything fails with errPowerCut once the power is cut; errOnce is a step that failed, or an answer that was lost, while all goes
// on.
var (
	errPowerCut = errors.New("power cut")
	errOnce     = errors.New("failed once")
)

// power counts steps down to a power cut. What is on disk then is all that is left.
type power struct {
	left int // steps; negative: never
	off  bool
	at   string     // the step at which it was cut
	once *rand.Rand // decides which steps fail once; nil: none
}

func (p *power) step(what string) error {
	if p.left--; p.left == 0 {
		p.off, p.at = true, what
	}
	if p.off {
		return errPowerCut
	}
	if often := map[bool]int{true: 8, false: 60}[what == "after a commit"]; p.once != nil && p.once.IntN(often) == 0 {
		return errOnce
	}
	return nil
}

// cutMeta loses the power before a commit or after it, when nobody is told any more.
type cutMeta struct {
	meta.Store
	power *power
}

func (m *cutMeta) Update(ctx context.Context, fn func(meta.Tx) error) error {
	if err := m.power.step("before a commit"); err != nil {
		return err
	}
	if err := m.Store.Update(ctx, fn); err != nil {
		return err
	}
	return m.power.step("after a commit")
}

// place is where a log came from.
type place struct {
	shard    sluice.ShardID
	position sluice.Position
	index    int
}

// sim is a logstore that is written to, indexed, merged, expired and rebuilt, with power cuts in between, and a model of it: every log
// that was acknowledged, by its place.
type sim struct {
	*catalogtest.Env
	t     *testing.T
	r     *rand.Rand
	power *power
	door  *ingest.Door
	disk  *vfs.Mem // of objects
	index *indexer.Indexer
	model map[place]string
	next  int      // number of the next log
	cuts  []string // the steps at which power was cut
}

var simConfigs = []string{
	`{"line":{"token":[" "]},"keys":{"n":{"type":"long","doc_value":true}}}`,
	`{"line":{"token":[" ",","],"caseSensitive":true},"keys":{"n":{"type":"text","token":[" "]}}}`,
	`{"keys":{"n":{"type":"double"},"m":{"type":"text","token":["-"]}}}`,
}

func newSim(t *testing.T, seed uint64) *sim {
	t.Helper()
	s := &sim{
		Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1, JournalFileBytes: 1 << 20, JournalBytes: 2 << 20}), t: t,
		r: rand.New(rand.NewPCG(seed, 12)), disk: vfs.NewMem(), model: map[place]string{},
	}
	s.CreateLogstore(1 + s.r.IntN(3))
	s.must(s.Catalog.CreateIndex(t.Context(), catalogtest.Ref, json.RawMessage(simConfigs[0])))
	s.open()
	return s
}

func (s *sim) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// open opens the indexer with power for some steps.
func (s *sim) open() {
	s.t.Helper()
	s.door = ingest.New(s.Catalog, ingest.Options{Past: -1, Future: -1, Now: s.Clock.Now})
	s.power = &power{left: -1}
	if s.r.IntN(4) > 0 {
		s.power.left = 1 + s.r.IntN(150)
	}
	err := s.openIndex()
	for ; errors.Is(err, errOnce) && !s.power.off; err = s.openIndex() {
	}
	if err != nil {
		s.crash(err)
	}
	if s.r.IntN(2) == 0 {
		s.power.once = s.r
	}
}

func (s *sim) openIndex() error {
	faults := faultfs.New(s.disk)
	faults.Set(func(_ int, op faultfs.Op, _ string) error { return s.power.step(string(op)) })
	dir, err := objects.OpenDir(faults, "o")
	if err != nil {
		return err
	}
	s.index, err = indexer.New(s.t.Context(), &cutMeta{s.Meta, s.power}, s.Catalog, dir, indexer.Options{
		Now: s.Clock.Now, BatchBytes: int64(200 + s.r.IntN(2000)),
	})
	return err
}

// crash is what comes after the power cut. Everything starts again from what is on disk, now without faults until it was checked.
func (s *sim) crash(err error) {
	s.t.Helper()
	if !errors.Is(err, errPowerCut) {
		s.t.Fatalf("an error that is not the power cut: %v", err)
	}
	s.cuts = append(s.cuts, s.power.at)
	s.disk = s.disk.Crash(s.r)
	s.Env.Crash(s.r)
	s.power = &power{left: -1}
	s.must(s.openIndex())
	s.check()
	s.checkObjects()
	s.open()
}

// do is what comes after something that may meet the power cut or fail once.
func (s *sim) do(err error) {
	s.t.Helper()
	switch {
	case s.power.off:
		s.crash(errors.Join(err, errPowerCut)) // also where what failed was none of the asker's business
	case err != nil && !errors.Is(err, errOnce):
		s.t.Fatalf("an error that nobody injected: %v", err)
	}
}

func (s *sim) step() {
	s.t.Helper()
	ctx := s.t.Context()
	switch n := s.r.IntN(40); {
	case n < 14:
		s.write(1 + s.r.IntN(6))
	case n < 28:
		s.do(s.index.Round(ctx))
	case n < 30:
		s.Clock.Advance(time.Duration(s.r.IntN(120)) * time.Second) // what is doomed gets its grave
	case n < 32:
		s.trim()
	case n < 34:
		s.must(s.Catalog.UpdateIndex(ctx, catalogtest.Ref, json.RawMessage(simConfigs[s.r.IntN(len(simConfigs))])))
	case n < 36:
		if err := s.index.StartRebuild(ctx, catalogtest.Ref, s.r.IntN(2) == 0, time.Now()); sluice.KindOf(err) != sluice.AlreadyExists {
			s.do(err)
		}
	case n < 37:
		if err := s.index.CancelRebuild(ctx, catalogtest.Ref); sluice.KindOf(err) != sluice.NotFound {
			s.do(err)
		}
	case n < 38:
		if len(s.View().Shards) < 5 {
			s.split()
		}
	case n < 39:
		s.deleteIndex()
	default:
		s.check()
	}
}

func (s *sim) write(groups int) {
	s.t.Helper()
	for range groups {
		s.Clock.Advance(time.Duration(s.r.IntN(2000)) * time.Millisecond)
		g := &sluice.LogGroup{Topic: "t"}
		for range 1 + s.r.IntN(4) {
			s.next++
			g.Records = append(g.Records, sluice.Record{
				Time:   uint32(s.Clock.Now().Unix() - s.r.Int64N(100)),
				Fields: []sluice.Field{{Key: "n", Value: fmt.Sprint(s.next)}, {Key: "m", Value: strings.Repeat("x-", s.r.IntN(30))}},
			})
		}
		id, at, err := s.door.Append(s.t.Context(), catalogtest.Ref, g)
		s.must(err)
		for i, r := range g.Records {
			s.model[place{id, at, i}] = r.Fields[0].Value
		}
	}
}

// trim lets retention take what is older than a random moment.
func (s *sim) trim() {
	s.t.Helper()
	for i := range s.View().Shards {
		if s.r.IntN(2) == 0 {
			s.must(s.View().Shards[i].Stored.Trim(s.Clock.Now().Add(-time.Duration(s.r.IntN(60)) * time.Second)))
		}
	}
}

func (s *sim) split() {
	s.t.Helper()
	shards := s.View().Shards
	sh := &shards[s.r.IntN(len(shards))]
	if !sh.ReadOnly {
		_, err := s.Catalog.Split(s.t.Context(), catalogtest.Ref, sh.ID, nil, 2)
		s.must(err)
	}
}

func (s *sim) deleteIndex() {
	s.t.Helper()
	s.must(s.Catalog.DeleteIndex(s.t.Context(), catalogtest.Ref))
	if s.r.IntN(2) == 0 {
		s.do(s.index.Round(s.t.Context()))
	}
	s.must(s.Catalog.CreateIndex(s.t.Context(), catalogtest.Ref, json.RawMessage(simConfigs[s.r.IntN(len(simConfigs))])))
}

// check wants every acknowledged log exactly once, in a segment or behind where the shard was indexed, but for those that retention has
// taken, which may be gone.
func (s *sim) check() {
	s.t.Helper()
	snap, err := s.index.Snapshot(s.t.Context(), catalogtest.Ref)
	if err != nil {
		s.do(err)
		return
	}
	got := map[place]string{}
	add := func(p place, value string) {
		if _, twice := got[p]; twice {
			s.t.Fatalf("log %+v is there twice", p)
		}
		got[p] = value
	}
	for _, seg := range snap.Segments {
		if seg.Bad != nil {
			s.t.Fatalf("segment is bad: %v", seg.Bad)
		}
		for i := range seg.Groups() {
			g := seg.Group(i)
			all := roaring.New()
			all.AddRange(0, uint64(g.Rows()))
			rows, err := g.Fetch(s.t.Context(), all)
			s.must(err)
			for _, row := range rows {
				add(place{row.Shard, row.Position, row.Index}, row.Fields[0].Value)
			}
		}
	}
	begins := map[sluice.ShardID]sluice.Position{}
	for _, sh := range s.View().Shards {
		begin, _ := sh.Stored.Bounds()
		begins[sh.ID] = begin
		for p, value := range s.model {
			if p.shard == sh.ID && p.position >= max(begin, snap.Progress[sh.ID]) {
				add(p, value) // a query reads it from the shard log
			}
		}
	}
	for p, value := range got {
		if s.model[p] != value {
			s.t.Fatalf("log %+v says %q, and %q was written", p, value, s.model[p])
		}
	}
	for p := range s.model {
		if _, ok := got[p]; !ok && p.position >= begins[p.shard] {
			s.t.Fatalf("log %+v of %d is missing", p, len(s.model))
		}
	}
}

// checkObjects wants the objects of the segments in metadata and no others, as after a start.
func (s *sim) checkObjects() {
	s.t.Helper()
	want := map[string]bool{}
	s.must(s.Meta.View(s.t.Context(), func(tx meta.Tx) error {
		all, err := tx.AllSegments()
		for _, m := range all {
			info := segment.Info{Name: m.Name}
			want[info.ParquetObject()], want[info.IndexObject()] = true, true
		}
		return err
	}))
	entries, err := s.disk.ReadDir("o/segments")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if name := "segments/" + e.Name(); !want[name] {
			s.t.Errorf("object %s is nobody's", name)
		} else {
			delete(want, name)
		}
	}
	if len(want) > 0 {
		s.t.Errorf("objects are missing: %v", want)
	}
}

// settle lets everything come to an end without power cuts, and wants it all as it should be: one configuration, no objects to spare.
func (s *sim) settle() {
	s.t.Helper()
	*s.power = power{left: -1}
	s.Clock.Advance(time.Hour)
	s.must(s.index.Round(s.t.Context())) // what was doomed wrongly is gone now
	s.must(s.openIndex())
	s.check()
	ctx := s.t.Context()
	if err := s.index.StartRebuild(ctx, catalogtest.Ref, false, time.Now()); sluice.KindOf(err) != sluice.AlreadyExists {
		s.must(err)
	}
	for rounds := 0; ; rounds++ {
		s.must(s.index.Round(ctx))
		job, err := s.index.Rebuild(ctx, catalogtest.Ref)
		s.must(err)
		if !job.Finished.IsZero() {
			break
		}
		if rounds > 1000 {
			s.t.Fatalf("the rebuild does not end: %+v", job)
		}
	}
	s.check()
	snap, err := s.index.Snapshot(ctx, catalogtest.Ref)
	s.must(err)
	for _, seg := range snap.Segments {
		if seg.Config != snap.Segments[0].Config {
			s.t.Error("after a rebuild there are segments of different configurations")
		}
	}
	for before := -1; before != len(snap.Segments); { // until nothing is merged any more
		before = len(snap.Segments)
		s.Clock.Advance(time.Hour)
		s.must(s.index.Round(ctx))
		snap, err = s.index.Snapshot(ctx, catalogtest.Ref)
		s.must(err)
	}
	s.checkObjects()
}

// TestPowerCuts cuts the power at any step of flushing, merging, publishing, expiring, rebuilding and removing.
func TestPowerCuts(t *testing.T) {
	seeds := *simSeeds
	if testing.Short() {
		seeds = 30
	}
	var all tally
	t.Run("seeds", func(t *testing.T) {
		for seed := *simFrom; seed < *simFrom+seeds; seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				t.Cleanup(func() {
					if t.Failed() {
						t.Logf("run it again: go test ./internal/indexer -run PowerCuts -seed %d -seeds 1", seed)
					}
				})
				s := newSim(t, seed)
				for range 20 + s.r.IntN(40) {
					s.step()
				}
				s.settle()
				all.add(s.cuts)
			})
		}
	})
	t.Logf("power was cut at %v", all.cuts)
	for _, step := range []string{"create", "write", "sync", "rename", "remove", "syncdir", "before a commit", "after a commit"} {
		if all.cuts[step] == 0 && seeds >= 1000 {
			t.Errorf("power was never cut at %s", step)
		}
	}
}

// tally adds up, over all seeds, at which steps the power was cut.
type tally struct {
	mu   sync.Mutex
	cuts map[string]int
}

func (a *tally) add(cuts []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cuts == nil {
		a.cuts = map[string]int{}
	}
	for _, step := range cuts {
		a.cuts[step]++
	}
}
