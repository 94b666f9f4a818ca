// Package segment stores immutable sets of logs: a Parquet file that any engine can read, and beside it an index object that
// tells which rows hold a token, without decoding strings.
//
//	Builder.Add ──> table ──sort by time──> groups of 122,880 rows ──┬─> NAME.parquet   columns, pages
//	                  ▲                                              └─> NAME.index     tokens, pages' checksums, directory
//	Merge ────────────┘ small groups anew, large ones copied                  │
//	Open ──> Group: Token, Range, Exists ──> bitmaps of rows ──> Filter, Values, Fetch
//
// Invariants:
//   - A log comes back exactly as it came: field order, duplicates, bytes that are not UTF-8, the very text of numbers.
//   - Rows of a group are sorted by (time, shard, position, index in the log group). Groups may overlap in time.
//   - An answer says whether it is exact. "Not exact" means candidates: every row that matches is among them.
//   - Every byte is checked against a CRC before it is used; damage is a [DamageError] that names object and offset.
//   - Both objects are durable before Write or Merge returns; what a crash leaves of others is not referred to by any [Info].
//
// Drawn in docs/format/segment.md.
package segment

import (
	"time"

	"github.com/sluicelog/sluice"
)

// Kind is how the values of a column are stored for computing. Whatever the kind, each value comes back as the text it was.
type Kind uint8

// The kinds.
const (
	Text   Kind = iota
	Long        // 64-bit integer; what does not parse is NULL to SQL and in no range
	Double      // IEEE 754 double; likewise
)

// Tokenize calls emit for each token of value, in any order, with repetitions or without. The token is valid during the call.
// It is called from one goroutine at a time per Builder or Merge, and must be a function of value alone.
type Tokenize func(value string, emit func(token []byte))

// Column says what is known of a field before logs arrive. Name is that of the column: a field's key, "__tag__:" and a tag's
// key, or [ColumnSource], [ColumnTopic]. Kind is ignored for those two.
type Column struct {
	Name   string
	Kind   Kind
	Tokens Tokenize // nil: not indexed
}

// Names of the columns that every segment has. A field with such a name is kept in the rest column.
const (
	ColumnTime     = "__time__"         // seconds since 1970
	ColumnNanos    = "__time_ns_part__" // nanoseconds inside the second
	ColumnSource   = "__source__"
	ColumnTopic    = "__topic__"
	ColumnRest     = "__rest__" // JSON object of the fields without a column
	ColumnShard    = "__shard__"
	ColumnPosition = "__position__" // of the log group in its shard
	ColumnIndex    = "__index__"    // of the log in its log group
	ColumnShape    = "__shape__"    // which fields the log has, in order
	ColumnExact    = "__exact__"    // texts that the other columns do not show exactly
)

// TagPrefix stands before the key of a tag in the name of its column.
const TagPrefix = "__tag__:"

// Row is one log.
type Row struct {
	Shard    sluice.ShardID
	Position sluice.Position
	Index    int    // in the log group, from 0
	Time     uint32 // seconds since 1970
	Nanos    uint32 // inside the second, under 1e9

	Source, Topic string
	Tags, Fields  []sluice.Field

	// Same says that tags and fields have the keys of the row that was added before, in the same order. That saves looking them up.
	Same bool

	// Derived are values for columns that are no fields of the log, as the leaves of a JSON field. They are stored and
	// indexed under their keys like fields of their own, and are not part of what Fetch returns.
	Derived []sluice.Field
}

// Options say how logs become a segment.
type Options struct {
	Columns []Column
	// Other says how the fields are cut into tokens that have no entry in Columns; nil, or a nil answer: they are not indexed.
	Other func(column string) Tokenize
	// Config identifies Columns and Other: an index configuration's version. Merge copies groups that were built under
	// the same Config as they are, and builds others anew.
	Config uint64
	// MaxColumns is how many fields may have a column of their own: 200 if 0, at most 4,096. The most frequent win.
	MaxColumns int
	// GroupRows is the number of rows in a full group: 122,880 if 0, at most 131,072.
	GroupRows int
}

const (
	defaultMaxColumns = 200
	maxMaxColumns     = 4096
	defaultGroupRows  = 122880 // what DuckDB makes of a row group: one task of one thread
	maxGroupRows      = 1 << 17
)

func (o Options) maxColumns() int {
	if o.MaxColumns > 0 {
		return min(o.MaxColumns, maxMaxColumns)
	}
	return defaultMaxColumns
}

// half reports whether a group is at least half full. Such groups are copied when segments are merged, as they are; smaller ones are
// written anew, so less time is spent on compressing them.
func (o Options) half(rows int, bytes int64) bool {
	return 2*rows >= o.groupRows() || 2*bytes >= maxGroupBytes
}

// Small reports whether the logs of a segment make less than half of a group: merging it means building it anew.
func Small(i Info) bool { return !Options{}.half(int(i.Rows), i.Bytes) }

// Overfull reports whether logs are more than a group takes.
func Overfull(i Info) bool { return i.Rows > defaultGroupRows || i.Bytes > maxGroupBytes }

func (o Options) groupRows() int {
	if o.GroupRows > 0 {
		return min(o.GroupRows, maxGroupRows)
	}
	return defaultGroupRows
}

// columnSet is the columns of options by name.
type columnSet struct {
	known map[string]Column
	other func(column string) Tokenize
}

func newColumnSet(o *Options) columnSet {
	s := columnSet{known: make(map[string]Column, len(o.Columns)), other: o.Other}
	for _, c := range o.Columns {
		if c.Name == ColumnSource || c.Name == ColumnTopic {
			c.Kind = Text
		}
		s.known[c.Name] = c
	}
	return s
}

// find returns what is known of a column.
func (s columnSet) find(name string) Column {
	if c, ok := s.known[name]; ok {
		return c
	}
	if s.other == nil {
		return Column{Name: name}
	}
	return Column{Name: name, Tokens: s.other(name)}
}

// Info is all that has to be kept elsewhere to open a segment. It is plain data.
type Info struct {
	Name    string // of the objects, without ".parquet" and ".index"
	Rows    int64
	Bytes   int64 // of the logs as they came: keys, values, and 8 for each time
	First   time.Time
	Last    time.Time
	Parquet int64 // size of the object in bytes
	Index   int64 // likewise

	DirectoryOffset int64 // in the index object
	DirectoryLength int64
	DirectoryCRC    uint32 // CRC-32C

	Footer    int64  // bytes behind the groups of the Parquet object; 0: not known, as of segments that older builds wrote
	FooterCRC uint32 // of these, CRC-32C
}

// ParquetObject is the name of the object that holds the rows.
func (i Info) ParquetObject() string { return i.Name + ".parquet" }

// IndexObject is the name of the object that holds the index.
func (i Info) IndexObject() string { return i.Name + ".index" }
