package encode

import (
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// jsonRow writes one object per log, its keys in the entry's order. Values of the kinds Number, Bool and JSON are written as they are,
// so that 1.0 stays 1.0 and no digit of a long number is lost; absent fields are left out.
type jsonRow struct {
	keys []jsonKey // of the last log, by place: the next mostly has the same
}

// jsonKey is a key and what it looks like in JSON, with its comma and colon.
type jsonKey struct {
	key  string
	text []byte // `,"key":`
}

func (j *jsonRow) Append(dst []byte, e *sink.Entry) ([]byte, error) {
	dst = append(dst, '{')
	empty := true
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Kind == sink.Absent {
			continue
		}
		key := j.key(i, f.Key)
		if empty {
			key, empty = key[1:], false
		}
		dst = append(dst, key...)
		if f.Kind == sink.Text {
			dst = AppendJSONString(dst, f.Value)
		} else {
			dst = append(dst, f.Value...)
		}
	}
	return append(dst, '}'), nil
}

// maxKeys is up to which place keys are remembered, and maxKey how long they are.
const maxKeys, maxKey = 256, 256

// key returns the i-th key as it is written.
func (j *jsonRow) key(i int, key string) []byte {
	if i < len(j.keys) && j.keys[i].key == key {
		return j.keys[i].text
	}
	text := append(AppendJSONString([]byte{','}, key), ':')
	if i >= maxKeys || len(key) > maxKey {
		return text
	}
	for len(j.keys) <= i {
		j.keys = append(j.keys, jsonKey{text: []byte(`,"":`)})
	}
	j.keys[i] = jsonKey{string([]byte(key)), text} // e is ours during Append alone
	return text
}

// AppendJSONString writes s behind dst as a string of JSON.
func AppendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(append(dst, s[from:i]...), replacement...)
			i += invalidRun(s[i:])
			from = i
			continue
		}
		dst = appendEscape(append(dst, s[from:i]...), c)
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// plain says which bytes stand for themselves in a string of JSON.
var plain = func() (t [256]bool) {
	for c := byte(' '); c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
