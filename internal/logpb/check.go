package logpb

import (
	"encoding/binary"
	"math"

	"github.com/sluicelog/sluice"
)

// Limits of one group; a zero field means no limit.
type Limits struct {
	MaxRaw   int    // bytes of the encoded group
	MaxLogs  int    // logs of the group
	MaxKey   int    // bytes of one key, of a log or of a tag
	MaxValue int    // bytes of one value, of a log or of a tag
	MaxTags  int    // tags of the group
	Earliest uint32 // of the log times, seconds since 1970, inclusive
	Latest   uint32 // inclusive
}

// Stats of a checked group. A group without logs has no times.
type Stats struct {
	Logs             int
	Fields           int // of all logs
	MinTime, MaxTime uint32
}

// Check walks the protobuf of one LogGroup once, without allocating, and says whether everybody can read it. What one
// official client would choke on is refused here, since a consumer could never get past it: required fields that are
// missing, wrong wire types, groups, overlong varints, lengths past the end, times that are no uint32. Unknown fields are
// passed over. Strings need not be UTF-8 (reference sls-api 4.1).
//
// Errors are *[sluice.Error]: Invalid "body" (malformed), Invalid "body-time" (a log outside the window of lim), TooLarge
// "body-size" (any other limit).
func Check(raw []byte, lim Limits) (Stats, error) {
	if lim.MaxRaw > 0 && len(raw) > lim.MaxRaw {
		return Stats{}, tooLarge("the log group", len(raw), lim.MaxRaw)
	}
	c := checker{stats: Stats{MinTime: math.MaxUint32}, maxKey: orNone(lim.MaxKey), maxValue: orNone(lim.MaxValue)}
	if err := c.group(raw); err != nil {
		return Stats{}, err
	}
	if c.stats.Logs == 0 {
		c.stats.MinTime = 0
	}
	if err := c.within(lim); err != nil {
		return Stats{}, err
	}
	return c.stats, nil
}

func orNone(limit int) int {
	if limit <= 0 {
		return math.MaxInt
	}
	return limit
}

// checker is the state of one walk.
type checker struct {
	stats            Stats
	tags             int
	maxKey, maxValue int
}

// within checks what is only known at the end.
func (c *checker) within(lim Limits) error {
	if c.stats.Logs > orNone(lim.MaxLogs) {
		return tooLarge("the number of logs", c.stats.Logs, lim.MaxLogs)
	}
	if c.tags > orNone(lim.MaxTags) {
		return tooLarge("the number of tags", c.tags, lim.MaxTags)
	}
	if c.stats.Logs == 0 {
		return nil
	}
	if c.stats.MinTime < lim.Earliest {
		return sluice.Errorf(sluice.Invalid, "body-time", "the post data time is out of range: %d is before %d", c.stats.MinTime, lim.Earliest)
	}
	if lim.Latest > 0 && c.stats.MaxTime > lim.Latest {
		return sluice.Errorf(sluice.Invalid, "body-time", "the post data time is out of range: %d is after %d", c.stats.MaxTime, lim.Latest)
	}
	return nil
}

func (c *checker) group(b []byte) error {
	for i := 0; i < len(b); {
		f, next, err := consume(b, i)
		if err != nil {
			return err
		}
		i = next
		switch f.num {
		case groupLogs:
			if f.typ != wireBytes {
				return errWireType
			}
			if err := c.log(f.data); err != nil {
				return err
			}
		case groupTags:
			if f.typ != wireBytes {
				return errWireType
			}
			c.tags++
			if err := c.pair(f.data); err != nil {
				return err
			}
		case groupCategory, groupTopic, groupSource, groupMachine:
			if f.typ != wireBytes {
				return errWireType
			}
		}
	}
	return nil
}

// log checks one Log. Nearly all its bytes are contents with a length of one byte, so these have a path of their own.
func (c *checker) log(b []byte) error {
	timed := false
	var time uint32
	for i := 0; i < len(b); {
		if b[i] == tagContents && i+1 < len(b) && b[i+1] < 0x80 {
			end := i + 2 + int(b[i+1])
			if end > len(b) {
				return errLength
			}
			c.stats.Fields++
			if err := c.pair(b[i+2 : end]); err != nil {
				return err
			}
			i = end
			continue
		}
		f, next, err := consume(b, i)
		if err != nil {
			return err
		}
		i = next
		switch f.num {
		case logTime:
			if f.typ != wireVarint {
				return errWireType
			}
			if f.number > math.MaxUint32 {
				return errTime
			}
			time, timed = uint32(f.number), true
		case logContents:
			if f.typ != wireBytes {
				return errWireType
			}
			c.stats.Fields++
			if err := c.pair(f.data); err != nil {
				return err
			}
		case logValues:
			if f.typ != wireBytes {
				return errWireType
			}
		case logNanos:
			if f.typ != wireFixed32 {
				return errWireType
			}
			if f.number > maxNanos {
				return errNanos
			}
		}
	}
	if !timed {
		return errNoTime
	}
	c.stats.Logs++
	c.stats.MinTime = min(c.stats.MinTime, time)
	c.stats.MaxTime = max(c.stats.MaxTime, time)
	return nil
}

// pair checks a Content or a LogTag: two required strings. Encoders write key, then value, and nothing else.
func (c *checker) pair(b []byte) error {
	if len(b) >= 2 && b[0] == tagKey && b[1] < 0x80 {
		k := int(b[1])
		if v := 2 + k; v+1 < len(b) && b[v] == tagValue {
			n, start := int(b[v+1]), v+2
			if n >= 0x80 && start < len(b) && b[start] < 0x80 {
				n, start = n&0x7f|int(b[start])<<7, start+1
			}
			if start+n == len(b) && k <= c.maxKey && n <= c.maxValue {
				return nil
			}
		}
	}
	return c.oddPair(b)
}

// oddPair checks any Content or LogTag, however encoded, and finds out what is wrong with it.
func (c *checker) oddPair(b []byte) error {
	var key, value bool
	for i := 0; i < len(b); {
		f, next, err := consume(b, i)
		if err != nil {
			return err
		}
		i = next
		switch f.num {
		case pairKey:
			if f.typ != wireBytes {
				return errWireType
			}
			if len(f.data) > c.maxKey {
				return tooLarge("a key", len(f.data), c.maxKey)
			}
			key = true
		case pairValue:
			if f.typ != wireBytes {
				return errWireType
			}
			if len(f.data) > c.maxValue {
				return tooLarge("a value", len(f.data), c.maxValue)
			}
			value = true
		}
	}
	if !key || !value {
		return errNoPair
	}
	return nil
}

func tooLarge(what string, got, limit int) error {
	return sluice.Errorf(sluice.TooLarge, "body-size", "%s is over the limit: %d of %d", what, got, limit)
}

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
	typ    byte
	number uint64 // of a varint or a fixed
	data   []byte // of bytes
}

// consume reads the field at b[i:] and returns where the next begins. Tags and lengths have at most five bytes, as the
// strictest of the official clients demand.
func consume(b []byte, i int) (f field, next int, err error) {
	tag, i := varint(b, i, maxTagBytes)
	if i == 0 || tag>>3 == 0 || tag > math.MaxUint32 {
		return f, 0, errTag
	}
	f.num, f.typ = uint32(tag>>3), byte(tag&7)
	switch f.typ {
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
