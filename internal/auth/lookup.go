package auth

import (
	"context"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/meta"
)

// entry is a key with its secrets opened. It does not change once made.
type entry struct {
	principal Principal
	secret    string
	token     string // "" for a permanent key
	disabled  bool
	expires   time.Time
}

// isRoot reports whether e is a usable root key with this secret.
func (e *entry) isRoot(secret string) bool {
	return e.principal.Root && !e.disabled && e.token == "" && e.secret == secret &&
		!e.principal.ReadOnly && len(e.principal.Projects) == 0
}

// opened holds the keys in use, as of one generation of the metadata. A key of it costs neither a query nor AES. Unknown ids
// are not kept: strangers choose them.
type opened struct {
	mu         sync.RWMutex
	generation uint64 // never the generation of an open store while it is 0
	keys       map[string]*entry
}

func (o *opened) get(generation uint64, id string) *entry {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.generation != generation {
		return nil
	}
	return o.keys[id]
}

// put keeps e, read when the metadata was at generation or later.
func (o *opened) put(generation uint64, id string, e *entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if generation < o.generation {
		return // e may be out of date already
	}
	if generation > o.generation {
		o.generation, o.keys = generation, map[string]*entry{}
	}
	o.keys[id] = e
}

// lookup returns a key with its secrets. Errors: NotFound, noun "accesskey".
func (k *Keys) lookup(ctx context.Context, id string) (*entry, error) {
	generation := k.store.Generation() // before the View: what it reads is at least as new
	if e := k.opened.get(generation, id); e != nil {
		return e, nil
	}
	var row meta.AccessKey
	err := k.store.View(ctx, func(tx meta.Tx) (err error) {
		row, err = tx.AccessKey(id)
		return err
	})
	if err != nil {
		return nil, err
	}
	e, err := k.open(row)
	if err != nil {
		return nil, err
	}
	k.opened.put(generation, id, e)
	return e, nil
}

func (k *Keys) open(row meta.AccessKey) (*entry, error) {
	secret, err := k.ring.Open(row.Secret, sealSecret, row.ID)
	if err != nil {
		return nil, err
	}
	var token []byte
	if len(row.Token) > 0 {
		if token, err = k.ring.Open(row.Token, sealToken, row.ID); err != nil {
			return nil, err
		}
	}
	return &entry{
		principal: Principal{AccessKeyID: row.ID, Root: row.Root, ReadOnly: row.ReadOnly, Projects: row.Projects},
		secret:    string(secret), token: string(token), disabled: row.Disabled, expires: row.Expires,
	}, nil
}
