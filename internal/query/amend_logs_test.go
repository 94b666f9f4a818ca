package query_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
)

// amended is two engines on logs that are deleted and updated, and a model of what they say: whatever is asked of them has to be answered as by an
// engine over a logstore in which the logs were written like that in the first place.
type amended struct {
	*segmented
	logs map[amend.Place]*amend.Row
}

// amendedConfig is the hostile one with texts for SQL.
var amendedConfig = strings.ReplaceAll(hostileConfig, `"type": "text", "token"`, `"type": "text", "doc_value": true, "token"`)

func newAmended(t *testing.T) *amended {
	t.Helper()
	a := &amended{segmented: newSegmented(t, amendedConfig), logs: map[amend.Place]*amend.Row{}}
	a.modifiable()
	return a
}

// modifiable lets the logs of the logstore be modified, and both engines see it.
func (a *amended) modifiable() {
	a.t.Helper()
	if err := a.Catalog.UpdateLogstore(a.t.Context(), catalogtest.Ref, func(l *meta.Logstore) error { l.Modifiable = true; return nil }); err != nil {
		a.t.Fatal(err)
	}
	a.engines()
}

// engines opens both engines on what metadata has.
func (a *amended) engines() {
	a.t.Helper()
	a.open()
	o := query.Options{Now: a.Clock.Now, Amended: amend.New(a.Meta, a.Catalog, a.index), SQL: query.SQLOptions{Files: a.objects, ManyRows: 3}}
	a.plain, a.indexed = query.New(a.Catalog, nil, o), query.New(a.Catalog, a.index, o)
	a.t.Cleanup(func() { _ = errors.Join(a.plain.Close(), a.indexed.Close()) })
}

