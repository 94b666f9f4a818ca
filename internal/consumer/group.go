package consumer

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
)

// group is who is in a group and owns what.
type group struct {
	mu      sync.Mutex // taken before Groups.mu
	gone    bool       // not in Groups.live any more
	created time.Time  // when the group was made that this is the state of
	timeout time.Duration
	members map[string]time.Time // consumer: its last heartbeat
	owners  map[sluice.ShardID]ownership
}

// ownership of a shard.
type ownership struct {
	consumer string
	phase    phase
}

type phase uint8

const (
	held     phase = iota
	revoked        // the owner is told to let go, but has not said that it did
	released       // anybody may have it; until then its last owner may still set a checkpoint
)

func (g *group) reset(created time.Time) {
	g.created, g.members, g.owners = created, map[string]time.Time{}, map[sluice.ShardID]ownership{}
}

// expire removes the consumers that were silent for the timeout; their shards become free.
func (g *group) expire(now time.Time) {
	for name, last := range g.members {
		if now.Sub(last) >= g.timeout {
			delete(g.members, name)
			maps.DeleteFunc(g.owners, func(_ sluice.ShardID, o ownership) bool { return o.consumer == name })
		}
	}
}

// free reports whether nobody works on a shard.
func (g *group) free(id sluice.ShardID) bool {
	o, ok := g.owners[id]
	return !ok || o.phase == released
}

// heartbeat takes one heartbeat and returns its answer. shards are those of the logstore, open those of them that there is
// something to do for, both by number. While settling nothing free is handed out.
func (g *group) heartbeat(now time.Time, consumer string, listed, shards, open []sluice.ShardID, settling bool) (
	[]sluice.ShardID, error,
) {
	g.expire(now)
	maps.DeleteFunc(g.owners, func(id sluice.ShardID, _ ownership) bool { return !has(shards, id) })
	listed = slices.DeleteFunc(slices.Clone(listed), func(id sluice.ShardID) bool { return !has(shards, id) })
	if err := g.join(consumer, listed); err != nil {
		return nil, err
	}
	g.members[consumer] = now
	for _, id := range listed {
		if g.free(id) { // who works on a shard that is nobody's owns it, or else somebody else would be given it
			g.owners[id] = ownership{consumer, held}
		}
	}
	room := g.balance(open)[consumer]
	for id, o := range g.owners {
		if o.consumer == consumer && o.phase == revoked && !slices.Contains(listed, id) {
			g.owners[id] = ownership{consumer, released}
		}
	}
	for _, id := range open {
		if room > 0 && !settling && g.free(id) {
			g.owners[id] = ownership{consumer, held}
			room--
		}
	}
	return g.answer(consumer), nil
}

// join admits a consumer that is not a member. After a restart of the server consumers come with the shards they work on; that
// is fine unless one of them is another's by now (reference sls-api 5.12, point 5).
func (g *group) join(consumer string, listed []sluice.ShardID) error {
	if _, ok := g.members[consumer]; ok {
		return nil
	}
	for _, id := range listed {
		if !g.free(id) {
			return invalid("consumer-body", "consumer %s is not in the group, and shard %v is held by %s", consumer, id, g.owners[id].consumer)
		}
	}
	if len(g.members) >= maxConsumers {
		return invalid("parameter", "the group has %d consumers, that is the limit", maxConsumers)
	}
	return nil
}

// balance revokes what is not open any more, and what some members hold over their share. It returns how many more shards each
// member may have. Shares differ by at most one; those who hold most have the larger ones, so that as little as possible moves.
func (g *group) balance(open []sluice.ShardID) (room map[string]int) {
	holds := map[string][]sluice.ShardID{}
	for _, id := range slices.Sorted(maps.Keys(g.owners)) {
		switch o := g.owners[id]; {
		case o.phase != held:
		case !has(open, id):
			g.owners[id] = ownership{o.consumer, revoked}
		default:
			holds[o.consumer] = append(holds[o.consumer], id)
		}
	}
	members := slices.SortedFunc(maps.Keys(g.members), func(a, b string) int {
		return cmp.Or(len(holds[b])-len(holds[a]), cmp.Compare(a, b))
	})
	share, larger := len(open)/len(members), len(open)%len(members)
	room = make(map[string]int, len(members))
	for i, name := range members {
		mine := share
		if i < larger {
			mine++
		}
		keep := min(mine, len(holds[name]))
		for _, id := range holds[name][keep:] {
			g.owners[id] = ownership{name, revoked}
		}
		room[name] = mine - keep
	}
	return room
}

// answer returns what consumer should work on, by number.
func (g *group) answer(consumer string) []sluice.ShardID {
	ids := []sluice.ShardID{}
	for id, o := range g.owners {
		if o.consumer == consumer && o.phase == held {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// has reports whether sorted holds id.
func has(sorted []sluice.ShardID, id sluice.ShardID) bool {
	_, ok := slices.BinarySearch(sorted, id)
	return ok
}
