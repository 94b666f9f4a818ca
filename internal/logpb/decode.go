package logpb

import "github.com/sluicelog/sluice"

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
		f, next, err := consume(raw, i, listMessage)
		if err != nil {
			return nil, err
		}
		i = next
		if f.num != listGroups {
			continue
		}
		g, err := Decode(f.data)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}
