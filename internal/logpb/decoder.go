package logpb

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/sluicelog/sluice"
)

// Decoder decodes one group after the other into the same memory. The zero Decoder is ready; it is for one goroutine.
type Decoder struct {
	group  sluice.LogGroup
	fields []sluice.Field // of all records
}

// Decode is the function [Decode], but the group is valid only until the next call, and as long as raw is not changed: its strings are
// those of raw. Keys that come again at the same place of the next record are the same string, so comparing them is quick.
func (d *Decoder) Decode(raw []byte) (*sluice.LogGroup, error) {
	g := &d.group
	*g = sluice.LogGroup{Records: g.Records[:0], Tags: g.Tags[:0]}
	d.fields = d.fields[:0]
	if d.usual(unsafe.String(unsafe.SliceData(raw), len(raw))) {
		return g, nil
	}
	return Decode(raw)
}

// usual decodes what encoders usually write: known fields, tags of one byte, a pair as a key and then a value. Of anything else, and of
// all that is wrong, it returns false.
func (d *Decoder) usual(s string) bool {
	g := &d.group
	for s != "" {
		tag := s[0]
		n, at, ok := usualLength(s, 1)
		if !ok || n > len(s)-at {
			return false
		}
		data := s[at : at+n]
		s = s[at+n:]
		switch tag {
		case tagLogs:
			if !d.usualLog(data) {
				return false
			}
		case tagTopic:
			g.Topic = data
		case tagSource:
			g.Source = data
		case tagTags:
			pair, ok := usualPair(data, "")
			if !ok {
				return false
			}
			g.Tags = append(g.Tags, pair)
		default:
			return false
		}
	}
	return true
}

// usualLength reads a length of one to three bytes at s[at:].
func usualLength(s string, at int) (n, end int, ok bool) {
	shift := 0
	for i := at; i < len(s) && i < at+3; i++ {
		n |= int(s[i]&0x7f) << shift
		if s[i] < 0x80 {
			return n, i + 1, true
		}
		shift += 7
	}
	return 0, 0, false
}

func (d *Decoder) usualLog(s string) bool {
	var r sluice.Record
	timed := false
	first := len(d.fields)
	var before []sluice.Field // of the last record
	if n := len(d.group.Records); n > 0 {
		before = d.group.Records[n-1].Fields
	}
	for i := 0; i < len(s); {
		switch s[i] {
		case tagContents:
			n, at, ok := usualLength(s, i+1)
			if !ok || n > len(s)-at {
				return false
			}
			likely := ""
			if at := len(d.fields) - first; at < len(before) {
				likely = before[at].Key
			}
			f, ok := usualPair(s[at:at+n], likely)
			if !ok {
				return false
			}
			d.fields = append(d.fields, f)
			i = at + n
		case tagTime:
			v, n := usualTime(s[i+1:])
			if n == 0 {
				return false
			}
			r.Time, timed = v, true
			i += 1 + n
		case tagNanos:
			if len(s)-i < 5 {
				return false
			}
			r.Nanos = binary.LittleEndian.Uint32([]byte(s[i+1 : i+5]))
			if r.Nanos > maxNanos {
				return false
			}
			i += 5
		default:
			return false
		}
	}
	r.Fields = d.fields[first:len(d.fields):len(d.fields)]
	d.group.Records = append(d.group.Records, r)
	return timed
}

// usualTime reads a time of five bytes at most.
func usualTime(s string) (t uint32, n int) {
	var v uint64
	for i := 0; i < len(s) && i < 5; i++ {
		v |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			if v > math.MaxUint32 {
				return 0, 0
			}
			return uint32(v), i + 1
		}
	}
	return 0, 0
}

// usualPair reads a key and a value that are all of s. likely is what the key probably is.
func usualPair(s, likely string) (f sluice.Field, ok bool) {
	if len(s) < 4 || s[0] != tagKey || s[1] >= 0x80 {
		return f, false
	}
	v := 2 + int(s[1])
	if v+2 > len(s) || s[v] != tagValue {
		return f, false
	}
	n, at, ok := usualLength(s, v+1)
	if !ok || at+n != len(s) {
		return f, false
	}
	f.Key, f.Value = s[2:v], s[at:]
	if f.Key == likely {
		f.Key = likely
	}
	return f, true
}
