package collector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// WithPullingID writes the id of a pull into a JSON object, as its last member. An object that has such a member is not changed.
func WithPullingID(object []byte, id int64) []byte {
	object = bytes.TrimSpace(object)
	if bytes.Contains(object, []byte(`"`+PullingID+`"`)) {
		return object
	}
	out := append([]byte{}, object[:len(object)-1]...)
	if len(bytes.TrimSpace(out)) > 1 {
		out = append(out, ',')
	}
	return fmt.Appendf(out, `"%s":%d}`, PullingID, id)
}

// PullingField is the id of a pull as a field.
func PullingField(id int64) sink.Field {
	return sink.Field{Key: PullingID, Value: strconv.FormatInt(id, 10), Kind: sink.Number}
}

// IsObject says whether text is a JSON object.
func IsObject(text string) bool {
	text = strings.TrimSpace(text)
	return len(text) > 1 && text[0] == '{' && text[len(text)-1] == '}' && json.Valid([]byte(text))
}

// appendFields writes all fields of the event behind those of dst.
func (e *Event) appendFields(dst []sink.Field) []sink.Field {
	for _, f := range e.Log {
		dst = append(dst, sink.Field{Key: f.Key, Value: f.Value})
	}
	return append(dst, e.Fields...)
}

// AppendJSON writes the event as one JSON object on one line: the only field, if it is an object, as the source gave it; otherwise all fields,
// behind the time, topic, source and tags that logs of a logstore have.
func (e *Event) AppendJSON(dst []byte) []byte {
	if len(e.Log) == 0 && len(e.Fields) == 1 && e.Fields[0].Kind == sink.JSON {
		return append(dst, e.Fields[0].Value...)
	}
	dst = append(dst, '{')
	first := true
	member := func(key, value string, kind sink.FieldKind) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(encode.AppendJSONString(dst, key), ':')
		if kind == sink.Text {
			dst = encode.AppendJSONString(dst, value)
		} else {
			dst = append(dst, value...)
		}
	}
	if e.Topic != "" || e.Source != "" || len(e.Tags) > 0 {
		member("__time__", strconv.FormatUint(uint64(e.Time), 10), sink.Number)
		member("__topic__", e.Topic, sink.Text)
		member("__source__", e.Source, sink.Text)
		for _, t := range e.Tags {
			member("__tag__:"+t.Key, t.Value, sink.Text)
		}
	}
	for _, f := range e.Log {
		member(f.Key, f.Value, sink.Text)
	}
	for _, f := range e.Fields {
		if f.Kind != sink.Absent {
			member(f.Key, f.Value, f.Kind)
		}
	}
	return append(dst, '}')
}
