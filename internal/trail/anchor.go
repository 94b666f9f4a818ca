package trail

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Anchor is a signed place in the chain. Whoever holds one elsewhere, and the public key, can tell whether the events up to it are those that were
// there when it was made. It is an event of its own, at the place behind the one that it names.
type Anchor struct {
	Head
	Floor     Head      `json:"floor"` // events up to here may be gone: they were older than is kept
	Time      time.Time `json:"time"`  // in milliseconds
	KeyID     string    `json:"keyId"`
	Signature []byte    `json:"signature"` // Ed25519
}

/*
signed is what the signature covers, big endian:

	+------------------------+-----+-------+-----------+-------------+------+
	| "sluice trail anchor 1\n" | seq | chain | floor seq | floor chain | time |
	+------------------------+-----+-------+-----------+-------------+------+
	                           8     32      8           32            8 (ms since 1970)
*/
func (a *Anchor) signed() []byte {
	b := []byte("sluice trail anchor 1\n")
	b = binary.BigEndian.AppendUint64(b, a.Seq)
	b = append(b, a.Chain[:]...)
	b = binary.BigEndian.AppendUint64(b, a.Floor.Seq)
	b = append(b, a.Floor.Chain[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(a.Time.UnixMilli()))
}

// Sign signs a, and names the key.
func (a *Anchor) Sign(key ed25519.PrivateKey) {
	public, _ := key.Public().(ed25519.PublicKey) // it is one
	a.KeyID = KeyID(public)
	a.Signature = ed25519.Sign(key, a.signed())
}

// Details is a as the Additional of its event.
func (a *Anchor) Details() (details map[string]any, err error) {
	body, err := json.Marshal(a)
	if err == nil {
		err = json.Unmarshal(body, &details)
	}
	return details, err
}

// Check reports whether the anchor was signed by one of the keys.
func (a *Anchor) Check(keys Keys) error {
	key, ok := keys[a.KeyID]
	if !ok {
		return fmt.Errorf("the anchor at event %d was signed with key %.64q, which is not among the public keys", a.Seq, a.KeyID)
	}
	if !ed25519.Verify(key, a.signed(), a.Signature) {
		return fmt.Errorf("the signature of the anchor at event %d does not hold", a.Seq)
	}
	return nil
}

// Keys are public keys of anchors by their ids.
type Keys map[string]ed25519.PublicKey

// KeyID is the name of a public key: the first 16 hexadecimal digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// anchorOf reads the anchor that an event is.
func anchorOf(e *Event) (a Anchor, err error) {
	body, err := json.Marshal(e.Additional)
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	if err == nil && a.Seq != e.Seq-1 {
		err = errors.New("it names another place than its own")
	}
	return a, err
}
