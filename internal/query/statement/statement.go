// Package statement is the SQL half of "search | SQL": it reads a statement of the SLS dialect, finds out what its names and
// types mean, and prints it anew for an engine.
//
//	text ──Parse──> Statement ──Plan(schema)──> Plan ──DuckDB(tables)──> SQL of the engine
//	                (tree)      names, types,   (checked)
//	                            functions
//
// Users' SQL is untrusted, and this package is the wall. What holds it:
//   - The tree has nodes for queries and nothing else: no settings, files, catalogues, pragmas, statements one after another.
//   - A table is one of the schema's, a column one of its table's, a function a row of the table in functions.go.
//   - Nothing of the text reaches the engine: names are printed from the schema or made up, texts and numbers are read to
//     values and quoted again.
//   - Length, number of words, depth and printed length are bounded.
//
// The dialect follows Presto of the 0.17x line (reference sls-query 3). The package is pure: it opens nothing and links no
// engine.
package statement

import (
	"github.com/sluicelog/sluice"
)

// Bounds of a statement. They are far above what people write and dashboards generate.
const (
	maxBytes   = 256 << 10
	maxTokens  = 50_000
	maxDepth   = 150
	maxPrinted = 4 << 20
)

// Statement is a statement that was read. It is not changed by planning, so one may be planned many times and at once.
type Statement struct {
	text    string
	session []Setting
	query   *query
}

// Setting is one of the settings that may precede a statement: "set session mode=scan;".
type Setting struct{ Name, Value string }

// Parse reads one statement. Errors are *sluice.Error of kind Invalid, noun "sql", whose message says where and what is wrong;
// the kind is Unsupported for statements that are understood and not served. The cause is a [*Problem].
func Parse(text string) (s *Statement, err error) {
	defer catch(&err)
	if len(text) > maxBytes {
		return nil, sluice.Errorf(sluice.Invalid, "sql", "%sthe statement has %d bytes; the most is %d", syntaxPrefix, len(text), maxBytes)
	}
	p := &parser{text: text, tokens: tokens(text)}
	s = &Statement{text: text}
	s.session = p.parseSession()
	s.query = p.parseStatement()
	return s, nil
}

// Session lists the settings that precede the statement, as they were given.
func (s *Statement) Session() []Setting { return s.session }

// String prints the statement in one canonical form of the dialect. Parsing it gives the same statement.
func (s *Statement) String() string {
	f := &formatter{}
	for _, set := range s.session {
		f.writes("SET SESSION ", set.Name, " = ", set.Value, "; ")
	}
	f.query(s.query)
	return f.String()
}
