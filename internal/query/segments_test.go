package query_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/internal/vfs/faultfs"
)

// hostileConfig has keys of every type, over fields whose values are often of another.
const hostileConfig = `{
	"line": {"token": [" ", "/", ",", "\""], "caseSensitive": false},
	"keys": {
		"n": {"type": "long", "doc_value": true}, "d": {"type": "double"},
		"t": {"type": "text", "token": [" ", "-"], "caseSensitive": true}, "u": {"type": "text", "token": []},
		"c": {"type": "text", "token": [" "], "chn": true},
		"j": {"type": "json", "token": [" ", "\"", ":"], "index_all": true, "max_depth": -1,
		      "json_keys": {"a.n": {"type": "long"}, "a.t": {"type": "text"}}}
	}
}`

var (
	hostileNames  = []string{"n", "d", "t", "u", "c", "j", "free", "other", "N", "__source__", "__time__", "x y", "登录", "a.b"}
	hostileValues = []string{
		"", " ", "1", "01", "-5", "+7", "1.5", "1.50", "1e3", "9223372036854775807", "9223372036854775808", "0x10", "NaN", "abc", "Abc",
		"abc def", "abc-def", "def abc", "GET /item/5", "登录成功", "登录失败 密码", "\xff\xfe", "null", "true",
		`{"a":{"n":5,"t":"abc def"}}`, `{"a":{"n":"05","t":"x"},"k":[1,2]}`, `{"a":{"n":7.0}`, `{"deep":{"er":"word"}}`, "not json {",
	}
	hostileSearches = []string{
		"", "*", "abc", "not abc", "abc and def", "abc or 登录", "#\"abc def\"", "ab*", "n:1", "n > 0", "n in [0 100]", "n in (1 5]", "not n > -10",
		"d >= 1.5", "d = 1.5", "d in [1 1000)", "t:abc", "t:Abc", "t:\"abc def\"", "t:#\"abc def\"", "t:a*", "u:abc", "u:\"abc def\"", "u:*",
		"u:\"\"", "not u:*", "c:登录", "c:密码", "c:失败", "j.a.n:5", "j.a.n >= 5", "j.a.t:abc", "j.deep.er:word", "j.deep.er:*", "j:abc", "item",
		"__topic__:web", "__source__:10.0.0.*", "__tag__:host:h1", "not __tag__:host:h2", "free", "other", "x", "t:abc or (n > 0 and not u:abc)",
		"(abc or def) and not (n:1 or j.a.n:5)", "true", "9223372036854775807", "n:9223372036854775807", "null and not free",
	}
)

// segmented is two engines on the same logs: one reads shard logs alone, the other has an index.
type segmented struct {
	*catalogtest.Env
	t       *testing.T
	door    *ingest.Door
	index   *indexer.Indexer
	objects objects.Filer
	plain   *query.Engine
	indexed *query.Engine
}

