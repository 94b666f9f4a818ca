package query_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
)

const indexConfig = `{
	"line": {"token": [" ", "/"], "caseSensitive": false},
	"keys": {"status": {"type": "long", "doc_value": true}, "method": {"type": "text", "token": []}, "n": {"type": "long"}}
}`

// env is a logstore with logs that are known here too.
type env struct {
	*catalogtest.Env
	t      *testing.T
	door   *ingest.Door
	engine *query.Engine
	logs   []logged // in the order of answers
	n      int
}

type logged struct {
	at             int64 // nanoseconds
	shard          sluice.ShardID
	position       sluice.Position
	index          int
	topic          string
	n              string
	method, status string
}

func newEnv(t *testing.T, o query.Options) *env {
	t.Helper()
	e := &env{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t}
	e.CreateLogstore(3)
	if err := e.Catalog.CreateIndex(t.Context(), catalogtest.Ref, json.RawMessage(indexConfig)); err != nil {
		t.Fatal(err)
	}
	e.door = ingest.New(e.Catalog, ingest.Options{Past: -1, Future: 15 * time.Minute, Now: e.Clock.Now})
	o.Now = e.Clock.Now
	e.engine = query.New(e.Catalog, o)
	return e
}

// write appends random groups, with times around the clock's.
func (e *env) write(r *rand.Rand, groups int) {
	e.t.Helper()
	for range groups {
		e.Clock.Advance(time.Duration(r.IntN(3000)) * time.Millisecond)
		g := &sluice.LogGroup{Topic: []string{"", "web", "db"}[r.IntN(3)], Source: "10.0.0.1", Tags: []sluice.Field{{Key: "host", Value: "h1"}}}
		for range 1 + r.IntN(8) {
			e.n++
			at := e.Clock.Now().Add(time.Duration(r.IntN(20*60)-18*60) * time.Second / 2)
			g.Records = append(g.Records, sluice.Record{Time: uint32(at.Unix()), Nanos: uint32(r.IntN(3)), Fields: []sluice.Field{
				{Key: "method", Value: []string{"GET", "POST"}[r.IntN(2)]},
				{Key: "status", Value: strconv.Itoa(200 + 100*r.IntN(4))},
				{Key: "path", Value: fmt.Sprintf("/item/%d", r.IntN(5))},
				{Key: "n", Value: strconv.Itoa(e.n)},
			}})
		}
		id, p, err := e.door.Append(e.t.Context(), catalogtest.Ref, g)
		if err != nil {
			e.t.Fatal(err)
		}
		for i, rec := range g.Records {
			e.logs = append(e.logs, logged{
				at: int64(rec.Time)*1e9 + int64(rec.Nanos), shard: id, position: p, index: i, topic: g.Topic,
				n: rec.Fields[3].Value, method: rec.Fields[0].Value, status: rec.Fields[1].Value,
			})
		}
	}
	slices.SortFunc(e.logs, func(a, b logged) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.shard, b.shard), cmp.Compare(a.position, b.position), cmp.Compare(a.index, b.index))
	})
}

// want returns the numbers of the logs that a filter finds.
func (e *env) want(f query.Filter, match func(logged) bool, reverse bool) []string {
	all := []string{}
	for _, l := range e.logs {
		if l.at >= f.Range.From && l.at < f.Range.To && (f.Topic == "" || f.Topic == l.topic) && match(l) {
			all = append(all, l.n)
		}
	}
	if reverse {
		slices.Reverse(all)
	}
	return all
}

func (e *env) got(p query.Page) []string {
	e.t.Helper()
	found, err := e.engine.Logs(e.t.Context(), p)
	if err != nil {
		e.t.Fatalf("%+v: %v", p, err)
	}
	if !found.Complete {
		e.t.Fatalf("%+v: incomplete", p)
	}
	ns := []string{}
	for _, l := range found.Logs {
		for _, f := range l.Fields {
			if f.Key == "n" {
				ns = append(ns, f.Value)
			}
		}
	}
	return ns
}

var searches = []struct {
	text  string
	match func(logged) bool
}{
	{"", func(logged) bool { return true }},
	{"*", func(logged) bool { return true }},
	{"method:GET", func(l logged) bool { return l.method == "GET" }},
	{"post and status>=400", func(l logged) bool { return l.method == "POST" && l.status >= "400" }},
	{"not status:200", func(l logged) bool { return l.status != "200" }},
	{"status in [300 400] or method:POST", func(l logged) bool { return l.status == "300" || l.status == "400" || l.method == "POST" }},
	{"nothingoftheKind", func(logged) bool { return false }},
}

// TestPages compares pages of every search, in both directions, with the logs that were written.
func TestPages(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	e := newEnv(t, query.Options{})
	e.write(r, 300)
	now := e.Clock.Now().UnixNano()
	for round := range 40 {
		s := searches[round%len(searches)]
		from := now - r.Int64N(int64(30*time.Minute))
		f := query.Filter{
			Ref: catalogtest.Ref, Range: query.Range{From: from, To: from + 1 + r.Int64N(int64(20*time.Minute))},
			Search: s.text, Topic: []string{"", "", "web"}[r.IntN(3)],
		}
		reverse := r.IntN(2) == 0
		want := e.want(f, s.match, reverse)
		line := 1 + r.IntN(100)
		var got []string
		for {
			page := e.got(query.Page{Filter: f, Offset: len(got), Line: line, Reverse: reverse})
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Fatalf("%+v reverse=%v: got %d logs %v, want %d %v", f, reverse, len(got), got, len(want), want)
		}
		if got := e.got(query.Page{Filter: f, Line: 0}); len(got) != 0 {
			t.Errorf("line 0 gives %v", got)
		}
		e.checkHistogram(r, f, s.match)
	}
}

