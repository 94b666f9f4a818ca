package spl

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSON is kept as text and walked in place: order, spaces and digits of what came in stay as they were.

// validJSON reports whether s is one JSON value, and returns it without the space around.
func validJSON(s string) (string, bool) {
	s = strings.Trim(s, " \t\r\n")
	return s, json.Valid([]byte(s))
}

// valueEnd returns where the JSON value ends that s begins with. s is a part of valid JSON.
func valueEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = stringEnd(s, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',', ' ', '\t', '\r', '\n', ':':
			if depth == 0 {
				return i
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(s)
}

// stringEnd returns where the string ends that begins at i.
func stringEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// elements calls f with the parts of a valid list, or with keys and values of a valid object in turn, until f returns false.
func elements(s string, f func(part string) bool) {
	for s = skipSpace(s[1:]); s[0] != ']' && s[0] != '}'; s = skipSpace(s) {
		if s[0] == ',' || s[0] == ':' {
			s = s[1:]
			continue
		}
		end := valueEnd(s)
		if !f(s[:end]) {
			return
		}
		s = s[end:]
	}
}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t\r\n") }

// members calls f with the keys and values of a valid object until f returns false.
func members(s string, f func(key, val string) bool) {
	key, isKey := "", true
	elements(s, func(part string) bool {
		defer func() { isKey = !isKey }()
		if isKey {
			key = unquoteJSON(part)
			return true
		}
		return f(key, part)
	})
}

func isObject(s string) bool { return strings.HasPrefix(s, "{") }
func isArray(s string) bool  { return strings.HasPrefix(s, "[") }

// unquoteJSON returns the text of a valid JSON string.
func unquoteJSON(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	var text string
	if err := json.Unmarshal([]byte(s), &text); err != nil {
		return s[1 : len(s)-1]
	}
	return text
}

// jsonText returns a valid JSON value as a field holds it: strings without quotes, all else as it is written. null is NULL.
func jsonText(s string) value {
	switch {
	case s == "null":
		return null
	case strings.HasPrefix(s, `"`):
		return textOf(unquoteJSON(s))
	}
	return textOf(s)
}

// jsonValue returns a valid JSON value as a value: scalars of their type, objects and lists as JSON.
func jsonValue(s string) value {
	switch s[0] {
	case '{', '[':
		return jsonOf(s)
	case 't', 'f':
		return boolOf(s == "true")
	case '"', 'n':
		return jsonText(s)
	}
	return textOf(s).number()
}

const hexDigits = "0123456789abcdef"

// appendJSONString appends s in quotes. What is not UTF-8 is replaced.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = utf8.AppendRune(b, r)
		}
		i += size
	}
	return append(b, '"')
}

// jsonPath is a path like $.a["b.c"][0].
type jsonPath []pathStep

// pathStep is a key of an object, or a place in a list; digits behind a point are either.
type pathStep struct {
	key   string
	named bool
	index int // -1 for none
}

// parsePath reads a path (reference sls-query 3.8). A name may hold anything but . and [; all else is written ["so"].
func parsePath(s string) (jsonPath, bool) {
	rest, ok := strings.CutPrefix(s, "$")
	if !ok {
		return nil, false
	}
	var path jsonPath
	for rest != "" && ok {
		var step pathStep
		switch {
		case strings.HasPrefix(rest, `["`), strings.HasPrefix(rest, `['`):
			step.key, rest, ok = strings.Cut(rest[2:], rest[1:2]+"]")
			step.named, step.index = true, -1
		case rest[0] == '[':
			var digits string
			digits, rest, ok = strings.Cut(rest[1:], "]")
			step.index = placeOf(digits)
			ok = ok && step.index >= 0
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			step.key, rest = rest[1:end], rest[end:]
			step.named, step.index = true, placeOf(step.key)
			ok = step.key != ""
		default:
			ok = false
		}
		path = append(path, step)
	}
	return path, ok
}

// placeOf reads a place in a list, -1 if it is none.
func placeOf(digits string) int {
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// find returns the part of a valid JSON value that a path leads to.
func (p jsonPath) find(s string) (string, bool) {
	if len(p) == 0 {
		return s, true
	}
	next, ok := p[0].of(s)
	if !ok {
		return "", false
	}
	return p[1:].find(next)
}

func (step pathStep) of(s string) (found string, ok bool) {
	switch {
	case isObject(s) && step.named:
		members(s, func(key, val string) bool {
			if key == step.key {
				found, ok = val, true // the last of a name counts
			}
			return true
		})
	case isArray(s) && step.index >= 0:
		i := 0
		elements(s, func(part string) bool {
			found, ok = part, i == step.index
			i++
			return !ok
		})
	}
	return found, ok
}