func (a *amended) round() {
	a.t.Helper()
	if err := a.index.Round(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

// put writes hostile logs and remembers them.
func (a *amended) put(r *rand.Rand, groups int) {
	a.t.Helper()
	for range groups {
		a.Clock.Advance(time.Duration(r.IntN(3000)) * time.Millisecond)
		g := &sluice.LogGroup{Topic: []string{"", "web"}[r.IntN(2)], Source: fmt.Sprintf("10.0.0.%d", r.IntN(3))}
		if r.IntN(2) == 0 {
			g.Tags = []sluice.Field{{Key: "host", Value: []string{"h1", "h2"}[r.IntN(2)]}}
		}
		for range 1 + r.IntN(6) {
			at := a.Clock.Now().Add(time.Duration(r.IntN(1200)-1100) * time.Second)
			rec := sluice.Record{Time: uint32(at.Unix()), Nanos: uint32(r.IntN(2)) * 5}
			for range r.IntN(7) {
				rec.Fields = append(rec.Fields, sluice.Field{Key: hostileNames[r.IntN(len(hostileNames))], Value: hostileValues[r.IntN(len(hostileValues))]})
			}
			g.Records = append(g.Records, rec)
		}
		id, at, err := a.door.Append(a.t.Context(), catalogtest.Ref, g)
		if err != nil {
			a.t.Fatal(err)
		}
		for i, rec := range g.Records {
			p := amend.Place{Shard: id, Position: at, Index: int32(i)}
			a.logs[p] = &amend.Row{Place: p, Log: sluice.LogGroup{Topic: g.Topic, Source: g.Source, Tags: g.Tags, Records: []sluice.Record{rec}}}
		}
	}
}

// everything is a filter of some of the time of all logs.
func (a *amended) filter(r *rand.Rand, search string) query.Filter {
	now := a.Clock.Now().UnixNano()
	from := now - r.Int64N(int64(40*time.Minute))
	return query.Filter{
		Ref: catalogtest.Ref, Search: search, Topic: []string{"", "", "web"}[r.IntN(3)],
		Range: query.Range{From: from, To: from + 1 + r.Int64N(int64(30*time.Minute))},
	}
}

// amend deletes or updates some logs, and the model with them.
func (a *amended) amend(r *rand.Rand) {
	a.t.Helper()
	ctx := a.t.Context()
	w := query.Which{Filter: a.filter(r, hostileSearches[r.IntN(len(hostileSearches))])}
	found, err := a.indexed.Logs(ctx, query.Page{Filter: w.Filter, Line: 100_000})
	if err != nil {
		a.t.Fatal(err)
	}
	if r.IntN(2) == 0 && len(found.Logs) > 0 { // one of them
		found.Logs = found.Logs[:1]
		w = query.Which{Filter: query.Filter{Ref: catalogtest.Ref}, RowID: found.Logs[0].RowID()}
	}
	var n int
	if r.IntN(2) == 0 {
		n, err = a.indexed.Delete(ctx, w)
		for i := range found.Logs {
			delete(a.logs, place(&found.Logs[i]))
		}
	} else {
		value, full := strings.ToValidUTF8(hostileValues[r.IntN(len(hostileValues))], "\uFFFD"), r.IntN(4) == 0
		data, _ := json.Marshal(map[string]string{"t": value, "n": "77", "fresh": "one two", "__tag__:host": "h9", "__topic__": "web"})
		if !full {
			data = append(data[:len(data)-1], `,"u":null}`...)
		}
		p, err2 := query.ParsePatch(data, full)
		if err2 != nil {
			a.t.Fatal(err2)
		}
		n, err = a.indexed.Update(ctx, w, p)
		for i := range found.Logs {
			a.rewrite(a.logs[place(&found.Logs[i])], value, full)
		}
	}
	if err != nil || n != len(found.Logs) {
		a.t.Fatalf("%+v: %d logs were changed (%v), want %d", w, n, err, len(found.Logs))
	}
}

func place(l *query.Log) amend.Place {
	return amend.Place{Shard: l.Shard, Position: l.Cursor, Index: int32(l.Index)}
}

// rewrite is the model's own idea of an update.
func (a *amended) rewrite(row *amend.Row, value string, full bool) {
	rec := row.Record()
	set := func(fields []sluice.Field, key, value string) []sluice.Field {
		kept := slices.DeleteFunc(slices.Clone(fields), func(f sluice.Field) bool { return f.Key == key })
		return append(kept, sluice.Field{Key: key, Value: value})
	}
	if full {
		rec.Fields = nil
	} else {
		rec.Fields = slices.DeleteFunc(slices.Clone(rec.Fields), func(f sluice.Field) bool { return f.Key == "u" })
	}
	rec.Fields = set(set(set(rec.Fields, "t", value), "n", "77"), "fresh", "one two")
	row.Log.Tags, row.Log.Topic = set(row.Log.Tags, "host", "h9"), "web"
}

// written is an engine over logs that were written as the model has them.
func (a *amended) written() *query.Engine {
	a.t.Helper()
	env := catalogtest.Open(a.t, catalog.Options{}, shard.Options{MinFreeBytes: -1})
	env.CreateLogstore(1)
	env.Clock.Advance(a.Clock.Now().Sub(env.Clock.Now()))
	x, err := a.Catalog.Index(a.t.Context(), catalogtest.Ref)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := env.Catalog.CreateIndex(a.t.Context(), catalogtest.Ref, x.Config); err != nil {
		a.t.Fatal(err)
	}
	door := ingest.New(env.Catalog, ingest.Options{Past: -1, Future: 15 * time.Minute, Now: env.Clock.Now})
	for _, row := range a.logs {
		if _, _, err := door.Append(a.t.Context(), catalogtest.Ref, &row.Log); err != nil {
			a.t.Fatal(err)
		}
	}
	e := query.New(env.Catalog, nil, query.Options{Now: env.Clock.Now})
	a.t.Cleanup(func() { _ = e.Close() })
	return e
}

// shown is what matters of logs: their times and their fields, in an order that does not depend on places.
func shown(logs []query.Log) []string {
	var all []string
	for _, l := range logs {
		var fields []string
		for _, f := range l.Fields {
			if f.Key != query.RowIDField {
				fields = append(fields, fmt.Sprintf("%q=%q", f.Key, f.Value))
			}
		}
		slices.Sort(fields)
		all = append(all, fmt.Sprintf("%d.%09d %v", l.Time, l.Nanos, fields))
	}
	slices.Sort(all)
	return all
}

// check asks an engine over amended logs and one over logs that were written so the same.
func (a *amended) check(name string, e, want *query.Engine, f query.Filter) {
	a.t.Helper()
	ctx := a.t.Context()
	ask := func(e *query.Engine) (logs []string, buckets []query.Bucket, rows [][]string, spl int) {
		found, err := e.Logs(ctx, query.Page{Filter: f, Line: 100_000})
		if err != nil || !found.Complete {
			a.t.Fatalf("%s %+v: %v", name, f, err)
		}
		buckets, _, err = e.Histogram(ctx, f, 13)
		if err != nil {
			a.t.Fatal(err)
		}
		sql, err := e.SQL(ctx, f, "select count(*) as c, count(distinct n) as s, count(t) as t, min(u) as u from log")
		if err != nil {
			a.t.Fatal(err)
		}
		counted, err := e.SQL(ctx, f, "select count(*) as c")
		if err != nil {
			a.t.Fatal(err)
		}
		walked, err := e.SPL(ctx, query.Page{Filter: f, Line: 100_000}, "where t is not null")
		if err != nil {
			a.t.Fatal(err)
		}
		return shown(found.Logs), buckets, append(sql.Rows, counted.Rows...), len(walked.Rows)
	}
	logs1, buckets1, rows1, spl1 := ask(e)
	logs2, buckets2, rows2, spl2 := ask(want)
	if diff := gocmp.Diff(logs2, logs1); diff != "" {
		a.t.Fatalf("%s %+v: logs (-written so +amended):\n%s", name, f, diff)
	}
	if diff := gocmp.Diff(buckets2, buckets1); diff != "" {
		a.t.Fatalf("%s %+v: histogram (-written so +amended):\n%s", name, f, diff)
	}
	if diff := gocmp.Diff(rows2, rows1); diff != "" || spl1 != spl2 {
		a.t.Fatalf("%s %+v: SPL %d, want %d, SQL (-written so +amended):\n%s", name, f, spl1, spl2, diff)
	}
}

// TestAmendedLogsAnswerAsIfWrittenSo deletes and updates logs that are in segments and in shard logs alone, and goes on through merges, restarts, a split
// and another index configuration.
func TestAmendedLogsAnswerAsIfWrittenSo(t *testing.T) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 31))
			a := newAmended(t)
			for step := range 8 {
				a.put(r, 20)
				a.round()
				a.put(r, r.IntN(5))
				for range r.IntN(12) {
					a.amend(r)
				}
				switch step {
				case 2:
					if _, err := a.Catalog.Split(t.Context(), catalogtest.Ref, 0, nil, 2); err != nil {
						t.Fatal(err)
					}
				case 4:
					a.Crash(r)
					a.door = ingest.New(a.Catalog, ingest.Options{Past: -1, Future: 15 * time.Minute, Now: a.Clock.Now})
					a.engines()
				case 6:
					other := strings.Replace(amendedConfig, `"caseSensitive": true`, `"caseSensitive": false`, 1)
					if err := a.Catalog.UpdateIndex(t.Context(), catalogtest.Ref, json.RawMessage(other)); err != nil {
						t.Fatal(err)
					}
				}
				want := a.written()
				for range 6 {
					f := a.filter(r, hostileSearches[r.IntN(len(hostileSearches))])
					a.check("segments", a.indexed, want, f)
					a.check("shard logs", a.plain, want, f)
				}
				all := query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: a.Clock.Now().Add(-2 * time.Hour).UnixNano(), To: a.Clock.Now().Add(time.Hour).UnixNano()}}
				a.check("everything", a.indexed, want, all)
			}
			if changed, updated := a.counts(); changed < 50 || updated < 5 {
				t.Errorf("%d logs were changed and %d updated: too little was tested", changed, updated)
			}
		})
	}
}

