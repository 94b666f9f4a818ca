package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

// lost finds out what became of a write that an earlier run of the copy was about to send.
func (w *shardCopier) lost(ctx context.Context) error {
	found, err := w.look(ctx)
	if err != nil {
		return err
	}
	return w.run.state.change(func() {
		if found {
			w.s.stored()
			return
		}
		w.s.Uncertain++
		w.s.Intent = nil
	})
}

// look searches the target for the write of the intent, from the fence on, until it is found or Settle is over.
func (w *shardCopier) look(ctx context.Context) (bool, error) {
	if w.s.Fence == nil {
		return false, errors.New("the state of the copy has a write and no place to look for it")
	}
	from := map[sluice.ShardID]string{w.s.Fence.Shard: w.s.Fence.Cursor}
	for deadline := time.Now().Add(w.run.o.Settle); ; {
		last := !time.Now().Before(deadline)
		found, err := w.lookOnce(ctx, from)
		if err != nil {
			return false, fmt.Errorf("look for a write in %s: %w", w.run.o.Target, err)
		}
		if found {
			w.count(&w.s.Found, 1)
			return true, nil
		}
		if last {
			return false, nil
		}
		if !sleep(ctx, lookAgain) {
			return false, ctx.Err()
		}
	}
}

// lookOnce reads on in each shard that the write may be in: that of the fence, and those made of it since.
func (w *shardCopier) lookOnce(ctx context.Context, from map[sluice.ShardID]string) (bool, error) {
	to, ref := w.run.o.To, w.run.o.Target
	shards, err := patiently(ctx, to, func() ([]Shard, error) { return to.Shards(ctx, ref) })
	if err != nil {
		return false, err
	}
	key, err := sluice.ParseHashKey(w.s.Begin)
	if err != nil {
		return false, err
	}
	for _, s := range shards {
		if s.ID < w.s.Fence.Shard || s.ID != w.s.Fence.Shard && !s.owns(key) {
			continue
		}
		if from[s.ID] == "" {
			if from[s.ID], err = patiently(ctx, to, func() (string, error) { return to.BeginCursor(ctx, ref, s.ID) }); err != nil {
				return false, err
			}
		}
		found, err := w.lookIn(ctx, s.ID, from)
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// lookIn reads one shard to its end, and remembers how far it came.
func (w *shardCopier) lookIn(ctx context.Context, id sluice.ShardID, from map[sluice.ShardID]string) (bool, error) {
	to, ref := w.run.o.To, w.run.o.Target
	var parts logpb.Parts
	for {
		p, err := patiently(ctx, to, func() (*RawPulled, error) {
			return to.PullRaw(ctx, ref, id, PullOptions{Cursor: from[id]})
		})
		if err != nil {
			return false, err
		}
		found := false
		err = logpb.Groups(p.Groups, func(group []byte) error {
			if err := parts.Split(group, nil, nil); err != nil {
				return err
			}
			found = found || digest(&parts) == w.s.Intent.Sum
			return nil
		})
		if found || err != nil {
			return found, err
		}
		from[id] = p.Next
		if p.AtEnd || p.Next == p.Asked {
			return false, nil
		}
	}
}

// moveFence puts the fence to the end of the target's shard, behind all writes of this shard so far.
func (w *shardCopier) moveFence(ctx context.Context) error {
	to, ref := w.run.o.To, w.run.o.Target
	key, err := sluice.ParseHashKey(w.s.Begin)
	if err != nil {
		return err
	}
	shards, err := patiently(ctx, to, func() ([]Shard, error) { return to.Shards(ctx, ref) })
	if err != nil {
		return err
	}
	for _, s := range shards {
		if s.ReadOnly || !s.owns(key) {
			continue
		}
		cursor, err := patiently(ctx, to, func() (string, error) { return to.EndCursor(ctx, ref, s.ID) })
		if err != nil {
			return err
		}
		w.sums = map[string]bool{}
		w.run.state.mu.Lock()
		w.s.Fence = &copyFence{Shard: s.ID, Cursor: cursor} // in the file with the next intent
		w.run.state.mu.Unlock()
		return nil
	}
	return fmt.Errorf("%s has no shard that takes the key %s", ref, w.s.Begin)
}

// owns reports whether key is one of the shard's.
func (s Shard) owns(key sluice.HashKey) bool {
	return s.Begin.String() <= key.String() && (key.String() < s.End.String() || s.End == sluice.MaxHashKey)
}
