package logpb

import (
	"encoding/binary"
	"math"

	"github.com/sluicelog/sluice"
)

// malformed makes one of the errors of Check; they are values, so that hostile bodies cost no memory.
func malformed(msg string) error {
	return sluice.Errorf(sluice.Invalid, "body", "the body is not valid: %s", msg)
}

var (
	errWireType = malformed("a field has the wrong wire type")
	errTag      = malformed("a field has no valid tag")
	errVarint   = malformed("a varint does not end")
	errLength   = malformed("a length runs past the end")
	errTime     = malformed("a log's time is not a 32-bit number")
	errNanos    = malformed("a log's nanoseconds are over 999,999,999")
	errNoTime   = malformed("a log has no time")
	errNoPair   = malformed("a content or tag lacks its key or value")
)

// field is one field of any message.
type field struct {
	num    uint32
	number uint64 // of a varint or a fixed
	data   []byte // of bytes
}

// consume reads the field at b[i:] of a message m and returns where the next begins. Tags and lengths have at most five
// bytes, as the strictest of the official clients demand.
func consume(b []byte, i int, m message) (f field, next int, err error) {
	tag, i := varint(b, i, maxTagBytes)
	if i == 0 || tag>>3 == 0 || tag > math.MaxUint32 {
		return f, 0, errTag
	}
	f.num = uint32(tag >> 3)
	typ := byte(tag & 7)
	if f.num < uint32(len(m)) && m[f.num] != typ {
		return f, 0, errWireType
	}
	switch typ {
	case wireVarint:
		if f.number, i = varint(b, i, binary.MaxVarintLen64); i == 0 {
			return f, 0, errVarint
		}
	case wireBytes:
		n, start := varint(b, i, maxTagBytes)
		if start == 0 || n > uint64(len(b)-start) {
			return f, 0, errLength
		}
		i = start + int(n)
		f.data = b[start:i]
	case wireFixed32:
		if len(b)-i < 4 {
			return f, 0, errLength
		}
		f.number, i = uint64(binary.LittleEndian.Uint32(b[i:])), i+4
	case wireFixed64:
		if len(b)-i < 8 {
			return f, 0, errLength
		}
		f.number, i = binary.LittleEndian.Uint64(b[i:]), i+8
	default: // groups, and the two types that do not exist
		return f, 0, errWireType
	}
	return f, i, nil
}

// varint reads the varint of at most limit bytes at b[i:] and returns where it ends, or 0.
func varint(b []byte, i, limit int) (v uint64, end int) {
	if i < len(b) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return longVarint(b, i, limit)
}

func longVarint(b []byte, i, limit int) (v uint64, end int) {
	v, n := binary.Uvarint(b[i:min(i+limit, len(b))])
	if n <= 0 {
		return 0, 0
	}
	return v, i + n
}
