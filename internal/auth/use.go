package auth

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// uses remembers when keys were last used, until it is written.
type uses struct {
	mu      sync.Mutex // guards both
	all     map[string]*atomic.Int64
	written map[string]int64
}

func (u *uses) of(id string) *atomic.Int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = map[string]*atomic.Int64{}
	}
	if u.all[id] == nil {
		u.all[id] = &atomic.Int64{}
	}
	return u.all[id]
}

// changed are the uses that are not written yet.
func (u *uses) changed() map[string]int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	changed := map[string]int64{}
	for id, at := range u.all {
		if seconds := at.Load(); seconds > u.written[id] {
			changed[id] = seconds
		}
	}
	return changed
}

func (u *uses) done(changed map[string]int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.written == nil {
		u.written = map[string]int64{}
	}
	maps.Copy(u.written, changed)
}

// useEvery is how often the last uses of keys are written.
const useEvery = time.Minute

// Run writes when keys were last used, until ctx ends, and then once more.
func (k *Keys) Run(ctx context.Context) error {
	tick := time.NewTicker(useEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = k.FlushUses(ctx) // it is tried again with the next ones
		case <-ctx.Done():
			return k.FlushUses(context.WithoutCancel(ctx))
		}
	}
}

// FlushUses writes when keys were last used.
func (k *Keys) FlushUses(ctx context.Context) error {
	changed := k.uses.changed()
	if len(changed) == 0 {
		return nil
	}
	err := k.store.Update(ctx, func(tx meta.Tx) error {
		for id, seconds := range changed {
			err := tx.SetKeyUse(meta.KeyUse{Key: id, Used: time.Unix(seconds, 0)})
			if err != nil && sluice.KindOf(err) != sluice.NotFound { // a key that is gone by now
				return err
			}
		}
		return nil
	})
	if err == nil {
		k.uses.done(changed)
	}
	return err
}

// LastUsed is when a key was last used; zero if never.
func (k *Keys) LastUsed(ctx context.Context, id string) (time.Time, error) {
	if seconds := k.uses.of(id).Load(); seconds > 0 {
		return time.Unix(seconds, 0).UTC(), nil
	}
	var last time.Time
	err := k.store.View(ctx, func(tx meta.Tx) error {
		all, err := tx.KeyUses()
		for _, use := range all {
			if use.Key == id {
				last = use.Used
			}
		}
		return err
	})
	return last, err
}