func newSegmented(t *testing.T, config ...string) *segmented {
	t.Helper()
	dir, err := objects.OpenDir(vfs.OS{}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	return newSegmentedIn(t, dir, config...)
}

func newSegmentedIn(t *testing.T, store objects.Filer, config ...string) *segmented {
	t.Helper()
	config = append(config, hostileConfig)
	s := &segmented{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t}
	s.CreateLogstore(3)
	if err := s.Catalog.CreateIndex(t.Context(), catalogtest.Ref, json.RawMessage(config[0])); err != nil {
		t.Fatal(err)
	}
	s.objects = store
	s.door = ingest.New(s.Catalog, ingest.Options{Past: -1, Future: 15 * time.Minute, Now: s.Clock.Now})
	s.open()
	return s
}

func (s *segmented) open() {
	s.t.Helper()
	var err error
	s.index, err = indexer.New(s.t.Context(), s.Meta, s.Catalog, s.objects, indexer.Options{Now: s.Clock.Now, BatchBytes: 3000})
	if err != nil {
		s.t.Fatal(err)
	}
	o := query.Options{Now: s.Clock.Now, SQL: query.SQLOptions{Files: s.objects, ManyRows: 3}}
	s.plain, s.indexed = query.New(s.Catalog, nil, o), query.New(s.Catalog, s.index, o)
}

func (s *segmented) write(r *rand.Rand, groups int) {
	s.t.Helper()
	for range groups {
		s.Clock.Advance(time.Duration(r.IntN(3000)) * time.Millisecond)
		g := &sluice.LogGroup{Topic: []string{"", "web"}[r.IntN(2)], Source: fmt.Sprintf("10.0.0.%d", r.IntN(3))}
		for range r.IntN(3) {
			g.Tags = append(g.Tags, sluice.Field{Key: []string{"host", "path"}[r.IntN(2)], Value: []string{"h1", "h2", "H1"}[r.IntN(3)]})
		}
		for range 1 + r.IntN(6) {
			at := s.Clock.Now().Add(time.Duration(r.IntN(1200)-1100) * time.Second)
			rec := sluice.Record{Time: uint32(at.Unix()), Nanos: uint32(r.IntN(2)) * 5}
			for range r.IntN(7) {
				rec.Fields = append(rec.Fields, sluice.Field{Key: hostileNames[r.IntN(len(hostileNames))], Value: hostileValues[r.IntN(len(hostileValues))]})
			}
			g.Records = append(g.Records, rec)
		}
		if _, _, err := s.door.Append(s.t.Context(), catalogtest.Ref, g); err != nil {
			s.t.Fatal(err)
		}
	}
}

// compare asks both engines the same and wants the same answers.
func (s *segmented) compare(r *rand.Rand, search string) {
	s.t.Helper()
	now := s.Clock.Now().UnixNano()
	from := now - r.Int64N(int64(40*time.Minute))
	f := query.Filter{
		Ref: catalogtest.Ref, Search: search, Topic: []string{"", "", "web"}[r.IntN(3)],
		Range: query.Range{From: from, To: from + 1 + r.Int64N(int64(30*time.Minute))},
	}
	if r.IntN(2) == 0 {
		f.Range = query.Range{From: from / 1e9 * 1e9, To: f.Range.To/1e9*1e9 + 1e9}
	}
	page := query.Page{Filter: f, Offset: r.IntN(30), Line: 1 + r.IntN(60), Reverse: r.IntN(2) == 0}
	want, err := s.plain.Logs(s.t.Context(), page)
	if err != nil {
		s.t.Fatalf("%q: %v", search, err)
	}
	got, err := s.indexed.Logs(s.t.Context(), page)
	if err != nil {
		s.t.Fatalf("%q: %v", search, err)
	}
	for i := range want.Logs {
		want.Logs[i].Of = 0
	}
	for i := range got.Logs {
		got.Logs[i].Of = 0
	}
	if diff := cmp.Diff(want.Logs, got.Logs); diff != "" || !got.Complete {
		s.t.Fatalf("%+v: complete %v, the index answers otherwise (-shard logs +segments):\n%s", page, got.Complete, diff)
	}
	interval := int64(r.IntN(2) * 13)
	wantBuckets, _, err1 := s.plain.Histogram(s.t.Context(), f, interval)
	gotBuckets, _, err2 := s.indexed.Histogram(s.t.Context(), f, interval)
	if err1 != nil || err2 != nil {
		s.t.Fatal(err1, err2)
	}
	if diff := cmp.Diff(wantBuckets, gotBuckets); diff != "" {
		s.t.Fatalf("%+v: histogram (-shard logs +segments):\n%s", f, diff)
	}
}

// TestSegmentsAnswerLikeShardLogs writes hostile logs, indexes and merges some of them, and asks everything of both engines, also after
// a restart, under another configuration, and once shards are split.
func TestSegmentsAnswerLikeShardLogs(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newSegmented(t).answerAlike(rand.New(rand.NewPCG(seed, 9))) })
	}
}

