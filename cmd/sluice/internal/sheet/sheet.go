// Package sheet writes rows under columns into files that other programs open: CSV, XLSX and Parquet.
//
//	rows, each with fields of its own ──Spool──> disk ──columns known──> Writer ──> file
//
// The columns of a search are known only after its last log, so rows wait in a file, not in memory, until then.
package sheet

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Kind is what the cells of a column hold.
type Kind int

// The kinds. Cells of Long, Double and Bool parse as such.
const (
	Text Kind = iota
	Long
	Double
	Bool
)

// ParseKind turns the name of an SQL type into a kind; what has none of its own is text.
func ParseKind(sqlType string) Kind {
	switch name, _, _ := strings.Cut(strings.ToLower(sqlType), "("); name {
	case "bigint", "long", "integer", "int", "smallint", "tinyint":
		return Long
	case "double", "real", "float":
		return Double
	case "boolean":
		return Bool
	}
	return Text
}

// Numeric reports whether cells are numbers.
func (k Kind) Numeric() bool { return k == Long || k == Double }

func (k Kind) accepts(text string) bool {
	var err error
	switch k {
	case Long:
		_, err = strconv.ParseInt(text, 10, 64)
	case Double:
		_, err = strconv.ParseFloat(text, 64)
	case Bool:
		_, err = strconv.ParseBool(text)
	}
	return err == nil
}

// Column is a column with a name of its own.
type Column struct {
	Name string
	Kind Kind
}

// Cell is a value, or that there is none.
type Cell struct {
	Text string
	Null bool
}

// Writer writes rows, each with a cell for every column. Close ends the file, and leaves what it is written to open.
type Writer interface {
	Write(row []Cell) error
	Close() error
}

// The formats.
const (
	CSV     = "csv"
	XLSX    = "xlsx"
	Parquet = "parquet"
)

// Formats lists the formats, whose names are also the extensions of files.
var Formats = []string{CSV, XLSX, Parquet}

// Binary reports whether a format is nothing for a terminal.
func Binary(format string) bool { return format == XLSX || format == Parquet }

// New begins a file of one of Formats.
func New(format string, w io.Writer, columns []Column) (Writer, error) {
	switch format {
	case CSV:
		return newCSV(w, columns)
	case XLSX:
		return newXLSX(w, columns)
	case Parquet:
		return newParquet(w, columns)
	}
	return nil, fmt.Errorf("%q is not one of %s", format, strings.Join(Formats, ", "))
}

// Is reports whether s names a format.
func Is(s string) bool { return slices.Contains(Formats, s) }