func (a *amended) counts() (changed, updated int64) {
	a.t.Helper()
	v, err := amend.New(a.Meta, a.Catalog, a.index).View(a.t.Context(), a.View())
	if err != nil {
		a.t.Fatal(err)
	}
	return v.Count()
}

// TestPatch says what becomes of one log.
func TestPatch(t *testing.T) {
	e := newAmended(t)
	e.Clock.Advance(time.Unix(1767225600, 0).Sub(e.Clock.Now()))
	for name, c := range map[string]struct {
		data string
		full bool
		want []sluice.Field
	}{
		"partial":           {`{"b":"3"}`, false, []sluice.Field{{Key: "a", Value: "1"}, {Key: "b", Value: "3"}}},
		"a new field":       {`{"c":"4"}`, false, []sluice.Field{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "c", Value: "4"}}},
		"a field less":      {`{"a":null}`, false, []sluice.Field{{Key: "b", Value: "2"}}},
		"none less":         {`{"none":null}`, false, []sluice.Field{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}},
		"full":              {`{"b":"3"}`, true, []sluice.Field{{Key: "b", Value: "3"}}},
		"what is no text":   {`{"a":1.50,"b":{"x": [1, true]}}`, false, []sluice.Field{{Key: "a", Value: "1.50"}, {Key: "b", Value: `{"x":[1,true]}`}}},
		"as it was told us": {`{"__time__":"1767225600","__time_ns_part__":0,"b":"3"}`, true, []sluice.Field{{Key: "b", Value: "3"}}},
	} {
		g := &sluice.LogGroup{Topic: "t", Source: "s", Records: []sluice.Record{{Time: 1767225600, Fields: []sluice.Field{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}}}
		if _, _, err := e.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
			t.Fatal(err)
		}
		f := query.Filter{Ref: catalogtest.Ref, Range: query.Range{To: 1 << 62}}
		p, err := query.ParsePatch([]byte(c.data), c.full)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n, err := e.indexed.Update(t.Context(), query.Which{Filter: f}, p); n != 1 || err != nil {
			t.Fatalf("%s: %d, %v", name, n, err)
		}
		found, err := e.indexed.Logs(t.Context(), query.Page{Filter: f, Line: 10})
		if err != nil {
			t.Fatal(err)
		}
		want := append([]sluice.Field{{Key: "__source__", Value: "s"}, {Key: "__topic__", Value: "t"}}, c.want...)
		want = append(want, sluice.Field{Key: "__rowid__", Value: found.Logs[0].RowID()})
		if diff := gocmp.Diff(want, found.Logs[0].Fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n, err := e.indexed.Delete(t.Context(), query.Which{Filter: f}); n != 1 || err != nil {
			t.Fatalf("%s: %d logs are deleted for the next: %v", name, n, err)
		}
	}
	for data, want := range map[string]string{
		``: "not a JSON object", `[]`: "not a JSON object", `{}`: "names no field", `{"a":1} {}`: "more than one", `{"a":}`: "not JSON",
		`{"a":1,"a":2}`: "twice", `{"":1}`: "keys have 1 to", `{"__topic__":null}`: "null", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`: "more than",
	} {
		if _, err := query.ParsePatch([]byte(data), false); err == nil || !strings.Contains(err.Error(), want) || sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("%.40s: %v, want one that says %q", data, err, want)
		}
	}
	if _, err := query.ParsePatch([]byte(`{"a":null}`), true); err == nil {
		t.Error("null was taken in a full update")
	}
}

// TestAmendRefusals tries what has to change nothing.
func TestAmendRefusals(t *testing.T) {
	e := newAmended(t)
	e.put(rand.New(rand.NewPCG(1, 1)), 5)
	all := query.Filter{Ref: catalogtest.Ref, Range: query.Range{To: 1 << 62}}
	patch, err := query.ParsePatch([]byte(`{"__time__":"1"}`), false)
	if err != nil {
		t.Fatal(err)
	}
	id := func(text string) query.Which {
		return query.Which{Filter: query.Filter{Ref: catalogtest.Ref}, RowID: text}
	}
	search := all
	search.Search = "(("
	_, updated := e.indexed.Update(t.Context(), query.Which{Filter: all}, patch)
	_, unread := e.indexed.Delete(t.Context(), query.Which{Filter: search})
	_, noID := e.indexed.Delete(t.Context(), id("0|1"))
	_, other := e.indexed.Delete(t.Context(), id("0|01|1"))
	e.open() // engines without amendments
	_, unsupported := e.plain.Delete(t.Context(), query.Which{Filter: all})
	for what, c := range map[string]struct {
		err  error
		kind sluice.Kind
		says string
	}{
		"another time":   {updated, sluice.Invalid, "__time__"},
		"a bad search":   {unread, sluice.Invalid, ""},
		"half a row id":  {noID, sluice.Invalid, "__rowid__"},
		"a strange one":  {other, sluice.Invalid, "__rowid__"},
		"nowhere to put": {unsupported, sluice.Unsupported, ""},
	} {
		if sluice.KindOf(c.err) != c.kind || c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: %v, want a %v that says %q", what, c.err, c.kind, c.says)
		}
	}
	e.engines()
	for _, gone := range []string{"0|1|0", "7|5|0", fmt.Sprintf("0|%d|999", e.Clock.Now().UnixNano())} {
		if n, err := e.indexed.Delete(t.Context(), id(gone)); n != 0 || err != nil {
			t.Errorf("deleting %s, which is no log: %d, %v", gone, n, err)
		}
	}
	if changed, _ := e.counts(); changed != 0 {
		t.Errorf("%d logs were changed", changed)
	}
}

// TestContextsAndTopicsOfAmendedLogs asks for neighbours and topics.
func TestContextsAndTopicsOfAmendedLogs(t *testing.T) {
	e := newAmended(t)
	at := uint32(e.Clock.Now().Unix())
	var places []amend.Place
	for n := range 3 {
		g := &sluice.LogGroup{Topic: fmt.Sprint("topic", n), Tags: []sluice.Field{{Key: "__pack_id__", Value: fmt.Sprintf("AB-%d", n)}}}
		for i := range 2 {
			g.Records = append(g.Records, sluice.Record{Time: at, Fields: []sluice.Field{{Key: "t", Value: fmt.Sprint(n, i)}}})
		}
		id, position, err := e.door.Append(t.Context(), catalogtest.Ref, g)
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, amend.Place{Shard: id, Position: position}, amend.Place{Shard: id, Position: position, Index: 1})
	}
	rowID := func(n int) query.Which {
		return query.Which{Filter: query.Filter{Ref: catalogtest.Ref}, RowID: places[n].RowID()}
	}
	for _, n := range []int{0, 1, 3} {
		if n, err := e.indexed.Delete(t.Context(), rowID(n)); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	p, err := query.ParsePatch([]byte(`{"t":"new","__topic__":"another"}`), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.indexed.Update(t.Context(), rowID(4), p); err != nil {
		t.Fatal(err)
	}
	anchor := query.Anchor{PackID: "AB-2", Shard: places[5].Shard, Position: places[5].Position, Index: 1}
	c, err := e.indexed.Around(t.Context(), catalogtest.Ref, anchor, 10, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range c.Logs {
		got = append(got, l.Fields[slices.IndexFunc(l.Fields, func(f sluice.Field) bool { return f.Key == "t" })].Value)
	}
	if diff := gocmp.Diff([]string{"1 0", "new", "2 1"}, got); diff != "" || c.Back != 2 || !c.Complete {
		t.Errorf("context, %d before the anchor (-want +got):\n%s", c.Back, diff)
	}
	anchor = query.Anchor{PackID: "AB-0", Shard: places[0].Shard, Position: places[0].Position}
	if _, err := e.indexed.Around(t.Context(), catalogtest.Ref, anchor, 1, 1); sluice.KindOf(err) != sluice.Invalid {
		t.Errorf("the context of a deleted log: %v", err)
	}
	topics, _, err := e.indexed.Topics(t.Context(), catalogtest.Ref, "", 10)
	if diff := gocmp.Diff([]string{"another", "topic1", "topic2"}, topics); diff != "" || err != nil {
		t.Errorf("topics (-want +got):\n%s%v", diff, err)
	}
}

// TestUpdatedLogsExpire lets retention take updated logs: they must go with what was written.
func TestUpdatedLogsExpire(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	e := newAmended(t)
	e.put(r, 40)
	e.round()
	all := query.Filter{Ref: catalogtest.Ref, Range: query.Range{To: 1 << 62}}
	p, err := query.ParsePatch([]byte(`{"t":"new"}`), false)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := e.indexed.Update(t.Context(), query.Which{Filter: all}, p); err != nil || n < 100 {
		t.Fatal(n, err)
	}
	for _, sh := range e.View().Shards {
		if err := sh.Stored.Trim(e.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for range 70 {
		e.Clock.Advance(time.Minute)
		e.round()
	}
	for name, engine := range map[string]*query.Engine{"segments": e.indexed, "shard logs": e.plain} {
		if found, err := engine.Logs(t.Context(), query.Page{Filter: all, Line: 10}); err != nil || len(found.Logs) != 0 {
			t.Errorf("%s: %d logs outlived retention: %v", name, len(found.Logs), err)
		}
	}
	e.put(r, 40)
	if n, err := e.indexed.Delete(t.Context(), query.Which{Filter: all}); err != nil || n < 100 {
		t.Fatal(n, err)
	}
	if changed, updated := e.counts(); updated != 0 || changed > 400 {
		t.Errorf("%d changed logs and %d updated ones are remembered: what is gone was not forgotten", changed, updated)
	}
	if found, err := e.indexed.Logs(t.Context(), query.Page{Filter: all, Line: 10}); err != nil || len(found.Logs) != 0 {
		t.Errorf("%d logs outlived their deletion: %v", len(found.Logs), err)
	}
}
