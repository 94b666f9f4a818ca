package amend

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
)

// TestViewsAreWhatChangesMakeOfThem compares views with a model, and wants those of before to stay as they were.
func TestViewsAreWhatChangesMakeOfThem(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var view *View
	hidden, now := map[Place]bool{}, map[Place]*Row{}
	for step := range 60 {
		c := random(r, r.IntN([]int{30, 200}[step%2]))
		before, changed, updated := view, 0, 0
		if view != nil {
			n, m := view.Count()
			changed, updated = int(n), int(m)
		}
		view = view.with(uint64(step+1), c)
		for _, p := range c.Gone {
			hidden[p] = true
			delete(now, p)
		}
		for i := range c.Now {
			hidden[c.Now[i].Place] = true
			now[c.Now[i].Place] = &c.Now[i]
		}
		same(t, view, hidden, now, r)
		if n, m := before.Count(); int(n) != changed || int(m) != updated {
			t.Fatalf("a view went from %d and %d to %d and %d", changed, updated, n, m)
		}
	}
	begins := map[sluice.ShardID]sluice.Position{0: 1<<32 + 7, 1: 0}
	for p := range hidden {
		if begin, ok := begins[p.Shard]; !ok || p.Position < begin {
			delete(hidden, p)
			delete(now, p)
		}
	}
	if left := view.left(begins); left != uint64(len(hidden)) {
		t.Errorf("%d places are said to be left, want %d", left, len(hidden))
	}
	same(t, (*View)(nil).with(99, view.from(begins)), hidden, now, r)
}

func same(t *testing.T, v *View, hidden map[Place]bool, now map[Place]*Row, r *rand.Rand) {
	t.Helper()
	if changed, updated := v.Count(); changed != int64(len(hidden)) || updated != int64(len(now)) {
		t.Fatalf("%d changed and %d updated logs, want %d and %d", changed, updated, len(hidden), len(now))
	}
	bytes := int64(0)
	for p := range hidden {
		near := Place{p.Shard, p.Position + 1, p.Index}
		if !v.Hides(p) || v.Hides(near) != hidden[near] || (v.Now(p) == nil) != (now[p] == nil) {
			t.Fatalf("%v: hidden %v, the next %v, now %v", p, v.Hides(p), v.Hides(near), v.Now(p))
		}
		if row := now[p]; row != nil {
			bytes += row.Bytes()
		}
	}
	if v.nowBytes != bytes {
		t.Fatalf("the updated logs are said to have %d bytes, want %d", v.nowBytes, bytes)
	}
	for range 20 {
		c := random(r, 2)
		c.Gone = append(c.Gone, Place{Position: 0}, Place{Position: math.MaxInt64})
		for _, row := range c.Now {
			c.Gone = append(c.Gone, row.Place)
		}
		slices.SortFunc(c.Gone, Place.compare)
		from, to := c.Gone[0], c.Gone[len(c.Gone)-1]
		want := uint64(0)
		for p := range hidden {
			if p.Shard == from.Shard && p.Position >= from.Position && p.Position < to.Position {
				want++
			}
		}
		if got := v.Hidden(from.Shard, from.Position, to.Position); got != want {
			t.Fatalf("%d hidden logs in shard %v from %d to %d, want %d", got, from.Shard, from.Position, to.Position, want)
		}
		if any := v.HidesAny(from.Shard, from.Position, to.Position); any != (want > 0) {
			t.Fatalf("hidden logs in shard %v from %d to %d: %v, but there are %d", from.Shard, from.Position, to.Position, any, want)
		}
	}
	at, to := r.Int64N(100e9), r.Int64N(100e9)
	var want []*Row
	for _, row := range now {
		if row.Time() >= at && row.Time() < to {
			want = append(want, row)
		}
	}
	slices.SortFunc(want, func(a, b *Row) int { return cmp.Or(cmp.Compare(a.Time(), b.Time()), a.compare(b.Place)) })
	got := v.Between(at, to)
	if diff := gocmp.Diff(want, append([]*Row(nil), got...)); diff != "" {
		t.Fatalf("from %d to %d (-want +got):\n%s", at, to, diff)
	}
}

// TestNoView asks the view of a logstore of which no log was changed.
func TestNoView(t *testing.T) {
	var v *View
	if v.Hides(Place{}) || v.Now(Place{}) != nil || v.Hidden(0, 0, math.MaxInt64) != 0 || len(v.Between(0, math.MaxInt64)) != 0 || v.Version() != 0 {
		t.Error("nil hides something")
	}
}
