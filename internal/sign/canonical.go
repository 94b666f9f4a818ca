package sign

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// header is a header as it is signed: lower-case name, trimmed value.
type header struct {
	name, value string
}

// The families of headers that matter to signatures.
const (
	prefixLog    = "x-log-"
	prefixAcs    = "x-acs-"
	prefixMeta   = "x-log-meta-" // of objects; some clients sign it and some do not
	prefixLegacy = "x-sls-"      // signed as x-log- by the C++ agent
)

// headersOf returns the headers that a signature can cover by their prefix, sorted by name.
func headersOf(h http.Header) []header {
	var list []header
	for name := range h {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, prefixLog) || strings.HasPrefix(lower, prefixAcs) || strings.HasPrefix(lower, prefixLegacy) {
			list = append(list, header{lower, value(h, name)})
		}
	}
	sortHeaders(list)
	return list
}

func sortHeaders(list []header) {
	slices.SortFunc(list, func(a, b header) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.value, b.value))
	})
}

func without(list []header, prefix string) []header {
	return slices.DeleteFunc(slices.Clone(list), func(h header) bool { return strings.HasPrefix(h.name, prefix) })
}

// block writes one line for each header.
func block(list []header) string {
	var b strings.Builder
	for _, h := range list {
		b.WriteString(h.name)
		b.WriteByte(':')
		b.WriteString(h.value)
		b.WriteByte('\n')
	}
	return b.String()
}

// paths are the forms of the path that clients sign: Go escaped, Python and Java as the plain resource.
func paths(escaped string) []string {
	forms := []string{escaped}
	if plain, err := url.PathUnescape(escaped); err == nil {
		forms = appendNew(forms, plain)
	}
	return forms
}

// pair is a query parameter, decoded.
type pair struct {
	key, value string
	bare       bool // it came without '='
}

// parseQuery decodes the parameters and sorts them by key. What is not well escaped stands for itself.
func parseQuery(raw string) []pair {
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		key, value, found := strings.Cut(part, "=")
		pairs = append(pairs, pair{unescape(key), unescape(value), !found})
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
	return pairs
}

func unescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// texts renders every pair.
func texts(pairs []pair, form func(pair) string) []string {
	list := make([]string, len(pairs))
	for i, p := range pairs {
		list[i] = form(p)
	}
	return list
}
