package pipeline

import (
	"unsafe"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/index"
)

// CustomFields are names of headers and cookies that edge logs carry beside their fields. A log has them as fields RequestHeaders.NAME,
// ResponseHeaders.NAME and Cookies.NAME, or in a field CustomFields that is an object of such objects. They go out in one
// object: {"RequestHeaders":{"X-Tenant":"t1"},"ResponseHeaders":{},"Cookies":{"sid":"…"}}.
type CustomFields struct {
	RequestHeaders  []string `json:"requestHeaders,omitempty"`
	ResponseHeaders []string `json:"responseHeaders,omitempty"`
	Cookies         []string `json:"cookies,omitempty"`
}

// customField is the field they go out in.
const customField = "CustomFields"

// maxCustom is how many names each list may have.
const maxCustom = 200

// Validate checks the names: 1 to 128 letters, digits, underscores, hyphens and spaces.
func (c *CustomFields) Validate() error {
	for _, list := range c.lists() {
		if len(list.names) > maxCustom {
			return invalid("customFields.%s: %d names are over the limit of %d", list.path, len(list.names), maxCustom)
		}
		seen := map[string]bool{}
		for _, name := range list.names {
			if name == "" || len(name) > maxName || seen[name] || !isCustomName(name) {
				return invalid("customFields.%s: %.80q must be 1 to %d letters, digits, _, - and spaces, and named once", list.path, name, maxName)
			}
			seen[name] = true
		}
	}
	return nil
}

func isCustomName(s string) bool {
	for _, c := range []byte(s) {
		if !('0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || c == '_' || c == '-' || c == ' ') {
			return false
		}
	}
	return true
}

type customList struct {
	path, key string
	names     []string
}

func (c *CustomFields) lists() []customList {
	return []customList{
		{"requestHeaders", "RequestHeaders", c.RequestHeaders},
		{"responseHeaders", "ResponseHeaders", c.ResponseHeaders},
		{"cookies", "Cookies", c.Cookies},
	}
}

// customFields is CustomFields that was understood.
type customFields struct {
	source place // of the object
	groups []customGroup
}

type customGroup struct {
	head   string // `"RequestHeaders":{`
	fields []customName
}

type customName struct {
	place        // of RequestHeaders.NAME, which is its path in the object, too
	label []byte // `"NAME":`
}

// newCustomFields returns nil for none.
func newCustomFields(c *CustomFields) (*customFields, error) {
	if c == nil {
		return nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	out := &customFields{source: place{name: customField}}
	for _, list := range c.lists() {
		g := customGroup{head: `"` + list.key + `":{`}
		for _, name := range list.names {
			g.fields = append(g.fields, customName{place{name: list.key + "." + name}, append(encode.AppendJSONString(nil, name), ':')})
		}
		out.groups = append(out.groups, g)
	}
	return out, nil
}

// object makes the object of l.
func (c *customFields) object(l *view, s *scratch) string {
	source, _ := l.value(&c.source)
	b := append(s.custom[:0], '{')
	for i := range c.groups {
		g := &c.groups[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, g.head...)
		empty := true
		for k := range g.fields {
			f := &g.fields[k]
			value, ok := l.value(&f.place)
			if !ok && source != "" {
				var leaf index.Leaf
				leaf, ok = index.FindLeaf(source, f.name)
				value = leaf.Value
			}
			if !ok {
				continue
			}
			if !empty {
				b = append(b, ',')
			}
			empty = false
			b = encode.AppendJSONString(append(b, f.label...), value)
		}
		b = append(b, '}')
	}
	s.custom = append(b, '}')
	return unsafe.String(&s.custom[0], len(s.custom))
}
