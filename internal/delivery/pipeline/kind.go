package pipeline

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// kind is the type that a task gives a field.
type kind uint8

const (
	text kind = iota
	number
	boolean
	object
)

func kindOf(name string) (kind, bool) {
	i := slices.Index([]string{"text", "number", "bool", "json"}, name)
	return kind(max(i, 0)), i >= 0
}

// scratch holds values that are not those of the log, until the next log.
type scratch struct {
	custom []byte // the object of custom fields
}

// typed makes a field whose value has the kind if it can.
func typed(name, value string, k kind) sink.Field {
	f := sink.Field{Key: name, Value: value}
	switch {
	case k == number && isJSONNumber(value):
		f.Kind = sink.Number
	case k == boolean && (value == "true" || value == "false"):
		f.Kind = sink.Bool
	case k == object && value != "":
		if v, ok := oneLine(value); ok {
			f.Value, f.Kind = v, sink.JSON
		}
	}
	return f
}

// oneLine returns value on one line if it is an object or an array of JSON.
func oneLine(value string) (string, bool) {
	begin := strings.TrimLeft(value, " \t\r\n")
	if begin == "" || begin[0] != '{' && begin[0] != '[' || !utf8.ValidString(value) {
		return "", false
	}
	raw := unsafe.Slice(unsafe.StringData(value), len(value)) // only read
	if !json.Valid(raw) {
		return "", false
	}
	if !strings.ContainsAny(value, "\r\n") {
		return value, true
	}
	var line bytes.Buffer
	if json.Compact(&line, raw) != nil {
		return "", false
	}
	return line.String(), true
}

// isJSONNumber says whether s is a number in JSON's grammar: no plus, no leading zeros, digits around the point.
func isJSONNumber(s string) bool {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch {
	case i < len(s) && s[i] == '0':
		i++
	default:
		n := digits(s[i:])
		if n == 0 {
			return false
		}
		i += n
	}
	if i < len(s) && s[i] == '.' {
		n := digits(s[i+1:])
		if n == 0 {
			return false
		}
		i += 1 + n
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		n := digits(s[i:])
		if n == 0 {
			return false
		}
		i += n
	}
	return i == len(s)
}

// digits is how many digits s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}
