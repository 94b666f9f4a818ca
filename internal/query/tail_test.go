package query_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/shard"
)

// errEnough ends a tail from within.
var errEnough = errors.New("enough")

// watched is a tail that is running. Its events but the signs of life come by a channel; stop ends it and returns what it ended with.
type watched struct {
	events chan query.TailEvent
	stop   func() error
}

func (e *env) watch(r query.Tail) watched {
	e.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := watched{events: make(chan query.TailEvent)}
	began, ended := make(chan struct{}), make(chan error, 1)
	r.Ref = catalogtest.Ref
	go func() {
		first := true
		ended <- e.engine.Tail(ctx, r, func(ev *query.TailEvent) error {
			if first {
				first = false
				close(began)
				return nil
			}
			if len(ev.Rows) == 0 && ev.Skipped == nil {
				return nil
			}
			kept := *ev
			kept.Places = places(e.t, ev.Places.String())
			select {
			case w.events <- kept:
			case <-ctx.Done():
			}
			return nil
		})
		close(w.events)
	}()
	select {
	case <-began:
	case err := <-ended:
		e.t.Fatalf("the tail ended before it began: %v", err)
	}
	w.stop = func() error { cancel(); return <-ended }
	e.t.Cleanup(func() { cancel() })
	return w
}

