package ledger

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail"
)

/*
Keys of anchors in metadata. A change of keys goes through these, each on disk before the next:

	1  the next key, sealed                 kindNext    a crash leaves a key that was never used, which the next start removes
	2  the handover, as an event            the log     from here on the old key signs nothing; a crash is made good at the next start
	3  the next key with its handover,      kindKey     one transaction; the private part of the old key is gone
	   the old one without private part
	4  an anchor by the new key             the log, then metadata

Each try has a key of its own: one of a try that failed was in metadata meanwhile, and is in whatever was copied of that, which a change of keys may be the
answer to. It stays until the next start all the same, since a handover whose writing failed may be found in the log then.
*/
const (
	kindKey  = "trail-key"      // by its id: storedKey; those that follow upon another have its handover
	kindNext = "trail-key-next" // the same, of a key that has not taken over
)

// storedKey is a key of anchors in metadata.
type storedKey struct {
	Public   ed25519.PublicKey `json:"public"`
	Sealed   []byte            `json:"sealed,omitempty"` // the private key, for purpose "trail" and the key's id; none of a key that has handed over
	Created  time.Time         `json:"created"`
	Handover *trail.Anchor     `json:"handover,omitempty"` // by the key before; none of the first
}

const sealPurpose = "trail"

func (k *storedKey) id() string { return trail.KeyID(k.Public) }

// item is k in metadata.
func (k *storedKey) item(kind string) (meta.Item, error) {
	body, err := json.Marshal(k)
	return meta.Item{Kind: kind, Name: k.id(), Body: body}, err
}

// open returns the private key.
func (k *storedKey) open(ring *auth.Keyring) (ed25519.PrivateKey, error) {
	return ring.Open(k.Sealed, sealPurpose, k.id())
}

// newKey makes a key.
func newKey(ring *auth.Keyring, now time.Time) (*storedKey, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return &storedKey{Public: public, Sealed: ring.Seal(private, sealPurpose, trail.KeyID(public)), Created: now.UTC()}, nil
}

// storedKeys reads the keys of a kind, in the order in which they followed each other.
func storedKeys(tx meta.Tx, kind string) (keys []storedKey, err error) {
	items, err := tx.Items(kind, meta.ItemRange{})
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		var k storedKey
		if err := json.Unmarshal(i.Body, &k); err != nil {
			return nil, fmt.Errorf("the key %s of audit events cannot be read: %w", i.Name, err)
		}
		if len(k.Public) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("the key %s of audit events is not a public key", i.Name)
		}
		keys = append(keys, k)
	}
	slices.SortStableFunc(keys, func(a, b storedKey) int { return cmp.Compare(a.since(), b.since()) })
	return keys, nil
}

// since is the place from which on k signs.
func (k *storedKey) since() uint64 {
	if k.Handover == nil {
		return 0
	}
	return k.Handover.Seq
}

// loadSigner finds the key that signs, and makes it the first time.
func (r *Recorder) loadSigner(ctx context.Context) error {
	return r.store.Update(ctx, func(tx meta.Tx) error {
		keys, err := storedKeys(tx, kindKey)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			first, err := newKey(r.ring, r.o.Now())
			if err != nil {
				return err
			}
			item, err := first.item(kindKey)
			if err == nil {
				err = tx.SetItem(item)
			}
			if err != nil {
				return err
			}
			keys = append(keys, *first)
		}
		r.key = keys[len(keys)-1]
		r.signer, err = r.key.open(r.ring)
		return err
	})
}

// nextKey makes the key that is to take over, and keeps it before it is used.
func (r *Recorder) nextKey() (*storedKey, error) {
	next, err := newKey(r.ring, r.o.Now())
	if err != nil {
		return nil, err
	}
	item, err := next.item(kindNext)
	if err != nil {
		return nil, err
	}
	return next, r.store.Update(r.ctx, func(tx meta.Tx) error { return tx.SetItem(item) })
}

