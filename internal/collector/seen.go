package collector

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// seen remembers ids of events that went out, each with a time in Unix seconds.
type seen map[eventKey]int64

// eventKey is the beginning of the SHA-256 of an id.
type eventKey [16]byte

// maxSeen is how many ids a part remembers; a place has to move before there are more.
const maxSeen = 4 << 20

func keyOf(id string) eventKey {
	sum := sha256.Sum256([]byte(id))
	return eventKey(sum[:16])
}

// forget lets go of what is older than a time.
func (s seen) forget(before int64) {
	for key, at := range s {
		if at < before {
			delete(s, key)
		}
	}
}

const packedKey = 16 + 8

// pack writes all keys and times behind each other.
func (s seen) pack() []byte {
	out := make([]byte, 0, len(s)*packedKey)
	for key, at := range s {
		out = binary.LittleEndian.AppendUint64(append(out, key[:]...), uint64(at))
	}
	return out
}

// unpack is the inverse of pack.
func unpack(b []byte) (seen, error) {
	if len(b)%packedKey != 0 {
		return nil, errors.New("the remembered ids are cut off")
	}
	s := make(seen, len(b)/packedKey)
	for ; len(b) > 0; b = b[packedKey:] {
		s[eventKey(b[:16])] = int64(binary.LittleEndian.Uint64(b[16:]))
	}
	return s, nil
}
