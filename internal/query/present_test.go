package query_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// TestAmendLogsThatSegmentsAloneHave lets retention take the shard logs, of which segments have more for a while: what queries find there can be
// deleted and updated.
func TestAmendLogsThatSegmentsAloneHave(t *testing.T) {
	e := newAmended(t)
	e.put(rand.New(rand.NewPCG(6, 6)), 40)
	e.round()
	for _, sh := range e.View().Shards {
		if err := sh.Stored.Trim(e.Clock.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	all := query.Filter{Ref: catalogtest.Ref, Range: query.Range{To: 1 << 62}}
	found := func(search string) []query.Log {
		t.Helper()
		f := all
		f.Search = search
		found, err := e.indexed.Logs(t.Context(), query.Page{Filter: f, Line: 1000})
		if err != nil {
			t.Fatal(err)
		}
		return found.Logs
	}
	before := found("*")
	if len(before) < 50 {
		t.Fatalf("%d logs are found, too few to tell anything", len(before))
	}
	one := query.Which{Filter: query.Filter{Ref: catalogtest.Ref}, RowID: before[7].RowID()}
	if n, err := e.indexed.Delete(t.Context(), one); n != 1 || err != nil {
		t.Errorf("deleting one by its row id: %d, %v", n, err)
	}
	if n := len(found("*")); n != len(before)-1 {
		t.Errorf("%d logs are left of %d", n, len(before))
	}
	p, err := query.ParsePatch([]byte(`{"t":"fresh"}`), false)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := e.indexed.Update(t.Context(), query.Which{Filter: all}, p); n != len(before)-1 || err != nil {
		t.Errorf("updating the others: %d, %v", n, err)
	}
	for i, l := range found("t:fresh") {
		if same := before[i+btoi(i >= 7)]; l.Time != same.Time || l.RowID() != same.RowID() {
			t.Fatalf("log %d is %v, want an update of %v", i, l, same)
		}
	}
	if n := len(found("t:fresh")); n != len(before)-1 {
		t.Errorf("%d logs are updated of %d", n, len(before)-1)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestUpdatesOfTooMuchText updates logs that would say more than a logstore may keep, which is refused before it is in memory, and makes them short.
func TestUpdatesOfTooMuchText(t *testing.T) {
	e := newAmended(t)
	large := strings.Repeat("x", 900<<10)
	for range 20 {
		g := &sluice.LogGroup{}
		for range 4 {
			g.Records = append(g.Records, sluice.Record{Time: uint32(e.Clock.Now().Unix()), Fields: []sluice.Field{{Key: "u", Value: large}}})
		}
		if _, _, err := e.door.Append(t.Context(), catalogtest.Ref, g); err != nil {
			t.Fatal(err)
		}
	}
	w := query.Which{Filter: query.Filter{Ref: catalogtest.Ref, Range: query.Range{To: 1 << 62}}}
	update := func(patch string) (int, error) {
		t.Helper()
		p, err := query.ParsePatch([]byte(patch), false)
		if err != nil {
			t.Fatal(err)
		}
		return e.plain.Update(t.Context(), w, p)
	}
	if n, err := update(`{"note":"seen"}`); sluice.KindOf(err) != sluice.TooLarge || n != 0 {
		t.Errorf("%d logs were updated: %v", n, err)
	}
	if changed, _ := e.counts(); changed != 0 {
		t.Errorf("%d logs were changed", changed)
	}
	if n, err := update(`{"u":"short"}`); n != 80 || err != nil {
		t.Errorf("%d logs were made short: %v", n, err)
	}
}
