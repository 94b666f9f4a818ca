package segment

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// Any odd numbers with about as many ones as zeros do.
const (
	hashA = 0xa0761d6478bd642f
	hashB = 0xe7037ed1a0b428db
)

// hashToken is the hash of a token in a group's index, by multiplying and folding as wyhash does. The seed is drawn for each group,
// so that nobody can send tokens that collide.
func hashToken(seed uint64, b []byte) uint64 {
	n := len(b)
	seed ^= hashA
	var x, y uint64
	switch {
	case n > 16:
		for i := 0; i+16 < n; i += 16 {
			seed = fold(binary.LittleEndian.Uint64(b[i:])^hashB, binary.LittleEndian.Uint64(b[i+8:])^seed)
		}
		x, y = binary.LittleEndian.Uint64(b[n-16:]), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 8:
		x, y = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		x = uint64(b[0])<<16 | uint64(b[n>>1])<<8 | uint64(b[n-1])
	}
	return fold(hashB^uint64(n), fold(x^hashB, y^seed))
}

// randomSeed draws a seed.
func randomSeed() uint64 {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails, see its documentation
	return binary.LittleEndian.Uint64(seed[:])
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
