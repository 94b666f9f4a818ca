package sluicelog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/sluicelog/sluice"
)

// jsonFields returns the members of a message that is one JSON object, in their order.
func jsonFields(message string) (fields []sluice.Field, ok bool) {
	if !strings.HasPrefix(strings.TrimLeft(message, " \t\r\n"), "{") || !json.Valid([]byte(message)) {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(message))
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, false
		}
		fields = append(fields, sluice.Field{Key: key.(string), Value: jsonText(value)}) // in valid JSON nothing else is a key
	}
	return fields, true
}

// jsonText is a text as it is, and everything else as JSON without spaces.
func jsonText(value json.RawMessage) string {
	var text string
	if value[0] == '"' && json.Unmarshal(value, &text) == nil {
		return text
	}
	var short bytes.Buffer
	if json.Compact(&short, value) != nil {
		return string(value)
	}
	return short.String()
}

// keyValues finds keys with values in text.
type keyValues struct {
	pattern         *regexp.Regexp
	key, bare, full int // groups of the pattern
}

// word is what keys and bare values are made of.
const word = `[\p{L}\p{M}\p{N}_.\-]+`

func newKeyValues(separator string) (*keyValues, error) {
	if _, err := regexp.Compile(separator); err != nil {
		return nil, fmt.Errorf("sluicelog: the separator of keys and values: %w", err)
	}
	pattern, err := regexp.Compile(`(?P<kvKey>` + word + `)\s*(?:` + separator + `)\s*(?:(?P<kvBare>` + word + `)|"(?P<kvFull>[^"]*)")`)
	if err != nil {
		return nil, fmt.Errorf("sluicelog: the separator of keys and values: %w", err)
	}
	return &keyValues{pattern, pattern.SubexpIndex("kvKey"), pattern.SubexpIndex("kvBare"), pattern.SubexpIndex("kvFull")}, nil
}

func (kv *keyValues) find(text string) (fields []sluice.Field) {
	for _, m := range kv.pattern.FindAllStringSubmatch(text, -1) {
		fields = append(fields, sluice.Field{Key: m[kv.key], Value: m[kv.bare] + m[kv.full]}) // one of the two is empty
	}
	return fields
}
