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
	d := decoder{raw: raw, text: string(raw), fields: make([]sluice.Field, 0, stats.Fields)}
	g := &sluice.LogGroup{Records: make([]sluice.Record, 0, stats.Logs)}
	for i := 0; i < len(raw); {
		f := d.next(&i, len(raw))
		switch f.num {
		case groupLogs:
			g.Records = append(g.Records, d.record(f))
		case groupTopic:
			g.Topic = d.string(f)
		case groupSource:
			g.Source = d.string(f)
		case groupTags:
			g.Tags = append(g.Tags, d.pair(f))
		}
	}
	return g, nil
}

// decoder reads bytes that Check accepted, so nothing can fail.
type decoder struct {
	raw    []byte
	text   string         // the same bytes
	fields []sluice.Field // all fields of all records; never grows
}

// span is a field and where its data lies.
type span struct {
	field
	start, end int
}

// next reads the field at *i, inside a message that ends at end.
func (d *decoder) next(i *int, end int) span {
	f, next, _ := consume(d.raw[:end], *i)
	*i = next
	return span{f, next - len(f.data), next}
}

func (d *decoder) string(s span) string { return d.text[s.start:s.end] }

func (d *decoder) record(s span) sluice.Record {
	var r sluice.Record
	first := len(d.fields)
	for i := s.start; i < s.end; {
		f := d.next(&i, s.end)
		switch f.num {
		case logTime:
			r.Time = uint32(f.number)
		case logContents:
			d.fields = append(d.fields, d.pair(f))
		case logNanos:
			r.Nanos = uint32(f.number)
		}
	}
	if len(d.fields) > first {
		r.Fields = d.fields[first:len(d.fields):len(d.fields)]
	}
	return r
}

func (d *decoder) pair(s span) sluice.Field {
	var pair sluice.Field
	for i := s.start; i < s.end; {
		f := d.next(&i, s.end)
		switch f.num {
		case pairKey:
			pair.Key = d.string(f)
		case pairValue:
			pair.Value = d.string(f)
		}
	}
	return pair
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
