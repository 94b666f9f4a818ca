package trail

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Hash is the chain of an event: it stands for the event and all before it.
//
//	chain of the first   = SHA-256(domain, 32 zero bytes, the event's JSON)
//	chain of any other   = SHA-256(domain, chain of the one before, the event's JSON)
type Hash [sha256.Size]byte

// chainDomain keeps hashes of the chain from being hashes of anything else.
const chainDomain = "sluice trail chain 1\n"

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Next is the chain of the event behind the one whose chain is h.
func (h Hash) Next(event []byte) (n Hash) {
	d := sha256.New()
	d.Write([]byte(chainDomain))
	d.Write(h[:])
	d.Write(event)
	d.Sum(n[:0])
	return n
}

// parseHash reads 64 hexadecimal digits, in lower case as String writes them.
func parseHash(text string) (h Hash, err error) {
	if len(text) != hex.EncodedLen(len(h)) {
		return h, fmt.Errorf("a chain has %d hexadecimal digits, not %d", hex.EncodedLen(len(h)), len(text))
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return h, fmt.Errorf("a chain is hexadecimal: %w", err)
	}
	return h, nil
}

// MarshalText implements [encoding.TextMarshaler].
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (h *Hash) UnmarshalText(text []byte) (err error) {
	*h, err = parseHash(string(text))
	return err
}

// Head is a place in the chain: the last event before it, and the chain there. The zero Head is before the first event.
type Head struct {
	Seq   uint64 `json:"seq"`
	Chain Hash   `json:"chain"`
}
