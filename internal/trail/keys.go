package trail

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Key is a public key of anchors.
type Key struct {
	Public   ed25519.PublicKey
	Handover *Anchor // signed by the key before, which vouches for this one with it; nil of the first key
}

// ID is the name of the key in anchors: the first 16 hexadecimal digits of its fingerprint. It tells keys of one record apart, and is no proof.
func (k *Key) ID() string { return KeyID(k.Public) }

// Keys are the public keys of a record, in the order in which they followed each other.
type Keys []Key

// find is the key with an id; nil if there is none.
func (ks Keys) find(id string) *Key {
	for i := range ks {
		if ks[i].ID() == id {
			return &ks[i]
		}
	}
	return nil
}

// KeyID is the name of a public key.
func KeyID(key ed25519.PublicKey) string { return FingerprintOf(key).String()[:16] }

// Fingerprint is the SHA-256 of the 32 bytes of a public key: what is written down to know the key again.
type Fingerprint [sha256.Size]byte

// FingerprintOf is the fingerprint of a key.
func FingerprintOf(key ed25519.PublicKey) Fingerprint { return sha256.Sum256(key) }

func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (f Fingerprint) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (f *Fingerprint) UnmarshalText(text []byte) (err error) {
	*f, err = ParseFingerprint(string(text))
	return err
}

// ParseFingerprint reads the 64 hexadecimal digits of a fingerprint, in either case. Fewer would be a key that somebody can look for.
func ParseFingerprint(text string) (f Fingerprint, err error) {
	if len(text) != hex.EncodedLen(len(f)) {
		return f, fmt.Errorf("a fingerprint has %d hexadecimal digits, not %d: sluice trail verify shows it in full", hex.EncodedLen(len(f)), len(text))
	}
	if _, err := hex.Decode(f[:], []byte(text)); err != nil {
		return f, fmt.Errorf("a fingerprint is hexadecimal: %w", err)
	}
	return f, nil
}
