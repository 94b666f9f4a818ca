package blueprint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// Difference is a value that a file wants different.
type Difference struct {
	Path string `json:"path"`
	Have any    `json:"have"` // nil if there is none
	Want any    `json:"want"` // nil if there is to be none
}

// comparison says how documents are compared.
type comparison struct {
	// loose lets a server have members that a file does not: those that it fills in.
	loose bool
	// whole are names of objects that have, even so, no members but those of the file.
	whole []string
}

// exact is how the members of a document are compared that a server keeps as it gets it.
var exact = comparison{}

// members compares the members that want names.
func (c comparison) members(want, have Document) (all []Difference) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		all = c.values(all, key, want[key], have[key])
	}
	return all
}

func (c comparison) values(all []Difference, path string, want, have any) []Difference {
	switch w := want.(type) {
	case map[string]any:
		if h, ok := have.(map[string]any); ok {
			return c.objects(all, path, w, h)
		}
	case []any:
		if h, ok := have.([]any); ok && len(h) == len(w) {
			for i := range w {
				all = c.values(all, fmt.Sprintf("%s[%d]", path, i), w[i], h[i])
			}
			return all
		}
	default:
		if same(want, have) || masked(have) {
			return all
		}
	}
	return append(all, Difference{path, have, want})
}

func (c comparison) objects(all []Difference, path string, want, have map[string]any) []Difference {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		all = c.values(all, path+"."+key, want[key], have[key])
	}
	name := path[strings.LastIndexByte(path, '.')+1:]
	if c.loose && !slices.Contains(c.whole, name) {
		return all
	}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, wanted := want[key]; !wanted {
			all = append(all, Difference{path + "." + key, have[key], nil})
		}
	}
	return all
}

// same compares values that are no objects and no arrays. Numbers are what they mean: 1 is 1.0.
func same(want, have any) bool {
	if want == have {
		return true
	}
	w, ok := want.(json.Number)
	if !ok {
		return false
	}
	h, ok := have.(json.Number)
	if !ok {
		return false
	}
	a, okA := new(big.Rat).SetString(w.String())
	b, okB := new(big.Rat).SetString(h.String())
	return okA && okB && a.Cmp(b) == 0
}

// masked reports whether a value stands for a secret.
func masked(v any) bool {
	text, ok := v.(string)
	return ok && len(text) >= 3 && strings.Trim(text, "*") == ""
}

// parse reads a JSON object with its numbers as they are written.
func parse(raw []byte) (Document, error) {
	var d map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&d); err != nil {
		return nil, err
	}
	return d, nil
}
