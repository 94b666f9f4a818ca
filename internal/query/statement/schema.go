package statement

import "strings"

// LogTable is the name of the search result: what a statement reads that has no FROM.
const LogTable = "log"

// Schema says what a statement may read. Names are compared without regard to case; of columns whose names differ only by
// case the first counts.
type Schema struct {
	Log []Column // of the search result; nil if there is none, and every table is a logstore that the statement names
	// Logstore returns the columns of another logstore, read without the search, by its name in lower case. An error of
	// kind NotFound says that there is none; any error refuses the statement. Nil: there are no others.
	Logstore func(name string) ([]Column, error)
}

// Column is a column under the name that statements use: the alias of a key where it has one.
type Column struct {
	Name string
	Type Type
}

// table returns the columns of a table; none and no error if there is no such table.
func (s *Schema) table(name string) ([]Column, error) {
	if s.Log != nil && strings.EqualFold(name, LogTable) {
		return s.Log, nil
	}
	if s.Logstore == nil {
		return nil, nil
	}
	return s.Logstore(strings.ToLower(name))
}
