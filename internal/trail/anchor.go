package trail

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Anchor is a signed place in the chain. Whoever holds one elsewhere, and the public key, can tell whether the events up to it are those that were
// there when it was made. It is an event of its own, at the place behind the one that it names.
//
// An anchor with a Next is a handover: the last one that its key signs. From there on anchors are signed by the key that it names.
type Anchor struct {
	Head
	Floor     Head              `json:"floor"` // retention took the events up to here, or was about to: see [Expiry]
	Time      time.Time         `json:"time"`  // in milliseconds
	Next      ed25519.PublicKey `json:"next,omitempty"`
	KeyID     string            `json:"keyId"`
	Signature []byte            `json:"signature"` // Ed25519
}

/*
signed is what the signature covers, big endian:

	+---------------------------+-----+-------+-----------+-------------+------+------+
	| "sluice trail anchor 1\n" | seq | chain | floor seq | floor chain | time | next |
	+---------------------------+-----+-------+-----------+-------------+------+------+
	                              8     32      8           32            8      32

time is in milliseconds since 1970. next is there in handovers alone, which begin with "sluice trail handover 1\n" instead.
*/
func (a *Anchor) signed() []byte {
	b := []byte("sluice trail anchor 1\n")
	if len(a.Next) > 0 {
		b = []byte("sluice trail handover 1\n")
	}
	b = binary.BigEndian.AppendUint64(b, a.Seq)
	b = append(b, a.Chain[:]...)
	b = binary.BigEndian.AppendUint64(b, a.Floor.Seq)
	b = append(b, a.Floor.Chain[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Time.UnixMilli()))
	return append(b, a.Next...)
}

// Sign signs a, and names the key.
func (a *Anchor) Sign(key ed25519.PrivateKey) {
	public, _ := key.Public().(ed25519.PublicKey) // it is one
	a.KeyID = KeyID(public)
	a.Signature = ed25519.Sign(key, a.signed())
}

// Details is a as the Additional of its event.
func (a *Anchor) Details() (map[string]any, error) { return details(a) }

// details is what v has in JSON.
func details(v any) (members map[string]any, err error) {
	body, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(body, &members)
	}
	return members, err
}

// Check reports whether the anchor was signed by one of the keys. Whether the key was to sign at that place is for a [Verifier] to say.
func (a *Anchor) Check(keys Keys) error {
	key := keys.find(a.KeyID)
	if key == nil {
		return fmt.Errorf("the anchor at event %d was signed with key %.64q, which nobody vouches for", a.Seq, a.KeyID)
	}
	return a.checkWith(key.Public)
}

func (a *Anchor) checkWith(key ed25519.PublicKey) error {
	if n := len(a.Next); n != 0 && n != ed25519.PublicKeySize {
		return fmt.Errorf("the anchor at event %d hands over to a key of %d bytes, which is none", a.Seq, n)
	}
	if !ed25519.Verify(key, a.signed(), a.Signature) {
		return fmt.Errorf("the signature of the anchor at event %d does not hold", a.Seq)
	}
	return nil
}

// isAnchor reports whether an event is an anchor.
func (e *Event) isAnchor() bool {
	return e.Type == ServiceEvent && (e.Name == AnchorMade || e.Name == KeyRotated)
}

// AnchorOf reads the anchor that an event is. It does not ask whether it is signed.
func AnchorOf(e *Event) (a Anchor, err error) {
	body, err := json.Marshal(e.Additional)
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	switch {
	case err != nil:
	case a.Seq != e.Seq-1:
		err = errors.New("it names another place than its own")
	case (len(a.Next) > 0) != (e.Name == KeyRotated):
		err = errors.New("an anchor hands over to another key, or a handover to none")
	}
	return a, err
}
