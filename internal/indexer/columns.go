package indexer

import (
	"encoding/json"
	"hash/fnv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/segment"
)

// Config is an index configuration made ready for building segments and for asking them.
type Config struct {
	*index.Config
	ID uint64 // of what it says of tokens and columns: segments of another one are cut into other tokens
}

// ParseConfig reads the configuration of a logstore.
func ParseConfig(text []byte) (*Config, error) {
	c, err := index.Parse(text)
	if err != nil {
		return nil, err
	}
	id, err := identify(text)
	return &Config{Config: c, ID: id}, err
}

// identify makes a number of what a configuration says of segments. Aliases and statistics are the queries' alone, and so is what the
// server adds, such as the time of the last change.
func identify(text []byte) (uint64, error) {
	var doc struct {
		Line any            `json:"line"`
		Keys map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return 0, err
	}
	strip(doc.Keys)
	canonical, err := json.Marshal(doc) // keys sorted
	h := fnv.New64a()
	_, _ = h.Write(canonical)
	return h.Sum64(), err
}

// strip removes what does not matter from keys, and from the keys inside them.
func strip(keys map[string]any) {
	for _, key := range keys {
		if key, ok := key.(map[string]any); ok {
			delete(key, "alias")
			delete(key, "doc_value")
			if inner, ok := key["json_keys"].(map[string]any); ok {
				strip(inner)
			}
		}
	}
}

// Tokenizer returns what cuts the values of a column, nil if they are not indexed. A column is cut in one way: a key's own
// tokenizer also cuts its part of the full text.
func (c *Config) Tokenizer(column string) *index.Tokenizer {
	if key := c.Keys[column]; key != nil && (key.Type == index.Text || key.Type == index.JSON) {
		return key.Tokenizer
	}
	values, _ := c.FullText(column)
	return values
}

// options says how logs of this configuration become a segment.
func (c *Config) options() segment.Options {
	o := segment.Options{Config: c.ID, Other: c.tokenize}
	for name, key := range c.Keys {
		column := segment.Column{Name: name}
		switch key.Type {
		case index.Long:
			column.Kind = segment.Long
		case index.Double:
			column.Kind = segment.Double
		default:
			column.Tokens = c.tokenize(name)
		}
		o.Columns = append(o.Columns, column)
	}
	for _, name := range []string{segment.ColumnSource, segment.ColumnTopic} {
		if c.Keys[name] == nil {
			o.Columns = append(o.Columns, segment.Column{Name: name, Tokens: c.tokenize(name)})
		}
	}
	return o
}

func (c *Config) tokenize(column string) segment.Tokenize {
	t := c.Tokenizer(column)
	if t == nil {
		return nil
	}
	scan := new(index.Scanner)
	return func(value string, emit func(token []byte)) { scan.Each(t, value, emit) }
}

// rows gives add the logs of a log group as clients and searches see them.
func rows(g *sluice.LogGroup, shard sluice.ShardID, at sluice.Position, add func(*segment.Row)) {
	row := segment.Row{Shard: shard, Position: at, Source: g.Source, Topic: g.Topic, Tags: index.VisibleTags(g.Tags)}
	var before []sluice.Field // the fields of the record before, if all of them are seen
	for i := range g.Records {
		r := &g.Records[i]
		row.Index, row.Time, row.Nanos = i, r.Time, min(r.Nanos, 999_999_999)
		row.Fields, row.Same = r.Fields, before != nil && sameKeys(r.Fields, before)
		if !row.Same {
			row.Fields = index.Visible(r.Fields)
		}
		before = nil
		if len(row.Fields) == len(r.Fields) {
			before = r.Fields
		}
		add(&row)
	}
}

func sameKeys(a, b []sluice.Field) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Key != b[i].Key {
			return false
		}
	}
	return true
}
