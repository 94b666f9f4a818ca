package trail

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Evidence is what it takes to verify the record: the newest anchor, and the public keys that anchors were signed with. Kept elsewhere it proves later
// that nothing of what was there is gone.
type Evidence struct {
	Anchor Anchor      `json:"anchor"`
	Keys   []PublicKey `json:"keys"`
}

// PublicKey is a key of anchors.
type PublicKey struct {
	ID  string `json:"id"`
	PEM string `json:"publicKey"` // PKIX, as openssl has it
}

// NewEvidence makes evidence.
func NewEvidence(keys Keys, newest Anchor) (Evidence, error) {
	e := Evidence{Anchor: newest, Keys: []PublicKey{}}
	for id, key := range keys {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return e, fmt.Errorf("public key %s: %w", id, err)
		}
		e.Keys = append(e.Keys, PublicKey{id, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))})
	}
	slices.SortFunc(e.Keys, func(a, b PublicKey) int { return strings.Compare(a.ID, b.ID) })
	return e, nil
}

// maxEvidence is far more than evidence takes.
const maxEvidence = 1 << 20

// ParseEvidence reads evidence from JSON.
func ParseEvidence(text []byte) (e Evidence, keys Keys, err error) {
	if len(text) > maxEvidence {
		return e, nil, fmt.Errorf("%d bytes are more than an anchor has", len(text))
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, nil, fmt.Errorf("it is not what sluice trail verify --save writes: %w", err)
	}
	keys = Keys{}
	for _, k := range e.Keys {
		more, err := ParseKeys([]byte(k.PEM))
		if err != nil {
			return e, nil, err
		}
		for id, key := range more {
			keys[id] = key
		}
	}
	return e, keys, nil
}

// ParseKeys reads Ed25519 public keys in PEM.
func ParseKeys(text []byte) (Keys, error) {
	keys := Keys{}
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
		keys[KeyID(key)] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no public key in it: PEM with PUBLIC KEY is expected")
	}
	return keys, nil
}
