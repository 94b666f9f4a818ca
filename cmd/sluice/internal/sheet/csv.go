package sheet

import (
	"encoding/csv"
	"io"
)

// csvWriter writes RFC 4180 with \n at the end of lines. A cell without a value is empty.
type csvWriter struct {
	w     *csv.Writer
	cells []string
}

func newCSV(w io.Writer, columns []Column) (Writer, error) {
	c := &csvWriter{w: csv.NewWriter(w), cells: make([]string, len(columns))}
	for i, column := range columns {
		c.cells[i] = column.Name
	}
	return c, c.flush()
}

func (c *csvWriter) Write(row []Cell) error {
	for i, cell := range row {
		c.cells[i] = cell.Text
	}
	return c.flush()
}

func (c *csvWriter) flush() error {
	if len(c.cells) == 0 {
		return nil
	}
	return c.w.Write(c.cells)
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}
