package trail

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

/*
signers are the keys of a record, as a verifier comes to know them:

	 trusted                 vouched for by the one before
	+-------+   handover 1   +-------+   handover 2   +-------+
	| key 1 | ─────────────> | key 2 | ─────────────> | key 3 |      key n signs for the places up to its handover, and for none behind it
	+-------+  at place 700  +-------+  at place 912  +-------+
	 1 ... 700                701 ... 912              913 ...

Handovers are known from metadata, for those whose events retention took, and from their events, which have to be there otherwise.
*/
type signers struct {
	list []*signer
	pins []Fingerprint // trusted by themselves; empty: the first key is
}

// signer is a key and what is known of it.
type signer struct {
	KeySpan
	key   Key
	found bool // the event of its handover was read
}

// KeySpan is what one key has signed for.
type KeySpan struct {
	ID          string      `json:"id"`
	Fingerprint Fingerprint `json:"fingerprint"`
	From        uint64      `json:"from"` // the first event that the key may sign for
	To          uint64      `json:"to"`   // the last; 0 for the key that is in use
	Since       time.Time   `json:"since,omitzero"`
	Until       time.Time   `json:"until,omitzero"`
	Anchors     uint64      `json:"anchors"` // good ones of it that were read
	Trusted     bool        `json:"trusted"` // it was given, or is vouched for by one that was
}

// newSigners takes the keys that are vouched for, in their order. Errors are of the others.
func newSigners(keys Keys, pins []Fingerprint) (s *signers, errs []error) {
	s = &signers{pins: pins}
	for i := range keys {
		k := keys[i]
		if i == 0 {
			s.list = append(s.list, s.signer(k, len(pins) == 0))
			s.list[0].From = 1
			continue
		}
		if err := s.follow(k); err != nil {
			errs = append(errs, err)
			break // those behind it follow upon a key that is not one of the record
		}
	}
	return s, errs
}

func (s *signers) signer(k Key, trusted bool) *signer {
	f := FingerprintOf(k.Public)
	return &signer{key: k, KeySpan: KeySpan{ID: KeyID(k.Public), Fingerprint: f, Trusted: trusted || slices.Contains(s.pins, f)}}
}

// follow puts k behind the last key, if that vouches for it.
func (s *signers) follow(k Key) error {
	h := k.Handover
	if h == nil || !bytes.Equal(h.Next, k.Public) {
		return fmt.Errorf("key %s is vouched for by nobody", k.ID())
	}
	last := s.list[len(s.list)-1]
	if h.KeyID != last.ID {
		return fmt.Errorf("key %s is vouched for by key %.64q, and the one before it is %s", k.ID(), h.KeyID, last.ID)
	}
	if err := h.checkWith(last.key.Public); err != nil {
		return fmt.Errorf("key %s is vouched for by nobody: %w", k.ID(), err)
	}
	if h.Seq < last.From {
		return fmt.Errorf("key %s follows upon one that had not begun", k.ID())
	}
	if s.find(k.ID()) != nil {
		return fmt.Errorf("key %s follows upon itself", k.ID())
	}
	last.To, last.Until = h.Seq, h.Time
	next := s.signer(k, last.Trusted)
	next.From, next.Since = h.Seq+1, h.Time
	s.list = append(s.list, next)
	return nil
}

func (s *signers) find(id string) *signer {
	for _, k := range s.list {
		if k.ID == id {
			return k
		}
	}
	return nil
}

// check reports whose anchor a is, and whether the key was to sign at that place. It does not ask whether a handover is the one that is known.
func (s *signers) check(a *Anchor) (*signer, error) {
	k := s.find(a.KeyID)
	if k == nil {
		return nil, fmt.Errorf("the anchor at event %d was signed with key %.64q, which nobody vouches for", a.Seq, a.KeyID)
	}
	if err := a.checkWith(k.key.Public); err != nil {
		return nil, err
	}
	if a.Seq < k.From {
		return nil, fmt.Errorf("the anchor at event %d was signed with key %s, which signs from event %d on", a.Seq, k.ID, k.From)
	}
	if k.To > 0 && (a.Seq > k.To || a.Seq == k.To && len(a.Next) == 0) {
		return nil, fmt.Errorf("the anchor at event %d was signed with key %s, which was retired at event %d", a.Seq, k.ID, k.To)
	}
	return k, nil
}

// handover takes a handover that was read, by a key that check found good for it.
func (s *signers) handover(by *signer, h *Anchor) error {
	i := slices.Index(s.list, by)
	if i+1 == len(s.list) {
		if err := s.follow(Key{h.Next, h}); err != nil {
			return err
		}
	}
	next := s.list[i+1]
	if !bytes.Equal(next.key.Public, h.Next) || next.key.Handover.Head != h.Head {
		return errors.New("it hands over to another key than the one that followed, or somewhere else")
	}
	next.found = true
	return nil
}

// unpinned are the keys that were given and are not among those of the record.
func (s *signers) unpinned() (list []Fingerprint) {
	for _, f := range s.pins {
		if !slices.ContainsFunc(s.list, func(k *signer) bool { return k.Fingerprint == f }) {
			list = append(list, f)
		}
	}
	return list
}

// String is the span for people.
func (k *KeySpan) String() string {
	text := fmt.Sprintf("key %s: signs from event %d on", k.Fingerprint, k.From)
	if k.To > 0 {
		text = fmt.Sprintf("key %s: signed for events %d to %d, until %s", k.Fingerprint, k.From, k.To, k.Until.Format(time.RFC3339))
	}
	if !k.Trusted {
		text += "; no key that is trusted vouches for it"
	}
	return text
}