func (e *env) checkHistogram(r *rand.Rand, f query.Filter, match func(logged) bool) {
	e.t.Helper()
	interval := int64(r.IntN(3) * 7)
	buckets, cover, err := e.engine.Histogram(e.t.Context(), f, interval)
	if err != nil || !cover.Complete {
		e.t.Fatal(err, cover)
	}
	if interval == 0 && len(buckets) > 60 {
		e.t.Errorf("%d buckets", len(buckets))
	}
	at, total := f.Range.From/1e9, int64(0)
	for _, b := range buckets {
		if b.From != at || b.To <= b.From {
			e.t.Fatalf("bucket %+v, want one from %d", b, at)
		}
		in := f
		in.Range = query.Range{From: max(f.Range.From, b.From*1e9), To: min(f.Range.To, b.To*1e9)}
		if want := len(e.want(in, match, false)); b.Count != int64(want) {
			e.t.Fatalf("bucket %+v, want %d", b, want)
		}
		at, total = b.To, total+b.Count
	}
	if at*1e9 < f.Range.To || total != int64(len(e.want(f, match, false))) {
		e.t.Fatalf("histogram ends at %d and counts %d", at, total)
	}
}

func TestErrors(t *testing.T) {
	e := newEnv(t, query.Options{})
	day := query.Range{From: 0, To: 1e18}
	for _, c := range []struct {
		name string
		page query.Page
		kind sluice.Kind
		noun string
	}{
		{"no project", query.Page{Filter: query.Filter{Ref: sluice.LogstoreRef{Project: "none", Logstore: "x"}, Range: day}}, sluice.NotFound, "project"},
		{"no logstore", query.Page{Filter: query.Filter{Ref: sluice.LogstoreRef{Project: "web", Logstore: "none"}, Range: day}}, sluice.NotFound, "logstore"},
		{"syntax", query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: day, Search: "a and"}}, sluice.Invalid, "query"},
		{"unknown key", query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: day, Search: "nosuch:1"}}, sluice.Invalid, "query"},
		{"offset", query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: day}, Offset: -1}, sluice.Invalid, "offset"},
		{"far offset", query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: day}, Offset: query.MaxOffset + 1}, sluice.Invalid, "offset"},
		{"line", query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: day}, Line: -1}, sluice.Invalid, "line"},
	} {
		_, err := e.engine.Logs(t.Context(), c.page)
		var got *sluice.Error
		if ok := asError(err, &got); !ok || got.Kind != c.kind || got.Noun != c.noun {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := e.Catalog.DeleteIndex(t.Context(), catalogtest.Ref); err != nil {
		t.Fatal(err)
	}
	_, err := e.engine.Logs(t.Context(), query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: day}})
	if sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("without an index: %v", err)
	}
	for _, bad := range [][4]int64{{2, 0, 1, 0}, {1, 0, 1, 0}, {1, 5, 1, 5}, {-1, 0, 5, 0}, {0, 1e9, 5, 0}, {0, 0, 1 << 60, 0}} {
		if _, err := query.Seconds(bad[0], bad[1], bad[2], bad[3]); err == nil {
			t.Errorf("range %v is accepted", bad)
		}
	}
}

func asError(err error, target **sluice.Error) bool {
	e, ok := err.(*sluice.Error) //nolint:errorlint // the engine returns them bare
	*target = e
	return ok
}

// TestBudget lets time run out before the first log group is read.
func TestBudget(t *testing.T) {
	e := newEnv(t, query.Options{Budget: time.Nanosecond})
	e.write(rand.New(rand.NewPCG(2, 2)), 3)
	reads := 0
	engine := query.New(e.Catalog, query.Options{Budget: time.Second, Now: func() time.Time {
		reads++
		return e.Clock.Now().Add(time.Duration(reads) * 2 * time.Second)
	}})
	found, err := engine.Logs(t.Context(), query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 1e18 * 3}}, Line: 10})
	if err != nil || found.Complete {
		t.Errorf("time was over: %+v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.engine.Logs(ctx, query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 1e18}}}); err == nil {
		t.Error("a query of a client that has gone goes on")
	}
}

// TestDamage flips a byte in each file: answers then are right or say that they are not complete.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	e := newEnv(t, query.Options{})
	e.write(r, 60)
	all := query.Page{Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 3e18}}, Line: 10_000}
	whole := len(e.got(all))
	entries, err := e.FS.ReadDir("logs/journal")
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.FS.OpenRW("logs/journal/" + entries[0].Name())
	if err != nil {
		t.Fatal(err)
	}
	bad := 0
	for at := int64(4096); at < 4096*40; at += 97 {
		var b [1]byte
		_, _ = f.ReadAt(b[:], at)
		b[0] ^= 0x10
		_, _ = f.WriteAt(b[:], at)
		found, err := e.engine.Logs(t.Context(), all)
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		if len(found.Logs) != whole {
			bad++
			if found.Complete {
				t.Fatalf("byte %d: %d of %d logs, and called complete", at, len(found.Logs), whole)
			}
		}
		b[0] ^= 0x10
		_, _ = f.WriteAt(b[:], at)
	}
	if bad == 0 {
		t.Error("no byte hit a log: the test tests nothing")
	}
}
