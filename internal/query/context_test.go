package query_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// TestAround spreads two streams over the shards and asks for the neighbours of every log of one.
func TestAround(t *testing.T) {
	e := newEnv(t, query.Options{})
	r := rand.New(rand.NewPCG(4, 4))
	var stream []string // the field n of each log, in the stream's order
	for number := range 30 {
		e.Clock.Advance(time.Second)
		g := &sluice.LogGroup{Tags: []sluice.Field{{Key: "__pack_id__", Value: fmt.Sprintf("AB-1-%X", number)}}}
		for range 1 + r.IntN(4) {
			n := fmt.Sprint(len(stream))
			g.Records = append(g.Records, sluice.Record{Time: uint32(e.Clock.Now().Unix()), Fields: []sluice.Field{{Key: "n", Value: n}}})
			stream = append(stream, n)
		}
		other := &sluice.LogGroup{
			Tags:    []sluice.Field{{Key: "__pack_id__", Value: fmt.Sprintf("AB-2-%X", number)}},
			Records: []sluice.Record{{Time: uint32(e.Clock.Now().Unix()), Fields: []sluice.Field{{Key: "n", Value: "other"}}}},
		}
		for _, group := range []*sluice.LogGroup{g, other} {
			if _, _, err := e.door.Append(t.Context(), catalogtest.Ref, group); err != nil {
				t.Fatal(err)
			}
		}
	}
	found, err := e.engine.Logs(t.Context(), query.Page{
		Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: 0, To: 3e18}}, Line: 1000, PackMeta: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, l := range found.Logs {
		n, meta, pack := value(l, "n"), value(l, "__pack_meta__"), value(l, "__tag__:__pack_id__")
		i := slices.Index(stream, n)
		if i < 0 {
			continue
		}
		checked++
		back, forward := r.IntN(6), r.IntN(6)
		anchor, err := query.ParseAnchor(pack, meta)
		if err != nil {
			t.Fatal(err)
		}
		c, err := e.engine.Around(t.Context(), catalogtest.Ref, anchor, back, forward)
		if err != nil || !c.Complete {
			t.Fatal(err)
		}
		var got []string
		for _, l := range c.Logs {
			got = append(got, value(l, "n"))
		}
		want := stream[max(0, i-back):min(len(stream), i+forward+1)]
		if !slices.Equal(got, want) || value(c.Logs[c.Back], "n") != n {
			t.Fatalf("around %s, %d back and %d forward: got %v (anchor %d), want %v", n, back, forward, got, c.Back, want)
		}
	}
	if checked != len(stream) {
		t.Errorf("%d of %d logs found", checked, len(stream))
	}
	for _, bad := range [][2]string{{"", ""}, {"AB-1-0", "0|x|1|0"}, {"AB", "0|MQ==|1|0"}, {"AB-1-0", "0|MQ==|1"}, {"AB-1-0", "-1|MQ==|1|0"}} {
		if _, err := query.ParseAnchor(bad[0], bad[1]); err == nil {
			t.Errorf("anchor %q is accepted", bad)
		}
	}
	if _, err := e.engine.Around(t.Context(), catalogtest.Ref, query.Anchor{PackID: "AB-1-0", Shard: 0, Position: 1}, 1, 1); sluice.KindOf(err) != sluice.Invalid {
		t.Errorf("an anchor that is not there: %v", err)
	}
}

func value(l query.Log, name string) string {
	for _, f := range l.Fields {
		if f.Key == name {
			return f.Value
		}
	}
	return ""
}

func TestTopics(t *testing.T) {
	e := newEnv(t, query.Options{})
	for _, topic := range []string{"b", "a", "c", "a", "d", ""} {
		g := &sluice.LogGroup{Topic: topic, Records: []sluice.Record{{Time: uint32(e.Clock.Now().Unix())}}}
		if _, _, err := e.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	token := ""
	for {
		page, next, err := e.engine.Topics(t.Context(), catalogtest.Ref, token, 2)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if token = next; token == "" {
			break
		}
	}
	if !slices.Equal(all, []string{"", "a", "b", "c", "d"}) {
		t.Errorf("topics: %q", all)
	}
}
