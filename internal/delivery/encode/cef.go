package encode

import (
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// CEFOptions shape lines of the Common Event Format:
//
//	CEF:0|vendor|product|version|event class|name|severity|rt=... key=value key=value
type CEFOptions struct {
	Vendor  string `json:"vendor,omitempty"`  // [Sluice]
	Product string `json:"product,omitempty"` // [Sluice]
	Version string `json:"version,omitempty"` // [1]
	// ClassField, NameField and SeverityField are fields of the log that give its event class, name and severity (0 to 10);
	// where the log has none it is "log", "log" and 3.
	ClassField    string `json:"classField,omitempty"`
	NameField     string `json:"nameField,omitempty"`
	SeverityField string `json:"severityField,omitempty"`
	// Keys names fields in CEF's own words, as ClientIP: src. Other fields keep their names, with _ for what is no letter or digit.
	Keys map[string]string `json:"keys,omitempty"`
}

func (o *CEFOptions) validate() error {
	for field, key := range o.Keys {
		if key == "" || len(key) > 64 || cefKey(key) != key {
			return invalid("cef.keys", "%.40q, the key of %.40q, must be 1 to 64 letters, digits and _", key, field)
		}
	}
	return nil
}

type cefRow struct {
	o    CEFOptions
	head []byte // up to the event class
}

// Escapes of the header and of the values behind it; a header has no lines.
var (
	cefHeader = strings.NewReplacer(`\`, `\\`, `|`, `\|`, "\n", " ", "\r", " ")
	cefValue  = strings.NewReplacer(`\`, `\\`, `=`, `\=`, "\n", `\n`, "\r", `\r`)
)

func newCEFRow(o CEFOptions) *cefRow {
	r := &cefRow{o: o, head: []byte("CEF:0|")}
	for _, part := range [][2]string{{o.Vendor, "Sluice"}, {o.Product, "Sluice"}, {o.Version, "1"}} {
		if part[0] == "" {
			part[0] = part[1]
		}
		r.head = append(append(r.head, cefHeader.Replace(valid(part[0]))...), '|')
	}
	return r
}

func (r *cefRow) Append(dst []byte, e *sink.Entry) ([]byte, error) {
	dst = append(dst, r.head...)
	dst = append(append(dst, cefHeader.Replace(valid(of(e, r.o.ClassField, "log")))...), '|')
	dst = append(append(dst, cefHeader.Replace(valid(of(e, r.o.NameField, "log")))...), '|')
	dst = append(append(dst, cefHeader.Replace(valid(of(e, r.o.SeverityField, "3")))...), '|')
	dst = append(dst, "rt="...)
	dst = strconv.AppendInt(dst, int64(e.Time)*1000+int64(e.Nanos)/1e6, 10)
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Kind == sink.Absent {
			continue
		}
		key := r.o.Keys[f.Key]
		if key == "" {
			key = cefKey(f.Key)
		}
		dst = append(append(append(dst, ' '), key...), '=')
		dst = append(dst, cefValue.Replace(valid(f.Value))...)
	}
	return dst, nil
}

// of is the value of a field, or other where the log has none.
func of(e *sink.Entry, name, other string) string {
	if name != "" {
		for i := range e.Fields {
			if f := &e.Fields[i]; f.Key == name && f.Kind != sink.Absent && f.Value != "" {
				return f.Value
			}
		}
	}
	return other
}

// cefKey is name with _ for what a key of CEF cannot have.
func cefKey(name string) string {
	for i := range len(name) {
		if !isAlphanumeric(name[i]) && name[i] != '_' {
			return strings.Map(func(c rune) rune {
				if c < 0x80 && (isAlphanumeric(byte(c)) || c == '_') {
					return c
				}
				return '_'
			}, name)
		}
	}
	if name == "" {
		return "_"
	}
	return name
}
