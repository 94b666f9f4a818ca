package syslogsink

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// WaitBroken waits until the kept connection of a shard is known to be broken.
func WaitBroken(s sink.Sink, shard sluice.ShardID) {
	k := s.(*Sink).shard(shard)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conn != nil {
		at := <-k.broken
		k.broken <- at
	}
}
