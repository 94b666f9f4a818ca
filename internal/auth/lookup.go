package auth

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// entry is a key or a session with its secrets opened and its policies compiled. It does not change once made.
type entry struct {
	principal Principal
	secret    string
	token     string // "" for a permanent key
	disabled  bool
	expires   time.Time
	used      *atomic.Int64 // seconds since 1970 of the last use; nil for sessions
}

// isRoot reports whether e is a usable root key with this secret.
func (e *entry) isRoot(secret string) bool {
	return e.principal.Root && !e.disabled && e.token == "" && e.secret == secret &&
		!e.principal.ReadOnly && len(e.principal.Projects) == 0
}

func (e *entry) use(now time.Time) {
	if e.used != nil {
		e.used.Store(now.Unix())
	}
}

// at is a copy of p for a request that came like this.
func (p Principal) at(how policy.Context) *Principal {
	p.context = how
	p.context.Principal = p.Caller().ARN()
	return &p
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

// find returns the key of an id, or the session whose token this is. Errors for the client: those of Authenticate about ids and tokens.
func (k *Keys) find(ctx context.Context, id, token string) (*entry, error) {
	if strings.HasPrefix(id, sessionPrefix) {
		return k.session(ctx, id, token)
	}
	e, err := k.lookup(ctx, id)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, refuse("accesskey", "AccessKeyId not found: %s", id)
	}
	return e, err
}

// lookup returns a key with its secrets. Errors: NotFound, noun "accesskey".
func (k *Keys) lookup(ctx context.Context, id string) (*entry, error) {
	generation := k.store.Generation() // before the View: what it reads is at least as new
	if e := k.opened.get(generation, id); e != nil {
		return e, nil
	}
	var e *entry
	err := k.store.View(ctx, func(tx meta.Tx) error {
		row, err := tx.AccessKey(id)
		if err != nil {
			return err
		}
		if e, err = k.open(row); err != nil {
			return err
		}
		return k.identify(tx, row, &e.principal)
	})
	if err != nil {
		return nil, err
	}
	k.opened.put(generation, id, e)
	return e, nil
}

// open opens the secrets of a key.
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
		principal: Principal{
			AccessKeyID: row.ID, Root: k.isRoot(row), ReadOnly: row.ReadOnly, Projects: row.Projects, keys: k,
		},
		secret: string(secret), token: string(token), disabled: row.Disabled, expires: row.Expires, used: k.uses.of(row.ID),
	}, nil
}

// identify says who the owner of a key is, and what policies allow him.
func (k *Keys) identify(tx meta.Tx, row meta.AccessKey, p *Principal) (err error) {
	if p.Account, err = k.directory.OwnerOf(tx, row.Account); err != nil {
		return err
	}
	switch p.User = row.User; {
	case row.User != "":
		p.grants, err = k.directory.UserGrants(tx, p.Account, row.User)
	case row.Root:
		p.Owner = true
	default:
		p.grants = k.plain
	}
	if sluice.KindOf(err) == sluice.NotFound { // the user of a key goes after it
		err = sluice.Errorf(sluice.Internal, "accesskey", "access key %s: %w", row.ID, err)
	}
	return err
}

// plainPolicy is what a key may that is neither the account itself nor a user's: all but to manage identities, within the scope that it was made
// with.
const plainPolicy = `{"Version":"1","Statement":[{"Effect":"Allow","NotAction":["ram:*","sts:*"],"Resource":"*"}]}`
