package spl

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/sluicelog/sluice"
)

func mustParse(t testing.TB, pipeline string) *Pipeline {
	t.Helper()
	p, err := Parse(pipeline)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fields makes fields of key, value, key, value.
func fields(kv ...string) []sluice.Field {
	var all []sluice.Field
	for i := 0; i < len(kv); i += 2 {
		all = append(all, sluice.Field{Key: kv[i], Value: kv[i+1]})
	}
	return all
}

func access() *sluice.LogGroup {
	return &sluice.LogGroup{
		Topic: "nginx", Source: "192.0.2.1", Tags: fields("__path__", "/var/log/a", "host", "web"),
		Records: []sluice.Record{
			{Time: 100, Nanos: 7, Fields: fields("status", "200", "url", "/a")},
			{Time: 101, Fields: fields("status", "500", "url", "/b")},
			{Time: 102, Fields: fields("status", "503", "url", "/c")},
		},
	}
}

func TestApply(t *testing.T) {
	f := func(name, pipeline string, want *sluice.LogGroup, stats Stats) {
		t.Run(name, func(t *testing.T) {
			in := access()
			got, s, err := mustParse(t, pipeline).Apply(context.Background(), in, testOptions())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			s.Failure = nil
			if s != stats {
				t.Errorf("stats = %+v, want %+v", s, stats)
			}
			if diff := cmp.Diff(access(), in); diff != "" {
				t.Error("the group that came in was changed:", diff)
			}
		})
	}

	f("everything passes through", "*", access(), Stats{Lines: 3, Result: 3})

	errs := access()
	errs.Records = errs.Records[1:]
	f("a filter keeps the group", "* | where cast(status as bigint) >= 500", errs, Stats{Lines: 3, Result: 2})

	f("nothing is left", "* | where false", &sluice.LogGroup{}, Stats{Lines: 3})

	f("project drops topic, source and tags, and keeps time", "* | project url, host=\"__tag__:host\"", &sluice.LogGroup{
		Records: []sluice.Record{
			{Time: 100, Nanos: 7, Fields: fields("host", "web", "url", "/a")},
			{Time: 101, Fields: fields("host", "web", "url", "/b")},
			{Time: 102, Fields: fields("host", "web", "url", "/c")},
		},
	}, Stats{Lines: 3, Result: 3})

	f("topic, source and tags can be read, set, renamed and dropped",
		`* | where __topic__ = 'nginx' | extend __topic__ = 'web-' || "__tag__:host", "__tag__:zone"='z1'
		   | project-rename "__tag__:path"="__tag__:__path__" | project-away __source__, url, status`,
		&sluice.LogGroup{
			Topic: "web-web", Tags: fields("path", "/var/log/a", "host", "web", "zone", "z1"),
			Records: []sluice.Record{{Time: 100, Nanos: 7}, {Time: 101}, {Time: 102}},
		}, Stats{Lines: 3, Result: 3})

	f("what logs do not agree on stays in the logs", `* | project url | extend __topic__ = url, "__tag__:same"='1', "__tag__:own"=url`,
		&sluice.LogGroup{
			Tags: fields("same", "1"),
			Records: []sluice.Record{
				{Time: 100, Nanos: 7, Fields: fields("url", "/a", "__topic__", "/a", "__tag__:own", "/a")},
				{Time: 101, Fields: fields("url", "/b", "__topic__", "/b", "__tag__:own", "/b")},
				{Time: 102, Fields: fields("url", "/c", "__topic__", "/c", "__tag__:own", "/c")},
			},
		}, Stats{Lines: 3, Result: 3})

	moved := access()
	for i := range moved.Records {
		moved.Records[i].Time += 10
		moved.Records[i].Nanos = 5
	}
	f("extend moves time", "* | extend __time__ = __time__ + 10, __time_ns_part__ = 5", moved, Stats{Lines: 3, Result: 3})

	failing := access()
	failing.Records[1].Time, failing.Records[2].Time = 500, 503
	f("a row that fails stays as it came", "* | extend __time__ = if(status = '200', 'never', cast(status as bigint))", failing,
		Stats{Lines: 3, Result: 3, Failed: 1})

	f("one log becomes several", "* | where status = '200' | extend p = split('x,y', ',') | expand-values p | project p", &sluice.LogGroup{
		Records: []sluice.Record{{Time: 100, Nanos: 7, Fields: fields("p", "x")}, {Time: 100, Nanos: 7, Fields: fields("p", "y")}},
	}, Stats{Lines: 3, Result: 2})
}

func TestApplyDropsFailed(t *testing.T) {
	o := testOptions()
	o.DropFailed = true
	got, s, err := mustParse(t, "* | extend __time__ = if(status = '200', 'never', cast(status as bigint))").Apply(context.Background(), access(), o)
	if err != nil || len(got.Records) != 2 || s.Failed != 1 || s.Result != 2 || !strings.Contains(s.Failure.Error(), "__time__ has to be an integer") {
		t.Errorf("got %d records, %+v, %v", len(got.Records), s, err)
	}
}

func TestApplyFailingRowLeavesNothing(t *testing.T) {
	// The second of the rows that the first log becomes fails, so the first of them must not be there either.
	group := &sluice.LogGroup{Records: []sluice.Record{{Time: 1, Fields: fields("a", `[1,"x"]`)}, {Time: 2, Fields: fields("a", "[3]")}}}
	got, s, err := mustParse(t, "* | expand-values a | extend __time__ = if(a = 'x', 'bad', 9)").Apply(context.Background(), group, testOptions())
	want := []sluice.Record{{Time: 1, Fields: fields("a", `[1,"x"]`)}, {Time: 9, Fields: fields("a", "3")}}
	if diff := cmp.Diff(want, got.Records); diff != "" || err != nil || s.Failed != 1 {
		t.Error(err, s, diff)
	}
}

func TestApplyDuplicates(t *testing.T) {
	group := &sluice.LogGroup{
		Topic: "t", Tags: fields("a", "1", "a", "2"),
		Records: []sluice.Record{
			{Time: 1, Fields: fields("k", "1", "k", "2", topicField, "own", timeField, "77")},
			{Time: 2, Fields: fields("x", "\xff")},
		},
	}
	got, _, err := mustParse(t, "*").Apply(context.Background(), group, testOptions())
	if diff := cmp.Diff(group, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestApplyRefusesCollectors(t *testing.T) {
	for pipeline, name := range map[string]string{
		"* | stats n=count(*)": "stats", "* | where true | sort a | limit 1": "sort", "* | limit 5": "limit",
	} {
		p := mustParse(t, pipeline)
		_, _, err := p.Apply(context.Background(), access(), Options{})
		if p.Stream() || sluice.KindOf(err) != sluice.Invalid || !strings.HasPrefix(err.Error(), name+" looks at all logs") {
			t.Errorf("%s: stream %v, error %v", pipeline, p.Stream(), err)
		}
	}
}

func TestApplyStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := mustParse(t, "*").Apply(ctx, access(), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestStatsAdd(t *testing.T) {
	first := errors.New("first")
	var s Stats
	s.Add(Stats{Lines: 3, Result: 2})
	s.Add(Stats{Lines: 1, Failed: 1, Failure: first})
	s.Add(Stats{Failed: 1, Failure: errors.New("second")})
	if want := (Stats{Lines: 4, Result: 2, Failed: 2, Failure: first}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
}

func TestFoldNames(t *testing.T) {
	o := testOptions()
	o.FoldNames = true
	var got [][]sluice.Field
	r := NewRunner(mustParse(t, `* | where status = '1' | project -wildcard "UR*", St=STATUS | extend URL = url || '!'`), o,
		func(f []sluice.Field) error { got = append(got, f); return nil })
	if err := r.Row(fields("Status", "1", "Url", "/a", "x", "y")); err != nil {
		t.Fatal(err)
	}
	if want := [][]sluice.Field{fields("St", "1", "Url", "/a!")}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestPipelineIsShared: one pipeline may run many times at once.
func TestPipelineIsShared(t *testing.T) {
	p := mustParse(t, `* | where regexp_like(url, '^/[ab]') and url like '/%' | parse-regexp url, '/(.)' as u | parse-kv -delims='&' url
		| project -wildcard "u*" | pack-fields -keep -include='u.*' as all | extend t = date_format(now(), '%Y')`)
	want, _, err := p.Apply(t.Context(), access(), testOptions())
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			got, _, err := p.Apply(t.Context(), access(), testOptions())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}
