package client

import (
	"testing"

	"github.com/sluicelog/sluice"
)

// space divides the keys at points of 256.
func space(cuts ...int) []Shard {
	shards := make([]Shard, len(cuts)+1)
	for i := range shards {
		if i > 0 {
			shards[i].Begin = sluice.HashKey{byte(cuts[i-1])}
		}
		shards[i].End = sluice.MaxHashKey
		if i < len(cuts) {
			shards[i].End = sluice.HashKey{byte(cuts[i])}
		}
	}
	return shards
}

func TestWidest(t *testing.T) {
	f := func(open []Shard, count, index, parts int) {
		t.Helper()
		if i, n := widest(open, count); i != index || n != parts {
			t.Errorf("to %d: shard %d into %d, want %d into %d", count, i, n, index, parts)
		}
	}
	f(space(), 2, 0, 2)
	f(space(), 10, 0, 10)
	f(space(), 256, 0, 100)
	f(space(128), 3, 0, 2)
	f(space(64), 3, 1, 2)      // the right one is three times as wide
	f(space(64), 4, 1, 3)      // and gets all that come
	f(space(64, 128), 5, 0, 2) // the widest in halves too, next time
}

func TestNarrowest(t *testing.T) {
	f := func(open []Shard, want int) {
		t.Helper()
		if got := narrowest(open); got != want {
			t.Errorf("merge %d, want %d", got, want)
		}
	}
	f(space(128), 0)
	f(space(100, 200), 1)
	f(space(100, 110, 120, 200), 1)
}
