// Package logline writes logs as lines of JSON, under the names that the dialect gives to what is not a field (reference sls-api 4.2):
//
//	{"__time__":"1700000000","__topic__":"t","__source__":"s","__tag__:zone":"a","message":"hello"}
//
// Every value is text, fields keep their order, and repeated keys repeat.
package logline

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
)

// The names.
const (
	KeyTime   = "__time__"         // seconds since 1970
	KeyNanos  = "__time_ns_part__" // nanoseconds inside the second; left out if 0
	KeyTopic  = "__topic__"        // left out if empty
	KeySource = "__source__"       // left out if empty
	PrefixTag = "__tag__:"         // in front of the key of a tag
)

// AppendJSON appends the flat object of the dialect: every value is text, repeated keys repeat.
func AppendJSON(dst []byte, g *sluice.LogGroup, r *sluice.Record) []byte {
	dst = append(dst, `{"`+KeyTime+`":"`...)
	dst = strconv.AppendUint(dst, uint64(r.Time), 10)
	dst = append(dst, '"')
	if r.Nanos != 0 {
		dst = appendMember(dst, KeyNanos, strconv.FormatUint(uint64(r.Nanos), 10))
	}
	if g.Topic != "" {
		dst = appendMember(dst, KeyTopic, g.Topic)
	}
	if g.Source != "" {
		dst = appendMember(dst, KeySource, g.Source)
	}
	for _, tag := range g.Tags {
		dst = appendMember(dst, PrefixTag+tag.Key, tag.Value)
	}
	for _, f := range r.Fields {
		dst = appendMember(dst, f.Key, f.Value)
	}
	return append(dst, '}')
}

// AppendObject appends the JSON object of fields, every value as text, in their order.
func AppendObject(dst []byte, fields []sluice.Field) []byte {
	dst = append(dst, '{')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(appendString(dst, f.Key), ':'), f.Value)
	}
	return append(dst, '}')
}

func appendMember(dst []byte, key, value string) []byte {
	dst = appendString(append(dst, ','), key)
	return appendString(append(dst, ':'), value)
}

// appendString writes a JSON string in which nothing is left for a terminal to act on. Bytes that are no UTF-8, which JSON
// cannot hold, become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r >= ' ' && r < 0x7f || r > 0x7f && unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = appendEscape(dst, r)
		}
	}
	return append(dst, '"')
}

func appendEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendEscape(appendEscape(dst, high), low)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}