func places(t *testing.T, text string) query.Places {
	t.Helper()
	p, err := query.ParsePlaces(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ends are the places behind all logs.
func (e *env) ends() query.Places {
	e.t.Helper()
	p, err := e.engine.Ends(e.t.Context(), catalogtest.Ref)
	if err != nil {
		e.t.Fatal(err)
	}
	return p
}

// field lists the values of a field of the rows of an event.
func field(ev query.TailEvent, name string) []string {
	var list []string
	for _, row := range ev.Rows {
		for _, f := range row {
			if f.Key == name {
				list = append(list, f.Value)
			}
		}
	}
	return list
}

// next is the next event, within a minute.
func (w watched) next(t *testing.T) query.TailEvent {
	t.Helper()
	select {
	case ev, ok := <-w.events:
		if !ok {
			t.Fatal("the tail has ended")
		}
		return ev
	case <-time.After(time.Minute):
		t.Fatal("nothing came within a minute")
		panic("unreachable")
	}
}

// put writes a log group of logs with these numbers to the shard that owns a key, and returns the shard.
func (e *env) put(key byte, numbers ...int) sluice.ShardID {
	e.t.Helper()
	s := e.View().Owner(sluice.HashKey{key})
	g := &sluice.LogGroup{Topic: "web", Source: "10.0.0.1"}
	for _, n := range numbers {
		g.Records = append(g.Records, sluice.Record{Time: uint32(e.Clock.Now().Unix()), Fields: []sluice.Field{
			{Key: "n", Value: strconv.Itoa(n)}, {Key: "method", Value: []string{"GET", "POST"}[n%2]},
		}})
	}
	raw := logpb.Append(nil, g)
	data, err := lz4block.Compress(nil, raw)
	if err != nil {
		e.t.Fatal(err)
	}
	tail, err := lz4block.Tail(data)
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := s.Stored.Append(e.t.Context(), shard.Block{Data: data, Raw: len(raw), Tail: tail, Logs: len(numbers)}); err != nil {
		e.t.Fatal(err)
	}
	return s.ID
}

// Tails that end anywhere and go on where they were give every log that comes in once, in the order of its shard.
func TestTailGoesOnWhereItWas(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 21))
	e := newEnv(t, query.Options{})
	e.write(r, 20)
	before := e.n
	at := e.ends()
	got := map[string]bool{}
	last := map[sluice.ShardID]int{}
	for round := range 40 {
		e.write(r, r.IntN(8))
		e.put(byte(r.IntN(256)), 1_000_000+2*round)
		w := e.watch(query.Tail{Search: "method:GET", Pipeline: "where status is null or status <> '300' | project n", Places: at})
		for range 1 + r.IntN(2) { // at least one log came that the tail has not told of, or the next put is
			if len(got) == e.wanted(before)+round+1 {
				break
			}
			ev := w.next(t)
			for _, n := range field(ev, "n") {
				number, _ := strconv.Atoi(n)
				if got[n] || number <= before {
					t.Fatalf("log %s of shard %v comes twice, or too late", n, ev.Shard)
				}
				got[n] = true
				if number < 1_000_000 {
					if number <= last[ev.Shard] {
						t.Fatalf("log %s of shard %v comes after %d", n, ev.Shard, last[ev.Shard])
					}
					last[ev.Shard] = number
				}
			}
			at = ev.Places
		}
		if err := w.stop(); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	w := e.watch(query.Tail{Search: "method:GET", Pipeline: "where status is null or status <> '300'", Places: at})
	for len(got) < e.wanted(before)+40 {
		for _, n := range field(w.next(t), "n") {
			if got[n] {
				t.Fatalf("log %s comes twice", n)
			}
			got[n] = true
		}
	}
	if err := w.stop(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// wanted counts the logs written behind the first so many that the tails of the test ask for.
func (e *env) wanted(before int) int {
	n := 0
	for _, l := range e.logs {
		if number, _ := strconv.Atoi(l.n); number > before && l.method == "GET" && l.status != "300" {
			n++
		}
	}
	return n
}

// The logs of a shard that was split or merged come before those of the shards that it became, also for who comes later.
func TestTailFollowsSplitsAndMerges(t *testing.T) {
	e := newEnv(t, query.Options{})
	start := e.ends()
	w := e.watch(query.Tail{Places: start})
	want := []string{}
	step := func(keys ...byte) {
		for _, key := range keys {
			n := len(want)
			want = append(want, strconv.Itoa(n))
			e.put(key, n)
		}
	}
	check := func() {
		t.Helper()
		var got []string
		for len(got) < len(want) {
			got = append(got, field(w.next(t), "n")...)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		want = nil
	}
	step(0, 0, 100, 255)
	check()
	if _, err := e.Catalog.Split(t.Context(), catalogtest.Ref, 0, nil, 0); err != nil {
		t.Fatal(err)
	}
	step(0, 80, 80, 0, 255)
	check()
	if _, err := e.Catalog.Merge(t.Context(), catalogtest.Ref, 3); err != nil {
		t.Fatal(err)
	}
	step(0, 80, 200)
	check()
	if err := w.stop(); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}

	late := e.watch(query.Tail{Search: "*", Places: start})
	seen := map[sluice.ShardID]bool{}
	for n := 0; n < 12; {
		ev := late.next(t)
		n += len(ev.Rows)
		seen[ev.Shard] = true
		for _, parent := range e.Shard(ev.Shard).Parents {
			if !seen[parent] {
				t.Errorf("shard %v comes before shard %v, which it came of", ev.Shard, parent)
			}
		}
	}
	_ = late.stop()
}

// A tail whose asker is slow holds up nobody: it goes on at the end and tells what it left out. What was asked for from the past
// is never left out.
func TestTailSkips(t *testing.T) {
	e := newEnv(t, query.Options{Tail: query.TailOptions{Lag: 10 * time.Second}})
	e.put(0, 1, 2)
	e.Clock.Advance(time.Hour)
	w := e.watch(query.Tail{})
	if got := field(w.next(t), "n"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("from an hour ago: %v", got)
	}
	const groups = 600 // more than two reads of a shard take: one waits for us, and one for that one
	for i := range groups {
		e.put(0, 10+i, 1000+i)
	}
	e.Clock.Advance(11 * time.Second)
	var got []string
	var skipped query.Skipped
	for len(got)+int(skipped.Logs) < 2*groups {
		ev := w.next(t)
		if got = append(got, field(ev, "n")...); ev.Skipped != nil {
			skipped.Logs, skipped.Groups = skipped.Logs+ev.Skipped.Logs, skipped.Groups+ev.Skipped.Groups
		}
	}
	if skipped.Logs == 0 || 2*skipped.Groups != skipped.Logs || skipped.Damaged || len(got) > 0 && got[0] != "10" {
		t.Errorf("got %d logs, skipped %+v", len(got), skipped)
	}
	e.put(0, 7)
	if last := w.next(t); !slices.Equal(field(last, "n"), []string{"7"}) {
		t.Errorf("the end comes as %v", last)
	}
	_ = w.stop()
}

func TestTailErrors(t *testing.T) {
	e := newEnv(t, query.Options{Tail: query.TailOptions{Most: 1, Beat: time.Millisecond}})
	e.put(0, 1)
	f := func(r query.Tail, kind sluice.Kind, noun string) {
		t.Helper()
		r.Ref.Project = catalogtest.Ref.Project
		if r.Ref.Logstore == "" {
			r.Ref.Logstore = catalogtest.Ref.Logstore
		}
		err := e.engine.Tail(t.Context(), r, func(*query.TailEvent) error { t.Error("the tail began"); return errEnough })
		var failure *sluice.Error
		if !errors.As(err, &failure) || failure.Kind != kind || failure.Noun != noun {
			t.Errorf("%+v: got %v, want %v %s", r, err, kind, noun)
		}
	}
	f(query.Tail{Ref: sluice.LogstoreRef{Logstore: "none"}}, sluice.NotFound, "logstore")
	f(query.Tail{Search: "a:b:c"}, sluice.Invalid, "query")
	f(query.Tail{Pipeline: "stats n = count(*)"}, sluice.Invalid, "query")
	f(query.Tail{Pipeline: "where ="}, sluice.Invalid, "query")
	f(query.Tail{Places: query.Places{0: 1 << 62}}, sluice.OutOfRange, "cursor")

	w := e.watch(query.Tail{Pipeline: "extend __time__ = 0 - 1", Places: query.Places{9: 5}})
	if got := field(w.next(t), "n"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("a log that the pipeline fails on: %v", got)
	}
	f(query.Tail{}, sluice.Unavailable, "server")
	if err := e.Catalog.DeleteLogstore(t.Context(), catalogtest.Ref); err != nil {
		t.Fatal(err)
	}
	for range w.events {
		t.Error("an event of a logstore that is gone")
	}
	if err := w.stop(); sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("the logstore is gone: %v", err)
	}
}

// A logstore without an index can be followed as a whole.
func TestTailWithoutIndex(t *testing.T) {
	e := newEnv(t, query.Options{})
	if err := e.Catalog.DeleteIndex(t.Context(), catalogtest.Ref); err != nil {
		t.Fatal(err)
	}
	w := e.watch(query.Tail{Search: "*", Pipeline: "where method = 'GET'", Places: e.ends()})
	e.put(0, 1, 2, 3)
	if got := field(w.next(t), "n"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("got %v", got)
	}
	_ = w.stop()
	err := e.engine.Tail(t.Context(), query.Tail{Ref: catalogtest.Ref, Search: "word"}, func(*query.TailEvent) error { return errEnough })
	if sluice.KindOf(err) != sluice.NotFound {
		t.Errorf("a search without an index: %v", err)
	}
}

func TestParsePlaces(t *testing.T) {
	for _, text := range []string{"0:0", "0:5,3:9223372036854775807", "17:1"} {
		if got := places(t, text).String(); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
	for _, text := range []string{"", ",", "1", "1:", ":1", "1:x", "-1:5", "1:-5", "1:5,1:6", "1:5,", "4294967296:1", "0:9223372036854775808"} {
		if p, err := query.ParsePlaces(text); sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("%q: %v, %v", text, p, err)
		}
	}
}

func FuzzParsePlaces(f *testing.F) {
	f.Add("0:5,3:7")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := query.ParsePlaces(text)
		if err != nil {
			return
		}
		again, err := query.ParsePlaces(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%q became %v and then %v, %v", text, p, again, err)
		}
	})
}
