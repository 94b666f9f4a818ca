package trail

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
)

// Evidence is what it takes to verify the record: the newest anchor, and the public keys that anchors were signed with. Kept elsewhere it proves later
// that nothing of what was there is gone.
type Evidence struct {
	Anchor Anchor      `json:"anchor"`
	Keys   []PublicKey `json:"keys"` // in the order in which they followed each other
}

// PublicKey is a key of anchors.
type PublicKey struct {
	ID          string      `json:"id"`
	Fingerprint Fingerprint `json:"fingerprint"`
	PEM         string      `json:"publicKey"` // PKIX, as openssl has it
	Handover    *Anchor     `json:"handover,omitempty"`
}

// NewEvidence makes evidence.
func NewEvidence(keys Keys, newest Anchor) (Evidence, error) {
	e := Evidence{Anchor: newest, Keys: []PublicKey{}}
	for _, k := range keys {
		der, err := x509.MarshalPKIXPublicKey(k.Public)
		if err != nil {
			return e, fmt.Errorf("public key %s: %w", k.ID(), err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		e.Keys = append(e.Keys, PublicKey{k.ID(), FingerprintOf(k.Public), string(text), k.Handover})
	}
	return e, nil
}

// Signer is the fingerprint of the key that signed the anchor; the zero one if there is no anchor, or no such key.
func (e *Evidence) Signer() (f Fingerprint) {
	for _, k := range e.Keys {
		if k.ID == e.Anchor.KeyID {
			f = k.Fingerprint
		}
	}
	return f
}

// maxEvidence is far more than evidence takes: a key with its handover is some 900 bytes.
const maxEvidence = 16 << 20

// ParseEvidence reads evidence from JSON. Of a key only its PEM counts: ids and fingerprints are there for people.
func ParseEvidence(text []byte) (e Evidence, keys Keys, err error) {
	if len(text) > maxEvidence {
		return e, nil, fmt.Errorf("%d bytes are more than an anchor has", len(text))
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, nil, fmt.Errorf("it is not what sluice trail verify --save writes: %w", err)
	}
	for _, k := range e.Keys {
		one, err := ParseKeys([]byte(k.PEM))
		if err != nil {
			return e, nil, err
		}
		if len(one) != 1 {
			return e, nil, errors.New("one public key of it is several")
		}
		keys = append(keys, Key{one[0].Public, k.Handover})
	}
	return e, keys, nil
}

// ParseKeys reads Ed25519 public keys in PEM.
func ParseKeys(text []byte) (keys Keys, err error) {
	for len(text) <= maxEvidence {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("a public key cannot be read: %w", err)
		}
		key, ok := parsed.(ed25519.PublicKey)
		if !ok {
			return nil, errors.New("a public key is not of Ed25519")
		}
		keys = append(keys, Key{Public: key})
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no public key in it: PEM with PUBLIC KEY is expected")
	}
	return keys, nil
}

// Fingerprints are those of all keys.
func (ks Keys) Fingerprints() (list []Fingerprint) {
	for i := range ks {
		list = append(list, FingerprintOf(ks[i].Public))
	}
	return list
}
