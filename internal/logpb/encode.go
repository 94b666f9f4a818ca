package logpb

import (
	"encoding/binary"
	"math/bits"

	"github.com/sluicelog/sluice"
)

// Append encodes g behind dst. Empty topic and source and zero nanoseconds are left out.
func Append(dst []byte, g *sluice.LogGroup) []byte {
	for i := range g.Records {
		r := &g.Records[i]
		dst = appendHeader(dst, tagLogs, sizeRecord(r))
		dst = appendRecord(dst, r)
	}
	if g.Topic != "" {
		dst = appendString(dst, tagTopic, g.Topic)
	}
	if g.Source != "" {
		dst = appendString(dst, tagSource, g.Source)
	}
	for _, tag := range g.Tags {
		dst = AppendTag(dst, tag.Key, tag.Value)
	}
	return dst
}

// AppendTag encodes one LogTags field behind dst. Protobuf messages concatenate, so that it adds a tag to an encoded group.
func AppendTag(dst []byte, key, value string) []byte { return appendPair(dst, tagTags, key, value) }

// AppendGroupHeader begins an element of a LogGroupList: the caller appends rawLen bytes of an encoded group.
func AppendGroupHeader(dst []byte, rawLen int) []byte { return appendHeader(dst, tagGroups, rawLen) }

func appendRecord(dst []byte, r *sluice.Record) []byte {
	dst = appendTime(dst, r.Time)
	for _, f := range r.Fields {
		dst = appendPair(dst, tagContents, f.Key, f.Value)
	}
	return appendNanos(dst, r.Nanos)
}

func appendTime(dst []byte, seconds uint32) []byte {
	return binary.AppendUvarint(append(dst, tagTime), uint64(seconds))
}

func appendNanos(dst []byte, nanos uint32) []byte {
	if nanos == 0 {
		return dst
	}
	return binary.LittleEndian.AppendUint32(append(dst, tagNanos), nanos)
}

func sizeRecord(r *sluice.Record) int {
	n := 1 + sizeVarint(int(r.Time))
	for _, f := range r.Fields {
		n += sizeBytes(sizeBytes(len(f.Key)) + sizeBytes(len(f.Value)))
	}
	if r.Nanos != 0 {
		n += 5
	}
	return n
}

func appendPair(dst []byte, tag byte, key, value string) []byte {
	dst = appendHeader(dst, tag, sizeBytes(len(key))+sizeBytes(len(value)))
	dst = appendString(dst, tagKey, key)
	return appendString(dst, tagValue, value)
}

func appendString(dst []byte, tag byte, s string) []byte {
	return append(appendHeader(dst, tag, len(s)), s...)
}

func appendHeader(dst []byte, tag byte, n int) []byte {
	return binary.AppendUvarint(append(dst, tag), uint64(n))
}

// sizeBytes is the size of a field with n bytes: tag, length, bytes.
func sizeBytes(n int) int { return 1 + sizeVarint(n) + n }

func sizeVarint(n int) int { return (bits.Len64(uint64(n)|1) + 6) / 7 }
