package index

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluicelog/sluice"
)

const (
	defaultMaxTextLen = 2048
	minMaxTextLen     = 64
	maxMaxTextLen     = 16384
	maxConfigBytes    = 64 << 10
)

// Parse returns the meaning of an index configuration (reference sls-query 1.2). The errors are those of 1.4; the catalog
// gives the same ones when the configuration is stored, so they come up here only for bytes that never went through it.
func Parse(config json.RawMessage) (*Config, error) {
	if len(config) > maxConfigBytes {
		return nil, invalid("the index configuration has %d bytes, at most %d are allowed", len(config), maxConfigBytes)
	}
	var doc document
	if err := json.Unmarshal(config, &doc); err != nil {
		return nil, invalid("the index configuration is of error format: %w", err)
	}
	if doc.Line == nil && doc.Keys == nil && doc.ScanIndex == nil {
		return nil, invalid("required fields line/keys are lacking or of error format")
	}
	c := &Config{Keys: make(map[string]*Key, len(doc.Keys)), MaxTextLen: defaultMaxTextLen}
	if doc.MaxTextLen != nil {
		c.MaxTextLen = *doc.MaxTextLen
	}
	if c.MaxTextLen < minMaxTextLen || c.MaxTextLen > maxMaxTextLen {
		return nil, invalid("max_text_len must be within range [%d, %d]", minMaxTextLen, maxMaxTextLen)
	}
	shared := tokenizers{}
	var err error
	if c.Line, err = doc.Line.parse(shared); err != nil {
		return nil, err
	}
	for name, k := range doc.Keys {
		if c.Keys[name], err = k.parse(name, shared); err != nil {
			return nil, err
		}
	}
	c.names = sortedNames(c.Keys)
	c.tokenizers = make([]*Tokenizer, len(shared)+1)
	c.tokenizers[untokenized.number] = untokenized
	for _, t := range shared {
		c.tokenizers[t.number] = t
	}
	return c, nil
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "index", format, args...)
}

// document is the configuration as it is written. What is not here has no meaning for search and columns.
type document struct {
	Line       *lineDocument          `json:"line"`
	Keys       map[string]keyDocument `json:"keys"`
	ScanIndex  *bool                  `json:"scan_index"`
	MaxTextLen *int                   `json:"max_text_len"`
}

type cutDocument struct {
	Token         []string `json:"token"` // nil: lacking
	CaseSensitive bool     `json:"caseSensitive"`
	Chn           bool     `json:"chn"`
}

type lineDocument struct {
	cutDocument
	Include []string `json:"include_keys"`
	Exclude []string `json:"exclude_keys"`
}

type keyDocument struct {
	cutDocument
	Type     string                 `json:"type"`
	Alias    string                 `json:"alias"`
	DocValue bool                   `json:"doc_value"`
	IndexAll *bool                  `json:"index_all"`
	MaxDepth *int                   `json:"max_depth"`
	JSONKeys map[string]keyDocument `json:"json_keys"`
}

func (d *lineDocument) parse(shared tokenizers) (*Line, error) {
	if d == nil {
		return nil, nil
	}
	t, err := shared.get(d.cutDocument)
	if err != nil {
		return nil, err
	}
	if len(d.Include) > 0 && len(d.Exclude) > 0 {
		return nil, invalid("include_keys and exclude_keys exclude each other")
	}
	return &Line{Tokenizer: t, Include: d.Include, Exclude: d.Exclude}, nil
}

func (d *keyDocument) parse(name string, shared tokenizers) (*Key, error) {
	key, err := d.typed(name)
	if err != nil {
		return nil, err
	}
	if d.JSONKeys != nil && key.Type != JSON {
		return nil, invalid("json_keys is only for keys of type json")
	}
	if key.Type == Text || key.Type == JSON {
		if key.Tokenizer, err = shared.get(d.cutDocument); err != nil {
			return nil, err
		}
	}
	if key.Type == JSON {
		return key, d.leaves(key)
	}
	return key, nil
}

func (d *keyDocument) typed(name string) (*Key, error) {
	if d.Type == "" {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "key config must has type.")
	}
	kind := slices.Index(typeNames[:], d.Type)
	if kind < 0 {
		return nil, invalid("key type %q is not one of text, long, double, json", d.Type)
	}
	return &Key{Name: name, Type: Type(kind), Alias: d.Alias, DocValue: d.DocValue}, nil
}

// leaves reads what only json keys have. Text leaves are cut as their field is.
func (d *keyDocument) leaves(key *Key) error {
	key.IndexAll = d.IndexAll == nil || *d.IndexAll
	key.MaxDepth = -1
	if d.MaxDepth != nil {
		key.MaxDepth = *d.MaxDepth
	}
	key.Leaves = make(map[string]*Key, len(d.JSONKeys))
	for path, leaf := range d.JSONKeys {
		k, err := leaf.typed(path)
		if err != nil {
			return err
		}
		switch k.Type {
		case JSON:
			return invalid("json_keys type %q is not one of text, long, double", leaf.Type)
		case Text:
			k.Tokenizer = key.Tokenizer
		}
		key.Leaves[path] = k
	}
	key.names = sortedNames(key.Leaves)
	return nil
}

// tokenizers holds one tokenizer for each way of cutting, so that equal ways are equal pointers.
type tokenizers map[string]*Tokenizer

func (m tokenizers) get(d cutDocument) (*Tokenizer, error) {
	if d.Token == nil || slices.Contains(d.Token, "") {
		return nil, invalid("required field token is lacking or of error format")
	}
	delimiters := slices.Clone(d.Token)
	slices.Sort(delimiters)
	delimiters = slices.Compact(delimiters)
	way := fmt.Sprintf("%q %t %t", delimiters, d.CaseSensitive, d.Chn)
	t := m[way]
	if t == nil {
		t = NewTokenizer(delimiters, d.CaseSensitive, d.Chn)
		t.number = len(m) + 1 // 0 is that of reserved fields
		m[way] = t
	}
	return t, nil
}
