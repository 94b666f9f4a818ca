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

// lastUses are when keys were last used, those that are not written yet included.
func (k *Keys) lastUses(tx meta.Tx) (map[string]time.Time, error) {
	rows, err := tx.KeyUses()
	last := map[string]time.Time{}
	for _, use := range rows {
		last[use.Key] = use.Used
	}
	for id, seconds := range k.uses.changed() {
		last[id] = time.Unix(seconds, 0).UTC()
	}
	return last, err
}