func (s *segmented) answerAlike(r *rand.Rand) {
	s.t.Helper()
	for step := range 12 {
		s.write(r, 25)
		if err := s.index.Round(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		s.write(r, r.IntN(5)) // the tail
		switch step {
		case 4:
			if _, err := s.Catalog.Split(s.t.Context(), catalogtest.Ref, 0, nil, 2); err != nil {
				s.t.Fatal(err)
			}
		case 6:
			s.Reopen()
			s.door = ingest.New(s.Catalog, ingest.Options{Past: -1, Future: 15 * time.Minute, Now: s.Clock.Now})
			s.open()
		case 8:
			other := strings.Replace(hostileConfig, `"caseSensitive": true`, `"caseSensitive": false`, 1)
			if err := s.Catalog.UpdateIndex(s.t.Context(), catalogtest.Ref, json.RawMessage(other)); err != nil {
				s.t.Fatal(err)
			}
		}
		for range 30 {
			s.compare(r, hostileSearches[r.IntN(len(hostileSearches))])
		}
	}
	for _, search := range hostileSearches {
		s.compare(r, search)
	}
	s.checkUsed()
}

// checkUsed makes sure that the test has tested something: most logs are in segments, and some segments were merged.
func (s *segmented) checkUsed() {
	s.t.Helper()
	snap, err := s.index.Snapshot(s.t.Context(), catalogtest.Ref)
	if err != nil {
		s.t.Fatal(err)
	}
	rows, largest := int64(0), int64(0)
	for _, seg := range snap.Segments {
		rows += seg.Info().Rows
		largest = max(largest, seg.Info().Rows)
	}
	s.t.Logf("%d segments with %d logs, the largest with %d", len(snap.Segments), rows, largest)
	if rows < 800 || largest < 100 {
		s.t.Errorf("%d segments with %d logs, the largest with %d: too little is indexed or merged", len(snap.Segments), rows, largest)
	}
}

// TestIndexSurvivesFaults fails each file operation of the object store once: a round then fails, later ones make good for it, and no
// answer is ever wrong. A restart finds no leftovers.
func TestIndexSurvivesFaults(t *testing.T) {
	stride := 19
	if testing.Short() {
		stride = 97
	}
	for n := 1; ; n += stride {
		r := rand.New(rand.NewPCG(uint64(n), 10))
		s := newSegmented(t)
		ffs := faultfs.FailNth(vfs.NewMem(), n)
		dir, err := objects.OpenDir(ffs, "o")
		if err != nil {
			if errors.Is(err, faultfs.ErrInjected) {
				continue
			}
			t.Fatal(err)
		}
		s.objects = dir
		s.open()
		failed := 0
		for range 10 {
			s.write(r, 6)
			if err := s.index.Round(t.Context()); err != nil {
				if failed++; !errors.Is(err, faultfs.ErrInjected) || failed > 1 {
					t.Fatalf("fault %d: %v", n, err)
				}
			}
			s.compare(r, hostileSearches[r.IntN(len(hostileSearches))])
		}
		if err := s.index.Round(t.Context()); err != nil {
			t.Fatalf("fault %d: %v", n, err)
		}
		s.open() // as after a restart
		s.open() // and after another one, if the fault came with the first
		for range 5 {
			s.compare(r, hostileSearches[r.IntN(len(hostileSearches))])
		}
		s.checkObjects()
		if ffs.Count() < n {
			return
		}
	}
}

// checkObjects wants exactly the objects that the segments of the index have.
func (s *segmented) checkObjects() {
	s.t.Helper()
	snap, err := s.index.Snapshot(s.t.Context(), catalogtest.Ref)
	if err != nil {
		s.t.Fatal(err)
	}
	want := map[string]bool{}
	for _, seg := range snap.Segments {
		want[seg.Info().ParquetObject()], want[seg.Info().IndexObject()] = true, true
	}
	entries, err := s.objects.List(s.t.Context(), "", "", 10_000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if !want[e.Name] {
			s.t.Errorf("object %s is nobody's", e.Name)
		}
		delete(want, e.Name)
	}
	if len(want) > 0 {
		s.t.Errorf("objects are missing: %v", want)
	}
}

// TestExpiredSegmentsGo lets retention empty the shards, and wants the segments to go with what they held, and their objects after them.
func TestExpiredSegmentsGo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	s := newSegmented(t)
	s.write(r, 40)
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sh := range s.View().Shards {
		if err := sh.Stored.Trim(s.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for range 70 { // expiry is looked at now and then
		s.Clock.Advance(time.Minute)
		if err := s.index.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := s.index.Snapshot(t.Context(), catalogtest.Ref)
	if err != nil || len(snap.Segments) != 0 {
		t.Errorf("%d segments are left: %v", len(snap.Segments), err)
	}
	s.checkObjects()
	s.write(r, 5)
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.compare(r, "*")
}

// TestLogstoreMadeAgain deletes an indexed logstore and makes another of its name: the old logs must not show.
func TestLogstoreMadeAgain(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	s := newSegmented(t)
	s.write(r, 30)
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Catalog.DeleteLogstore(t.Context(), catalogtest.Ref); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Second)
	l := meta.Logstore{Project: catalogtest.Ref.Project, Name: catalogtest.Ref.Logstore, TTLDays: 7}
	if err := s.Catalog.CreateLogstore(t.Context(), l, 2); err != nil {
		t.Fatal(err)
	}
	if err := s.Catalog.CreateIndex(t.Context(), catalogtest.Ref, json.RawMessage(hostileConfig)); err != nil {
		t.Fatal(err)
	}
	all := query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 3e18}}, Line: 100}
	if found, err := s.indexed.Logs(t.Context(), all); err != nil || len(found.Logs) != 0 {
		t.Fatalf("%d logs of the old logstore show: %v", len(found.Logs), err)
	}
	s.write(r, 10)
	if err := s.index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		s.compare(r, hostileSearches[r.IntN(len(hostileSearches))])
	}
}

// TestDamageIsNotIndexedAway damages a log group before it is indexed: answers must go on saying that they are not complete.
func TestDamageIsNotIndexedAway(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	s := newSegmented(t)
	s.write(r, 40)
	all := query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 3e18}}, Line: 1000}
	whole, err := s.plain.Logs(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.FS.ReadDir("logs/journal")
	if err != nil {
		t.Fatal(err)
	}
	f, err := s.FS.OpenRW("logs/journal/" + entries[0].Name())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{0xee, 0xee, 0xee}, 4096*12+100); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.index.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, err := s.indexed.Logs(t.Context(), all)
		if err != nil || found.Complete || len(found.Logs) >= len(whole.Logs) || len(found.Logs) == 0 {
			t.Fatalf("%d of %d logs, complete %v, %v", len(found.Logs), len(whole.Logs), found.Complete, err)
		}
	}
}
