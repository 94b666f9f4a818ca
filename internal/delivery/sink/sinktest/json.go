package sinktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// DecodeJSON reads a JSON object as the fields of a log, in its order: texts unquoted, other values as they are written.
func DecodeJSON(object []byte) ([]sink.Field, error) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("not a JSON object: %.200q (%w)", object, err)
	}
	var fields []sink.Field
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("key %d of %.200q: %w", len(fields), object, err)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, fmt.Errorf("value of %q in %.200q: %w", key, object, err)
		}
		f := sink.Field{Key: key.(string), Value: string(raw)}
		if raw[0] == '"' {
			if err := json.Unmarshal(raw, &f.Value); err != nil {
				return nil, fmt.Errorf("value of %q in %.200q: %w", key, object, err)
			}
		}
		fields = append(fields, f)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("the end of %.200q: %w", object, err)
	}
	if dec.More() {
		return nil, fmt.Errorf("more than one JSON value: %.200q", object)
	}
	return fields, nil
}

// quote shows the beginning of a text.
func quote(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%q… (%d bytes)", s[:100], len(s))
	}
	return strconv.Quote(s)
}
