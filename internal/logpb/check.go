package logpb

import (
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
		f, next, err := consume(b, i, groupMessage)
		if err != nil {
			return err
		}
		i = next
		switch f.num {
		case groupLogs:
			err = c.log(f.data)
		case groupTags:
			c.tags++
			err = c.pair(f.data)
		}
		if err != nil {
			return err
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
			if err := c.content(b[i+2 : end]); err != nil {
				return err
			}
			i = end
			continue
		}
		f, next, err := consume(b, i, logMessage)
		if err != nil {
			return err
		}
		i = next
		switch {
		case f.num == logTime && f.number > math.MaxUint32:
			return errTime
		case f.num == logTime:
			time, timed = uint32(f.number), true
		case f.num == logNanos && f.number > maxNanos:
			return errNanos
		case f.num == logContents:
			if err := c.content(f.data); err != nil {
				return err
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

func (c *checker) content(b []byte) error {
	c.stats.Fields++
	return c.pair(b)
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
		f, next, err := consume(b, i, pairMessage)
		if err != nil {
			return err
		}
		i = next
		switch f.num {
		case pairKey:
			key = true
			if len(f.data) > c.maxKey {
				return tooLarge("a key", len(f.data), c.maxKey)
			}
		case pairValue:
			value = true
			if len(f.data) > c.maxValue {
				return tooLarge("a value", len(f.data), c.maxValue)
			}
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
