package ingest_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/logpb"
)

// Shards are split and merged at random, deleted with what they hold never, while writers write with and without keys. Always:
// the read-write shards cover the key space exactly. At the end: each acknowledged write is where its acknowledgement says, a
// parent got nothing after its children were there, and every key went to a shard that owned it.
func TestSplitMergeStorm(t *testing.T) {
	storms := 5
	if testing.Short() {
		storms = 1
	}
	for range storms {
		seed := rand.Uint64()
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			env, door := open(t, 4, ingest.Options{})
			storm := &storm{env: env, turns: make(chan int, writesPerOperation), closed: map[sluice.ShardID]sluice.Position{}}
			var writers sync.WaitGroup
			for range 4 {
				writers.Go(func() { storm.write(t, door) })
			}
			storm.reshard(t, rand.New(rand.NewPCG(seed, 1)), 200)
			close(storm.turns)
			writers.Wait()
			storm.check(t)
			env.Reopen()
			storm.check(t)
		})
	}
}

// writesPerOperation is how many writes go on beside each split or merge.
const writesPerOperation = 12

type storm struct {
	env   *catalogtest.Env
	turns chan int // a number for each write that may go on

	mu     sync.Mutex
	acked  []ack
	closed map[sluice.ShardID]sluice.Position // where a parent ended when its children were there
}

type ack struct {
	name     string
	key      string
	shard    sluice.ShardID
	position sluice.Position
}

func (s *storm) write(t *testing.T, door *ingest.Door) {
	for i := range s.turns {
		s.watch(t)
		a := ack{name: strconv.Itoa(i)}
		if i%2 == 0 {
			a.key = strconv.FormatUint(rand.Uint64N(1<<60)|1<<60, 16)[1:]
		}
		g := group(s.env, 1)
		g.Topic = a.name
		p := ingest.Put{Ref: ref, Body: logpb.Append(nil, g), HashKey: a.key}
		var err error
		if a.shard, a.position, err = door.Put(ctx, p); err != nil {
			t.Errorf("write %s: %v", a.name, err)
		}
		s.mu.Lock()
		s.acked = append(s.acked, a)
		s.mu.Unlock()
	}
}

// reshard splits and merges, and lets the writers go on at the same time.
func (s *storm) reshard(t *testing.T, r *rand.Rand, operations int) {
	for i := range operations {
		for w := range writesPerOperation {
			s.turns <- i*writesPerOperation + w
		}
		var open []sluice.ShardID
		for _, sh := range s.env.View().Shards {
			if !sh.ReadOnly {
				open = append(open, sh.ID)
			}
		}
		id := open[r.IntN(len(open))]
		var err error
		if len(open) < 4 || len(open) < 40 && r.IntN(2) == 0 {
			_, err = s.env.Catalog.Split(ctx, ref, id, nil, 2+r.IntN(3))
		} else {
			_, err = s.env.Catalog.Merge(ctx, ref, id)
		}
		// The last shard cannot be merged, and one that was split often is too narrow to split.
		if err != nil && sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("shard %v: %v", id, err)
			return
		}
		s.noteEnds()
	}
}

func (s *storm) noteEnds() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sh := range s.env.View().Shards {
		if _, known := s.closed[sh.ID]; sh.ReadOnly && !known {
			_, s.closed[sh.ID] = sh.Stored.Bounds()
		}
	}
}

// watch looks at the ranges of this moment.
func (s *storm) watch(t *testing.T) {
	next, ranges := map[sluice.HashKey]sluice.HashKey{}, 0
	for _, sh := range s.env.View().Shards {
		if !sh.ReadOnly {
			next[sh.Begin] = sh.End
			ranges++
		}
	}
	var at sluice.HashKey
	for at != sluice.MaxHashKey {
		end, ok := next[at]
		if !ok {
			t.Errorf("no read-write shard begins at %v", at)
			return
		}
		at = end
		ranges--
	}
	if ranges != 0 {
		t.Errorf("%d read-write shards overlap others", ranges)
	}
}

func (s *storm) check(t *testing.T) {
	t.Helper()
	t.Logf("%d writes, %d shards", len(s.acked), len(s.env.View().Shards))
	for id, end := range s.closed {
		if _, now := s.env.Shard(id).Stored.Bounds(); now != end {
			t.Errorf("shard %v ended at %d when its children were there, and ends at %d now", id, end, now)
		}
	}
	taken := map[ack]string{}
	for _, a := range s.acked {
		place := ack{shard: a.shard, position: a.position}
		if other, ok := taken[place]; ok {
			t.Fatalf("writes %s and %s are both at position %d of shard %v", other, a.name, a.position, a.shard)
		}
		taken[place] = a.name
		if g, _ := stored(t, s.env, a.shard, a.position); g.Topic != a.name {
			t.Fatalf("position %d of shard %v holds write %s, want %s", a.position, a.shard, g.Topic, a.name)
		}
		if a.key == "" {
			continue
		}
		key, err := sluice.ParseHashKey(a.key)
		if err != nil {
			t.Fatal(err)
		}
		sh := s.env.Shard(a.shard)
		if string(key[:]) < string(sh.Begin[:]) || sh.End != sluice.MaxHashKey && string(key[:]) >= string(sh.End[:]) {
			t.Fatalf("key %v went to shard %v, which owns %v to %v", key, a.shard, sh.Begin, sh.End)
		}
	}
	var total int
	for _, sh := range s.env.View().Shards {
		begin, end := sh.Stored.Bounds()
		total += int(end - begin)
	}
	if total != len(s.acked) {
		t.Errorf("%d groups are stored, %d were acknowledged", total, len(s.acked))
	}
}
