package tty

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Table lines up rows under a header in columns two spaces apart, each as wide as its widest cell. Cells may hold colours;
// numbers line up when the header of their column starts with ">".
type Table struct {
	header []string
	rows   [][]string
}

// NewTable returns a table with these columns.
func NewTable(header ...string) *Table { return &Table{header: header} }

// Add adds a row, which has a cell for each column.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Write writes the table to o.
func (t *Table) Write(o *Output) error {
	widths := make([]int, len(t.header))
	header := make([]string, len(t.header))
	for i, h := range t.header {
		header[i] = strings.TrimPrefix(h, ">")
		widths[i] = cellWidth(header[i])
		for _, row := range t.rows {
			widths[i] = max(widths[i], cellWidth(row[i]))
		}
	}
	var b strings.Builder
	for i, h := range header {
		header[i] = o.Bold(h)
	}
	t.line(&b, header, widths)
	for _, row := range t.rows {
		t.line(&b, row, widths)
	}
	_, err := o.Writer.Write([]byte(b.String()))
	return err
}

func (t *Table) line(b *strings.Builder, cells []string, widths []int) {
	var line strings.Builder
	for i, cell := range cells {
		if i > 0 {
			line.WriteString("  ")
		}
		pad := strings.Repeat(" ", widths[i]-cellWidth(cell))
		if strings.HasPrefix(t.header[i], ">") {
			line.WriteString(pad + cell)
		} else {
			line.WriteString(cell + pad)
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " "))
	b.WriteByte('\n')
}

func cellWidth(s string) int { return text.RuneWidthWithoutEscSequences(s) }
