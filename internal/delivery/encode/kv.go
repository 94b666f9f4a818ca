package encode

import (
	"strings"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// KVOptions shape key=value pairs.
type KVOptions struct {
	// Separator stands between pairs [||]: 1 to 8 characters of ASCII, the first neither a letter, a digit, = nor \.
	Separator string `json:"separator,omitempty"`
	// Raw writes keys and values as they are. Readers cannot tell a separator in a value from one between pairs then, nor lines. Without it,
	// line ends become \n and \r, and a \ stands before every \, before the separator's first character, and before = in keys.
	Raw bool `json:"raw,omitempty"`
}

func (o *KVOptions) validate() error {
	s := o.Separator
	if s == "" {
		return nil
	}
	bad := len(s) > 8 || isAlphanumeric(s[0]) || s[0] == '=' || s[0] == '\\'
	for i := range len(s) {
		bad = bad || s[i] >= 0x7f || s[i] < ' ' && s[i] != '\t'
	}
	if bad {
		return invalid("kv.separator", `%.40q must be 1 to 8 characters of ASCII, the first neither a letter, a digit, = nor \`, s)
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

type kvRow struct {
	separator  string
	key, value *strings.Replacer // nil: raw
}

func newKVRow(o KVOptions) *kvRow {
	r := &kvRow{separator: o.Separator}
	if r.separator == "" {
		r.separator = "||"
	}
	if !o.Raw {
		first := r.separator[:1]
		escapes := []string{`\`, `\\`, "\n", `\n`, "\r", `\r`, first, `\` + first}
		r.value = strings.NewReplacer(escapes...)
		r.key = strings.NewReplacer(append(escapes, "=", `\=`)...)
	}
	return r
}

func (r *kvRow) Append(dst []byte, e *sink.Entry) ([]byte, error) {
	start := len(dst)
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Kind == sink.Absent {
			continue
		}
		if len(dst) > start {
			dst = append(dst, r.separator...)
		}
		dst = append(r.text(dst, r.key, f.Key), '=')
		dst = r.text(dst, r.value, f.Value)
	}
	return dst, nil
}

func (r *kvRow) text(dst []byte, escape *strings.Replacer, s string) []byte {
	if escape == nil {
		return appendValid(dst, s)
	}
	return append(dst, escape.Replace(valid(s))...)
}
