package index

import "strings"

// Field is what a name in a query stands for.
type Field struct {
	Name      string     // of the field of the log, in its own spelling
	Path      string     // of a leaf of a json field; "" for the field itself
	Type      Type       // JSON for a json field itself: it is searched as the text it is
	Tokenizer *Tokenizer // of text and json
	Found     bool       // a leaf that only index_all makes searchable: strings and booleans alone
}

// String returns the name as it is written in a query.
func (f *Field) String() string {
	if f.Path == "" {
		return f.Name
	}
	return f.Name + "." + f.Path
}

// Field finds what a name in a query stands for; ok is false if nothing is indexed under it. Names in the exact spelling come
// first, then those in another letter case. Leaves that only index_all indexes have no spelling but the exact one. The name
// source, in lower case, is short for __source__ (reference sls-query 1.7).
func (c *Config) Field(name string) (f Field, ok bool) {
	if name == "source" {
		name = SourceField
	}
	if key := lookup(c.Keys, c.names, name); key != nil && key.Name != TimeField {
		return Field{Name: key.Name, Type: key.Type, Tokenizer: key.Tokenizer}, true
	}
	if reserved := reservedSpelling(name); reserved != "" {
		return Field{Name: reserved, Type: Text, Tokenizer: untokenized}, true
	}
	for dot := strings.LastIndexByte(name, '.'); dot > 0; dot = strings.LastIndexByte(name[:dot], '.') {
		if key := lookup(c.Keys, c.names, name[:dot]); key != nil && key.Type == JSON {
			if f, ok := key.leaf(name[dot+1:]); ok {
				return f, true
			}
		}
	}
	return Field{}, false
}

// leaf finds a leaf of a json key.
func (k *Key) leaf(path string) (f Field, ok bool) {
	if leaf := lookup(k.Leaves, k.names, path); leaf != nil {
		return Field{Name: k.Name, Path: leaf.Name, Type: leaf.Type, Tokenizer: leaf.Tokenizer}, true
	}
	if path == "" || !k.Finds(path) {
		return Field{}, false
	}
	return Field{Name: k.Name, Path: path, Type: Text, Tokenizer: k.Tokenizer, Found: true}, true
}

// Finds reports whether index_all indexes a text leaf of that path.
func (k *Key) Finds(path string) bool {
	return k.IndexAll && (k.MaxDepth < 0 || strings.Count(path, ".") < k.MaxDepth)
}

func lookup(keys map[string]*Key, names []string, name string) *Key {
	if key := keys[name]; key != nil {
		return key
	}
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return keys[n]
		}
	}
	return nil
}

// reservedSpelling returns the reserved field that a name stands for in any letter case, or "". The time is not searched.
func reservedSpelling(name string) string {
	switch {
	case strings.EqualFold(name, SourceField):
		return SourceField
	case strings.EqualFold(name, TopicField):
		return TopicField
	case len(name) > len(TagPrefix) && strings.EqualFold(name[:len(TagPrefix)], TagPrefix):
		return TagPrefix + name[len(TagPrefix):]
	}
	return ""
}

// Value returns what the log has there, as text. A leaf that is not indexed, being an array, an object or null, is not there.
func (f *Field) Value(l *Log) (value string, ok bool) {
	value, ok = l.Value(f.Name)
	if !ok || f.Path == "" {
		return value, ok
	}
	leaf, ok := FindLeaf(value, f.Path)
	if !ok || f.Found && leaf.Kind == NumberLeaf {
		return "", false
	}
	return leaf.Value, true
}
