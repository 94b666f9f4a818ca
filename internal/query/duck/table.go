package duck

import (
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/sluicelog/sluice/internal/query/statement"
)

// Table is what an input of a plan stands for: the rows of its parts, one after another. Columns are those that statements
// name; an input that lists fewer reads fewer.
type Table struct {
	Columns []statement.Column
	Parts   []Part
	Counted bool // the last column is [statement.CountColumn], as the input of the plan allows
}

// RowNumber is the column by which the engine numbers the rows of a file.
const RowNumber = "file_row_number"

// Part is a share of the rows of a table: Parquet files of one shape, or rows in memory.
type Part struct {
	// Files are paths of Parquet files in the directories of Options.ReadDirs. Where says which of their rows count, as SQL
	// over their columns; it is the caller's own, never a user's. Empty: all.
	Files []string
	Where string
	// Only, if not nil, are the rows that count of the one file of Files, by their number in it; there is no Where then. The file must not
	// have a column of the name RowNumber, in any letter case.
	Only *roaring.Bitmap
	// Except, if not nil, are rows of the one file of Files that do not count, by their number in it, beside those that Where leaves out; of the
	// file's columns the same holds.
	Except *roaring.Bitmap
	Count  int64 // of rows that count, at most; 0 if it is not known
	// Rows are rows in memory; Files is empty then.
	Rows *Rowset
	// Names are the names of the table's columns in the part, in the order of Table.Columns; "" where the part has no such
	// column, which then is NULL. Values that are not of the column's type are NULL too.
	Names []string
}

// Rowset holds rows by column. It must not change while a statement reads it.
type Rowset struct {
	Columns []Vector
	Len     int
}

// Vector holds the values of one column: in the one slice that is not nil. Null, if not nil, marks those that are NULL.
type Vector struct {
	Name    string
	Ints    []int64
	Doubles []float64
	Texts   []string
	Null    []bool
}

// rows is how many rows the table has, at most; 0 if that is not known.
func (t Table) rows() (n int64) {
	for _, p := range t.Parts {
		switch {
		case p.Rows != nil:
			n += int64(p.Rows.Len)
		case p.Count == 0:
			return 0
		}
		n += p.Count
	}
	return n
}

// relation writes the table as a query that gives the columns wanted.
func (t Table) relation(want []string, memory *memory) string {
	if len(t.Parts) == 0 {
		return "(SELECT " + t.items(want, nil) + " WHERE false)"
	}
	parts := make([]string, len(t.Parts))
	for i, p := range t.Parts {
		from := ""
		if p.Rows != nil {
			from = memoryFunction + "(" + strconv.Itoa(memory.add(p.Rows)) + ")"
		} else {
			if p.Only != nil {
				p.Where = numbered(p.Only, memory)
			}
			if p.Except != nil {
				not := "NOT (" + numbered(p.Except, memory) + ")"
				if p.Where != "" {
					not = "(" + p.Where + ") AND " + not
				}
				p.Where = not
			}
			byNumber := p.Only != nil || p.Except != nil
			from = "read_parquet([" + quoteAll(p.Files) + "], " + RowNumber + " = " + strconv.FormatBool(byNumber) + ")"
		}
		parts[i] = "SELECT " + t.items(want, &p) + " FROM " + from
		if p.Where != "" {
			parts[i] += " WHERE " + p.Where
		}
	}
	return "(" + strings.Join(parts, " UNION ALL ") + ")"
}

// items lists the wanted columns out of a part, or as NULL.
func (t Table) items(want []string, p *Part) string {
	var items []string
	for i, col := range t.Columns {
		if !contains(want, col.Name) {
			continue
		}
		value := "NULL"
		if p != nil && i < len(p.Names) && p.Names[i] != "" {
			value = quoteName(p.Names[i])
		}
		items = append(items, "TRY_CAST("+value+" AS "+statement.DuckType(col.Type)+") AS "+quoteName(col.Name))
	}
	if len(items) == 0 {
		return "1 AS _"
	}
	return strings.Join(items, ", ")
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
