package consumer_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/sluicelog/sluice"
)

// Consumers beat and save while their group is deleted and made again and its shards are split, all at once. At the end no shard
// has two owners, and nothing is left of the group but its one state.
func TestConcurrentUse(t *testing.T) {
	b := open(t, 3, false)
	var all sync.WaitGroup
	each := func(n int, do func(i int) error) {
		all.Go(func() {
			for i := range n {
				if err := do(i); err != nil && sluice.KindOf(err) != sluice.NotFound && sluice.KindOf(err) != sluice.Invalid {
					t.Error(err)
					return
				}
			}
		})
	}
	const beats = 50
	for c := range 4 {
		var held []sluice.ShardID
		each(beats, func(i int) (err error) {
			name := fmt.Sprint("c", c)
			for _, id := range held {
				if err := b.groups.SetCheckpoint(ctx, ref, "g", name, id, "MQ==", i%2 == 0); sluice.KindOf(err) == sluice.Internal && err != nil {
					return err
				}
			}
			held, err = b.groups.Heartbeat(ctx, ref, "g", name, held)
			return err
		})
	}
	each(10, func(int) error {
		if err := b.groups.Delete(ctx, ref, "g"); err != nil {
			return err
		}
		return b.groups.Create(ctx, named("g", false))
	})
	each(10, func(i int) error {
		_, err := b.Catalog.Split(ctx, ref, sluice.ShardID(i), nil, 2)
		return err
	})
	each(beats, func(int) error { _, err := b.groups.Checkpoints(ctx, ref, "g", nil); return err })
	all.Wait()

	b.Clock.Advance(timeout) // everybody is gone
	owner := map[sluice.ShardID]string{}
	held := map[string][]sluice.ShardID{}
	for range 3 {
		for c := range 4 {
			name := fmt.Sprint("n", c)
			got, err := b.groups.Heartbeat(ctx, ref, "g", name, held[name])
			if err != nil {
				t.Fatal(err)
			}
			held[name] = got
		}
	}
	for name, got := range held {
		for _, id := range got {
			if owner[id] != "" {
				t.Errorf("shard %v is with %s and with %s", id, owner[id], name)
			}
			owner[id] = name
		}
	}
	if want := b.View().Writable(); len(owner) != want {
		t.Errorf("%d shards have owners, want %d", len(owner), want)
	}
	if n := b.groups.Live(); n != 1 {
		t.Errorf("%d groups kept in memory, want 1", n)
	}
}
