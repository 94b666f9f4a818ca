package site

import (
	"encoding/json"

	"github.com/sluicelog/sluice/internal/delivery/category"
)

// tokens are what values are cut at, as consoles offer it.
var tokens = []string{",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t", "\r"}

// indexOf is the index configuration of a category's logstore: all fields by their types, and the full text.
func indexOf(c category.Category) json.RawMessage {
	type key struct {
		Type          string   `json:"type"`
		DocValue      bool     `json:"doc_value"`
		Token         []string `json:"token,omitempty"`
		CaseSensitive *bool    `json:"caseSensitive,omitempty"`
	}
	fold := false
	keys := map[string]key{}
	for _, f := range c.Fields {
		switch f.Type {
		case category.Int:
			keys[f.Name] = key{Type: "long", DocValue: true}
		case category.Float:
			keys[f.Name] = key{Type: "double", DocValue: true}
		default:
			keys[f.Name] = key{Type: "text", DocValue: true, Token: tokens, CaseSensitive: &fold}
		}
	}
	config, err := json.Marshal(map[string]any{"line": map[string]any{"token": tokens, "caseSensitive": false}, "keys": keys})
	if err != nil {
		panic(err) // strings and booleans
	}
	return config
}
