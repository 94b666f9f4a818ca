package ledger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail"
)

// The newest anchor in metadata.
const (
	kindAnchor = "trail-anchor"
	itemNewest = "newest"
)

// Stored returns what metadata says of the chain: the public keys in their order, and the newest anchor; the zero Anchor if there is none yet.
func Stored(ctx context.Context, store meta.Store) (keys trail.Keys, newest trail.Anchor, err error) {
	err = store.View(ctx, func(tx meta.Tx) error {
		stored, err := storedKeys(tx, kindKey)
		if err != nil {
			return err
		}
		for _, k := range stored {
			keys = append(keys, trail.Key{Public: k.Public, Handover: k.Handover})
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
func (r *Recorder) resume() (err error) {
	if r.head, err = r.log.head(); err != nil {
		return err
	}
	keys, newest, err := r.Stored(r.ctx)
	if err != nil {
		return err
	}
	if newest.Seq > 0 {
		if err := newest.Check(keys); err != nil {
			r.o.Logger.Error("the newest anchor of the audit events in metadata is not good: verify them", "error", err)
		} else {
			r.anchored, r.floor = newest, newest.Floor
		}
	}
	if r.anchored.Seq > r.head.Seq {
		r.o.Logger.Error("audit events are missing: there is an anchor behind the newest", "anchor", newest.Seq, "newest", r.head.Seq)
		r.head = newest.Head
	}
	return r.finishRotation()
}

// unanchored reports whether there are events behind the newest anchor, but for itself.
func (r *Recorder) unanchored() bool {
	return r.head.Seq > r.anchored.Seq+1 || r.anchored.Seq == 0 && r.head.Seq > 0
}

// anchor signs the place of the head, as an event, and then in metadata. What fails is done again at the next.
func (r *Recorder) anchor() {
	if err := r.sign(r.next(), r.door); err != nil {
		r.o.Logger.Warn("audit events have no new anchor", "error", err)
	}
}

// next is an anchor of the head, not yet signed.
func (r *Recorder) next() *trail.Anchor {
	return &trail.Anchor{Head: r.head, Floor: r.floor, Time: r.o.Now().UTC().Truncate(time.Millisecond)}
}

// sign signs a, writes it through a door, and keeps it.
func (r *Recorder) sign(a *trail.Anchor, door sluice.Appender) error {
	if err := r.adopt(); err != nil { // else metadata would name an anchor by a key that it does not know
		return err
	}
	if err := r.put(trail.AnchorMade, a, door); err != nil {
		return err
	}
	r.floor = a.Floor // from here on: metadata may have it though it says that it has not
	r.metrics.anchors.Inc()
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := r.store.Update(r.ctx, func(tx meta.Tx) error {
		return tx.SetItem(meta.Item{Kind: kindAnchor, Name: itemNewest, Body: body})
	}); err != nil {
		return err
	}
	r.anchored = *a // not before: what retention takes, metadata has to know of
	return nil
}

// put signs a, and writes its event through a door.
func (r *Recorder) put(name string, a *trail.Anchor, door sluice.Appender) error {
	a.Sign(r.signer)
	details, err := a.Details()
	if err != nil {
		return err
	}
	_, err = r.write([]*pending{{event: r.service(name, details)}}, door)
	return err
}
