package operation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// hidden stands for a value whose name says that it is a secret.
const hidden = "HIDDEN"

// Bounds of what is kept.
const (
	maxText    = 4 << 10 // bytes of a value; of a longer one the length and the SHA-256 are kept
	maxMembers = 200     // of one object or array
	maxDepth   = 12
)

// Request is what may be told of parameters; nil if there are none. Values are those of JSON, and []string.
func (o *Operation) Request(params map[string]any) map[string]any { return object(o.keep, params, 0) }

// Response is what may be told of an answer in JSON; nil if that is nothing.
func (o *Operation) Response(body []byte) map[string]any {
	if len(o.answer) == 0 {
		return nil
	}
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return nil
	}
	for name := range answer {
		if _, kept := o.answer[name]; !kept {
			delete(answer, name) // a caller need not know what else there was
		}
	}
	return object(o.answer, answer, 0)
}

// present is what is told of a member that is not on the list.
func present() map[string]any { return map[string]any{"present": true} }

// object is what may be told of an object.
func object(keep map[string]way, o map[string]any, depth int) map[string]any {
	if o == nil {
		return nil
	}
	told := map[string]any{}
	for name, value := range o {
		switch {
		case len(told) == maxMembers:
			return told
		case value == nil:
			told[clip(name)] = nil
		case Secret(name):
			told[clip(name)] = hidden
		default:
			how, kept := keep[listed(name)]
			if !kept {
				told[unlisted(name)] = present()
				continue
			}
			told[clip(name)] = member(keep, how, value, depth)
		}
	}
	return told
}

// listed is the name that a member is on the list by: those of flattened arrays, "InstanceId.1" and "Tag.1.Key", by their first part and, if there is
// one, their last.
func listed(name string) string {
	first, rest, ok := strings.Cut(name, ".")
	if !ok {
		return name
	}
	if i := strings.LastIndexByte(rest, '.'); i >= 0 {
		return first + "." + rest[i+1:]
	}
	return first
}

// namePattern is what names of members look like; others could be anything.
var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// unlisted is the name that is told of a member that is not on the list: a name that no API would have may be a value in the wrong place.
func unlisted(name string) string {
	if namePattern.MatchString(name) && len(name) <= 40 {
		return name
	}
	return "(other)"
}

// member is what may be told of a value that is on the list.
func member(keep map[string]way, how way, value any, depth int) any {
	if depth > maxDepth {
		return present()
	}
	switch how {
	case hash:
		return digest(value)
	case names, types:
		return inner(how, value)
	}
	switch v := value.(type) {
	case string:
		if parsed, ok := embedded(v); ok {
			return member(keep, how, parsed, depth+1)
		}
		return text(v)
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return member(keep, how, list, depth)
	case map[string]any:
		return object(keep, v, depth+1)
	case []any:
		list := make([]any, 0, min(len(v), maxMembers))
		for _, x := range v[:min(len(v), maxMembers)] {
			list = append(list, member(keep, how, x, depth+1))
		}
		return list
	}
	return value // numbers and truth values
}

// inner is the names of an object's members, for types with the type of each.
func inner(how way, value any) any {
	if s, ok := value.(string); ok {
		if parsed, ok := embedded(s); ok {
			value = parsed
		}
	}
	o, ok := value.(map[string]any)
	if !ok {
		return present()
	}
	told := map[string]any{}
	for name, x := range o {
		if len(told) == maxMembers {
			break
		}
		if how == types {
			in, _ := x.(map[string]any)
			kind, _ := in["type"].(string)
			told[clip(name)] = clip(kind)
			continue
		}
		told[clip(name)] = present()
	}
	return told
}

// digest is what is told of what is large or sensitive.
func digest(value any) any {
	s, ok := value.(string)
	if list, isList := value.([]string); isList && len(list) > 0 {
		s, ok = list[0], true
	}
	if !ok {
		return present()
	}
	sum := sha256.Sum256([]byte(s))
	return map[string]any{"sha256": hex.EncodeToString(sum[:]), "length": len(s)}
}

// embedded reads text that is a JSON object or array.
func embedded(s string) (any, bool) {
	trimmed := bytes.TrimSpace([]byte(s))
	if len(trimmed) < 2 || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil, false
	}
	var v any
	return v, json.Unmarshal(trimmed, &v) == nil && v != nil
}

// text is a value as it is told: the secrets of a URL are not, and of what is long no more than a digest.
func text(s string) any {
	if len(s) > maxText {
		return digest(s)
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.Contains(s, "://") {
		return withoutSecrets(s)
	}
	return s
}

// withoutSecrets is a URL without its user, and without the values of its parameters, which many receivers take keys in.
func withoutSecrets(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return hidden
	}
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if query, err := url.ParseQuery(u.RawQuery); err != nil || len(query) > 0 {
		for name := range query {
			query[name] = []string{hidden}
		}
		u.RawQuery = query.Encode()
	}
	return u.String()
}

func clip(name string) string {
	const most = 128
	name = strings.ToValidUTF8(name, "\uFFFD")
	if len(name) <= most {
		return name
	}
	for i := most; ; i-- {
		if utf8.RuneStart(name[i]) {
			return name[:i]
		}
	}
}

// secretNames are parts of names that say "secret", and secretBegins how such names begin; both without regard to case, "_" and "-"
// (reference audit 3.4).
var (
	secretNames  = []string{"secret", "password", "passwd", "token", "privatekey", "credential", "apikey", "authorization", "cookie", "connectionstring", "activationcode"}
	secretBegins = []string{"signature", "sasl", "webhook"}
	harmless     = []string{"nexttoken", "clienttoken", "secretparameter", "windowspasswordname"}
)

// Secret reports whether a member of this name is a secret, whatever list it is on.
func Secret(name string) bool {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == '-':
			return -1
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, name)
	for _, fine := range harmless {
		plain = strings.ReplaceAll(plain, fine, "")
	}
	for _, part := range secretNames {
		if strings.Contains(plain, part) {
			return true
		}
	}
	for _, begin := range secretBegins {
		if strings.HasPrefix(plain, begin) {
			return true
		}
	}
	return false
}
