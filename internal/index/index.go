// Package index says what an index configuration means: which fields of a log can be searched, as what type, and into which
// tokens their text is cut. What builds an index and what answers a query ask this package, so that both cut alike.
//
//	configuration ──Parse──> Config ──Field, FullText──> Tokenizer ──Scanner──> tokens
//	                                       │
//	log group + record ──> Log ──Value─────┘──Long, Double──> numbers
//
// A Config and its Tokenizers never change and may be shared. A Log and a Scanner hold scratch memory and belong to one
// goroutine.
//
// Rules that the reference (sls-query sections 1 and 2) leaves open, and what holds here:
//   - A name has one value in a log: the last content of that name, as in the maps that every SDK makes of a log. The names
//     of the log group (__source__, __topic__, __tag__:k) and __time__ belong to it: a content of such a name is not seen.
//   - The values of __source__, __topic__ and the tags are part of the full text, whole, case aside; their names are not.
//   - A json field that line covers is part of the full text as it stands, cut with its own delimiters.
//   - A leaf that index_all finds is text: a string or a boolean. Numbers need an entry in json_keys.
package index

import (
	"maps"
	"slices"
	"strings"
)

// Reserved fields of a log (reference sls-query 1.7). A tag is the field TagPrefix + its key.
const (
	TimeField   = "__time__"
	SourceField = "__source__"
	TopicField  = "__topic__"
	TagPrefix   = "__tag__:"
)

// Type is what the values of a key are read as.
type Type uint8

// The types.
const (
	Text Type = iota
	Long
	Double
	JSON
)

var typeNames = [...]string{Text: "text", Long: "long", Double: "double", JSON: "json"}

func (t Type) String() string { return typeNames[t] }

// Config is the meaning of an index configuration.
type Config struct {
	Line       *Line           // nil: no full-text index
	Keys       map[string]*Key // by the exact name of the field
	MaxTextLen int             // bytes of a text value that SQL sees

	names      []string // of Keys, sorted, so that names in another letter case are found in a fixed order
	tokenizers []*Tokenizer
}

// Line is the full-text index.
type Line struct {
	Tokenizer *Tokenizer
	Include   []string // if not empty, only these fields
	Exclude   []string // all but these
}

// Key is the index of one field, or of one leaf of a json field.
type Key struct {
	Name      string // of the field; of a leaf the dotted path
	Type      Type
	Tokenizer *Tokenizer // of text and json
	Alias     string     // the SQL column; "" for Name
	DocValue  bool       // there is an SQL column

	// Of json alone.
	IndexAll bool            // every text leaf is indexed
	MaxDepth int             // of IndexAll: a leaf of the outermost object has depth 1; negative for no limit
	Leaves   map[string]*Key // by dotted path

	names []string // of Leaves, sorted
}

// untokenized reads reserved fields: one token, case aside (inferred).
var untokenized = NewTokenizer(nil, false, false)

// words cuts the words of a query where no full-text index says how (reference sls-query 1.6).
var words = NewTokenizer(strings.Split("!\"#$%&'()*+,-./:;<=>?@[]{} \t\r\n", ""), false, false)

// Reserved reports whether the name belongs to the log group or to the log's time, not to its contents.
func Reserved(name string) bool {
	return strings.HasPrefix(name, "__") &&
		(name == TimeField || name == SourceField || name == TopicField || strings.HasPrefix(name, TagPrefix))
}

// Covers reports whether the full-text index holds a content of that name.
func (l *Line) Covers(name string) bool {
	if len(l.Include) > 0 {
		return slices.Contains(l.Include, name)
	}
	return !slices.Contains(l.Exclude, name)
}

// Words returns the tokenizer whose delimiters cut a word of a query that names no field.
func (c *Config) Words() *Tokenizer {
	if c.Line != nil {
		return c.Line.Tokenizer
	}
	return words
}

// FullText returns the tokenizers that cut the values and the name of a field for the full-text index; nil for what is no part
// of it (reference sls-query 2.3): text keys cut their values, numbers stay out, and line cuts the names, and the values that
// have no key.
func (c *Config) FullText(field string) (values, name *Tokenizer) {
	key := c.Keys[field]
	if Reserved(field) {
		switch {
		case field == TimeField:
			return nil, nil
		case key != nil && key.Type == Text:
			return key.Tokenizer, nil
		}
		return untokenized, nil
	}
	if c.Line != nil && c.Line.Covers(field) {
		name = c.Line.Tokenizer
	}
	switch {
	case key == nil:
		return name, name
	case key.Type == Text || name != nil:
		return key.Tokenizer, name // nil for numbers
	}
	return nil, name
}

// Names lists the fields that have keys, sorted.
func (c *Config) Names() []string { return c.names }

// FullTextTokenizers lists all that FullText may return, each at its Number.
func (c *Config) FullTextTokenizers() []*Tokenizer { return c.tokenizers }

// sortedNames returns the names of keys in order.
func sortedNames(keys map[string]*Key) []string { return slices.Sorted(maps.Keys(keys)) }
