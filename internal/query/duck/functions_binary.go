package duck

import (
	"crypto/sha512"
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

var binaryFunctions = []*added{
	{"sluice_sha512", "blob", "blob", fn1(func(b []byte) ([]byte, error) {
		sum := sha512.Sum512(b)
		return sum[:], nil
	})},
	{"sluice_xxhash64", "blob", "blob", fn1(func(b []byte) ([]byte, error) {
		return binary.BigEndian.AppendUint64(nil, xxhash.Sum64(b)), nil
	})},
	{"sluice_from_big_endian", "blob", "bigint", fn1(func(b []byte) (int64, error) {
		if len(b) != 8 {
			return 0, fmt.Errorf("expected 8-byte input, but got instead: %d", len(b))
		}
		return int64(binary.BigEndian.Uint64(b)), nil
	})},
	{"sluice_to_big_endian", "bigint", "blob", fn1(func(n int64) ([]byte, error) {
		return binary.BigEndian.AppendUint64(nil, uint64(n)), nil
	})},
	// sluice_shift shifts to the left, or without sign to the right if by is negative.
	{"sluice_shift", "bigint bigint", "bigint", fn2(func(n, by int64) (int64, error) {
		if by < 0 {
			return int64(uint64(n) >> min(uint64(-by), 64)), nil
		}
		return n << min(uint64(by), 64), nil
	})},
}
