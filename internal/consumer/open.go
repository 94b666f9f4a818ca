package consumer

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
)

// shards returns the numbers of all shards.
func (s *snapshot) shards() []sluice.ShardID {
	ids := make([]sluice.ShardID, len(s.logstore.Shards))
	for i := range ids {
		ids[i] = s.logstore.Shards[i].ID
	}
	return ids
}

// open returns the numbers of the shards to hand out: the read-write ones, and the read-only ones until they are consumed or
// expired; in a group with order, those of them whose turn it is.
func (s *snapshot) open() []sluice.ShardID {
	var ids []sluice.ShardID
	turns := map[sluice.ShardID]bool{}
	for i := range s.logstore.Shards {
		shard := &s.logstore.Shards[i]
		if s.done(shard) || s.group.Order && !s.turn(shard, turns) {
			continue
		}
		ids = append(ids, shard.ID)
	}
	return ids
}

// done reports whether there is nothing to do for a shard, now and ever: it is read-only, and empty or consumed to its end.
func (s *snapshot) done(shard *catalog.Shard) bool {
	if !shard.ReadOnly {
		return false
	}
	begin, end := shard.Stored.Bounds()
	if begin >= end {
		return true
	}
	at, err := sluice.ParseCursor(s.checkpoints[shard.ID].Cursor)
	return err == nil && at >= end
}

// turn reports whether all that a shard came from is done, back to the first shards: a parent that never had a log group is
// done at once, but its own parents need not be. A parent that is not there any more expired, and so did those before it.
// known remembers the answers.
func (s *snapshot) turn(shard *catalog.Shard, known map[sluice.ShardID]bool) bool {
	if yes, ok := known[shard.ID]; ok {
		return yes
	}
	yes := true
	for _, id := range shard.Parents {
		if parent, ok := s.logstore.Shard(id); ok && !(s.done(parent) && s.turn(parent, known)) {
			yes = false
			break
		}
	}
	known[shard.ID] = yes
	return yes
}
