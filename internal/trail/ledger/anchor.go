package ledger

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail"
)

// Kinds of the items in metadata.
const (
	kindKey    = "trail-key"    // by its id: storedKey
	kindAnchor = "trail-anchor" // the newest Anchor, under itemNewest
	itemNewest = "newest"
)

// storedKey is a key of anchors in metadata.
type storedKey struct {
	Public  ed25519.PublicKey `json:"public"`
	Sealed  []byte            `json:"sealed"` // the private key, for purpose "trail" and the key's id
	Created time.Time         `json:"created"`
}

const sealPurpose = "trail"

// loadSigner returns the key that anchors are signed with, and makes it the first time.
func loadSigner(ctx context.Context, store meta.Store, ring *auth.Keyring, now time.Time) (signer ed25519.PrivateKey, err error) {
	err = store.Update(ctx, func(tx meta.Tx) error {
		items, err := tx.Items(kindKey, meta.ItemRange{})
		if err != nil {
			return err
		}
		var newest storedKey
		for _, i := range items {
			var k storedKey
			if err := json.Unmarshal(i.Body, &k); err != nil {
				return fmt.Errorf("the key %s of audit events cannot be read: %w", i.Name, err)
			}
			if k.Created.After(newest.Created) {
				newest = k
			}
		}
		if newest.Public != nil {
			signer, err = ring.Open(newest.Sealed, sealPurpose, trail.KeyID(newest.Public))
			return err
		}
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return err
		}
		signer = private
		body, err := json.Marshal(storedKey{public, ring.Seal(private, sealPurpose, trail.KeyID(public)), now.UTC()})
		if err != nil {
			return err
		}
		return tx.SetItem(meta.Item{Kind: kindKey, Name: trail.KeyID(public), Body: body})
	})
	return signer, err
}

// Stored returns what metadata says of the chain: the public keys, and the newest anchor; the zero Anchor if there is none yet.
func Stored(ctx context.Context, store meta.Store) (keys trail.Keys, newest trail.Anchor, err error) {
	keys = trail.Keys{}
	err = store.View(ctx, func(tx meta.Tx) error {
		items, err := tx.Items(kindKey, meta.ItemRange{})
		if err != nil {
			return err
		}
		for _, i := range items {
			var k storedKey
			if err := json.Unmarshal(i.Body, &k); err != nil {
				return fmt.Errorf("the key %s of audit events cannot be read: %w", i.Name, err)
			}
			if len(k.Public) != ed25519.PublicKeySize {
				return fmt.Errorf("the key %s of audit events is not a public key", i.Name)
			}
			keys[trail.KeyID(k.Public)] = k.Public
		}
		item, err := tx.Item(kindAnchor, itemNewest)
		if sluice.KindOf(err) == sluice.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(item.Body, &newest)
	})
	return keys, newest, err
}

// Stored is [Stored] of the recorder's own metadata.
func (r *Recorder) Stored(ctx context.Context) (trail.Keys, trail.Anchor, error) {
	return Stored(ctx, r.store)
}

// resume finds where the chain goes on: behind the last event in the log or, if damage has taken that, behind the newest anchor.
func (r *Recorder) resume(ctx context.Context) (err error) {
	if r.head, err = r.log.head(); err != nil {
		return err
	}
	keys, newest, err := Stored(ctx, r.store)
	if err != nil {
		return err
	}
	if newest.Seq == 0 {
		return nil
	}
	if err := newest.Check(keys); err != nil {
		r.o.Logger.Error("the newest anchor of the audit events in metadata is not good: verify them", "error", err)
		return nil
	}
	if r.anchored = newest; newest.Seq > r.head.Seq {
		r.o.Logger.Error("audit events are missing: there is an anchor behind the newest", "anchor", newest.Seq, "newest", r.head.Seq)
		r.head = newest.Head
	}
	return nil
}

// unanchored reports whether there are events behind the newest anchor, but for itself.
func (r *Recorder) unanchored() bool {
	return r.head.Seq > r.anchored.Seq+1 || r.anchored.Seq == 0 && r.head.Seq > 0
}

// anchor signs the place of the head, as an event, and then in metadata. What fails is done again at the next.
func (r *Recorder) anchor() {
	a := trail.Anchor{Head: r.head, Floor: r.anchored.Floor, Time: r.o.Now().UTC().Truncate(time.Millisecond)}
	if err := r.sign(&a); err != nil {
		r.o.Logger.Warn("audit events have no new anchor", "error", err)
	}
}

// sign signs a, writes it, and keeps it.
func (r *Recorder) sign(a *trail.Anchor) error {
	a.Sign(r.signer)
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	details, err := a.Details()
	if err != nil {
		return err
	}
	if _, err := r.write([]*pending{{event: r.service(trail.AnchorMade, details)}}); err != nil {
		return err
	}
	r.anchored = *a
	r.metrics.anchors.Inc()
	return r.store.Update(r.ctx, func(tx meta.Tx) error {
		return tx.SetItem(meta.Item{Kind: kindAnchor, Name: itemNewest, Body: body})
	})
}
