package duck

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

var textFunctions = []*added{
	{"sluice_from_utf8", "blob text", "text", fn2(func(b []byte, replacement string) (string, error) {
		return string(bytes.ToValidUTF8(b, []byte(replacement))), nil
	})},
	{"sluice_normalize", "text text", "text", fn2(normalize)},
	{"sluice_strpos", "text text bigint", "bigint", fn3(strpos)},
	{"sluice_ascii_escape", "text", "text", fn1(asciiEscape)},
	{"sluice_unescape", "text", "text", fn1(unescape)},
	{"sluice_double_text", "double", "text", fn1(func(f float64) (string, error) { return doubleText(f), nil })},
	{"sluice_regexp_map", "text text text text", "text", fn4(regexpMap)},
	{"sluice_json_flatten", "text", "text", fn1(jsonFlatten)},
	{"sluice_from_base", "text bigint", "bigint", fn2(func(s string, radix int64) (int64, error) {
		if radix < 2 || radix > 36 {
			return 0, fmt.Errorf("the radix lies between 2 and 36, not at %d", radix)
		}
		n, err := strconv.ParseInt(s, int(radix), 64)
		if err != nil {
			return 0, fmt.Errorf("not a number of base %d: %s", radix, s)
		}
		return n, nil
	})},
	{"sluice_to_base", "bigint bigint", "text", fn2(func(n, radix int64) (string, error) {
		if radix < 2 || radix > 36 {
			return "", fmt.Errorf("the radix lies between 2 and 36, not at %d", radix)
		}
		return strconv.FormatInt(n, int(radix)), nil
	})},
}

func normalize(s, form string) (string, error) {
	forms := map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}
	f, ok := forms[form]
	if !ok {
		return "", fmt.Errorf("%s is no normal form; there are NFC, NFD, NFKC and NFKD", form)
	}
	return f.String(s), nil
}

// strpos finds the n-th occurrence, from the end if n is negative, and counts characters from 1; 0 if there is none.
func strpos(s, sub string, n int64) (int64, error) {
	if n == 0 {
		return 0, fmt.Errorf("'instance' must be a positive or negative number")
	}
	at := -1
	if n > 0 {
		for from := 0; n > 0; n-- {
			i := strings.Index(s[from:], sub)
			if i < 0 {
				return 0, nil
			}
			at = from + i
			from = at + 1
			if from > len(s) && n > 1 {
				return 0, nil
			}
		}
	} else {
		for to := len(s); n < 0; n++ {
			if to < 0 {
				return 0, nil
			}
			if at = strings.LastIndex(s[:to], sub); at < 0 {
				return 0, nil
			}
			to = at + len(sub) - 1
		}
	}
	return int64(utf8.RuneCountInString(s[:at])) + 1, nil
}

func asciiEscape(s string) (string, error) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String(), nil
}

var escapes = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+`)

// unescape turns runs of \uXXXX, which may hold surrogates, into characters.
func unescape(s string) (string, error) {
	return escapes.ReplaceAllStringFunc(s, func(run string) string {
		var text string
		if err := json.Unmarshal([]byte(`"`+run+`"`), &text); err != nil {
			return run
		}
		return text
	}), nil
}

// patterns keeps compiled expressions: most statements have one for all rows.
var patterns struct {
	sync.Mutex
	compiled map[string]*regexp.Regexp
}

func compile(pattern string) (*regexp.Regexp, error) {
	patterns.Lock()
	defer patterns.Unlock()
	if re := patterns.compiled[pattern]; re != nil {
		return re, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("the pattern is invalid: %w", err)
	}
	if patterns.compiled == nil || len(patterns.compiled) >= 100 {
		patterns.compiled = map[string]*regexp.Regexp{}
	}
	patterns.compiled[pattern] = re
	return re, nil
}

// regexpMap makes a map of the named groups of the first match or, with the names of two groups, of these in all matches.
func regexpMap(s, pattern, key, value string) (*string, error) {
	re, err := compile(pattern)
	if err != nil {
		return nil, err
	}
	m := orderedMap{}
	if key == "" {
		match := re.FindStringSubmatch(s)
		if match == nil {
			return nil, nil
		}
		for i, name := range re.SubexpNames() {
			if name != "" {
				m.set(name, match[i])
			}
		}
		return m.json()
	}
	k, v := re.SubexpIndex(key), re.SubexpIndex(value)
	if k < 0 || v < 0 {
		return nil, fmt.Errorf("the pattern has no groups named %s and %s", key, value)
	}
	for _, match := range re.FindAllStringSubmatch(s, -1) {
		m.set(match[k], match[v])
	}
	return m.json()
}

// orderedMap is a JSON object whose keys stay in the order in which they came; the last value of a key counts.
type orderedMap struct {
	keys   []string
	values map[string]*string
}

func (m *orderedMap) set(key, value string) { m.setNull(key, &value) }

func (m *orderedMap) setNull(key string, value *string) {
	if m.values == nil {
		m.values = map[string]*string{}
	}
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

func (m *orderedMap) json() (*string, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, k := range m.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.values[k])
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	s := b.String()
	return &s, nil
}

// jsonFlatten makes a flat map of an object: keys of inner objects are joined by dots, arrays stay JSON. What is no object, or
// no JSON, gives NULL.
func jsonFlatten(s string) (*string, error) {
	m := orderedMap{}
	if !flatten(&m, "", []byte(s), 0) {
		return nil, nil
	}
	return m.json()
}

const maxFlattenDepth = 100

func flatten(m *orderedMap, prefix string, object []byte, depth int) bool {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') || depth > maxFlattenDepth {
		return false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return false
		}
		path := prefix + key.(string)
		switch text := string(value); text[0] {
		case '{':
			if !flatten(m, path+".", value, depth+1) {
				return false
			}
		case '"':
			var plain string
			if err := json.Unmarshal(value, &plain); err != nil {
				return false
			}
			m.set(path, plain)
		case 'n':
			m.setNull(path, nil)
		default:
			m.set(path, text)
		}
	}
	_, err := d.Token()
	return err == nil
}
