package logpb

import (
	"math"

	"github.com/sluicelog/sluice"
)

// Decode builds the group that raw encodes. It accepts exactly what [Check] accepts without limits, with its errors. The
// strings share one copy of raw: a caller that keeps a few of them for long clones them. Category, MachineUUID and the
// agent's values have no place in a sluice.LogGroup and are dropped.
func Decode(raw []byte) (*sluice.LogGroup, error) {
	stats, err := Check(raw, Limits{})
	if err != nil {
		return nil, err
	}
	g := &sluice.LogGroup{Records: make([]sluice.Record, 0, stats.Logs)}
	fields := make([]sluice.Field, 0, stats.Fields)
	for s := string(raw); s != ""; {
		var f checked
		f, s = next(s)
		switch f.tag {
		case tagLogs:
			first := len(fields)
			r := sluice.Record{}
			fields = decodeLog(&r, fields, f.data)
			r.Fields = fields[first:len(fields):len(fields)]
			g.Records = append(g.Records, r)
		case tagTopic:
			g.Topic = f.data
		case tagSource:
			g.Source = f.data
		case tagTags:
			g.Tags = append(g.Tags, decodePair(f.data))
		}
	}
	return g, nil
}

// decodeLog sets the times of r and appends the contents of the Log s to fields.
func decodeLog(r *sluice.Record, fields []sluice.Field, s string) []sluice.Field {
	for s != "" {
		var f checked
		f, s = next(s)
		switch f.tag {
		case tagTime:
			r.Time = uint32(f.number)
		case tagContents:
			fields = append(fields, decodePair(f.data))
		case tagNanos:
			r.Nanos = uint32(f.number)
		}
	}
	return fields
}

func decodePair(s string) (pair sluice.Field) {
	if s[0] == tagKey && s[1] < 0x80 { // nearly always: key, value, and lengths of one byte
		v := 2 + int(s[1])
		if v+1 < len(s) && s[v] == tagValue && s[v+1] < 0x80 && v+2+int(s[v+1]) == len(s) {
			return sluice.Field{Key: s[2:v], Value: s[v+2:]}
		}
	}
	for s != "" {
		var f checked
		f, s = next(s)
		switch f.tag {
		case tagKey:
			pair.Key = f.data
		case tagValue:
			pair.Value = f.data
		}
	}
	return pair
}

// checked is a field of a message that Check accepted.
type checked struct {
	tag    uint64
	number uint64 // of a varint or a fixed32
	data   string // of bytes
}

// next reads the first field of s, which Check accepted: nothing can be wrong with it.
func next(s string) (f checked, rest string) {
	f.tag, s = checkedVarint(s)
	switch f.tag & 7 {
	case wireVarint:
		f.number, s = checkedVarint(s)
	case wireBytes:
		var n uint64
		n, s = checkedVarint(s)
		f.data, s = s[:n], s[n:]
	case wireFixed32:
		f.number = uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
		s = s[4:]
	case wireFixed64: // only of unknown fields
		s = s[8:]
	}
	return f, s
}

func checkedVarint(s string) (v uint64, rest string) {
	if s[0] < 0x80 {
		return uint64(s[0]), s[1:]
	}
	return longCheckedVarint(s)
}

func longCheckedVarint(s string) (v uint64, rest string) {
	for i := 0; ; i++ {
		v |= uint64(s[i]&0x7f) << (7 * i)
		if s[i] < 0x80 {
			return v, s[i+1:]
		}
	}
}

// DecodeList decodes a LogGroupList, the body of a pull.
func DecodeList(raw []byte) ([]*sluice.LogGroup, error) {
	var groups []*sluice.LogGroup
	for i := 0; i < len(raw); {
		f, next, err := consume(raw, i)
		if err != nil {
			return nil, err
		}
		i = next
		if f.num != listGroups {
			continue
		}
		if f.typ != wireBytes {
			return nil, errWireType
		}
		g, err := Decode(f.data)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// Package is one group of an SlsLogPackageList, the body of a write with x-log-mode: batch_group.
type Package struct {
	Data    []byte // part of the body it was read from
	RawSize int    // of the group before compression, as the client claims
	Codec   Codec
}

// DecodePackages reads an SlsLogPackageList of at most max packages (0: any number). Errors are those of [Check], and
// Invalid "compresstype" for a compression that does not exist.
func DecodePackages(body []byte, max int) ([]Package, error) {
	var list []Package
	for i := 0; i < len(body); {
		f, next, err := consume(body, i)
		if err != nil {
			return nil, err
		}
		i = next
		if f.num != listGroups {
			continue
		}
		if f.typ != wireBytes {
			return nil, errWireType
		}
		if len(list) == orNone(max) {
			return nil, tooLarge("the number of packages", len(list)+1, max)
		}
		p, err := decodePackage(f.data)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// packageCodecs are the values of compress_type.
var packageCodecs = [...]Codec{None, Deflate, LZ4, Zstd}

func decodePackage(b []byte) (Package, error) {
	p := Package{Codec: LZ4, RawSize: -1}
	for i := 0; i < len(b); {
		f, next, err := consume(b, i)
		if err != nil {
			return p, err
		}
		i = next
		switch f.num {
		case packageData:
			if f.typ != wireBytes {
				return p, errWireType
			}
			p.Data = f.data
		case packageSize:
			if f.typ != wireVarint {
				return p, errWireType
			}
			if f.number > math.MaxInt32 {
				return p, errPackage
			}
			p.RawSize = int(f.number)
		case packageCodec:
			if f.typ != wireVarint {
				return p, errWireType
			}
			if f.number >= uint64(len(packageCodecs)) {
				return p, unknownCodec("compress_type %d", f.number)
			}
			p.Codec = packageCodecs[f.number]
		}
	}
	if p.Codec == None && p.RawSize < 0 {
		p.RawSize = len(p.Data)
	}
	if p.Data == nil || p.RawSize < 0 {
		return p, errPackage
	}
	return p, nil
}

var errPackage = malformed("a package lacks its data or size")

func unknownCodec(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "compresstype", format+" is not supported", args...)
}
