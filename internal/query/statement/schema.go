package statement

import "strings"

// LogTable is the name of the search result: what a statement reads that has no FROM.
const LogTable = "log"

// Schema says what a statement may read. Names are compared without regard to case; of columns whose names differ only by
// case the first counts.
type Schema struct {
	Log       []Column // of the search result
	Logstores []Table  // other logstores, read without the search
}

// Table is a logstore under its name.
type Table struct {
	Name    string
	Columns []Column
}

// Column is a column under the name that statements use: the alias of a key where it has one.
type Column struct {
	Name   string
	Type   Type
	Hidden bool // not a part of "select *"
}

func (s *Schema) table(name string) ([]Column, bool) {
	if strings.EqualFold(name, LogTable) {
		return s.Log, true
	}
	for _, t := range s.Logstores {
		if strings.EqualFold(t.Name, name) {
			return t.Columns, true
		}
	}
	return nil, false
}