// rotateKey hands over to a new key, which signs an anchor at once.
func (r *Recorder) rotateKey() error {
	if err := r.adopt(); err != nil { // of a change before
		return err
	}
	if r.head.Seq == 0 {
		return errors.New("there is no event yet that the old key could sign for")
	}
	next, err := r.nextKey()
	if err != nil {
		return err
	}
	private, err := next.open(r.ring)
	if err != nil {
		return err
	}
	h := trail.Anchor{Head: r.head, Floor: r.floor, Time: next.Created.Truncate(time.Millisecond), Next: next.Public}
	if err := r.put(trail.KeyRotated, &h, r.door); err != nil {
		return err
	}
	r.takeOver(next, private, &h)
	if err := r.adopt(); err != nil {
		return fmt.Errorf("the new key has taken over in the record, but not in metadata yet, which is tried again: %w", err)
	}
	r.o.Logger.Info("anchors of audit events are signed with a new key", "key", next.id(), "from", h.Seq+1)
	r.anchor()
	return nil
}

// takeOver has next sign from now on. Its handover is in the log.
func (r *Recorder) takeOver(next *storedKey, private ed25519.PrivateKey, h *trail.Anchor) {
	retired := r.key
	next.Handover = h
	r.retired, r.key, r.signer, r.anchored, r.floor = &retired, *next, private, *h, h.Floor
	r.metrics.anchors.Inc()
}

// adopt writes to metadata that the key has taken over, if it does not say so yet. Before, no anchor is signed.
func (r *Recorder) adopt() error {
	if r.retired == nil {
		return nil
	}
	old, next := *r.retired, r.key
	old.Sealed = nil
	newest, err := json.Marshal(next.Handover)
	if err != nil {
		return err
	}
	before, err := old.item(kindKey)
	if err != nil {
		return err
	}
	now, err := next.item(kindKey)
	if err != nil {
		return err
	}
	if err := r.store.Update(r.ctx, func(tx meta.Tx) error {
		return errors.Join(tx.SetItem(before), tx.SetItem(now), dropNext(tx), tx.SetItem(meta.Item{Kind: kindAnchor, Name: itemNewest, Body: newest}))
	}); err != nil {
		return err
	}
	r.retired = nil
	return nil
}

// dropNext removes the keys that have not taken over, or have just done so.
func dropNext(tx meta.Tx) error {
	items, err := tx.Items(kindNext, meta.ItemRange{})
	for _, i := range items {
		err = errors.Join(err, tx.DeleteItem(kindNext, i.Name))
	}
	return err
}

// finishRotation has a next key take over if its handover is in the log: the power went before metadata knew. Otherwise none of them ever will.
func (r *Recorder) finishRotation() error {
	var kept []storedKey
	err := r.store.View(r.ctx, func(tx meta.Tx) (err error) {
		kept, err = storedKeys(tx, kindNext)
		return err
	})
	if err != nil {
		return err
	}
	h, err := r.log.handover(r.anchored.Seq)
	if err != nil {
		return err
	}
	if h == nil || r.key.Public.Equal(h.Next) { // which is known
		if len(kept) == 0 {
			return nil
		}
		return r.store.Update(r.ctx, dropNext)
	}
	i := slices.IndexFunc(kept, func(k storedKey) bool { return k.Public.Equal(h.Next) })
	if i < 0 {
		r.o.Logger.Error("audit events were signed with a key that is gone: metadata is older than they are, and anchors from here on will not verify", "handover", h.Seq)
		return nil
	}
	if err := h.Check(trail.Keys{{Public: r.key.Public}}); err != nil {
		r.o.Logger.Error("a handover in the audit events is not good: verify them", "error", err)
		return nil
	}
	next := &kept[i]
	private, err := next.open(r.ring)
	if err != nil {
		return err
	}
	r.takeOver(next, private, h)
	return r.adopt()
}
